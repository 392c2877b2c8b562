//! Key files that are encrypted: who says the passphrase, and when.

use super::Office;
use crate::harness::{Broker, Finished, Got, Setup, Terminal, client, is_root, mosquitto_by, wait_until};
use std::fs;
use std::os::unix::fs::PermissionsExt;

/// The same key in many forms, with "secret" for a passphrase.
const KEYS: &str = include_str!("../../../../transport/src/tls/private_key/keys.pem");

pub(crate) const PKCS8: &str = "PKCS#8, PBKDF2 with SHA-256, AES-256";
const TRADITIONAL: &str = "traditional, aes256";

/// A start without a terminal, wherever the tests are run from.
pub(crate) const WITHOUT_TERMINAL: [&str; 1] = ["setsid"];

pub(crate) fn key(name: &str) -> &'static str {
    let mut forms = KEYS.split("\n= ").filter_map(|form| form.split_once('\n'));
    forms.find(|form| form.0 == name).unwrap().1
}

/// One whose server has this key.
fn office(name: &str) -> Office {
    let office = Office::new();
    office.write_server_with(key("PKCS#8"));
    office.file("server.key", key(name));
    office
}

fn setup(office: &Office, lines: &str) -> Setup {
    Setup::config(&office.config(lines)).wrapped(&WITHOUT_TERMINAL)
}

fn serves(office: &Office, broker: &Broker) {
    let mut user = client("user").over(office.tunnel().to(broker).unwrap());
    assert_eq!(user.next(), Got::ConnAck { present: false, reason: 0 });
}

/// What a broker says, started by this program, that does not run.
fn refusal(office: &Office, lines: &str, by: &[&str], arguments: &[&str]) -> Finished {
    let config = office.config(lines).replace("PORT", &crate::harness::free_port().to_string());
    let config = office.file("mosquitto.conf", &config);
    let mut all = arguments.to_vec();
    all.extend(["-c", config.to_str().unwrap()]);
    mosquitto_by(by, &all)
}

/// The lines that name the key file, and why it is of no use.
fn says(office: &Office, finished: &Finished, why: &str) {
    let path = office.scratch.path().join("server.key");
    let named = format!("Error: Unable to load server key file \"{}\". Check keyfile.", path.display());
    assert_eq!(finished.code, Some(1), "{finished:#?}");
    let at = finished.stderr.iter().position(|line| *line == named);
    let reason = at.and_then(|at| finished.stderr.get(at + 1));
    assert!(reason.is_some_and(|line| line.starts_with("Reason: ") && line.contains(why)), "{finished:#?}");
}

#[test]
pub(crate) fn keyfile_passphrase_command_opens_an_encrypted_key() {
    for name in [PKCS8, "PKCS#8, scrypt, AES-256", TRADITIONAL, "traditional, des3"] {
        let office = office(name);
        let broker = setup(&office, "keyfile_passphrase_command /bin/echo secret").start();
        serves(&office, &broker);
        assert!(!broker.stop().iter().any(|line| line.contains("secret")), "a passphrase in the log");
    }
}

#[test]
pub(crate) fn a_key_that_a_command_does_not_open_is_named_and_the_broker_does_not_start() {
    let office = office(PKCS8);
    for (command, why) in [
        ("/bin/echo guess", "the passphrase of the key is wrong."),
        ("/bin/false", "keyfile_passphrase_command \"/bin/false\" has failed: exit status: 1."),
        ("/nowhere", "keyfile_passphrase_command \"/nowhere\" cannot be run: No such file or directory."),
    ] {
        let finished = refusal(&office, &format!("keyfile_passphrase_command {command}"), &WITHOUT_TERMINAL, &[]);
        says(&office, &finished, why);
        assert!(!finished.stderr.iter().any(|line| line.contains("guess")), "{finished:#?}");
    }
}

