//! What faulty and hostile clients send costs themselves alone.

use crate::harness::{Broker, Client, Got, client};
use mosquitto_mqtt::ProtocolVersion;
use std::io::{Read, Write};
use std::net::TcpStream;

/// Two good clients whose messages have to go through, whatever others do.
struct Witness {
    publisher: Client,
    subscriber: Client,
    sent: u32,
}

impl Witness {
    fn of(broker: &Broker) -> Self {
        let mut subscriber = client("witness-subscriber").to(broker);
        subscriber.subscribe("witness", 1);
        Self { publisher: client("witness-publisher").to(broker), subscriber, sent: 0 }
    }

    fn goes_on(&mut self) {
        self.sent += 1;
        self.publisher.publish("witness", self.sent.to_string(), 1);
        self.publisher.finish();
        assert_eq!(self.subscriber.message().text(), self.sent.to_string());
    }
}

/// Everything until the broker closes the connection.
fn answer(mut stream: &TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    match stream.read_to_end(&mut bytes) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "not closed"),
    }
    bytes
}

/// `[MQTT-3.1.0-1]`
#[test]
fn what_is_no_connect_is_closed_without_an_answer() {
    let broker = Broker::open("worker_threads 2");
    let mut witness = Witness::of(&broker);
    let tls_hello = [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3];
    let many = vec![0xa5; 100_000];
    for (first, log) in [
        (b"GET / HTTP/1.1\r\nHost: broker\r\n\r\n".as_slice(), "First packet not CONNECT (47)."),
        (crate::harness::REQUEST.as_bytes(), "appears to be using HTTP or WebSockets to connect to an MQTT listener."),
        (&[0xc0, 0], "First packet not CONNECT (C0)."),
        (&[0x00, 0], "First packet not CONNECT (00)."),
        (&[0x30, 3, 0, 1, b'a'], "First packet not CONNECT (30)."),
        (&[0xff; 64], "First packet not CONNECT (FF)."),
        (&many, "First packet not CONNECT (A5)."),
        (&tls_hello, "appears to be using TLS to connect to a non-TLS listener."),
    ] {
        let mut stream = broker.dial();
        stream.write_all(first).unwrap();
        assert_eq!(answer(&stream), b"");
        broker.log.wait_for(log);
        witness.goes_on();
    }
}

#[test]
fn a_broken_connect_is_closed() {
    let broker = Broker::open("");
    let mut witness = Witness::of(&broker);
    let good = client("broken").bytes();
    let with = |at: usize, byte: u8| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        bytes
    };
    for bytes in [
        vec![0x10, 0],                         // nothing in it
        vec![0x10, 0x80, 0x80, 0x80, 0x80, 1], // a length of five bytes
        with(3, 200),                          // a name longer than the packet
        with(4, b'X'),                         // a protocol of another name
        with(9, 0x03),                         // the reserved flag: [MQTT-3.1.2-3]
    ] {
        let mut stream = broker.dial();
        stream.write_all(&bytes).unwrap();
        assert_eq!(answer(&stream), b"", "{bytes:x?}");
        witness.goes_on();
    }
}

/// `[MQTT-3.1.2-2]`
#[test]
fn a_version_that_there_is_none_of_is_refused_with_a_reason() {
    let broker = Broker::open("");
    let mut connect = client("future").bytes();
    connect[8] = 6;
    let mut stream = broker.dial();
    stream.write_all(&connect).unwrap();
    assert_eq!(answer(&stream), [0x20, 3, 0, 0x84, 0]);
}

