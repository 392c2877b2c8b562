//! Mosquitto's files are ours, and ours Mosquitto's.

use super::{directory, files, kept_in};
use crate::harness::{Program, client, free_port, report_skipped};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

const MOSQUITTO: &str = "/usr/sbin/mosquitto";
const SUB: &str = "/usr/bin/mosquitto_sub";
const PUB: &str = "/usr/bin/mosquitto_pub";

/// Mosquitto, on the same files.
struct Foreign {
    program: Program,
    port: String,
}

impl Foreign {
    fn start(directory: &Arc<crate::harness::Scratch>) -> Self {
        let port = free_port().to_string();
        let path = directory.path().display();
        // It stays who it is by the same means as ours.
        let text = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\npersistence true\npersistence_location {path}/\nuser root\n"
        );
        let file = directory.file("foreign.conf", &text);
        let program = Program::start(MOSQUITTO.as_ref(), ["-c".as_ref(), file.as_os_str()]);
        crate::harness::wait_until("Mosquitto listens", || TcpStream::connect(format!("127.0.0.1:{port}")).is_ok());
        Self { program, port }
    }

    fn run(&self, program: &str, arguments: &str) -> Vec<String> {
        let all = ["-h", "127.0.0.1", "-p", &self.port].into_iter().chain(arguments.split(' '));
        Program::start(program.as_ref(), all).succeed().stdout
    }
}

/// From Debian's mosquitto to ours and back again.
#[test]
fn sessions_and_messages_go_from_mosquitto_to_this_broker_and_back() {
    for program in [MOSQUITTO, SUB, PUB] {
        if !Path::new(program).exists() {
            return report_skipped("mosquitto");
        }
    }
    let directory = directory();
    let foreign = Foreign::start(&directory);
    // A session with a subscription, and nothing waited for.
    foreign.run(SUB, "-V mqttv5 -c -x 1000 -i away -q 2 -t queue/# -E");
    for (qos, text) in [(1, "one"), (2, "two")] {
        foreign.run(PUB, &format!("-q {qos} -t queue/{qos} -m {text}"));
    }
    foreign.run(PUB, "-q 1 -r -t kept/theirs -m theirs");
    foreign.program.stop();

    let setup = kept_in(&directory, "worker_threads 2\nlog_timestamp false");
    let broker = setup.start();
    broker.log.wait_for("Restored 1 clients");
    broker.log.wait_for("Restored 1 subscriptions");
    broker.log.wait_for("Restored 2 client messages");
    let mut watch = client("watch").to(&broker);
    watch.subscribe("kept/#", 1);
    assert_eq!(watch.message().text(), "theirs");
    let mut publisher = client("publisher").to(&broker);
    for (topic, text) in [("queue/3", "three"), ("queue/4", "four")] {
        publisher.publish(topic, text, 2);
        publisher.finish();
    }
    publisher.publish_retained("kept/ours", "ours", 1);
    publisher.finish();
    broker.stop();
    assert_eq!(files(directory.path()), ["mosquitto.db"]);

    let foreign = Foreign::start(&directory);
    let came = foreign.run(SUB, "-V mqttv5 -c -x 1000 -i away -q 2 -t queue/# -C 4 -F %t|%q|%p");
    assert_eq!(came, ["queue/1|1|one", "queue/2|2|two", "queue/3|2|three", "queue/4|2|four"]);
    let mut kept = foreign.run(SUB, "-i another -q 1 -t kept/# -C 2 -F %t|%r|%p");
    kept.sort();
    assert_eq!(kept, ["kept/ours|1|ours", "kept/theirs|1|theirs"]);
    foreign.program.stop();
    // And once more: what it has written is the newest.
    let broker = setup.start();
    let (mut away, present) = client("away").persistent().resume(&broker);
    assert!(present);
    assert_eq!(away.all_messages(), []);
}