#[test]
fn without_a_terminal_and_a_command_the_broker_says_what_was_expected() {
    let office = office(PKCS8);
    for arguments in [&[][..], &["-d"]] {
        let finished = refusal(&office, "", &WITHOUT_TERMINAL, arguments);
        says(&office, &finished, "the key is encrypted, and there is no terminal to ask for its passphrase: ");
        let expected =
            "Expected: a start from a terminal, where the passphrase is asked for, or keyfile_passphrase_command.";
        assert!(finished.stderr.contains(&expected.to_owned()), "{finished:#?}");
    }
}

/// Also for several listeners, and again after reloads, when nobody is asked.
#[test]
fn a_passphrase_is_asked_for_once_and_not_shown() {
    let office = office(TRADITIONAL);
    let terminal = Terminal::answering(&[b"secret\n", b"never asked for\n"]);
    let second =
        "listener SECOND 127.0.0.1\nlistener_allow_anonymous true\ncertfile DIR/server.crt\nkeyfile DIR/server.key\n";
    let config = office.config(&second.replace("DIR", office.scratch.path().to_str().unwrap()));
    let broker = Setup::config(&config).wrapped(&terminal.starting()).start();
    serves(&office, &broker);
    office.tunnel().over(broker.dial_second()).unwrap();
    // The same passphrase opens another form.
    for name in [PKCS8, "SEC 1", TRADITIONAL] {
        office.file("server.key", key(name));
        let log = broker.hang_up();
        assert!(log.last().unwrap().starts_with("Configuration reloaded"), "{name}: {log:#?}");
        serves(&office, &broker);
    }
    let path = office.scratch.path().join("server.key");
    let expected = format!("The key in {} is encrypted.\r\nEnter PEM pass phrase:\r\n", path.display());
    assert_eq!(terminal.shown(), expected);
    broker.stop();
}

#[test]
fn a_wrong_passphrase_at_the_terminal_ends_the_start() {
    let office = office(PKCS8);
    for (answer, why) in [
        (&b"guess\n"[..], "the passphrase of the key is wrong."),
        (b"\n", "the passphrase of the key is wrong."),
        // The key that ends the input.
        (b"\x04", "the passphrase of the key was asked for, and not given."),
    ] {
        let terminal = Terminal::answering(&[answer]);
        says(&office, &refusal(&office, "", &terminal.starting(), &[]), why);
        assert_eq!(terminal.shown().matches("Enter PEM pass phrase:").count(), 1);
    }
}

#[test]
fn the_key_that_interrupts_ends_a_broker_that_asks() {
    let office = office(PKCS8);
    let terminal = Terminal::answering(&[b"\x03"]);
    let finished = refusal(&office, "", &terminal.starting(), &[]);
    assert_eq!((finished.code, finished.stderr), (None, Vec::new()), "a signal has ended it, before there was a log");
}

#[test]
fn a_daemon_asks_before_it_goes_to_the_background() {
    let office = office(PKCS8);
    let terminal = Terminal::answering(&[b"secret\n"]);
    let directory = office.scratch.path().display();
    let finished = refusal(
        &office,
        &format!("pid_file {directory}/pid\nlog_dest file {directory}/log"),
        &terminal.starting(),
        &["-d"],
    );
    assert_eq!((finished.code, finished.stderr), (Some(0), Vec::new()));
    let pid = fs::read_to_string(office.scratch.path().join("pid")).unwrap().trim().parse().unwrap();
    let daemon = rustix::process::Pid::from_raw(pid).unwrap();
    rustix::process::kill_process(daemon, crate::harness::Signal::TERM).unwrap();
    wait_until("the end of the daemon", || !office.scratch.path().join("pid").exists());
    let log = fs::read_to_string(office.scratch.path().join("log")).unwrap();
    assert!(log.contains(" running\n") && !log.contains("secret"), "{log}");
}