/// Nothing is reserved for what is only announced.
#[cfg(target_os = "linux")]
#[test]
fn announced_lengths_take_no_memory() {
    const CONNECTIONS: usize = 300;
    let broker = Broker::open("worker_threads 2\nmax_packet_size 268435455");
    let mut witness = Witness::of(&broker);
    let mut announce = |count: usize| {
        let mut held = Vec::new();
        for n in 0..count {
            // As long as a CONNECT may be, and nothing of it.
            let mut stream = broker.dial();
            stream.write_all(&[0x10, 0xa0, 0x8d, 0x06, 0, 4]).unwrap();
            held.push(stream);
            // After a CONNECT: as long as any packet may be.
            let mut connected = client(&format!("announcer-{n}")).to(&broker);
            connected.send_bytes(&[0x30, 0xf0, 0xff, 0xff, 0x7f, 0, 1, b'a']);
            held.push(connected.stream);
        }
        witness.goes_on();
        held
    };
    // The first ones bring buffers that are kept for whoever comes.
    drop(announce(20));
    let before = broker.resident_kib();
    let held = announce(CONNECTIONS);
    let grown_kib = broker.resident_kib().saturating_sub(before);
    assert!(grown_kib < 16 * 1024, "{grown_kib} KiB for {} connections", held.len());
    assert_eq!(broker.log.count("oversize packet"), 0);
}

#[test]
fn a_connect_that_announces_too_much_is_closed_at_once() {
    let broker = Broker::open("");
    for remaining_length in [[0xa1, 0x8d, 0x06, 0].as_slice(), &[0xff, 0xff, 0xff, 0x7f]] {
        let mut stream = broker.dial();
        stream.write_all(&[&[0x10], remaining_length].concat()).unwrap();
        assert_eq!(answer(&stream), b"");
    }
    broker.log.wait_for_several("disconnected: oversize packet.", 2);
}

/// `[3.1.1 MQTT-7.1.1-1]`
#[test]
fn packets_may_come_byte_by_byte() {
    for version in [ProtocolVersion::V31, ProtocolVersion::V311, ProtocolVersion::V5] {
        let broker = Broker::open("worker_threads 3");
        let mut slow = Client::new(broker.dial(), version);
        let in_bytes = |slow: &mut Client, bytes: &[u8]| bytes.iter().for_each(|byte| slow.send_bytes(&[*byte]));
        in_bytes(&mut slow, &client("slow").version(version).bytes());
        assert_eq!(slow.next(), Got::ConnAck { present: false, reason: 0 });
        let five = version.is_v5();
        in_bytes(&mut slow, if five { &[0x82, 7, 0, 1, 0, 0, 1, b'a', 0] } else { &[0x82, 6, 0, 1, 0, 1, b'a', 0] });
        assert_eq!(slow.next(), Got::SubAck(vec![0]));
        in_bytes(
            &mut slow,
            if five { &[0x30, 6, 0, 1, b'a', 0, b'h', b'i'] } else { &[0x30, 5, 0, 1, b'a', b'h', b'i'] },
        );
        assert_eq!(slow.message().text(), "hi");
        in_bytes(&mut slow, &[0xc0, 0]);
        assert_eq!(slow.next(), Got::PingResp);
    }
}

#[test]
fn a_connection_that_says_nothing_is_let_be_for_a_while_and_others_are_served() {
    let broker = Broker::open("worker_threads 2");
    let silent: Vec<TcpStream> = (0..100).map(|_| broker.dial()).collect();
    let mut half = broker.dial();
    let connect = client("half").bytes();
    half.write_all(&connect[..7]).unwrap();
    let mut witness = Witness::of(&broker);
    (0..10).for_each(|_| witness.goes_on());
    for mut stream in silent {
        stream.write_all(&client("").bytes()).unwrap();
        let mut first = [0];
        stream.read_exact(&mut first).unwrap();
        assert_eq!(first, [0x20]);
    }
    half.write_all(&connect[7..]).unwrap();
    assert_eq!(Client::new(half, ProtocolVersion::V5).next(), Got::ConnAck { present: false, reason: 0 });
}

