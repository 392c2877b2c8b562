//! One option in one form, given to one program that talks with one broker.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a harness fails the test that it serves")]

use crate::harness::{Broker, Directory, PUB, Process, RR, SUB, Subscriber, Whose, text};
use mosquitto_tools::Tool;
use std::io::Write;
use std::process::{Child, Command, Stdio};

/// The message that is retained at [`KEPT`].
pub(super) const MESSAGE: &str = "text";
pub(super) const KEPT: &str = "kept/message";
/// What every broker here is configured with.
pub(super) const CONFIGURATION: &str = "allow_anonymous true\nmax_queued_messages 0\n";

/// What a case is called with.
pub(super) struct Trial<'a> {
    pub(super) whose: Whose,
    pub(super) broker: &'a Broker,
    pub(super) tool: Tool,
    /// The option as it is to be written.
    pub(super) form: &'static str,
    /// Another one for each trial.
    pub(super) id: String,
}

/// What came of a program.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) status: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Outcome {
    pub(super) fn of(status: i32, stdout: &str, stderr: &str) -> Self {
        Self { status: Some(status), stdout: stdout.to_owned(), stderr: stderr.to_owned() }
    }
}

pub(super) fn program(tool: Tool) -> &'static str {
    match tool {
        Tool::Pub => PUB,
        Tool::Sub => SUB,
        Tool::Rr => RR,
    }
}

/// The least that a program has to be told to do its work, which ends by itself.
pub(super) fn least(tool: Tool) -> &'static [&'static str] {
    match tool {
        Tool::Pub => &["-t", "said", "-m", MESSAGE],
        Tool::Sub => &["-t", KEPT, "-C", "1", "-W", "20"],
        Tool::Rr => &["-t", "ask", "-e", KEPT, "-m", MESSAGE, "-W", "20"],
    }
}

/// A broker with more in its configuration, and with the message.
pub(super) fn broker(whose: Whose, configuration: &str) -> Option<Broker> {
    let broker = Broker::of(whose, &format!("{CONFIGURATION}{configuration}"))?;
    keep(&broker);
    Some(broker)
}

fn keep(broker: &Broker) {
    broker.publish(&["-t", KEPT, "-m", MESSAGE, "-r", "-q", "2"]);
}

impl Trial<'_> {
    /// Whether the program prints messages.
    pub(super) fn prints(&self) -> bool {
        self.tool != Tool::Pub
    }

    /// What it prints of the message, if anything.
    pub(super) fn printed(&self) -> &'static str {
        if self.prints() { "text\n" } else { "" }
    }

    /// A broker of its own, of the same kind.
    pub(super) fn other_broker(&self, configuration: &str) -> Broker {
        broker(self.whose, configuration).unwrap()
    }

    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        self.broker.command(program(self.tool), arguments)
    }

    /// The least arguments, after these.
    pub(super) fn working(&self, arguments: &[&str]) -> Command {
        self.command(&[arguments, least(self.tool)].concat())
    }

    /// The same without host and port.
    pub(super) fn elsewhere(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program(self.tool));
        command.env("XDG_CONFIG_HOME", "/nonexistent").args(arguments).args(least(self.tool));
        command.stdin(Stdio::null());
        command
    }

    pub(super) fn run(&self, arguments: &[&str]) -> Outcome {
        outcome(&mut self.command(arguments))
    }

    /// With these arguments beside the least ones it does its work without a complaint. What it prints is returned.
    pub(super) fn works(&self, arguments: &[&str]) -> String {
        self.succeeds(&mut self.working(arguments))
    }

    /// The same of any of its commands.
    pub(super) fn succeeds(&self, command: &mut Command) -> String {
        let outcome = outcome(command);
        assert_eq!((outcome.status, outcome.stderr.as_str()), (Some(0), ""), "{} {}", self.tool.name(), self.form);
        outcome.stdout
    }

    /// These arguments beside the least ones are refused with this text, and before anything is sent.
    pub(super) fn refuses(&self, arguments: &[&str], said: &str) {
        let expected = format!("{said}\nUse '{} --help' to see usage.\n", self.tool.name());
        assert_eq!(outcome(&mut self.working(arguments)), Outcome::of(1, "", &expected), "{arguments:?}");
    }

    /// Refused without the hint to the usage: these arguments are understood.
    pub(super) fn refuses_by_name(&self, arguments: &[&str], said: &str) {
        assert_eq!(outcome(&mut self.working(arguments)), Outcome::of(1, "", said), "{arguments:?}");
    }

    /// Where nothing follows it.
    pub(super) fn needs_a_value(&self, what: &str) {
        let expected = format!("Error: {what} specified.\n\n\nUse '{} --help' to see usage.\n", self.tool.name());
        assert_eq!(self.run(&[self.form]), Outcome::of(1, "", &expected));
    }

    /// The line that the broker logs when the program, which calls itself by the trial's id, comes.
    pub(super) fn arrival(&self, arguments: &[&str]) -> String {
        self.works(&[&["-i", &self.id], arguments].concat());
        self.broker.logged(&format!(" as {} (", self.id))
    }

    /// A program that stays: it waits for its standard input, for messages, or for an answer.
    pub(super) fn staying(&self, arguments: &[&str]) -> Staying {
        let least: &[&str] = match self.tool {
            Tool::Pub => &["-t", "said", "-l"],
            Tool::Sub => &["-t", "nothing"],
            Tool::Rr => &["-t", "ask", "-e", "nothing", "-m", MESSAGE],
        };
        let mut command = self.command(&[&["-i", &self.id], arguments, least].concat());
        let child: Child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let staying = Staying { process: Process { child } };
        self.broker.logged(&format!(" as {} (", self.id));
        staying
    }

    /// What a subscriber gets of what the program publishes.
    pub(super) fn seen(&self, subscriber: &[&str], arguments: &[&str]) -> String {
        let subscriber = self.watcher(subscriber);
        let outcome = self.run(arguments);
        assert_eq!((outcome.status, outcome.stderr.as_str()), (Some(0), ""), "{arguments:?}");
        subscriber.message()
    }

    /// Somebody who sees messages.
    pub(super) fn watcher(&self, arguments: &[&str]) -> Subscriber {
        self.broker.subscribe(arguments)
    }

    /// A request needs a topic to be answered on, too.
    pub(super) fn to_be_answered(&self) -> &'static [&'static str] {
        if self.tool == Tool::Rr { &["-e", KEPT] } else { &[] }
    }

    /// Runs it with this as its standard input.
    pub(super) fn with_input(&self, arguments: &[&str], input: &[u8]) -> Outcome {
        let child = self.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
        let mut process = Process { child };
        process.stdin().write_all(input).unwrap();
        let output = process.output();
        Outcome { status: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }
}

/// A program under way.
pub(super) struct Staying {
    pub(super) process: Process,
}

pub(super) fn outcome(command: &mut Command) -> Outcome {
    let output = command.output().unwrap();
    Outcome { status: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

/// A directory that a broker of another user can use as well.
pub(super) fn open_directory() -> Directory {
    let directory = Directory::new();
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(directory.path(), open).unwrap();
    directory
}
