//! Eclipse Paho's client for Python.

use crate::harness::{Broker, Program, report_skipped};
use std::process::{Command, Stdio};

const PYTHON: &str = "python3";

/// `[3.1.1 MQTT-7.0.0-2]`
#[test]
fn the_script_of_paho_runs_to_its_end() {
    let found = Command::new(PYTHON)
        .args(["-c", "import paho.mqtt, sys; sys.exit(int(paho.mqtt.__version__.split('.')[0]) < 2)"])
        .stderr(Stdio::null())
        .status();
    if !found.is_ok_and(|status| status.success()) {
        report_skipped("paho-mqtt 2 for Python");
        return;
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/foreign/with_paho.py");
    for transport in ["tcp", "websockets"] {
        let broker = Broker::open("worker_threads 4\nlistener SECOND 127.0.0.1\nprotocol websockets");
        let port = if transport == "tcp" { broker.port() } else { broker.second_port() };
        let finished = Program::start(PYTHON.as_ref(), [script, &port.to_string(), transport]).succeed();
        assert_eq!(finished.stdout, ["MQTTv311: good", "MQTTv5: good"], "{finished:#?}");
    }
}
