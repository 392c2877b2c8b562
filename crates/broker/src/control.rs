//! Requests to the broker itself: topics under `$CONTROL`.
//!
//! They are never routed. A client that publishes one gets its answer under the same topic and `/response`, alone and
//! without a subscription; at QoS 2 when it is released, so that nothing is done twice. Mosquitto does that only where there
//! is no endpoint, and publishes the answers of `$CONTROL/broker/v1` to whoever subscribes. That is the only endpoint here
//! (`enable_control_api`).

use crate::log::log;
use crate::publish::describe;
use crate::received::WORK_BYTES;
use crate::{ConnectionId, Settings, Shard};
use mosquitto_mqtt::packet::Publish;
use mosquitto_mqtt::{Properties, QoS};
use serde_json::{Map, Value, json};

/// The topic of requests about the broker.
const BROKER: &str = "$CONTROL/broker/v1";

/// Bytes of the longest request that is looked at. There is nothing that would need so many.
const REQUEST_BYTES_MAX: usize = 64 * 1024;

/// Bytes of an answer with which no further command of a request is carried out.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

impl Shard {
    /// Answers a request.
    pub(crate) fn answer_control(&mut self, id: ConnectionId, topic: &str, request: &[u8]) {
        let Some(connection) = self.home.connections.get(id) else { return };
        let (version, settings) = (connection.version, &self.home.settings);
        let payload = if topic == BROKER && settings.enable_control_api {
            answer(request, settings)
        } else {
            r#"{"error": "endpoint not available"}"#.to_owned()
        };
        self.work = self.work.saturating_add(((request.len() + payload.len()) / WORK_BYTES) as u32);
        let topic = format!("{topic}/response");
        let answer = Publish {
            dup: false,
            qos: QoS::AtMostOnce,
            retain: false,
            topic: &topic,
            packet_id: 0,
            properties: Properties::EMPTY,
            payload: payload.as_bytes(),
        };
        if u16::try_from(topic.len()).is_ok() {
            let mut packet = Vec::new();
            answer.encode(version, &mut packet);
            if self.home.reply_if_taken(id, &packet) {
                self.home.statistics.publish_sent += 1;
                self.home.statistics.publish_bytes_sent += answer.payload.len() as u64;
                let described = describe(false, QoS::AtMostOnce, false, 0, topic.as_bytes(), answer.payload.len());
                log!(self.home.log, Debug, "Sending PUBLISH to {} ({described})", self.home.name_of(id));
            }
        }
    }
}

/// The answer to a request about the broker: one response for each of its commands, as JSON.
fn answer(request: &[u8], settings: &Settings) -> String {
    let mut responses = Vec::new();
    match commands(request) {
        Err(error) => responses.push(failure("Unknown command", error, None)),
        Ok(commands) => {
            let mut bytes = 0;
            for command in &commands {
                if bytes > ANSWER_BYTES_MAX {
                    responses.push(failure("Unknown command", "Too many commands", None));
                    break;
                }
                let response = respond(command, settings);
                bytes += response.to_string().len();
                responses.push(response);
            }
        }
    }
    json!({ "responses": responses }).to_string()
}

/// The commands of a request, or why there are none.
fn commands(request: &[u8]) -> Result<Vec<Value>, &'static str> {
    if request.len() > REQUEST_BYTES_MAX {
        return Err("Payload too large");
    }
    let request: Value = serde_json::from_slice(request).map_err(|_| "Payload not valid JSON")?;
    match request {
        Value::Object(mut request) => match request.remove("commands") {
            Some(Value::Array(commands)) => Ok(commands),
            _ => Err("Invalid/missing commands"),
        },
        _ => Err("Invalid/missing commands"),
    }
}

fn respond(command: &Value, settings: &Settings) -> Value {
    let Value::Object(command) = command else { return failure("Unknown command", "Command not an object", None) };
    let Some(name) = command.get("command").and_then(Value::as_str) else {
        return failure("Unknown command", "Missing command", None);
    };
    let correlation = match command.get("correlationData") {
        None => None,
        Some(Value::String(data)) => Some(data.as_str()),
        Some(_) => return failure(name, "Invalid correlationData data type.", None),
    };
    let data = match name {
        "listListeners" => json!({ "listeners": listeners(settings) }),
        // There are none: plugins are not supported.
        "listPlugins" => json!({ "plugins": [] }),
        _ => return failure(name, "Unknown command", correlation),
    };
    response(name, "data", data, correlation)
}

fn failure(command: &str, error: &str, correlation: Option<&str>) -> Value {
    response(command, "error", error.into(), correlation)
}

