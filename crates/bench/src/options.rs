//! The options, each declared once: for the parser, the usage text and the documents.

use crate::overload::{self, Load};
use crate::scenario::Scenario;
use crate::stamp::Stamp;
use mosquitto_mqtt::{ProtocolVersion, QoS};
use std::ffi::OsString;
use std::fmt::Write;
use std::ops::RangeInclusive;
use std::path::PathBuf;

/// An option.
#[derive(Debug)]
pub struct Switch {
    /// In which forms it may be given.
    pub names: &'static [&'static str],
    /// What follows it, if anything.
    pub value: Option<&'static str>,
    /// What the value can be; empty where that is more than a list can say.
    pub choices: &'static [&'static str],
    /// What it does, without a capital letter and a full stop.
    pub help: &'static str,
    /// Where it has a meaning; empty: everywhere.
    pub scenarios: &'static [Scenario],
    set: fn(&mut Settings, &str) -> Result<(), String>,
}

/// What is to be done.
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools, reason = "an option each")]
pub(crate) struct Settings {
    pub(crate) scenario: Scenario,
    pub(crate) host: String,
    pub(crate) port: u16,
    subscriber_host: Option<String>,
    subscriber_port: Option<u16>,
    pub(crate) username: Option<String>,
    pub(crate) password: Option<String>,
    version: Option<ProtocolVersion>,
    qos: Option<QoS>,
    count: Option<usize>,
    publishers: Option<usize>,
    subscribers: Option<usize>,
    matching: Option<usize>,
    pub(crate) idle_filters: usize,
    window: Option<u16>,
    ahead: Option<u32>,
    pub(crate) payload: usize,
    /// Messages a second of all publishers together; none: as fast as they are taken.
    pub(crate) rate: Option<f64>,
    pub(crate) seconds: f64,
    pub(crate) warmup_s: f64,
    pub(crate) drain_s: f64,
    pub(crate) messages: Option<u64>,
    pub(crate) persistent_publishers: bool,
    pub(crate) persistent_subscribers: bool,
    pub(crate) concurrency: usize,
    pub(crate) keep_alive_s: u16,
    pub(crate) keep: bool,
    /// Of an overload.
    pub(crate) load: Option<Load>,
    /// Where samples of a soak go.
    pub(crate) samples: Option<PathBuf>,
    pub(crate) growth_kib: u64,
    /// Of the broker, or of those that work together.
    pub(crate) pids: Vec<u32>,
    pub(crate) json: bool,
    pub(crate) quiet: bool,
    help: bool,
}

/// Most clients of a kind.
const CLIENTS: RangeInclusive<usize> = 1..=1_000_000;
/// Most messages of a scenario that counts them.
const MESSAGES: RangeInclusive<u64> = 1..=100_000_000;
/// Longest time, in seconds.
const TIME_S: RangeInclusive<f64> = 0.0..=86_400.0;

const MANY: &[Scenario] = &[Scenario::Many];
const MANY_OR_SHARED: &[Scenario] = &[Scenario::Many, Scenario::Shared];
const MESSAGES_FLOW: &[Scenario] = &[
    Scenario::Pairs,
    Scenario::FanIn,
    Scenario::FanOut,
    Scenario::Many,
    Scenario::Shared,
    Scenario::Slow,
    Scenario::Retained,
    Scenario::Queue,
    Scenario::Overload,
];
const COUNTED: &[Scenario] = &[
    Scenario::Pairs,
    Scenario::FanIn,
    Scenario::FanOut,
    Scenario::Slow,
    Scenario::Idle,
    Scenario::Subscriptions,
    Scenario::Retained,
    Scenario::Queue,
    Scenario::Overload,
];
const WITH_SUBSCRIPTIONS: &[Scenario] = &[
    Scenario::Pairs,
    Scenario::FanIn,
    Scenario::FanOut,
    Scenario::Many,
    Scenario::Shared,
    Scenario::Slow,
    Scenario::Idle,
    Scenario::Subscriptions,
    Scenario::Retained,
    Scenario::Queue,
    Scenario::Overload,
];
const WITH_WARM_UP: &[Scenario] = &[
    Scenario::Pairs,
    Scenario::FanIn,
    Scenario::FanOut,
    Scenario::Many,
    Scenario::Shared,
    Scenario::Slow,
    Scenario::Overload,
];
const TIMED: &[Scenario] = &[
    Scenario::Pairs,
    Scenario::FanIn,
    Scenario::FanOut,
    Scenario::Many,
    Scenario::Shared,
    Scenario::Slow,
    Scenario::Connect,
    Scenario::Idle,
    Scenario::Overload,
    Scenario::Soak,
];

