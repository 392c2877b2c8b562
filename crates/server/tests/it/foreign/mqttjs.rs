//! MQTT.js, in Node.js.

use super::are_there;
use crate::harness::{Finished, Program, Setup, report_skipped};
use crate::tls::Office;
use std::path::PathBuf;
use std::process::{Command, Stdio};

const NODE: &str = "node";

/// Where npm has put MQTT.js. None, and said to be missing, if it is not there.
pub(super) fn package() -> Option<PathBuf> {
    let modules = std::env::var_os("NODE_PATH").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/foreign-node/node_modules")),
        PathBuf::from,
    );
    let package = modules.join("mqtt");
    if !package.is_dir() {
        report_skipped("MQTT.js, the package mqtt of npm,");
        return None;
    }
    Some(package)
}

/// Runs the script against the brokers at these URLs, whose certificates are from `ca.crt`. None if it cannot be run here.
pub(super) fn run(office: &Office, urls: &[String]) -> Option<Finished> {
    if !are_there(&[NODE]) {
        return None;
    }
    let mut command = Command::new(NODE);
    command.env("NODE_PATH", package()?.parent().unwrap());
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/foreign/with_mqttjs.js"));
    command.arg(office.path("ca.crt")).args(urls).stdin(Stdio::null());
    Some(Program::spawn(command).succeed())
}

#[test]
fn the_script_of_mqttjs_runs_to_its_end_over_every_transport() {
    let office = Office::new();
    let tls = "certfile DIR/server.crt\nkeyfile DIR/server.key".replace("DIR", office.scratch.path().to_str().unwrap());
    for (schemes, lines) in [(["mqtt", "ws"], ""), (["mqtts", "wss"], &*tls)] {
        let config = format!(
            "allow_anonymous true\nworker_threads 3\nlistener PORT 127.0.0.1\n{lines}\n\
             listener SECOND 127.0.0.1\nprotocol websockets\n{lines}\n"
        );
        let broker = Setup::config(&config).start();
        let urls = [
            format!("{}://localhost:{}", schemes[0], broker.port()),
            format!("{}://localhost:{}/mqtt", schemes[1], broker.second_port()),
        ];
        let Some(finished) = run(&office, &urls) else { return };
        let good = |url: &String| [4, 5].map(|version| format!("{url} version {version}: good"));
        assert_eq!(finished.stdout, urls.iter().flat_map(good).collect::<Vec<_>>(), "{finished:#?}");
    }
}
