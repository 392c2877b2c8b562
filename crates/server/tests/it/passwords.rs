//! `password_file`: who is a user, at the start, after a reload, and while the broker is busy with others' passwords.

use crate::harness::{Broker, Client, Got, Program, Scratch, Setup, client, free_port, mosquitto, report_skipped};
use mosquitto_auth::password::{PasswordHash, Salt, Scheme};
use mosquitto_mqtt::ProtocolVersion;
use std::fs;
use std::path::Path;
use std::process::Command;

const DEBIANS_BROKER: &str = "/usr/sbin/mosquitto";
const DEBIANS_PASSWD: &str = "/usr/bin/mosquitto_passwd";

const CONFIG: &str = "log_timestamp false\nworker_threads 3\nlistener PORT 127.0.0.1\npassword_file DIR/users\n";

/// A line for this user.
fn user(name: &str, password: &str) -> String {
    with_iterations(name, password, 2)
}

fn with_iterations(name: &str, password: &str, iterations: u32) -> String {
    let scheme = Scheme::Pbkdf2 { iterations: iterations.try_into().unwrap() };
    format!("{name}:{}\n", PasswordHash::new(scheme, password.as_bytes(), Salt::Short([5; 12])).unwrap())
}

/// A broker whose one user is Anna, with these lines added to its configuration.
fn broker(lines: &str) -> Broker {
    Setup::config(&format!("{CONFIG}{lines}")).file("users", &user("anna", "secret")).start()
}

/// Has the broker read another password file.
fn reload_with(broker: &Broker, users: &str) -> Vec<String> {
    fs::write(broker.directory().join("users"), users).unwrap();
    broker.hang_up()
}

fn lets_in(broker: &Broker, name: &str, password: &str) -> bool {
    is_let_in(client("x").username(name).password(password).over(broker.dial()))
}

fn is_let_in(mut client: Client) -> bool {
    match client.next() {
        Got::ConnAck { reason: 0, .. } => true,
        Got::ConnAck { reason: 5 | 0x87, .. } => {
            assert!(client.rest().is_empty(), "closed");
            false
        }
        other => panic!("{other:?} instead of a CONNACK"),
    }
}

#[test]
pub(crate) fn only_who_knows_the_password_of_a_user_is_let_in() {
    // [MQTT-3.1.4-2] [3.1.1 MQTT-3.2.2-5]
    let broker = broker("");
    for version in [ProtocolVersion::V31, ProtocolVersion::V311, ProtocolVersion::V5] {
        let (refusal, id) = (if version.is_v5() { 0x87 } else { 5 }, format!("c{}", version.level()));
        let claim = |name: &str, password: &str| client(&id).version(version).username(name).password(password);
        claim("anna", "secret").to(&broker).ping();
        for wrong in [
            claim("anna", "Secret"),
            claim("anna", ""),
            claim("bert", "secret"),
            client(&id).version(version).username("anna"),
            client(&id).version(version),
        ] {
            assert_eq!(wrong.refused(&broker), [Got::ConnAck { present: false, reason: refusal }]);
        }
    }
    let log = broker.stop();
    assert_eq!(log.iter().filter(|line| line.ends_with(" disconnected: not authorised.")).count(), 15);
    assert!(log.iter().any(|line| line.contains(" as c4 (p4, c1, k60, u'anna').")), "{log:#?}");
    assert!(!log.iter().any(|line| line.contains("ecret")), "a password in the log");
}

#[test]
fn without_a_username_allow_anonymous_decides() {
    for allow_anonymous in [false, true] {
        let broker = broker(&format!("allow_anonymous {allow_anonymous}"));
        assert_eq!(is_let_in(client("x").over(broker.dial())), allow_anonymous);
        assert!(lets_in(&broker, "anna", "secret") && !lets_in(&broker, "bert", "secret"));
    }
}

#[test]
pub(crate) fn each_listener_has_its_own_file_with_per_listener_settings() {
    let broker = Setup::config(
        "per_listener_settings true\nlistener PORT 127.0.0.1\npassword_file DIR/users\n\
         listener SECOND 127.0.0.1\npassword_file DIR/others\n",
    );
    let broker = broker.file("users", &user("anna", "a")).file("others", &user("bert", "b")).start();
    let second =
        |name: &str, password| is_let_in(client("x").username(name).password(password).over(broker.dial_second()));
    assert_eq!((lets_in(&broker, "anna", "a"), lets_in(&broker, "bert", "b")), (true, false));
    assert_eq!((second("anna", "a"), second("bert", "b")), (false, true));
}

/// The exit status and what is said where the broker does not start.
fn start_fails(file: Option<&str>) -> (Option<i32>, Vec<String>) {
    let scratch = Scratch::new();
    if let Some(text) = file {
        scratch.file("users", text);
    }
    let config = scratch.file("mosquitto.conf", &scratch.filled(CONFIG, free_port(), 0));
    let finished = mosquitto(["-c".as_ref(), config.as_os_str()]);
    let directory = format!("{}/", scratch.path().display());
    (finished.code, finished.stderr.iter().map(|line| line.replace(&directory, "")).collect())
}