/// One without a value.
const fn flag(
    names: &'static [&'static str],
    help: &'static str,
    scenarios: &'static [Scenario],
    set: fn(&mut Settings, &str) -> Result<(), String>,
) -> Switch {
    Switch { names, value: None, choices: &[], help, scenarios, set }
}

/// One with a value.
const fn with(
    names: &'static [&'static str],
    value: &'static str,
    help: &'static str,
    scenarios: &'static [Scenario],
    set: fn(&mut Settings, &str) -> Result<(), String>,
) -> Switch {
    Switch { names, value: Some(value), choices: &[], help, scenarios, set }
}

/// All options.
pub const OPTIONS: &[Switch] = &[
    with(&["-h", "--host"], "host", "the broker's host: localhost by default", &[], |s, v| {
        v.clone_into(&mut s.host);
        Ok(())
    }),
    with(&["-p", "--port"], "port", "the broker's port: 1883 by default", &[], |s, v| set(&mut s.port, v, 1..=65535)),
    with(
        &["--subscriber-host"],
        "host",
        "the host of the broker that subscribers connect to, if it is another one: what is published at the one has to come \
         to the other by a bridge",
        Scenario::STEADY,
        |s, v| {
            s.subscriber_host = Some(v.to_owned());
            Ok(())
        },
    ),
    with(
        &["--subscriber-port"],
        "port",
        "the port of the broker that subscribers connect to: that of --port by default",
        Scenario::STEADY,
        |s, v| some(&mut s.subscriber_port, v, 1..=65535),
    ),
    with(&["-u", "--username"], "name", "a username for all clients", &[], |s, v| {
        s.username = Some(text(v)?);
        Ok(())
    }),
    with(&["-P", "--pw"], "password", "a password for all clients", &[], |s, v| {
        s.password = Some(text(v)?);
        Ok(())
    }),
    Switch {
        choices: &["mqttv311", "311", "mqttv5", "5"],
        ..with(
            &["-V", "--protocol-version"],
            "version",
            "the version of MQTT: mqttv311 (or 311), or mqttv5 (or 5). The default is mqttv311, and mqttv5 for shared",
            &[],
            |s, v| {
                s.version = Some(match v {
                    "mqttv311" | "311" => ProtocolVersion::V311,
                    "mqttv5" | "5" => ProtocolVersion::V5,
                    _ => return Err("mqttv311 or mqttv5".to_owned()),
                });
                Ok(())
            },
        )
    },
    Switch {
        choices: &["0", "1", "2"],
        ..with(
            &["-q", "--qos"],
            "qos",
            "the QoS of messages and subscriptions: 0 by default, and 1 for retained and queue",
            WITH_SUBSCRIPTIONS,
            |s, v| {
                let qos = v.parse().ok().and_then(QoS::from_bits);
                s.qos = Some(qos.ok_or("0, 1 or 2")?);
                Ok(())
            },
        )
    },
    with(
        &["-n", "--count"],
        "number",
        "how many pairs, publishers (fanin), subscribers (fanout, slow), clients (idle), subscriptions or messages \
         (retained, queue): 10, 1000 or 10000 by default",
        COUNTED,
        |s, v| some(&mut s.count, v, CLIENTS),
    ),
    with(&["--publishers"], "number", "how many publish: 100 by default, 4 for shared", MANY_OR_SHARED, |s, v| {
        some(&mut s.publishers, v, CLIENTS)
    }),
    with(&["--subscribers"], "number", "how many subscribe: 100 by default, 4 for shared", MANY_OR_SHARED, |s, v| {
        some(&mut s.subscribers, v, CLIENTS)
    }),
    with(
        &["--match"],
        "number",
        "how many subscribers get each message: a divisor of how many there are, 5 by default",
        MANY,
        |s, v| some(&mut s.matching, v, CLIENTS),
    ),
    with(
        &["--idle-filters"],
        "number",
        "subscriptions of one more client, that match nothing: none by default",
        MANY,
        |s, v| set(&mut s.idle_filters, v, 0..=10_000_000),
    ),
    with(
        &["-w", "--window"],
        "number",
        "how many QoS 1 or 2 messages a publisher sends before the first is acknowledged: 100 by default, 20 at QoS 2. The \
         broker's receive maximum bounds it as well",
        MESSAGES_FLOW,
        |s, v| some(&mut s.window, v, 1..=65535),
    ),
    with(
        &["--ahead"],
        "number",
        "how many messages a publisher is ahead of its slowest subscriber at most; 0 for no such bound. The default is the \
         window, and 0 with --rate",
        Scenario::STEADY,
        |s, v| some(&mut s.ahead, v, 0..=1_000_000),
    ),
    with(
        &["-s", "--payload"],
        "bytes",
        "the size of a message's payload: 64 by default, at least 20, at most 67108864",
        MESSAGES_FLOW,
        |s, v| set(&mut s.payload, v, Stamp::LEN..=64 << 20),
    ),
    with(
        &["-r", "--rate"],
        "number",
        "messages a second of all publishers together, whether the broker keeps up or not; latency then counts from when a \
         message was due. Without it each publisher sends as fast as its messages are taken",
        Scenario::STEADY,
        |s, v| some(&mut s.rate, v, 0.01..=1e8),
    ),
    with(&["-t", "--seconds"], "seconds", "how long it goes on: 5 by default", TIMED, |s, v| {
        set(&mut s.seconds, v, 0.01..=*TIME_S.end())
    }),
    with(
        &["--warmup"],
        "seconds",
        "how long it goes on before that without being measured: 1 by default; for overload, without its load",
        WITH_WARM_UP,
        |s, v| set(&mut s.warmup_s, v, TIME_S),
    ),
    with(
        &["--drain"],
        "seconds",
        "how long nothing may come before the rest counts as lost: 2 by default",
        MESSAGES_FLOW,
        |s, v| set(&mut s.drain_s, v, TIME_S),
    ),
    with(&["--messages"], "number", "ends as soon as so many messages are sent", Scenario::STEADY, |s, v| {
        some(&mut s.messages, v, MESSAGES)
    }),
    Switch {
        choices: &["publishers", "subscribers", "both"],
        ..with(
            &["--persistent"],
            "who",
            "whose sessions outlive their connections: publishers, subscribers or both; by default all are clean",
            Scenario::STEADY,
            |s, v| {
                (s.persistent_publishers, s.persistent_subscribers) = match v {
                    "publishers" => (true, false),
                    "subscribers" => (false, true),
                    "both" => (true, true),
                    _ => return Err("publishers, subscribers or both".to_owned()),
                };
                Ok(())
            },
        )
    },
    with(
        &["-c", "--concurrency"],
        "number",
        "how many clients connect at the same time: 50 by default",
        &[],
        |s, v| set(&mut s.concurrency, v, 1..=10_000),
    ),
    with(&["-k", "--keepalive"], "seconds", "the keep alive of all clients: 60 by default", &[], |s, v| {
        set(&mut s.keep_alive_s, v, 0..=65535)
    }),
    flag(&["--keep"], "leaves the retained messages at the broker", &[Scenario::Retained], |s, _| {
        s.keep = true;
        Ok(())
    }),
    with(
        &["--pid"],
        "number",
        "the broker's process, on this machine: its CPU time and memory are measured. May be given again for a second broker, as \
         of a bridge: the sum is told",
        &[],
        |s, v| {
            let mut pid = 0;
            set(&mut pid, v, 1..=u32::MAX)?;
            s.pids.push(pid);
            Ok(())
        },
    ),
    Switch {
        choices: overload::ALL,
        ..with(
            &["--load"],
            "name",
            "what the broker is loaded with: stall (a subscriber stops reading), reconnect (all clients at once), flood \
             (publishers ten times faster than subscribers), hash (# subscribed and unsubscribed in a loop), retained (many \
             fetched by ten clients at once), topics (one for each message), subscriptions (of one client), or large (a \
             burst of large messages)",
            &[Scenario::Overload],
            |s, v| {
                s.load = Some(Load::named(v).ok_or_else(|| format!("one of {}", overload::ALL.join(", ")))?);
                Ok(())
            },
        )
    },
    with(
        &["--samples"],
        "file",
        "where to write what the broker looked like over time, as CSV",
        &[Scenario::Soak],
        |s, v| {
            s.samples = Some(PathBuf::from(v));
            Ok(())
        },
    ),
    with(
        &["--growth"],
        "kib",
        "by how much the broker's resident memory may grow over the last three quarters of the time: 4096 KiB by default",
        &[Scenario::Soak],
        |s, v| set(&mut s.growth_kib, v, 0..=1 << 30),
    ),
    flag(&["--json"], "prints one line of JSON in the place of a summary", &[], |s, _| {
        s.json = true;
        Ok(())
    }),
    flag(&["--quiet"], "does not tell how far it is, which it does if standard error is a terminal", &[], |s, _| {
        s.quiet = true;
        Ok(())
    }),
    flag(&["--help"], "shows this text", &[], |s, _| {
        s.help = true;
        Ok(())
    }),
];