/// `[MQTT-3.2.2-15]` as a client breaks it: the reason can be read although the client is still sending.
#[test]
fn an_oversize_packet_is_answered_with_its_reason_while_the_client_goes_on_sending() {
    let broker = Broker::open("worker_threads 2\nmax_packet_size 2000");
    let mut witness = Witness::of(&broker);
    for rest in [0, 3000, 100_000, 3_000_000] {
        let mut sender = client("sender").to(&broker);
        let mut writing = sender.stream.try_clone().unwrap();
        let sending = std::thread::spawn(move || {
            // A packet of 200,000,000 bytes. The broker need not take more than the beginning.
            let _ = writing.write_all(&[0x30, 0x80, 0x84, 0xaf, 0x5f, 0, 1, b'a', 0]);
            let _ = writing.write_all(&vec![b'x'; rest]);
        });
        assert_eq!(sender.rest(), [Got::Disconnect(0x95)]);
        sending.join().unwrap();
        witness.goes_on();
    }
    broker.log.wait_for_several("disconnected: oversize packet.", 4);
}

#[test]
fn a_packet_of_the_size_that_is_allowed_is_taken_and_one_byte_more_is_not() {
    let broker = Broker::open("max_packet_size 2000");
    let mut user = client("user").v311().to(&broker);
    user.subscribe("a", 0);
    // 3 bytes of fixed header, 3 of topic.
    user.publish("a", vec![b'x'; 2000 - 6], 0);
    assert_eq!(user.message().payload.len(), 1994);
    user.publish("a", vec![b'x'; 2001 - 6], 0);
    assert_eq!(user.rest(), []);
}

/// `[MQTT-3.1.0-2]`
#[test]
fn a_second_connect_ends_the_connection() {
    let broker = Broker::open("");
    let mut witness = Witness::of(&broker);
    let connecting = client("twice");
    let mut twice = connecting.to(&broker);
    twice.send_bytes(&connecting.bytes());
    assert_eq!(twice.rest(), []);
    broker.log.wait_for("sending multiple CONNECT messages.");
    witness.goes_on();
}

/// `[3.1.1 MQTT-4.8.0-1]`, `[MQTT-4.13.1-1]`
#[test]
fn a_malformed_packet_ends_its_connection_with_a_reason() {
    let broker = Broker::open("");
    let mut witness = Witness::of(&broker);
    for (bytes, reason) in [
        ([0x30, 4, 0, 1, b'#', 0].as_slice(), 0x81),   // a wildcard: [MQTT-3.3.2-2]
        (&[0x80, 2, 0, 1], 0x81),                      // reserved flags: [MQTT-3.8.1-1]
        (&[0x36, 4, 0, 1, b'a', 0], 0x81),             // QoS 3: [MQTT-3.3.1-4]
        (&[0x00, 0], 0x82),                            // a reserved type
        (&[0x30, 7, 0, 1, b'a', 3, 0x23, 0, 0], 0x82), // topic alias 0: [MQTT-3.3.2-8]
    ] {
        let mut bad = client("bad").to(&broker);
        // What comes behind it is not handled any more: [MQTT-4.13.1-1].
        bad.send_bytes(&[bytes, &[0xc0, 0]].concat());
        assert_eq!(bad.rest(), [Got::Disconnect(reason)], "{bytes:x?}");
        witness.goes_on();
    }
}

/// A client that asks faster than it listens is not read any more until it does.
#[cfg(target_os = "linux")]
#[test]
fn a_client_that_does_not_take_its_answers_takes_no_memory() {
    const PINGS: usize = 4_000_000;
    let broker = Broker::open("worker_threads 2");
    let mut witness = Witness::of(&broker);
    let mut deaf = client("deaf").to(&broker);
    let before = broker.resident_kib();
    let mut writing = deaf.stream.try_clone().unwrap();
    let sending = std::thread::spawn(move || {
        for _ in 0..PINGS / 10_000 {
            writing.write_all(&[0xc0, 0].repeat(10_000)).unwrap();
        }
    });
    (0..100).for_each(|_| witness.goes_on());
    let grown_kib = broker.resident_kib().saturating_sub(before);
    assert!(grown_kib < 16 * 1024, "{grown_kib} KiB of answers that nobody takes");
    (0..PINGS).for_each(|_| assert_eq!(deaf.next(), Got::PingResp));
    sending.join().unwrap();
}