#[test]
fn a_malformed_password_line_never_opens_access() {
    let good = user("anna", "secret");
    for (line, error) in [
        ("bert:plain", "Unable to decode line in password file 'users'."),
        ("bert:", "Unable to decode line in password file 'users'."),
        (":x", "Invalid line in password file 'users': there is no username."),
        (good.trim_end(), "Duplicate user 'anna' in password file 'users'."),
    ] {
        let (code, said) = start_fails(Some(&format!("{good}{line}\n")));
        assert_eq!(code, Some(3), "{line}");
        let error = format!("password-file: Error: {error}");
        assert!(said.contains(&error) && said.contains(&"Error found at users:2.".to_owned()), "{said:#?}");
        // With a broker that runs, the same line changes nothing.
        let broker = broker("");
        let log = reload_with(&broker, &format!("{good}{line}\n{}", user("carl", "c")));
        let beginning = error.split("'users'").next().unwrap();
        assert!(log.iter().any(|said| said.contains(beginning)), "{log:#?}");
        assert!(log.last().unwrap().starts_with("Error: Configuration not reloaded"), "{log:#?}");
        for (name, password) in [("bert", "plain"), ("bert", ""), ("", "x"), ("", ""), ("carl", "c")] {
            assert!(!lets_in(&broker, name, password), "{name}");
        }
        assert!(lets_in(&broker, "anna", "secret"));
    }
}

#[test]
fn a_file_that_cannot_be_read_ends_the_start_with_status_13() {
    let (code, said) = start_fails(None);
    assert_eq!(code, Some(13));
    assert!(said.contains(&"password-file: Error: Unable to open pwfile \"users\".".to_owned()), "{said:#?}");
    assert!(said.contains(&"Error: No such file or directory.".to_owned()), "{said:#?}");
}

#[test]
fn a_file_behind_a_link_is_read_only_if_the_environment_says_so() {
    let scratch = Scratch::new();
    let target = scratch.file("target", &user("anna", "secret"));
    let config = format!("listener PORT 127.0.0.1\npassword_file {}/link\n", scratch.path().display());
    std::os::unix::fs::symlink(target, scratch.path().join("link")).unwrap();
    let file = scratch.file("mosquitto.conf", &scratch.filled(&config, free_port(), 0));
    let refused = mosquitto(["-c".as_ref(), file.as_os_str()]);
    assert_eq!(refused.code, Some(13), "{refused:#?}");
    let broker = Setup::config(&config).environment("MOSQUITTO_UNSAFE_ALLOW_SYMLINKS", "").start();
    assert!(lets_in(&broker, "anna", "secret"));
}

#[test]
fn a_file_that_others_may_read_is_complained_of() {
    let broker = broker("");
    let path = broker.directory().join("users").display().to_string();
    let expected =
        format!("Warning: File {path} has world readable permissions. Future versions will refuse to load this file.");
    assert!(broker.stop().contains(&expected), "{expected}");
}

#[test]
fn test_config_looks_into_the_password_file() {
    let scratch = Scratch::new();
    let config = scratch.file("mosquitto.conf", &scratch.filled(CONFIG, free_port(), 0));
    let test = || mosquitto(["--test-config".as_ref(), "-c".as_ref(), config.as_os_str()]);
    assert_eq!(test().code, Some(3));
    scratch.file("users", &user("anna", "a"));
    assert_eq!(test().code, Some(0));
    scratch.file("users", "anna:a\n");
    assert_eq!(test().code, Some(3));
}

#[test]
fn a_reload_reads_the_file_again_and_sends_those_away_whose_line_is_another() {
    let broker = broker("");
    let other = user("bert", "b");
    let log = reload_with(&broker, &format!("{}{other}", user("anna", "secret")));
    let changed = format!("The contents of password_file {}/users have changed.", broker.directory().display());
    assert!(log.contains(&changed) && log.last().unwrap() == "Configuration reloaded: 1 change.", "{log:#?}");
    let mut anna = client("a").username("anna").password("secret").to(&broker);
    let mut bert = client("b").username("bert").password("b").to(&broker);
    reload_with(&broker, &format!("{}{other}", user("anna", "new")));
    assert_eq!(anna.rest(), [Got::Disconnect(0x87)]);
    bert.ping();
    assert!(!lets_in(&broker, "anna", "secret") && lets_in(&broker, "anna", "new"));
    reload_with(&broker, "");
    assert_eq!(bert.rest(), [Got::Disconnect(0x87)]);
    assert!(!lets_in(&broker, "bert", "b"));
}

