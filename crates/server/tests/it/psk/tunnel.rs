//! TLS with a pre-shared key for a client that knows nothing of it.

use crate::harness::{Broker, PATIENCE};
use mosquitto_tls_psk::{Connection, Got, OpenSsl, PskClient};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A client's end. Call [`Tunnel::to`].
#[derive(Debug, Clone)]
pub(crate) struct Tunnel(PskClient);

impl Tunnel {
    pub(crate) fn new(openssl: &'static OpenSsl, identity: &str, key: &[u8]) -> Self {
        Self(PskClient::new(openssl, identity, key, None).unwrap())
    }

    /// One that offers these ciphers.
    pub(crate) fn with_ciphers(openssl: &'static OpenSsl, identity: &str, key: &[u8], ciphers: &str) -> Self {
        Self(PskClient::new(openssl, identity, key, Some(ciphers)).unwrap())
    }

    /// A connection to the broker, as a client without TLS has one. The error is what the client's end of TLS says.
    pub(crate) fn to(&self, broker: &Broker) -> Result<TcpStream, String> {
        self.over(broker.dial())
    }

    /// The same over a connection that is there.
    pub(crate) fn over(&self, mut socket: TcpStream) -> Result<TcpStream, String> {
        let mut end = Connection::connect(&self.0).unwrap();
        shake_hands(&mut end, &mut socket)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let inside = Broker::dial_address(listener.local_addr().unwrap());
        let (outside, _) = listener.accept().unwrap();
        outside.set_nodelay(true).unwrap();
        // A reader waits for as long as the test does.
        socket.set_read_timeout(None).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
        pass(end, socket, outside);
        Ok(inside)
    }
}

fn shake_hands(end: &mut Connection, socket: &mut TcpStream) -> Result<(), String> {
    let mut bytes = [0; 4096];
    let mut came = 0;
    loop {
        let mut rest = &bytes[..came];
        loop {
            rest = &rest[end.receive(rest)..];
            let read = end.read(&mut [0; 1]);
            send(end, socket).map_err(|error| error.to_string())?;
            if read.map_err(|failure| failure.to_string())? == Got::Closed {
                return Err("closed".to_owned());
            }
            if rest.is_empty() {
                break;
            }
        }
        if end.secured().is_some() {
            return Ok(());
        }
        came = socket.read(&mut bytes).map_err(|error| error.to_string())?;
        if came == 0 {
            return Err("closed without a word".to_owned());
        }
    }
}

/// Passes bytes both ways until one side ends.
fn pass(end: Connection, socket: TcpStream, plain: TcpStream) {
    let end = Arc::new(Mutex::new(end));
    let (mut to_socket, mut from_plain) = (socket.try_clone().unwrap(), plain.try_clone().unwrap());
    let writer = Arc::clone(&end);
    thread::spawn(move || {
        let mut bytes = vec![0; 65536];
        'writing: while let Ok(len @ 1..) = from_plain.read(&mut bytes) {
            let mut end = writer.lock().unwrap();
            let mut rest = &bytes[..len];
            while !rest.is_empty() {
                match end.write(rest) {
                    Ok(len @ 1..) => rest = &rest[len..],
                    _ => break 'writing,
                }
                if send(&mut end, &mut to_socket).is_err() {
                    break 'writing;
                }
            }
        }
        let mut end = writer.lock().unwrap();
        end.close();
        let _ = send(&mut end, &mut to_socket);
        let _ = to_socket.shutdown(Shutdown::Write);
    });
    let (mut from_socket, mut to_plain) = (socket, plain);
    thread::spawn(move || {
        let mut bytes = vec![0; 65536];
        'reading: while let Ok(len @ 1..) = from_socket.read(&mut bytes) {
            let mut rest = &bytes[..len];
            while !rest.is_empty() {
                let mut decrypted = Vec::new();
                {
                    let mut end = end.lock().unwrap();
                    rest = &rest[end.receive(rest)..];
                    let mut room = [0; 4096];
                    loop {
                        match end.read(&mut room) {
                            Ok(Got::Bytes(len)) => decrypted.extend_from_slice(&room[..len]),
                            Ok(Got::Nothing | Got::Closed) => break,
                            Err(_) => break 'reading,
                        }
                    }
                }
                if to_plain.write_all(&decrypted).is_err() {
                    break 'reading;
                }
            }
        }
        let _ = to_plain.shutdown(Shutdown::Both);
        let _ = from_socket.shutdown(Shutdown::Both);
    });
}

fn send(end: &mut Connection, socket: &mut TcpStream) -> std::io::Result<()> {
    let mut output = Vec::new();
    end.take_output(&mut output);
    socket.write_all(&output)
}
