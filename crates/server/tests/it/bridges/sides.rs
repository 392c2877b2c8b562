//! Two brokers with a bridge between them, either of which may be the Mosquitto that the system has.

use crate::foreign::{are_there, place_of};
use crate::harness::{Broker, Client, Got, Program, Scratch, Setup, client, free_port};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A Mosquitto of the system.
#[derive(Debug)]
pub(super) struct Foreign {
    pub(super) program: Program,
    pub(super) port: u16,
    _scratch: Scratch,
}

impl Foreign {
    /// With this configuration. None, and it is said, where there is no Mosquitto.
    pub(super) fn start(config: &str) -> Option<Self> {
        Self::start_at(free_port(), config)
    }

    /// `PORT` is this one.
    pub(super) fn start_at(port: u16, config: &str) -> Option<Self> {
        are_there(&["mosquitto"]).then(|| {
            let scratch = Scratch::new();
            let text = format!("user root\nlog_type all\nlog_dest stderr\nallow_anonymous true\n{config}");
            let file = scratch.file("foreign.conf", &scratch.filled(&text, port, 0));
            let program = Program::start(&place_of("mosquitto").unwrap(), ["-c".as_ref(), file.as_os_str()]);
            program.stderr.wait_for(" running");
            Self { program, port, _scratch: scratch }
        })
    }

    pub(super) fn listening(&self, filter: &str, qos: u8) -> Client {
        let mut client = guest_at(self.port, "away");
        client.subscribe(filter, qos);
        client
    }
}

/// A broker of either kind that lets everybody in.
#[derive(Debug)]
pub(super) enum Side {
    Ours(Box<Broker>),
    Theirs(Box<Foreign>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Ours,
    Theirs,
}

impl Side {
    /// None where there is no Mosquitto.
    pub(super) fn start(kind: Kind, lines: &str) -> Option<Self> {
        let config = format!("listener PORT 127.0.0.1\nallow_anonymous true\n{lines}\n");
        match kind {
            Kind::Ours => {
                let config = format!("log_type all\nlog_timestamp false\n{config}");
                Some(Side::Ours(Box::new(Setup::config(&config).start())))
            }
            Kind::Theirs => Foreign::start(&config).map(|foreign| Side::Theirs(Box::new(foreign))),
        }
    }

    pub(super) fn port(&self) -> u16 {
        match self {
            Side::Ours(broker) => broker.port(),
            Side::Theirs(foreign) => foreign.port,
        }
    }

    /// A client of MQTT 3.1.1, since the system's Mosquitto may know no other.
    pub(super) fn guest(&self, name: &str) -> Client {
        guest_at(self.port(), name)
    }

    pub(super) fn listening(&self, name: &str, filter: &str) -> Client {
        let mut client = self.guest(name);
        client.subscribe(filter, 1);
        client
    }

    pub(super) fn publish(&self, topic: &str, text: &str, qos: u8) {
        let mut publisher = self.guest("publisher");
        publisher.publish(topic, text, qos);
        publisher.finish();
    }

    /// Publishes this until a message comes that is not `old`, and says which.
    pub(super) fn first(&self, topic: &str, text: &str, listener: &mut Client, old: &str) -> String {
        let mut publisher = self.guest("publisher");
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let _guard = Done(&done);
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    publisher.publish(topic, text, 1);
                    publisher.finish();
                    std::thread::sleep(Duration::from_millis(20));
                }
            });
            loop {
                let message = listener.message();
                if message.topic == topic && message.text() != old {
                    return message.text().to_owned();
                }
            }
        })
    }
}

/// Also where a test fails meanwhile.
struct Done<'a>(&'a AtomicBool);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A client at whichever broker is there.
pub(super) fn guest_at(port: u16, name: &str) -> Client {
    let stream: TcpStream = Broker::dial_address(([127, 0, 0, 1], port).into());
    let mut client = client(name).v311().over(stream);
    assert!(matches!(client.next(), Got::ConnAck { reason: 0, .. }));
    client
}
