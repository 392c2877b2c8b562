//! Both ends against each other, without a network.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

use mosquitto_tls_psk::{
    ClientOptions, Connection, Failure, Got, KeyLines, Keys, OpenSsl, PIECE_BYTES, PskClient, PskServer, ServerOptions,
    SetupError,
};
use std::io::Write;
use std::sync::{Arc, Mutex};

/// One identity, and its key.
struct One(&'static str, Vec<u8>);

impl Keys for One {
    fn key(&self, identity: &[u8]) -> Option<&[u8]> {
        (identity == self.0.as_bytes()).then_some(&self.1)
    }
}

#[derive(Default)]
struct Noted(Mutex<Vec<String>>);

impl KeyLines for Noted {
    fn line(&self, line: &str) {
        self.0.lock().unwrap().push(line.to_owned());
    }
}

/// None where there is no OpenSSL to test with, which is told.
fn openssl() -> Option<&'static OpenSsl> {
    match OpenSsl::load(None) {
        Ok(library) => Some(library),
        Err(error) => {
            // Past the capture of the test runner.
            let _ = writeln!(std::io::stderr(), "SKIPPED: {error}");
            let all = std::env::var_os("MOSQUITTO_TESTS_SKIP_NOTHING").is_some_and(|value| value == "1");
            assert!(!all, "nothing may be skipped");
            None
        }
    }
}

fn options(ciphers: Option<&str>) -> ServerOptions {
    let keys = Arc::new(One("alice", vec![0, 1, 2, 3]));
    ServerOptions { hint: "hint".to_owned(), ciphers: ciphers.map(str::to_owned), keys, key_log: None }
}

fn server(library: &'static OpenSsl) -> PskServer {
    PskServer::new(library, &options(None)).unwrap()
}

/// Two ends, and what each has read.
struct Pair {
    client: Connection,
    server: Connection,
    to_client: Vec<u8>,
    to_server: Vec<u8>,
    /// Whether the peer has closed: the client's view, the server's.
    closed: [bool; 2],
}

impl Pair {
    fn new(client: &PskClient, server: &PskServer) -> Self {
        let (client, server) = (Connection::connect(client).unwrap(), Connection::accept(server).unwrap());
        Self { client, server, to_client: Vec::new(), to_server: Vec::new(), closed: [false; 2] }
    }

    /// Passes bytes to and fro until there are none.
    fn pass(&mut self) -> Result<(), Failure> {
        read(&mut self.client, &mut self.to_client, &mut self.closed[0])?;
        loop {
            let (mut up, mut down) = (Vec::new(), Vec::new());
            self.client.take_output(&mut up);
            let served = receive(&mut self.server, &up, &mut self.to_server, &mut self.closed[1]);
            self.server.take_output(&mut down);
            let answered = receive(&mut self.client, &down, &mut self.to_client, &mut self.closed[0]);
            served.and(answered)?;
            if up.is_empty() && down.is_empty() {
                return Ok(());
            }
        }
    }
}

fn receive(end: &mut Connection, mut bytes: &[u8], got: &mut Vec<u8>, closed: &mut bool) -> Result<(), Failure> {
    while !bytes.is_empty() {
        let len = end.receive(bytes);
        assert!(len > 0 && len <= PIECE_BYTES);
        bytes = &bytes[len..];
        read(end, got, closed)?;
    }
    Ok(())
}

fn read(end: &mut Connection, got: &mut Vec<u8>, closed: &mut bool) -> Result<(), Failure> {
    let mut room = [0; 1000];
    loop {
        match end.read(&mut room)? {
            Got::Bytes(len) => got.extend_from_slice(&room[..len]),
            Got::Nothing => return Ok(()),
            Got::Closed => {
                *closed = true;
                return Ok(());
            }
        }
    }
}

fn send(end: &mut Connection, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let len = end.write(bytes).unwrap();
        assert!(len > 0 && len <= PIECE_BYTES);
        bytes = &bytes[len..];
    }
}