/// What the arguments ask for.
#[derive(Debug)]
pub(crate) enum Task {
    Run(Box<Settings>),
    Help,
}

/// Reads the arguments (without the program's name); the error is a sentence.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Task, String> {
    let mut arguments = arguments.into_iter();
    let mut settings = Settings::new();
    let (mut scenario, mut given) = (None, Vec::new());
    while let Some(argument) = arguments.next() {
        let argument =
            argument.into_string().map_err(|argument| format!("{} is not valid UTF-8.", argument.display()))?;
        let Some(switch) = OPTIONS.iter().find(|switch| switch.names.contains(&argument.as_str())) else {
            if argument.starts_with('-') {
                return Err(format!("There is no option \"{argument}\"."));
            }
            let known = Scenario::named(&argument).ok_or_else(|| unknown(&argument))?;
            if scenario.replace(known).is_some() {
                return Err(format!("\"{argument}\" is a second scenario."));
            }
            continue;
        };
        let value = match switch.value {
            None => String::new(),
            Some(name) => {
                let value = arguments.next().ok_or_else(|| format!("{argument} needs a value: {name}."))?;
                value.into_string().map_err(|value| format!("{argument} {} is not valid UTF-8.", value.display()))?
            }
        };
        (switch.set)(&mut settings, &value)
            .map_err(|expected| format!("{argument} takes {expected}, and not \"{value}\"."))?;
        given.push((argument, switch));
    }
    if settings.help {
        return Ok(Task::Help);
    }
    settings.scenario = scenario.ok_or("No scenario is given.")?;
    for (argument, switch) in given {
        if !switch.scenarios.is_empty() && !switch.scenarios.contains(&settings.scenario) {
            return Err(format!("{argument} has no meaning for the scenario {}.", settings.scenario.name()));
        }
    }
    settings.check()?;
    Ok(Task::Run(Box::new(settings)))
}

