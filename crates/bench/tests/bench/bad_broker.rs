//! A broker that does one thing wrong, on purpose.

use mosquitto_mqtt::packet::{Ack, ConnAck, SubAck};
use mosquitto_mqtt::{FixedHeader, Packet, Properties, ProtocolVersion, ReasonCode};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

const V311: ProtocolVersion = ProtocolVersion::V311;
/// Every so many messages it does wrong.
const EVERY: usize = 10;

/// What it does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrong {
    Nothing,
    Drop,
    Repeat,
    /// A message is sent after the next one.
    Reorder,
    Damage,
    /// To subscribers of another topic.
    Misroute,
    CutOff,
    Refuse,
    /// Bytes that are no packet.
    Babble,
}

#[derive(Debug, Default)]
struct State {
    subscribers: Vec<(String, TcpStream)>,
    messages: usize,
    kept: Option<(String, Vec<u8>)>,
}

/// Begins to listen; it ends with the test's process.
pub(crate) fn start(wrong: Wrong) -> u16 {
    let port = crate::broker::free_port();
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let state = Arc::new(Mutex::new(State::default()));
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let state = Arc::clone(&state);
            thread::spawn(move || serve(wrong, stream, &state));
        }
    });
    port
}

fn serve(wrong: Wrong, mut stream: TcpStream, state: &Mutex<State>) {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    while let Ok(read @ 1..) = stream.read(&mut chunk) {
        bytes.extend_from_slice(&chunk[..read]);
        while let Some(header) = FixedHeader::parse(&bytes).unwrap().filter(|header| header.packet_len() <= bytes.len())
        {
            let packet: Vec<_> = bytes.drain(..header.packet_len()).collect();
            answer(wrong, &packet, header, &mut stream, &mut state.lock().unwrap());
        }
    }
}

fn answer(wrong: Wrong, bytes: &[u8], header: FixedHeader, stream: &mut TcpStream, state: &mut State) {
    let answer = match Packet::decode(header, &bytes[usize::from(header.header_len)..], V311).unwrap() {
        Packet::Connect(_) => {
            let reason = ReasonCode(if wrong == Wrong::Refuse { 5 } else { 0 });
            Packet::ConnAck(ConnAck { session_present: false, reason, properties: Properties::EMPTY })
        }
        Packet::Subscribe(subscribe) => {
            let filter = subscribe.subscriptions().next().unwrap().filter.to_owned();
            state.subscribers.push((filter, stream.try_clone().unwrap()));
            let (packet_id, properties) = (subscribe.packet_id, Properties::EMPTY);
            Packet::SubAck(SubAck { packet_id, properties, reasons: &[0] })
        }
        Packet::Publish(publish) => {
            state.messages += 1;
            publish_on(wrong, publish.topic, bytes, state);
            if publish.packet_id == 0 {
                return;
            }
            Packet::PubAck(Ack::new(publish.packet_id, ReasonCode::SUCCESS))
        }
        _ => return,
    };
    let mut out = Vec::new();
    answer.encode(V311, &mut out);
    // The other side may have gone already.
    let _ = stream.write_all(&out);
}

fn publish_on(wrong: Wrong, topic: &str, bytes: &[u8], state: &mut State) {
    let now = state.messages.is_multiple_of(EVERY);
    let mut bytes = bytes.to_vec();
    match wrong {
        Wrong::Drop if now => return,
        Wrong::Repeat if now => send(state, topic, &bytes, false),
        Wrong::Damage if now => *bytes.last_mut().unwrap() ^= 1,
        Wrong::CutOff if now => {
            for (_, stream) in state.subscribers.drain(..) {
                let _ = stream.shutdown(std::net::Shutdown::Both);
            }
        }
        Wrong::Babble if now => bytes = vec![0; 9],
        Wrong::Reorder if now => {
            state.kept = Some((topic.to_owned(), bytes));
            return;
        }
        _ => {}
    }
    send(state, topic, &bytes, wrong == Wrong::Misroute && now);
    if state.kept.as_ref().is_some_and(|(kept, _)| kept == topic) {
        let (topic, bytes) = state.kept.take().unwrap();
        send(state, &topic, &bytes, false);
    }
}

fn send(state: &mut State, topic: &str, bytes: &[u8], everyone: bool) {
    for (_, stream) in state.subscribers.iter_mut().filter(|(filter, _)| everyone || filter == topic) {
        let _ = stream.write_all(bytes);
    }
}
