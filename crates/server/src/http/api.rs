//! The endpoints below `/api/`, as Mosquitto's dashboard asks for them.

use crate::VERSION;
use mosquitto_config::{Endpoint, Protocol};
use parking_lot::Mutex;
use serde_json::Value;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Instant;

/// The topics below `$SYS/broker/` whose last values are told, in order.
const TOLD: [&str; 24] = [
    "clients/total",
    "clients/maximum",
    "clients/disconnected",
    "clients/connected",
    "clients/expired",
    "messages/stored",
    "store/messages/bytes",
    "subscriptions/count",
    "shared_subscriptions/count",
    "retained messages/count",
    "heap/current",
    "heap/maximum",
    "messages/received",
    "messages/sent",
    "bytes/received",
    "bytes/sent",
    "publish/bytes/received",
    "publish/bytes/sent",
    "packet/out/count",
    "packet/out/bytes",
    "connections/socket/count",
    "publish/messages/dropped",
    "publish/messages/received",
    "publish/messages/sent",
];

/// The counters of the `$SYS` tree as of the last update: who publishes them leaves them here for who asks over HTTP.
#[derive(Debug, Clone)]
pub(crate) struct Counters {
    started: Instant,
    values: Arc<Mutex<[u64; TOLD.len()]>>,
}

impl Counters {
    /// Of a broker that starts now. Before the first update, nothing was counted.
    pub(crate) fn new() -> Self {
        Self { started: Instant::now(), values: Arc::default() }
    }

    /// Other values, as they were published: `value` has that of a topic below `$SYS/broker/`.
    pub(crate) fn update<'v>(&self, value: impl Fn(&str) -> Option<&'v str>) {
        let new = TOLD.map(|topic| value(topic).and_then(|text| text.parse().ok()).unwrap_or(0));
        *self.values.lock() = new;
    }

    fn json(&self) -> String {
        let values = *self.values.lock();
        let mut text = "{\n".to_owned();
        for (topic, value) in TOLD.into_iter().zip(values) {
            // Nothing can go wrong with a String.
            let _ = writeln!(text, "\t\"$SYS/broker/{topic}\":\t{value},");
        }
        let _ = write!(text, "\t\"$SYS/broker/uptime\":\t{}\n}}", self.started.elapsed().as_secs());
        text
    }
}

/// What an endpoint says; none: there is no such endpoint. `listeners` is the list of [`listeners`].
pub(super) fn endpoint(path: &[u8], counters: &Counters, listeners: &str) -> Option<String> {
    match path {
        b"/api/v1/version" => Some(VERSION.to_owned()),
        b"/api/v1/systree" => Some(counters.json()),
        b"/api/v1/listeners" => Some(listeners.to_owned()),
        _ => None,
    }
}

/// Whether a path is that of an endpoint, be there one or not, and never that of a file.
pub(super) fn is_of_api(path: &[u8]) -> bool {
    const PREFIX: &[u8] = b"/api/";
    path.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}

/// The list of listeners.
pub(super) fn listeners<'e>(endpoints: impl Iterator<Item = &'e Endpoint>) -> String {
    let listed: Vec<_> = endpoints.map(listener).collect();
    format!("{{\n\t\"listeners\":\t[{}]\n}}", listed.join(", "))
}

fn listener(endpoint: &Endpoint) -> String {
    let place = match &endpoint.unix_path {
        Some(path) => format!("\"path\":\t{}", Value::from(path.as_str())),
        None => format!("\"port\":\t{}", endpoint.port),
    };
    let protocol = match endpoint.protocol {
        Protocol::Mqtt => "mqtt",
        Protocol::WebSockets => "websockets",
        Protocol::HttpApi => "httpapi",
    };
    let (tls, mtls) = (endpoint.tls.is_on(), endpoint.tls.require_certificate);
    let anonymous = endpoint.allow_anonymous;
    format!(
        "{{\n\t\t\t{place},\n\t\t\t\"protocol\":\t\"{protocol}\",\n\t\t\t\"tls\":\t{tls},\n\t\t\t\"mtls\":\t{mtls},\n\
         \t\t\t\"allow_anonymous\":\t{anonymous}\n\t\t}}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use mosquitto_config::Config;

    /// As Mosquitto 2.1.2 writes it.
    #[test]
    fn the_list_of_listeners_is_indented_with_tabs() {
        let text = b"listener 18830\nallow_anonymous true\nlistener 0 a\"b\nprotocol websockets\ncertfile x\n\
                     keyfile y\nrequire_certificate true\n";
        let config = Config::parse("test".as_ref(), text).unwrap();
        let expected = "{\n\t\"listeners\":\t[{\n\t\t\t\"port\":\t18830,\n\t\t\t\"protocol\":\t\"mqtt\",\n\
                        \t\t\t\"tls\":\tfalse,\n\t\t\t\"mtls\":\tfalse,\n\t\t\t\"allow_anonymous\":\ttrue\n\t\t}, {\n\
                        \t\t\t\"path\":\t\"a\\\"b\",\n\t\t\t\"protocol\":\t\"websockets\",\n\t\t\t\"tls\":\ttrue,\n\
                        \t\t\t\"mtls\":\ttrue,\n\t\t\t\"allow_anonymous\":\ttrue\n\t\t}]\n}";
        assert_eq!(listeners(config.endpoints(&[]).iter()), expected);
        assert_eq!(listeners(std::iter::empty()), "{\n\t\"listeners\":\t[]\n}");
    }

    #[test]
    fn paths_of_the_api_are_told_from_those_of_files() {
        for path in [&b"/api/"[..], b"/API/v1/version", b"/Api/x"] {
            assert!(is_of_api(path));
            assert_eq!(endpoint(path, &Counters::new(), ""), None);
        }
        for path in [&b""[..], b"/api", b"/apis/", b"api/v1/version", b"//api/v1/version"] {
            assert!(!is_of_api(path));
        }
    }
}