#[test]
fn a_file_that_cannot_be_read_at_a_reload_changes_nothing() {
    let broker = broker("");
    let mut anna = client("a").username("anna").password("secret").to(&broker);
    let path = broker.directory().join("users");
    let breaks: [fn(&Path); 3] = [
        |path| fs::remove_file(path).unwrap(),
        |path| fs::create_dir(path).unwrap(),
        |path| {
            fs::remove_dir(path).unwrap();
            std::os::unix::fs::symlink("/dev/null", path).unwrap();
        },
    ];
    for break_it in breaks {
        break_it(&path);
        let log = broker.reload(&format!("{CONFIG}allow_anonymous true\n"));
        assert!(log.iter().any(|line| line.contains("password-file: Error: Unable to open pwfile")), "{log:#?}");
        assert!(log.last().unwrap().starts_with("Error: Configuration not reloaded"), "{log:#?}");
        anna.ping();
        assert!(lets_in(&broker, "anna", "secret") && !lets_in(&broker, "anna", ""));
        assert!(!is_let_in(client("n").over(broker.dial())), "allow_anonymous was not taken over either");
    }
}

#[test]
fn a_password_file_that_comes_or_goes_with_a_reload_never_leaves_somebody_unproved() {
    let open = CONFIG.replace("password_file DIR/users\n", "allow_anonymous true\n");
    let broker = Setup::config(&open).file("users", &user("anna", "secret")).start();
    let mut unproved = client("a").username("anna").password("guess").to(&broker);
    broker.reload(CONFIG);
    assert_eq!(unproved.rest(), [Got::Disconnect(0x87)]);
    let mut proved = client("a").username("anna").password("secret").to(&broker);
    broker.reload(&open.replace("allow_anonymous true\n", ""));
    assert_eq!(proved.rest(), [Got::Disconnect(0x87)], "nobody is let in then");
    assert!(!lets_in(&broker, "anna", "secret"));
}

/// A password for which the broker takes many seconds: everything else goes on, whoever finds the queue full is told so,
/// and the broker ends at once when it is told to.
#[test]
fn dear_passwords_hold_up_nobody_else_and_a_full_queue_is_said_to_be_busy() {
    let users = with_iterations("anna", "secret", 1).replacen("$7$1$", "$7$10000000$", 1);
    let broker = Setup::config(&format!("{CONFIG}allow_anonymous true\nlog_type all\n")).file("users", &users).start();
    let mut other = client("other").to(&broker);
    let claim = client("anna").username("anna").password("secret");
    // Half a thousand wait, and a few are being looked at.
    let waiting: Vec<_> = (0..520).map(|_| claim.over(broker.dial())).collect();
    broker.log.wait_for("Sending CONNACK to anna (0, 137)");
    assert_eq!(claim.clone().v311().refused(&broker), [Got::ConnAck { present: false, reason: 3 }]);
    other.ping();
    drop(waiting);
    other.ping();
    let log = broker.stop();
    assert!(log.iter().any(|line| line.ends_with("disconnected: server busy.")), "{log:#?}");
}

#[test]
fn a_file_that_debians_mosquitto_passwd_wrote_is_read() {
    if !Path::new(DEBIANS_PASSWD).exists() {
        return report_skipped("mosquitto_passwd");
    }
    let scratch = Scratch::new();
    let path = scratch.path().join("users");
    for (create, name, password) in [(true, "anna", "secret"), (false, "bert", "b:c d")] {
        let mut command = Command::new(DEBIANS_PASSWD);
        command.args(create.then_some("-c")).arg("-b").arg(&path).args([name, password]);
        assert!(command.output().unwrap().status.success());
    }
    let broker = Setup::config(CONFIG).file("users", &fs::read_to_string(path).unwrap()).start();
    assert!(lets_in(&broker, "anna", "secret") && lets_in(&broker, "bert", "b:c d"));
    assert!(!lets_in(&broker, "anna", "b:c d"));
}

/// Mosquitto 2.0 can read short salts only, as its own program writes them.
#[test]
fn debians_broker_reads_hashes_that_were_made_here() {
    if !Path::new(DEBIANS_BROKER).exists() {
        return report_skipped("mosquitto");
    }
    let scratch = Scratch::new();
    scratch.file("users", &with_iterations("anna", "secret", 101));
    let port = free_port();
    let config = "listener PORT 127.0.0.1\nallow_anonymous false\npassword_file DIR/users\n";
    let config = scratch.file("mosquitto.conf", &scratch.filled(config, port, 0));
    let debians = Program::start(DEBIANS_BROKER.as_ref(), ["-c".as_ref(), config.as_os_str()]);
    debians.stderr.wait_for(" running");
    let tries = |password: &str| {
        let stream = Broker::dial_address(([127, 0, 0, 1], port).into());
        is_let_in(client("x").v311().username("anna").password(password).over(stream))
    };
    assert!(tries("secret") && !tries("Secret"));
}