/// Wrong in one way or another.
fn refused(library: &'static OpenSsl, identity: &str, key: &[u8]) -> (Failure, Vec<u8>) {
    let client = PskClient::new(library, identity, key, None).unwrap();
    let mut pair = Pair::new(&client, &server(library));
    let (mut up, mut down) = (Vec::new(), Vec::new());
    pair.client.read(&mut [0; 10]).unwrap();
    loop {
        pair.client.take_output(&mut up);
        let served = receive(&mut pair.server, &up, &mut pair.to_server, &mut false);
        down.clear();
        pair.server.take_output(&mut down);
        if let Err(failure) = served {
            assert!(pair.server.secured().is_none());
            // It stays failed.
            assert_eq!(pair.server.read(&mut [0; 10]).unwrap_err().identity, failure.identity);
            return (failure, down);
        }
        up.clear();
        receive(&mut pair.client, &down, &mut pair.to_client, &mut false).unwrap();
    }
}

#[test]
fn the_right_key_opens_a_way_for_bytes_of_any_number_in_both_directions() {
    let Some(library) = openssl() else { return };
    let client = PskClient::new(library, "alice", &[0, 1, 2, 3], None).unwrap();
    let mut pair = Pair::new(&client, &server(library));
    assert_eq!(pair.server.write(b"too early").unwrap(), 0);
    pair.pass().unwrap();
    let (ours, theirs) = (pair.server.secured().unwrap(), pair.client.secured().unwrap());
    assert_eq!(ours, theirs);
    assert_eq!((ours.protocol, ours.identity.as_str()), ("TLSv1.2", "alice"));
    assert!(ours.cipher.contains("PSK"), "{ours:?}");
    for len in [1, 100, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 1_000_000] {
        let bytes: Vec<u8> = (0..len).map(|at: usize| (at * 31) as u8).collect();
        send(&mut pair.client, &bytes);
        send(&mut pair.server, &bytes);
        pair.pass().unwrap();
        assert!(std::mem::take(&mut pair.to_server) == bytes && std::mem::take(&mut pair.to_client) == bytes);
    }
    pair.client.close();
    pair.pass().unwrap();
    assert_eq!(pair.closed, [false, true]);
    // The other half is open.
    send(&mut pair.server, b"last word");
    pair.server.close();
    pair.pass().unwrap();
    assert_eq!((pair.closed, pair.to_client.as_slice()), ([true, true], b"last word".as_slice()));
}

/// Otherwise whoever asks could find out who is known (RFC 4279, 2).
#[test]
fn who_is_not_known_is_refused_as_who_has_another_key_is() {
    let Some(library) = openssl() else { return };
    let (wrong, wrong_alert) = refused(library, "alice", &[0, 1, 2, 4]);
    let (unknown, unknown_alert) = refused(library, "bob", &[0, 1, 2, 3]);
    assert_eq!((wrong.is_unknown, wrong.identity.as_deref()), (false, Some("alice")));
    assert_eq!((unknown.is_unknown, unknown.identity.as_deref()), (true, Some("bob")));
    assert_eq!(wrong.errors.last(), unknown.errors.last());
    assert_eq!(wrong_alert, unknown_alert);
    assert_eq!(wrong_alert[0], 21, "an alert");
    assert!(unknown.to_string().starts_with("PSK identity 'bob' is not known: "), "{unknown}");
}

#[test]
fn what_is_not_tls_is_told_from_what_is_and_is_wrong() {
    let Some(library) = openssl() else { return };
    for (bytes, not_tls) in [
        (b"\x10\x0c\0\x04MQTT\x04\x02\0\x3c\0\0".as_slice(), true),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", true),
        (b"\x16\x03\x01\0\x05\x01\0\0\x01\0", false),
        (b"\x16\x03\x01\xff\xff\0\0\0\0", false),
    ] {
        let mut end = Connection::accept(&server(library)).unwrap();
        let failure = receive(&mut end, bytes, &mut Vec::new(), &mut false).unwrap_err();
        assert_eq!(failure.is_not_tls, not_tls, "{failure:?}");
        assert_eq!(failure.identity, None);
    }
}

