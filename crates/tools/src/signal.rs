//! `mosquitto_signal`: has a broker do something, by the name of it rather than by a signal's.

use crate::program_table::{self, Program, Rest, Switch, Value};
use crate::report::FAILURE;
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};
use rustix_libc_wrappers::process::SignalExt;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::ExitCode;

/// The command of a broker's process.
const BROKER: &str = "mosquitto";

/// What a broker can be told: the word, what it does, and the signal for it. `log-rotate` is a reload, as Mosquitto's is:
/// the signal that does nothing else would end a Mosquitto before 2.1.
const WORDS: [Word; 5] = [
    Word { name: "config-reload", help: "read the configuration again", signal: || Signal::HUP },
    Word {
        name: "log-rotate",
        help: "open the log file anew; reads the configuration again as well",
        signal: || Signal::HUP,
    },
    Word { name: "shutdown", help: "end in good order", signal: || Signal::INT },
    Word { name: "tree-print", help: "print the subscriptions", signal: || Signal::USR2 },
    Word { name: "xtreport", help: "open the log file anew", signal: Signal::rt_min },
];

/// Something that a broker can be told.
struct Word {
    name: &'static str,
    help: &'static str,
    /// Which number it has is known when the program runs.
    signal: fn() -> Signal,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    All,
    One,
    Help,
}

const OPTIONS: &[Switch<Effect>] = &[
    Switch { names: &["-a"], value: None, help: "tell all processes whose command is mosquitto", effect: Effect::All },
    Switch {
        names: &["-p"],
        value: Some(Value { name: "pid", choices: &[] }),
        help: "tell this process",
        effect: Effect::One,
    },
    Switch { names: &["--help", "-h"], value: None, help: "show this text", effect: Effect::Help },
];

/// The way to call it.
const FORM: &str = "{-a | -p pid} signal";

/// As its user sees it.
pub(crate) fn program() -> Program {
    Program {
        name: "mosquitto_signal",
        forms: vec![FORM.to_owned()],
        options: program_table::entries(OPTIONS),
        rest: Rest::Word(WORDS.iter().map(|word| (word.name, word.help)).collect()),
    }
}

/// Which processes are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whom {
    All,
    One(Pid),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Task {
    whom: Whom,
    signal: Signal,
}

/// Carries out these arguments (without the program's name). The exit status is that of Mosquitto's program: 1 after help
/// and wrong arguments, 0 otherwise, also where nobody was there to get the signal; standard error has the reason.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    match parse(arguments) {
        Ok(Some(task)) => {
            task.carry_out();
            ExitCode::SUCCESS
        }
        Ok(None) => {
            // A reader that has gone away does not want the rest.
            let _ = io::stdout().write_all(usage().as_bytes());
            ExitCode::from(FAILURE)
        }
        Err(text) => {
            complain(&format!("Error: {text}"));
            ExitCode::from(FAILURE)
        }
    }
}

fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

fn usage() -> String {
    let options: Vec<_> = OPTIONS.iter().map(Switch::usage).collect();
    let words = WORDS.map(|word| (word.name.to_owned(), word.help));
    format!(
        "mosquitto_signal tells a mosquitto broker to do something.\nmosquitto_signal version {}.\n\n\
         Usage: mosquitto_signal {FORM}\n\n{}\nsignal is one of:\n{}",
        env!("CARGO_PKG_VERSION"),
        program_table::usage(&options),
        program_table::usage(&words),
    )
}

const WITHOUT_WHOM: &str = "One of -a or -p must be used.";

/// None: help is asked for.
fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Option<Task>, String> {
    let mut arguments = arguments.into_iter();
    let (mut whom, mut signal) = (None, None);
    while let Some(argument) = arguments.next() {
        match program_table::find(OPTIONS, &argument).map(|switch| switch.effect) {
            Some(Effect::Help) => return Ok(None),
            Some(Effect::All) => {
                whom = Some(Whom::All);
                continue;
            }
            Some(Effect::One) => {
                let value = arguments.next().ok_or("-p argument given but process ID missing.")?;
                whom = Some(Whom::One(pid(&value)?));
                continue;
            }
            None => {}
        }
        match argument.to_str() {
            Some(word) if !word.starts_with('-') && signal.is_none() => signal = Some(signal_of(word)?),
            // What is no option is the signal, for the original; and whom it is for is looked at first.
            _ if whom.is_none() => return Err(WITHOUT_WHOM.to_owned()),
            _ if signal.is_none() => signal = Some(signal_of(&argument.to_string_lossy())?),
            _ => return Err(format!("Unexpected '{}' after the signal.", argument.to_string_lossy())),
        }
    }
    let whom = whom.ok_or(WITHOUT_WHOM)?;
    let signal = signal.ok_or("No signal given.")?;
    Ok(Some(Task { whom, signal }))
}

