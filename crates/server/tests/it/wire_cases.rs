//! What the program answers over real sockets to every packet among the wire cases.

use crate::harness::{Broker, PATIENCE};
use mosquitto_wire_cases::{Case, Situation, all, hex};
use std::io::{Read, Write};
use std::net::TcpStream;

const PINGREQ: [u8; 2] = [0xc0, 0];
const PINGRESP: [u8; 2] = [0xd0, 0];

/// Leads to the case's situation: all that comes for it is read.
fn prepare(stream: &mut TcpStream, case: &Case) {
    stream.write_all(&case.situation.preparation(case.version)).unwrap();
    stream.write_all(&PINGREQ).unwrap();
    let mut got = Vec::new();
    while !got.ends_with(&PINGRESP) {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap_or_else(|error| panic!("{case}: {error} after {}", hex(&got)));
        got.extend(byte);
    }
}

/// What came back, and whether the connection stayed: it answers a ping or ends.
fn reaction(broker: &Broker, case: &Case) -> (Vec<u8>, bool) {
    let mut stream = broker.dial();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    if case.situation != Situation::New {
        prepare(&mut stream, case);
    }
    let sent = if case.reaction.open { [case.bytes(), &PINGREQ].concat() } else { case.bytes().to_vec() };
    // The broker may close before it has read all.
    let _ = stream.write_all(&sent);
    if !case.reaction.open {
        let mut reply = Vec::new();
        let closed = match stream.read_to_end(&mut reply) {
            Ok(_) => true,
            Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
        };
        return (reply, !closed);
    }
    let mut reply = vec![0; case.reaction.reply.len() + PINGRESP.len()];
    if stream.read_exact(&mut reply).is_err() {
        return (reply, false);
    }
    let open = reply.ends_with(&PINGRESP);
    reply.truncate(case.reaction.reply.len());
    (reply, open)
}

#[test]
fn every_case_is_answered_as_it_says() {
    let broker = Broker::open("worker_threads 1\nconnection_messages false");
    let mut wrong = Vec::new();
    for case in all().iter().filter(|case| case.situation.is_at_broker()) {
        let (reply, open) = reaction(&broker, case);
        if !case.reaction.is_reply(&reply) || open != case.reaction.open {
            let want = (case.reaction.reply_hex(), case.reaction.open);
            wrong.push(format!("{case}\n  expected {want:?}\n  was      {:?}", (hex(&reply), open)));
        }
    }
    assert!(wrong.is_empty(), "{} cases\n{}", wrong.len(), wrong.join("\n"));
}
