//! Mosquitto's own `mosquitto_pub` and `mosquitto_sub`, as the system has them.

use crate::harness::{Broker, Program, report_skipped};
use std::path::Path;

const PUB: &str = "/usr/bin/mosquitto_pub";
const SUB: &str = "/usr/bin/mosquitto_sub";

const VERSIONS: [&str; 3] = ["mqttv31", "mqttv311", "mqttv5"];

/// A broker whose log tells when somebody has subscribed, if there is somebody to test it with.
fn broker() -> Option<Broker> {
    for program in [PUB, SUB] {
        if !Path::new(program).exists() {
            report_skipped(program.trim_start_matches("/usr/bin/"));
            return None;
        }
    }
    Some(Broker::open("worker_threads 4\nlog_type all\nlog_timestamp false"))
}

fn start(program: &str, broker: &Broker, arguments: &str) -> Program {
    let port = broker.port().to_string();
    let arguments = ["-h", "127.0.0.1", "-p", &port].into_iter().chain(arguments.split_whitespace());
    Program::start(program.as_ref(), arguments)
}

/// A subscriber that shows topic, QoS, retain flag and payload of what comes, once it has subscribed.
fn subscriber(broker: &Broker, id: &str, arguments: &str) -> Program {
    let subscriber = start(SUB, broker, &format!("-i {id} {FORMAT} {arguments}"));
    broker.log.wait_for(&format!("Sending SUBACK to {id}"));
    subscriber
}

const FORMAT: &str = "-F %t|%q|%r|%p";

/// `[3.1.1 MQTT-7.0.0-2]`
#[test]
fn messages_pass_in_every_version_and_at_every_qos() {
    let Some(broker) = broker() else { return };
    for (round, to) in VERSIONS.into_iter().enumerate() {
        for from in VERSIONS {
            let subscribers: Vec<_> = (0..3)
                .map(|qos| {
                    let arguments = format!("-V {to} -q {qos} -t {from}/# -C 3");
                    subscriber(&broker, &format!("sub-{from}-{round}-{qos}"), &arguments)
                })
                .collect();
            for qos in 0..3 {
                start(PUB, &broker, &format!("-V {from} -q {qos} -t {from}/{to} -m payload-{qos}")).succeed();
            }
            for (most, subscriber) in subscribers.into_iter().enumerate() {
                let expected: Vec<_> =
                    (0..3).map(|qos| format!("{from}/{to}|{}|0|payload-{qos}", qos.min(most))).collect();
                // Each came over a connection of its own, and what has QoS 0 is sent before it is known to have arrived.
                let mut got = subscriber.succeed().stdout;
                got.sort_by_key(|line| line.split('-').next_back().map(str::to_owned));
                assert_eq!(got, expected, "from {from} to {to}");
            }
        }
    }
}

#[test]
fn what_is_published_again_and_again_comes_as_often() {
    // Several times what may be in flight. On a busy machine the publisher takes its time for each.
    const LINES: usize = 100;
    let Some(broker) = broker() else { return };
    for version in VERSIONS {
        for qos in 0..3 {
            let arguments = format!("-V {version} -q {qos} -t lines -C {LINES}");
            let subscriber = subscriber(&broker, &format!("sub-{version}-{qos}"), &arguments);
            start(PUB, &broker, &format!("-V {version} -q {qos} -t lines -m line --repeat {LINES}")).succeed();
            let got = subscriber.succeed().stdout;
            assert_eq!(got, vec![format!("lines|{qos}|0|line"); LINES], "{version}");
        }
    }
}

#[test]
fn retained_messages_stay_until_they_are_cleared() {
    let Some(broker) = broker() else { return };
    for version in VERSIONS {
        start(PUB, &broker, &format!("-V {version} -t kept/{version} -r -q 1 -m first")).succeed();
        start(PUB, &broker, &format!("-V {version} -t kept/{version} -r -q 1 -m second")).succeed();
        let got = start(SUB, &broker, &format!("-V {version} -t kept/# -q 2 -C 1 {FORMAT}")).succeed();
        assert_eq!(got.stdout, [format!("kept/{version}|1|1|second")]);
        start(PUB, &broker, &format!("-V {version} -t kept/{version} -r -n -q 1")).succeed();
    }
    let subscriber = subscriber(&broker, "late", "-t kept/# -t end -C 1");
    start(PUB, &broker, "-t end -m end").succeed();
    assert_eq!(subscriber.succeed().stdout, ["end|0|0|end"]);
}

#[test]
fn a_session_waits_for_its_client() {
    let Some(broker) = broker() else { return };
    for version in VERSIONS {
        let away = format!("-V {version} -i away-{version} -c -q 2 -t news/{version}");
        // It leaves as soon as it has subscribed.
        start(SUB, &broker, &format!("{away} -E")).succeed();
        for qos in [1, 2] {
            start(PUB, &broker, &format!("-V {version} -q {qos} -t news/{version} -m missed-{qos}")).succeed();
        }
        let got = start(SUB, &broker, &format!("{away} -C 2 {FORMAT}")).succeed();
        let expected: Vec<_> = [1, 2].map(|qos| format!("news/{version}|{qos}|0|missed-{qos}")).into();
        assert_eq!(got.stdout, expected);
    }
}

#[test]
fn the_will_of_one_that_is_killed_is_published() {
    let Some(broker) = broker() else { return };
    for version in VERSIONS {
        let subscriber = subscriber(&broker, &format!("heir-{version}"), &format!("-V {version} -t will -q 1 -C 1"));
        let arguments = format!("-V {version} -t x --will-topic will --will-payload gone --will-qos 1");
        drop(self::subscriber(&broker, &format!("owner-{version}"), &arguments));
        assert_eq!(subscriber.succeed().stdout, ["will|1|0|gone"]);
    }
}

#[test]
fn a_refused_client_is_told_why() {
    if broker().is_none() {
        return;
    }
    let broker = crate::harness::Setup::config("listener PORT 127.0.0.1\n").start();
    for (version, text) in [
        ("mqttv311", "Connection error: Connection Refused: not authorised."),
        ("mqttv5", "Connection error: Not authorized"),
    ] {
        let refused = start(PUB, &broker, &format!("-V {version} -t a -m b")).finish();
        assert_ne!(refused.code, Some(0));
        assert!(refused.stderr.iter().any(|line| line.starts_with(text)), "{refused:?}");
    }
}