fn pid(value: &OsStr) -> Result<Pid, String> {
    // 0 and negative numbers would be whole groups of processes.
    let number = value.to_str().and_then(|text| text.parse::<i32>().ok()).filter(|number| *number > 0);
    number.and_then(Pid::from_raw).ok_or_else(|| "Process ID must be >0.".to_owned())
}

fn signal_of(word: &str) -> Result<Signal, String> {
    let known = WORDS.iter().find(|known| known.name == word);
    known.map(|known| (known.signal)()).ok_or_else(|| format!("Unknown signal '{word}'."))
}

impl Task {
    fn carry_out(self) {
        match self.whom {
            Whom::One(pid) => self.send(pid),
            Whom::All => match brokers(Path::new("/proc")) {
                Ok(found) if found.is_empty() => complain("Error: No mosquitto process found."),
                Ok(found) => found.into_iter().for_each(|pid| self.send(pid)),
                Err(error) => complain(&format!("Error: Unable to read /proc: {error}.")),
            },
        }
    }

    fn send(self, pid: Pid) {
        if let Err(error) = kill_process(pid, self.signal) {
            let why = match error {
                Errno::SRCH => "No such process".to_owned(),
                Errno::PERM => "Operation not permitted".to_owned(),
                other => other.to_string(),
            };
            complain(&format!("Error: Unable to send signal to process {}: {why}.", pid.as_raw_nonzero()));
        }
    }
}

/// The processes below `proc` whose command is a broker's, in the order of their numbers.
fn brokers(proc: &Path) -> io::Result<Vec<Pid>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(proc)? {
        let Ok(entry) = entry else { continue };
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw) else {
            continue;
        };
        // A process may have ended since.
        let Ok(command_line) = fs::read(entry.path().join("cmdline")) else { continue };
        if is_broker(&command_line) {
            found.push(pid);
        }
    }
    found.sort_by_key(|pid| pid.as_raw_nonzero());
    Ok(found)
}

/// `command_line` is the arguments, each with a NUL behind it.
fn is_broker(command_line: &[u8]) -> bool {
    let command = command_line.split(|byte| *byte == 0).next().unwrap_or_default();
    Path::new(OsStr::from_bytes(command)).file_name() == Some(OsStr::new(BROKER))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Option<Task>, String> {
        parse(arguments.iter().map(OsString::from))
    }

    #[test]
    fn each_word_is_its_signal() {
        for (word, signal) in [
            ("config-reload", Signal::HUP),
            ("log-rotate", Signal::HUP),
            ("shutdown", Signal::INT),
            ("tree-print", Signal::USR2),
            ("xtreport", Signal::rt_min()),
        ] {
            assert_eq!(parsed(&["-a", word]), Ok(Some(Task { whom: Whom::All, signal })));
            assert_eq!(parsed(&[word, "-a"]), Ok(Some(Task { whom: Whom::All, signal })));
        }
    }

    #[test]
    fn a_process_id_is_one_process() {
        let whom = Whom::One(Pid::from_raw(42).unwrap());
        assert_eq!(parsed(&["-p", "42", "shutdown"]), Ok(Some(Task { whom, signal: Signal::INT })));
        for number in ["0", "-1", "x", "", "2147483648"] {
            assert_eq!(parsed(&["-p", number, "shutdown"]), Err("Process ID must be >0.".to_owned()));
        }
    }

    #[test]
    fn a_broker_is_known_by_its_command_wherever_it_stands() {
        for line in ["mosquitto\0-c\0x\0", "/usr/sbin/mosquitto\0", "./mosquitto"] {
            assert!(is_broker(line.as_bytes()), "{line:?}");
        }
        for line in ["", "mosquitto_sub\0-t\0x\0", "sh\0mosquitto\0", "/mosquitto/other\0"] {
            assert!(!is_broker(line.as_bytes()), "{line:?}");
        }
    }

    #[test]
    fn the_brokers_among_all_processes_are_found() {
        let proc = std::env::temp_dir().join(format!("mosquitto-signal-test-{}", std::process::id()));
        for (name, command_line) in
            [("12", "mosquitto\0"), ("7", "/sbin/mosquitto\0-d\0"), ("8", "sh\0"), ("self", "mosquitto\0")]
        {
            fs::create_dir_all(proc.join(name)).unwrap();
            fs::write(proc.join(name).join("cmdline"), command_line).unwrap();
        }
        fs::create_dir_all(proc.join("9")).unwrap();
        let found = brokers(&proc);
        fs::remove_dir_all(&proc).unwrap();
        let numbers: Vec<_> = found.unwrap().into_iter().map(|pid| pid.as_raw_nonzero().get()).collect();
        assert_eq!(numbers, [7, 12]);
    }
}