/// The text that `--help` shows.
pub(crate) fn usage() -> String {
    let mut text = format!(
        "mosquitto_bench puts load on an MQTT broker, measures what it does, and checks that it does it right.\n\
         mosquitto_bench version {}.\n\nUsage: mosquitto_bench {FORM}\n\nscenario is one of:\n",
        env!("CARGO_PKG_VERSION"),
    );
    for (_, name, help) in Scenario::ALL {
        let _ = writeln!(text, "  {name:13} {help}.");
    }
    text.push_str("\nOptions:\n");
    for switch in OPTIONS {
        let value = switch.value.map(|value| format!(" {value}")).unwrap_or_default();
        let _ = writeln!(text, "  {}{value}\n      {}.", switch.names.join(", "), switch.help);
    }
    text
}

/// The way to call it.
pub const FORM: &str = "scenario [option ...]";

fn unknown(name: &str) -> String {
    let names: Vec<_> = Scenario::ALL.iter().map(|(_, name, _)| *name).collect();
    format!("There is no scenario \"{name}\". They are {}.", names.join(", "))
}

impl Settings {
    fn new() -> Self {
        Self {
            scenario: Scenario::Pairs,
            host: "localhost".to_owned(),
            port: 1883,
            subscriber_host: None,
            subscriber_port: None,
            username: None,
            password: None,
            version: None,
            qos: None,
            count: None,
            publishers: None,
            subscribers: None,
            matching: None,
            idle_filters: 0,
            window: None,
            ahead: None,
            payload: 64,
            rate: None,
            seconds: 5.0,
            warmup_s: 1.0,
            drain_s: 2.0,
            messages: None,
            persistent_publishers: false,
            persistent_subscribers: false,
            concurrency: 50,
            keep_alive_s: 60,
            keep: false,
            load: None,
            samples: None,
            growth_kib: 4096,
            pids: Vec::new(),
            json: false,
            quiet: false,
            help: false,
        }
    }