#[test]
fn a_reload_asks_nobody_but_a_command() {
    let office = office("PKCS#8");
    let broker = setup(&office, "").start();
    office.file("server.key", key(PKCS8));
    let log = broker.hang_up();
    let why = "Reason: the key is encrypted, and nobody can be asked for its passphrase while the broker runs.";
    assert!(log.contains(&why.to_owned()), "{log:#?}");
    assert!(log.last().unwrap().starts_with("Error: Configuration not reloaded"), "{log:#?}");
    serves(&office, &broker);
    let log = broker.reload(&office.config("keyfile_passphrase_command /bin/echo secret"));
    assert!(log.last().unwrap().starts_with("Configuration reloaded"), "{log:#?}");
    serves(&office, &broker);
    // What it has said once is known, and it need not be run again.
    let log = broker.reload(&office.config("keyfile_passphrase_command /bin/false"));
    assert!(log.last().unwrap().starts_with("Configuration reloaded"), "{log:#?}");
    serves(&office, &broker);
}

/// The main thread, which a reload keeps busy, is free again after a few seconds, and clients do not notice.
#[test]
fn a_command_that_does_not_end_holds_a_reload_up_for_a_time_that_is_bounded() {
    let office = office("PKCS#8");
    let broker = setup(&office, "").start();
    office.file("server.key", key(PKCS8));
    let before = broker.log.len();
    let config = office.config("keyfile_passphrase_command /bin/sleep 1000");
    fs::write(broker.directory().join("mosquitto.conf"), config.replace("PORT", &broker.port().to_string())).unwrap();
    broker.signal(crate::harness::Signal::HUP);
    broker.log.wait_for("Reloading config.");
    serves(&office, &broker);
    assert_eq!(broker.log.count("not reloaded"), 0, "it is under way");
    let log = broker.log.until(before, &["Configuration not reloaded: "]);
    let why = "Reason: keyfile_passphrase_command \"/bin/sleep\" has not ended within 5 seconds.";
    assert!(log.contains(&why.to_owned()), "{log:#?}");
}

/// It cannot be opened without its passphrase, but how it is encrypted can be seen.
#[test]
fn test_config_asks_nobody_and_runs_nothing() {
    let office = office(PKCS8);
    let run = office.scratch.path().join("run");
    let line = format!("keyfile_passphrase_command /usr/bin/touch {}", run.display());
    for lines in ["", &line] {
        let tested = refusal(&office, lines, &WITHOUT_TERMINAL, &["--test-config"]);
        assert_eq!((tested.code, tested.stderr.last().unwrap().as_str()), (Some(0), "Configuration file is OK."));
    }
    assert!(!run.exists());
    office.file("server.key", key("unknown: too dear"));
    let tested = refusal(&office, "", &WITHOUT_TERMINAL, &["--test-config"]);
    assert_eq!(tested.code, Some(3), "{tested:#?}");
    assert!(tested.stderr.iter().any(|line| line.contains("takes too much time or memory")), "{tested:#?}");
}

/// As in Mosquitto, nothing but the configuration is read before that.
#[test]
fn key_and_command_are_the_users_whom_root_becomes() {
    if !is_root("the change to another user") {
        return;
    }
    let office = office(TRADITIONAL);
    let script = office.file("say", "#!/bin/sh\ntest \"$(id -un)\" = nobody && echo secret\n");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(office.scratch.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let lines = format!("user nobody\nkeyfile_passphrase_command {}", script.display());
    serves(&office, &setup(&office, &lines).changes_user().start());
    // A key of root's own is none for it.
    fs::set_permissions(office.scratch.path().join("server.key"), fs::Permissions::from_mode(0o600)).unwrap();
    let config = office.config(&lines).replace("PORT", &crate::harness::free_port().to_string());
    let config = office.file("mosquitto.conf", &config);
    let started = crate::harness::Program::start(
        "setsid".as_ref(),
        [env!("CARGO_BIN_EXE_mosquitto").as_ref(), "-c".as_ref(), config.as_os_str()],
    );
    says(&office, &started.finish(), "Permission denied.");
}

#[test]
fn a_command_without_a_key_is_said_to_have_no_effect() {
    let broker = Broker::open("keyfile_passphrase_command /bin/echo secret");
    broker.log.wait_for("Warning: The 'keyfile_passphrase_command' option has no effect on listener ");
}