fn response(command: &str, key: &str, value: Value, correlation: Option<&str>) -> Value {
    let mut response = Map::new();
    response.insert("command".to_owned(), command.into());
    response.insert(key.to_owned(), value);
    if let Some(data) = correlation {
        response.insert("correlationData".to_owned(), data.into());
    }
    Value::Object(response)
}

fn listeners(settings: &Settings) -> Vec<Value> {
    let listed = settings.listeners.iter().filter(|listener| !listener.closed).map(|listener| {
        let mut listed = Map::new();
        listed.insert("port".to_owned(), listener.port.into());
        let protocol = if listener.websockets { "mqtt+websockets" } else { "mqtt" };
        // Of what is not MQTT, Mosquitto has no word either.
        if !listener.http {
            listed.insert("protocol".to_owned(), protocol.into());
        }
        if let Some(host) = &listener.host {
            listed.insert("bind-address".to_owned(), (**host).into());
        }
        if let Some(path) = &listener.unix_path {
            listed.insert("socket-path".to_owned(), (**path).into());
        }
        listed.insert("tls".to_owned(), listener.tls.into());
        Value::Object(listed)
    });
    listed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ListenerSettings;

    fn answered(request: &str) -> String {
        let listener = |port, host: Option<&str>| ListenerSettings {
            port,
            host: host.map(Into::into),
            tls: host.is_some(),
            ..ListenerSettings::default()
        };
        let unix = ListenerSettings { websockets: true, unix_path: Some("/run/x.sock".into()), ..listener(0, None) };
        let closed = ListenerSettings { closed: true, ..listener(1885, None) };
        let http = ListenerSettings { http: true, ..listener(9883, None) };
        let listeners = vec![listener(1883, None), closed, listener(1884, Some("127.0.0.1")), unix, http];
        answer(request.as_bytes(), &Settings { listeners, ..Settings::default() })
    }

    #[test]
    fn a_request_that_cannot_be_read_is_told_why() {
        let long = format!("\"{}\"", "x".repeat(REQUEST_BYTES_MAX));
        for (request, error) in [
            ("", "Payload not valid JSON"),
            ("not valid json", "Payload not valid JSON"),
            ("[[[[[[", "Payload not valid JSON"),
            (long.as_str(), "Payload too large"),
            ("{}", "Invalid/missing commands"),
            ("[]", "Invalid/missing commands"),
            (r#"{"commands":3}"#, "Invalid/missing commands"),
            (r#"{"commands":["command"]}"#, "Command not an object"),
            (r#"{"commands":[{}]}"#, "Missing command"),
            (r#"{"commands":[{"command":1}]}"#, "Missing command"),
        ] {
            let expected = format!(r#"{{"responses":[{{"command":"Unknown command","error":"{error}"}}]}}"#);
            assert_eq!(answered(request), expected, "{request:.50}");
        }
    }

    #[test]
    fn each_command_gets_a_response() {
        let request = r#"{"commands":[{"command":"listListeners","correlationData":"x"},{"command":"listPlugins"},
            {"command":"a","correlationData":"y"},{"command":"listListeners","correlationData":true}]}"#;
        let answer: Value = serde_json::from_str(&answered(request)).unwrap();
        let listeners = json!([
            { "port": 1883, "protocol": "mqtt", "tls": false },
            { "port": 1884, "protocol": "mqtt", "bind-address": "127.0.0.1", "tls": true },
            { "port": 0, "protocol": "mqtt+websockets", "socket-path": "/run/x.sock", "tls": false },
            { "port": 9883, "tls": false },
        ]);
        let expected = json!({ "responses": [
            { "command": "listListeners", "data": { "listeners": listeners }, "correlationData": "x" },
            { "command": "listPlugins", "data": { "plugins": [] } },
            { "command": "a", "error": "Unknown command", "correlationData": "y" },
            { "command": "listListeners", "error": "Invalid correlationData data type." },
        ] });
        assert_eq!(answer, expected);
    }

    #[test]
    fn an_answer_does_not_grow_without_end() {
        let commands = vec![r#"{"command":"listListeners"}"#; 2300].join(",");
        let answer = answered(&format!(r#"{{"commands":[{commands}]}}"#));
        assert!(answer.len() < ANSWER_BYTES_MAX * 2 && answer.contains("Too many commands"), "{}", answer.len());
        let deep = "[".repeat(REQUEST_BYTES_MAX - 1);
        assert!(answered(&deep).contains("not valid JSON"));
    }
}