#[test]
fn bytes_that_come_one_by_one_are_the_same_handshake() {
    let Some(library) = openssl() else { return };
    let client = PskClient::new(library, "alice", &[0, 1, 2, 3], None).unwrap();
    let mut pair = Pair::new(&client, &server(library));
    let mut closed = false;
    pair.client.read(&mut [0; 10]).unwrap();
    while pair.server.secured().is_none() || pair.client.secured().is_none() {
        let (mut up, mut down) = (Vec::new(), Vec::new());
        pair.client.take_output(&mut up);
        for byte in up {
            receive(&mut pair.server, &[byte], &mut pair.to_server, &mut closed).unwrap();
        }
        pair.server.take_output(&mut down);
        for byte in down {
            receive(&mut pair.client, &[byte], &mut pair.to_client, &mut closed).unwrap();
        }
    }
    assert!(!closed);
}

/// There is no ticket in the server's last flight, and no session id to come back with.
#[test]
fn a_session_cannot_be_resumed() {
    let Some(library) = openssl() else { return };
    let client = PskClient::new(library, "alice", &[0, 1, 2, 3], None).unwrap();
    let mut pair = Pair::new(&client, &server(library));
    let (mut up, mut down, mut all) = (Vec::new(), Vec::new(), Vec::new());
    pair.client.read(&mut [0; 10]).unwrap();
    while pair.client.secured().is_none() {
        up.clear();
        pair.client.take_output(&mut up);
        receive(&mut pair.server, &up, &mut pair.to_server, &mut false).unwrap();
        down.clear();
        pair.server.take_output(&mut down);
        all.extend_from_slice(&down);
        receive(&mut pair.client, &down, &mut pair.to_client, &mut false).unwrap();
    }
    // Header of the record (5), of the message (4), version (2), random (32): then the length of the session id.
    assert_eq!((all[0], all[5], all[43]), (22, 2, 0), "ServerHello with an empty session id");
    let mut records = all.as_slice();
    while let [kind, _, _, high, low, rest @ ..] = records {
        let (record, next) = rest.split_at(usize::from(*high) << 8 | usize::from(*low));
        assert!(*kind != 22 || record[0] != 4, "a NewSessionTicket");
        records = next;
    }
}

#[test]
fn ciphers_are_openssls_own_language_and_what_is_wrong_with_them_is_told() {
    let Some(library) = openssl() else { return };
    let client = PskClient::new(library, "alice", &[0, 1, 2, 3], None).unwrap();
    for list in ["PSK-AES128-GCM-SHA256", "ECDHE-PSK-CHACHA20-POLY1305", "kDHEPSK+AESGCM", "PSK"] {
        let server = PskServer::new(library, &options(Some(list))).unwrap();
        let mut pair = Pair::new(&client, &server);
        pair.pass().unwrap();
        let cipher = pair.server.secured().unwrap().cipher;
        assert!(!list.contains('-') || cipher == list, "{list}: {cipher}");
    }
    let refused = |list| PskServer::new(library, &options(Some(list))).unwrap_err();
    assert_eq!(refused("nonsense"), SetupError::Ciphers("no cipher match".to_owned()));
    assert_eq!(refused("ECDHE+AESGCM"), SetupError::NoPskCiphers);
    assert_eq!(refused("kRSAPSK"), SetupError::NoPskCiphers);
    assert_eq!(PskClient::new(library, "a", b"b", Some("ECDHE+AESGCM")).unwrap_err(), SetupError::NoPskCiphers);
}

#[test]
fn names_and_keys_that_openssl_has_no_room_for_are_refused_beforehand() {
    let Some(library) = openssl() else { return };
    let long = "x".repeat(257);
    assert_eq!(PskClient::new(library, &long, b"k", None).unwrap_err(), SetupError::Identity);
    assert_eq!(PskClient::new(library, "a\0b", b"k", None).unwrap_err(), SetupError::Identity);
    assert_eq!(PskClient::new(library, "a", b"", None).unwrap_err(), SetupError::Key);
    assert_eq!(PskClient::new(library, "a", &[1; 513], None).unwrap_err(), SetupError::Key);
    for hint in [long.as_str(), "a\0b"] {
        let options = ServerOptions { hint: hint.to_owned(), ..options(None) };
        assert_eq!(PskServer::new(library, &options).unwrap_err(), SetupError::Hint);
    }
    let longest = PskClient::new(library, &long[1..], &[1; 512], None).unwrap();
    assert!(!Pair::new(&longest, &server(library)).pass().unwrap_err().errors.is_empty());
}

