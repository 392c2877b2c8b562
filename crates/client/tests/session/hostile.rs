//! Whatever a server sends, the session stays on its feet.

#![allow(clippy::indexing_slicing, reason = "the index is within what it was drawn for")]

use crate::harness::{Peer, QOS, SUCCESS, VERSIONS};
use mosquitto_client::mqtt::Properties;
use mosquitto_client::mqtt::packet::{Subscription, SubscriptionOptions};
use mosquitto_client::{Options, Publication};

/// Numbers that look random and are the same in every run (xorshift).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

/// Bytes that are nearly a packet: a type that servers send, small numbers, and a length that mostly fits.
fn nearly_a_packet(numbers: &mut Numbers) -> Vec<u8> {
    const FIRST: [u8; 16] =
        [0x30, 0x32, 0x34, 0x3b, 0x40, 0x50, 0x62, 0x70, 0x90, 0xb0, 0xd0, 0xe0, 0x20, 0xf0, 0x31, 0x00];
    let body: Vec<u8> = (0..numbers.below(12))
        .map(|_| if numbers.below(8) == 0 { numbers.next() as u8 } else { numbers.below(4) as u8 })
        .collect();
    let len = if numbers.below(20) == 0 { numbers.below(256) as u8 } else { body.len() as u8 };
    let first = if numbers.below(20) == 0 { numbers.next() as u8 } else { FIRST[numbers.below(16) as usize] };
    [&[first, len], body.as_slice()].concat()
}

/// One connection: requests of the client between packets of the server, until it ends or is given up.
fn connection(peer: &mut Peer, numbers: &mut Numbers) {
    peer.session.connect(peer.now);
    if numbers.below(10) > 0 {
        peer.connack(false, SUCCESS, &[]);
    }
    for _ in 0..40 {
        match numbers.below(8) {
            0 => {
                let list = [Subscription { filter: "a/#", options: SubscriptionOptions::default() }];
                let _ = peer.session.subscribe(peer.now, &list, Properties::EMPTY);
            }
            1 => drop(peer.session.unsubscribe(peer.now, &["a/#"], Properties::EMPTY)),
            2 | 3 => {
                let qos = QOS[numbers.below(3) as usize];
                let _ = peer.session.publish(peer.now, Publication::new("t", b"payload", qos));
            }
            4 => peer.wait_ms(numbers.below(40_000)),
            _ => {
                let bytes = nearly_a_packet(numbers);
                let taken = peer.session.received(peer.now, &bytes);
                assert!(taken == 0 || taken <= bytes.len());
            }
        }
        while peer.session.poll_event().is_some() {}
        let len = peer.session.output().len();
        peer.session.sent(numbers.below(len as u64 + 1) as usize);
        // What is kept does not depend on the server.
        assert!(peer.session.unfinished_count() <= 1_100);
    }
    peer.session.closed(peer.now);
    while peer.session.poll_event().is_some() {}
}

#[test]
fn nothing_that_a_server_sends_makes_it_panic() {
    for (seed, version) in (1..).zip(VERSIONS) {
        let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15 + seed);
        for _ in 0..2_000 {
            let mut options = Options::new(version, "me");
            options.topic_alias_maximum = numbers.below(3) as u16;
            options.log_packets = numbers.below(2) == 0;
            let mut peer = Peer::with(options);
            connection(&mut peer, &mut numbers);
            connection(&mut peer, &mut numbers);
        }
    }
}