    /// What only several options together can have wrong.
    fn check(&self) -> Result<(), String> {
        let (subscribers, matching) = (self.subscribers(), self.matching());
        if self.scenario == Scenario::Many && !subscribers.is_multiple_of(matching) {
            return Err(format!(
                "--match takes a divisor of the number of subscribers, and {matching} is none of {subscribers}."
            ));
        }
        if self.scenario == Scenario::Queue && self.qos() == QoS::AtMostOnce {
            return Err("--qos takes 1 or 2 for queue: messages of QoS 0 need not be kept for a client that is away."
                .to_owned());
        }
        if self.scenario == Scenario::Overload && self.load.is_none() {
            return Err(format!("overload needs a load (--load): {}.", overload::ALL.join(", ")));
        }
        if self.scenario == Scenario::Soak && self.pids.is_empty() {
            return Err("soak looks at the broker's process, and needs its number (--pid).".to_owned());
        }
        if self.password.is_some() && self.username.is_none() && !self.version().is_v5() {
            return Err("A password without a username is not possible before MQTT 5 (--pw, --username).".to_owned());
        }
        Ok(())
    }

    /// Those of pairs that exchange messages at a rate, with the same broker.
    pub(crate) fn of_pairs(&self, version: ProtocolVersion, qos: QoS, count: usize, rate: f64) -> Self {
        let (version, qos, count, rate) = (Some(version), Some(qos), Some(count), Some(rate));
        Self { scenario: Scenario::Pairs, version, qos, count, rate, quiet: true, ..self.clone() }
    }

    /// Where publishers and all others are that do not subscribe: host and port.
    pub(crate) fn broker(&self) -> (&str, u16) {
        (&self.host, self.port)
    }

    /// Where subscribers are.
    pub(crate) fn broker_of_subscribers(&self) -> (&str, u16) {
        (self.subscriber_host.as_deref().unwrap_or(&self.host), self.subscriber_port.unwrap_or(self.port))
    }

    pub(crate) fn version(&self) -> ProtocolVersion {
        let default = if self.scenario == Scenario::Shared { ProtocolVersion::V5 } else { ProtocolVersion::V311 };
        self.version.unwrap_or(default)
    }

    pub(crate) fn qos(&self) -> QoS {
        self.qos.unwrap_or(match self.scenario {
            Scenario::Retained | Scenario::Queue => QoS::AtLeastOnce,
            _ => QoS::AtMostOnce,
        })
    }

    pub(crate) fn count(&self) -> usize {
        self.count.unwrap_or(match self.scenario {
            Scenario::Subscriptions | Scenario::Retained | Scenario::Queue => 10_000,
            Scenario::Idle => 1000,
            Scenario::Overload => self.load.map_or(10, Load::count),
            _ => 10,
        })
    }

    fn crowd(&self) -> usize {
        if self.scenario == Scenario::Shared { 4 } else { 100 }
    }

    pub(crate) fn publishers(&self) -> usize {
        self.publishers.unwrap_or(self.crowd())
    }

    pub(crate) fn subscribers(&self) -> usize {
        self.subscribers.unwrap_or(self.crowd())
    }

    pub(crate) fn matching(&self) -> usize {
        self.matching.unwrap_or(5)
    }

    pub(crate) fn window(&self) -> u16 {
        self.window.unwrap_or(if self.qos() == QoS::ExactlyOnce { 20 } else { 100 })
    }

    /// 0: without a bound.
    pub(crate) fn ahead(&self) -> u32 {
        self.ahead.unwrap_or(if self.rate.is_some() { 0 } else { self.window().into() })
    }
}

fn text(value: &str) -> Result<String, String> {
    let fits = u16::try_from(value.len()).is_ok() && mosquitto_mqtt::valid_text(value.as_bytes()).is_some();
    if fits { Ok(value.to_owned()) } else { Err("a text of at most 65535 bytes without control characters".to_owned()) }
}

/// Puts a number within its bounds into its place; the error says what is expected.
fn set<T>(place: &mut T, value: &str, bounds: RangeInclusive<T>) -> Result<(), String>
where
    T: std::str::FromStr + PartialOrd + std::fmt::Display,
{
    let number = value.parse().ok().filter(|number| bounds.contains(number));
    *place = number.ok_or_else(|| format!("a number from {} to {}", bounds.start(), bounds.end()))?;
    Ok(())
}

fn some<T>(place: &mut Option<T>, value: &str, bounds: RangeInclusive<T>) -> Result<(), String>
where
    T: std::str::FromStr + PartialOrd + std::fmt::Display + Default,
{
    set(place.get_or_insert_default(), value, bounds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_declared_twice() {
        let mut names: Vec<_> = OPTIONS.iter().flat_map(|switch| switch.names).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