/// What comes at once behind it is read later.
#[test]
fn a_client_can_finish_the_handshake_before_it_reads() {
    let Some(library) = openssl() else { return };
    let client = PskClient::new(library, "alice", &[0, 1, 2, 3], None).unwrap();
    let mut pair = Pair::new(&client, &server(library));
    assert!(!pair.client.handshake().unwrap());
    while pair.server.secured().is_none() {
        let (mut up, mut down) = (Vec::new(), Vec::new());
        pair.client.take_output(&mut up);
        receive(&mut pair.server, &up, &mut pair.to_server, &mut false).unwrap();
        if pair.server.secured().is_some() {
            send(&mut pair.server, b"first");
        }
        pair.server.take_output(&mut down);
        assert_eq!(pair.client.receive(&down), down.len());
        assert_eq!(pair.client.handshake().unwrap(), pair.server.secured().is_some());
    }
    assert!(pair.client.secured().is_some());
    pair.pass().unwrap();
    assert_eq!(pair.to_client, b"first");
}

#[test]
fn a_client_asks_for_a_protocol_and_writes_secrets_down() {
    let Some(library) = openssl() else { return };
    let noted = Arc::new(Noted::default());
    let key_log: Arc<dyn KeyLines> = noted.clone();
    let with_protocol = |protocol: &str| ClientOptions {
        identity: "alice".to_owned(),
        key: vec![0, 1, 2, 3],
        ciphers: None,
        protocol: Some(protocol.to_owned()),
        key_log: Some(Arc::clone(&key_log)),
    };
    let client = PskClient::open(library, &with_protocol("some protocol")).unwrap();
    let mut pair = Pair::new(&client, &server(library));
    let mut hello = Vec::new();
    pair.client.handshake().unwrap();
    pair.client.take_output(&mut hello);
    assert!(hello.windows(14).any(|bytes| bytes == b"\x0dsome protocol"), "ALPN");
    receive(&mut pair.server, &hello, &mut pair.to_server, &mut false).unwrap();
    let mut answer = Vec::new();
    pair.server.take_output(&mut answer);
    receive(&mut pair.client, &answer, &mut pair.to_client, &mut false).unwrap();
    pair.pass().unwrap();
    assert!(noted.0.lock().unwrap().iter().all(|line| line.starts_with("CLIENT_RANDOM ")));
    assert_eq!(noted.0.lock().unwrap().len(), 1);
    for wrong in [String::new(), "x".repeat(256)] {
        assert_eq!(PskClient::open(library, &with_protocol(&wrong)).unwrap_err(), SetupError::Protocol);
    }
}

#[test]
fn secrets_are_written_down_where_that_is_asked_for() {
    let Some(library) = openssl() else { return };
    let noted = Arc::new(Noted::default());
    let key_log: Arc<dyn KeyLines> = noted.clone();
    let server = PskServer::new(library, &ServerOptions { key_log: Some(key_log), ..options(None) }).unwrap();
    let client = PskClient::new(library, "alice", &[0, 1, 2, 3], None).unwrap();
    Pair::new(&client, &server).pass().unwrap();
    let lines = noted.0.lock().unwrap();
    assert!(lines.len() == 1 && lines[0].starts_with("CLIENT_RANDOM "), "{lines:?}");
}

/// Each with an alert of its own, and none of it seen by the others.
#[test]
fn connections_on_many_threads_do_not_disturb_each_other() {
    let Some(library) = openssl() else { return };
    let server = server(library);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let server = server.clone();
            scope.spawn(move || {
                for round in 0..10 {
                    let right = (thread + round) % 2 == 0;
                    let key = if right { [0, 1, 2, 3] } else { [9; 4] };
                    let client = PskClient::new(library, "alice", &key, None).unwrap();
                    assert_eq!(Pair::new(&client, &server).pass().is_ok(), right);
                }
            });
        }
    });
}
