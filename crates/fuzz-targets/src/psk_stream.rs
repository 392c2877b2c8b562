//! `psk_stream`: what comes to an end of TLS with pre-shared keys. The first byte of the input says to which, and in what
//! pieces; or that the rest are changes of what a client and a server with the same key say to each other.

use mosquitto_tls_psk::{Connection, Got, Keys, OpenSsl, PIECE_BYTES, PskClient, PskServer, ServerOptions};
use std::sync::{Arc, OnceLock};

/// Bytes that an end may answer to somebody who knows no key: a flight of the handshake, and an alert.
const OUTPUT_BYTES_MAX: usize = 16 * 1024;

/// Bytes of what the log says of a failure.
const WHY_BYTES_MAX: usize = 1_000;

/// Rounds after which two ends have long come to an end.
const ROUNDS: usize = 40;

const IDENTITY: &str = "anna";
const KEY: [u8; 16] = [7; 16];

/// What either end has to say.
const SAID: [u8; 3000] = [b'x'; 3000];

struct One;

impl Keys for One {
    fn key(&self, identity: &[u8]) -> Option<&[u8]> {
        (identity == IDENTITY.as_bytes()).then_some(&KEY)
    }
}

/// The ends to be. None where there is no OpenSSL.
fn ends() -> Option<&'static (PskServer, PskClient)> {
    static ENDS: OnceLock<Option<(PskServer, PskClient)>> = OnceLock::new();
    ENDS.get_or_init(|| {
        let library = OpenSsl::load(None).ok()?;
        let options = ServerOptions { hint: "hint".to_owned(), ciphers: None, keys: Arc::new(One), key_log: None };
        let server = PskServer::new(library, &options).expect("a server");
        Some((server, PskClient::new(library, IDENTITY, &KEY, None).expect("a client")))
    })
    .as_ref()
}

pub(crate) fn run(bytes: &[u8]) {
    let (Some((server, client)), [kind, rest @ ..]) = (ends(), bytes) else { return };
    let piece = usize::from(kind / 4) * 8 + 1;
    match kind % 4 {
        0 => stranger(Connection::accept(server).expect("memory"), rest, piece),
        1 => stranger(Connection::connect(client).expect("memory"), rest, piece),
        _ => changed(End::new(Connection::accept(server)), End::new(Connection::connect(client)), rest),
    }
}

/// Whoever knows no key is told little, and gets nothing in.
fn stranger(connection: Connection, bytes: &[u8], piece: usize) {
    let mut end = End::new(Some(connection));
    let mut sent = end.step(&[]).len();
    for part in bytes.chunks(piece) {
        sent += end.step(part).len();
        assert!(sent <= OUTPUT_BYTES_MAX, "{sent} bytes");
        if end.is_over {
            break;
        }
    }
    assert!(end.got == 0 && end.connection.secured().is_none(), "somebody without a key is in");
}

/// A conversation in which bytes are changed on their way: of four bytes each, which end's, which of its bytes, and how.
/// What comes out is the beginning of what was said.
fn changed(server: End, client: End, changes: &[u8]) {
    let mut ends = [client, server];
    let mut ways = [Vec::new(), Vec::new()];
    let mut passed = [0, 0];
    for _ in 0..ROUNDS {
        for at in 0..2 {
            let came = std::mem::take(&mut ways[1 - at]);
            let mut output = ends[at].step(&came);
            ends[at].say();
            ends[at].connection.take_output(&mut output);
            for change in changes.chunks_exact(4).filter(|change| usize::from(change[0] % 2) == at) {
                let place = usize::from(u16::from_be_bytes([change[1], change[2]]));
                if let Some(byte) = place.checked_sub(passed[at]).and_then(|place| output.get_mut(place)) {
                    *byte ^= change[3];
                }
            }
            passed[at] += output.len();
            ways[at] = output;
        }
    }
    for at in 0..2 {
        assert!(ends[at].got <= ends[1 - at].said);
        // Of a connection that has failed, nothing is told.
        assert!(ends[at].got == 0 || ends[at].is_over || ends[at].connection.secured().is_some());
    }
    if changes.len() < 4 {
        assert!(ends.iter().all(|end| end.got == SAID.len()), "two ends with the same key understand each other");
        let secured = ends[1].connection.secured().expect("a handshake that is done");
        assert_eq!((secured.protocol, &*secured.identity), ("TLSv1.2", IDENTITY));
    }
}

/// One end, and what came of it.
struct End {
    connection: Connection,
    is_over: bool,
    got: usize,
    said: usize,
}

impl End {
    fn new(connection: Option<Connection>) -> Self {
        Self { connection: connection.expect("memory"), is_over: false, got: 0, said: 0 }
    }

    /// Gives it these bytes, and returns what it answers.
    fn step(&mut self, mut bytes: &[u8]) -> Vec<u8> {
        let mut output = Vec::new();
        while !self.is_over {
            let taken = self.connection.receive(bytes);
            assert!(taken <= PIECE_BYTES && (taken > 0 || bytes.is_empty()));
            bytes = &bytes[taken..];
            while self.read() {}
            if bytes.is_empty() {
                break;
            }
        }
        self.connection.take_output(&mut output);
        output
    }

    /// False: there is nothing more to read.
    fn read(&mut self) -> bool {
        let mut room = [0; 1024];
        match self.connection.read(&mut room) {
            Ok(Got::Bytes(len)) => {
                assert!(len > 0 && room[..len] == SAID[..len], "something that nobody has said");
                self.got += len;
                return true;
            }
            Ok(Got::Nothing) => {}
            Ok(Got::Closed) => self.is_over = true,
            Err(failure) => {
                let why = failure.to_string();
                assert!(!why.is_empty() && why.len() <= WHY_BYTES_MAX && !why.contains(char::is_control), "{why:?}");
                self.is_over = true;
            }
        }
        false
    }

    /// Says what it has to say, as soon as it can.
    fn say(&mut self) {
        while !self.is_over && self.said < SAID.len() {
            match self.connection.write(&SAID[self.said..]) {
                Ok(0) => break,
                Ok(len) => self.said += len,
                Err(_) => self.is_over = true,
            }
        }
    }
}
