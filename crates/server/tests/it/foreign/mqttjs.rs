//! MQTT.js, in Node.js.

use super::are_there;
use crate::harness::{Program, Setup, report_skipped};
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

/// Runs the script against the broker at this URL, whose certificate is from `ca.crt`, and looks at what it says. False if it
/// cannot be run here.
pub(super) fn runs_to_its_end(office: &Office, url: &str) -> bool {
    if !are_there(&[NODE]) {
        return false;
    }
    let Some(package) = package() else { return false };
    let mut command = Command::new(NODE);
    command.env("NODE_PATH", package.parent().unwrap());
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/foreign/with_mqttjs.js"));
    command.arg(office.path("ca.crt")).arg(url).stdin(Stdio::null());
    let finished = Program::spawn(command).succeed();
    assert_eq!(finished.stdout, [4, 5].map(|version| format!("version {version}: good")), "{finished:#?}");
    true
}

/// Over a stream, and in WebSockets, at URLs of these schemes; these are the lines below either listener.
fn script_runs_over(schemes: [&str; 2], office: &Office, lines: &str) {
    let lines = lines.replace("DIR", office.scratch.path().to_str().unwrap());
    let config = format!(
        "allow_anonymous true\nworker_threads 3\nlistener PORT 127.0.0.1\n{lines}\n\
         listener SECOND 127.0.0.1\nprotocol websockets\n{lines}\n"
    );
    let broker = Setup::config(&config).start();
    let urls = [
        format!("{}://localhost:{}", schemes[0], broker.port()),
        format!("{}://localhost:{}/mqtt", schemes[1], broker.second_port()),
    ];
    // The first that cannot be run says why.
    let _ = urls.iter().all(|url| runs_to_its_end(office, url));
}

#[test]
fn the_script_of_mqttjs_runs_to_its_end_over_tcp_and_in_websockets() {
    script_runs_over(["mqtt", "ws"], &Office::new(), "");
}

#[test]
fn the_script_of_mqttjs_runs_to_its_end_over_tls_and_in_websockets_inside_it() {
    script_runs_over(["mqtts", "wss"], &Office::new(), "certfile DIR/server.crt\nkeyfile DIR/server.key");
}
