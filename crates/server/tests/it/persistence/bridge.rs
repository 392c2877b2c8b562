//! `kill -9` of a broker that has a bridge, and a bridge that is made anew, while messages of QoS 2 cross it both ways: each arrives
//! once, and in order. `MOSQUITTO_KILL_ROUNDS` and `MOSQUITTO_KILL_SEED` are as in `kill`.

use super::book::{Publisher, Subscriber};
use super::kept_in;
use super::kill::{next, number, seed};
use crate::harness::{Broker, Scratch, Setup, client};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// How often, if nothing else is said.
const ROUNDS: u64 = 8;

/// The broker is killed this long after it runs, in milliseconds, at the most.
const LIFE_MS_MAX: u64 = 250;

/// Messages that are published at the other broker in each round.
const INWARD: u64 = 150;

/// A hang is a failure after this time.
const PATIENCE: Duration = Duration::from_mins(2);

/// Clients at both ends of a bridge.
struct Books {
    outward: Publisher,
    inward: Publisher,
    home: Subscriber,
    away: Subscriber,
}

impl Books {
    fn open(home: &Broker, away: &Broker) -> Self {
        let mut books = Self {
            outward: Publisher::new("out", 2),
            inward: Publisher::new("in", 2),
            home: Subscriber::new("home"),
            away: Subscriber::new("away"),
        };
        books.home.connect(home.address()).unwrap().disconnect();
        books.away.connect(away.address()).unwrap().disconnect();
        books
    }

    /// All publish and listen while this happens, after which the broker at home is killed.
    fn run(&mut self, home: Broker, away: &Broker, meanwhile: impl FnOnce(&Broker)) {
        let (at_home, at_away) = (home.address(), away.address());
        let until = self.inward.sent + INWARD;
        thread::scope(|scope| {
            scope.spawn(|| self.outward.run(at_home, u64::MAX));
            scope.spawn(|| self.inward.run(at_away, until));
            scope.spawn(|| self.home.connect(at_home).and_then(|line| self.home.run(line, false)));
            meanwhile(&home);
            home.kill();
        });
        let line = self.away.connect(at_away).unwrap();
        self.away.run(line, true).unwrap();
    }

    /// Everything comes to its end, and the books are compared.
    fn close(mut self, home: &Broker, away: &Broker) {
        for (publisher, broker) in [(&mut self.outward, home), (&mut self.inward, away)] {
            // The last one is none of those that do not cross.
            let until = publisher.sent + if Publisher::is_retained(publisher.sent + 1) { 2 } else { 1 };
            publisher.run(broker.address(), until).unwrap();
        }
        let since = Instant::now();
        for (subscriber, broker) in [(&mut self.home, home), (&mut self.away, away)] {
            for publisher in [&self.outward, &self.inward] {
                while !subscriber.came.get(&publisher.name).is_some_and(|came| came.contains(&publisher.sent)) {
                    assert!(since.elapsed() < PATIENCE, "{subscriber:?} waits for {}", publisher.sent);
                    let line = subscriber.connect(broker.address()).unwrap();
                    subscriber.run(line, true).unwrap();
                }
                subscriber.settle_with(publisher);
            }
        }
    }
}

fn setups(lines: &str) -> (Setup, Broker) {
    let common = "max_queued_messages 0\nconnection_messages false\n";
    let away = kept_in(&Arc::new(Scratch::new()), common).start();
    let bridge = format!(
        "{common}worker_threads 2\nconnection b\naddress 127.0.0.1:{}\nremote_clientid there\nrestart_timeout 1\n\
         topic t/out out 2\ntopic t/in in 2\n{lines}",
        away.port()
    );
    (kept_in(&Arc::new(Scratch::new()), &bridge), away)
}

fn kill_with(lines: &str) {
    let rounds = number("MOSQUITTO_KILL_ROUNDS", ROUNDS);
    let mut random = seed();
    let (setup, away) = setups(lines);
    let home = setup.start();
    let mut books = Books::open(&home, &away);
    home.kill();
    for _ in 0..rounds {
        let home = setup.start();
        let life = Duration::from_micros(next(&mut random) % (LIFE_MS_MAX * 1000));
        books.run(home, &away, |_| thread::sleep(life));
    }
    let home = setup.start();
    eprintln!("{rounds} kills, {} messages out, {} in", books.outward.sent, books.inward.sent);
    books.close(&home, &away);
}

/// [MQTT-4.3.3-1] [MQTT-4.4.0-1]
#[test]
fn qos_2_crosses_once_though_the_broker_is_killed() {
    kill_with("");
}

#[test]
fn qos_2_crosses_once_in_mqtt_5_though_the_broker_is_killed() {
    kill_with("bridge_protocol_version mqttv50\nbridge_session_expiry_interval 100000\n");
}

#[test]
fn qos_2_crosses_once_though_the_bridge_is_made_anew_over_and_over() {
    const RELOADS: usize = 8;
    let (setup, away) = setups("bridge_reload_type immediate\nkeepalive_interval 60\n");
    let home = setup.start();
    let mut books = Books::open(&home, &away);
    books.run(home, &away, |home| {
        for reload in 0..RELOADS {
            let other = format!("keepalive_interval {}\n", 61 + reload);
            let log = home.reload(&home.config().replace("keepalive_interval 60\n", &other));
            assert!(log.contains(&"Bridge b: changed.".to_owned()), "{log:#?}");
        }
    });
    let home = setup.start();
    books.close(&home, &away);
}

#[test]
fn a_bridge_that_is_gone_leaves_no_session() {
    let (setup, away) = setups("notifications false\n");
    drop(away);
    let home = setup.start();
    let mut publisher = client("publisher").to(&home);
    publisher.publish("t/out", "1", 2);
    publisher.finish();
    let without = home.config().split("connection b").next().unwrap().to_owned();
    let log = home.reload(&without);
    assert!(log.contains(&"Bridge b: ended.".to_owned()), "{log:#?}");
    // Under its name there is nobody any more.
    let (client, present) = client("local.there").persistent().resume(&home);
    assert!(!present);
    client.disconnect();
}
