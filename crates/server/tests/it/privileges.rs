//! Who the broker is once it runs.

use crate::harness::{Broker, Program, Scratch, Setup, client, free_port, is_root};
use rustix::thread::{Gid, set_thread_groups};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

/// What `/proc` says of each thread under this name.
fn of_all_threads(broker: &Broker, name: &str) -> Vec<Vec<String>> {
    let tasks = fs::read_dir(broker.proc("task")).unwrap();
    let mut all = Vec::new();
    for task in tasks {
        let text = fs::read_to_string(task.unwrap().path().join("status")).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        all.push(line.split_whitespace().map(str::to_owned).collect());
    }
    assert!(all.len() > 2, "a thread for each of: signals, log, workers");
    all
}

/// Name, user and group number of an account of this machine.
fn account(name: &str) -> Option<(String, String)> {
    let text = fs::read_to_string("/etc/passwd").unwrap();
    let fields: Vec<_> = text.lines().find(|line| line.starts_with(&format!("{name}:")))?.split(':').collect();
    Some((fields[2].to_owned(), fields[3].to_owned()))
}

/// Starts the broker from a thread that has more groups than its own. Nothing of them may be left.
fn started_with_groups(setup: Setup) -> Broker {
    let starting = std::thread::spawn(move || {
        set_thread_groups(&[Gid::from_raw(4), Gid::from_raw(6)]).unwrap();
        setup.start()
    });
    starting.join().unwrap()
}

fn assert_is(broker: &Broker, uid: &str, gid: &str) {
    assert!(of_all_threads(broker, "Uid:").iter().flatten().all(|id| id == uid));
    assert!(of_all_threads(broker, "Gid:").iter().flatten().all(|id| id == gid));
    assert!(of_all_threads(broker, "CapEff:").iter().flatten().all(|set| set == "0000000000000000"));
}

#[test]
pub(crate) fn root_becomes_the_user_of_the_configuration_for_all_threads_and_files() {
    if !is_root("the change to another user") {
        return;
    }
    let (uid, gid) = account("nobody").unwrap();
    let lines = "user nobody\nlog_dest stderr\nlog_dest file DIR/log\npid_file DIR/pid\nworker_threads 3";
    let broker = started_with_groups(Setup::open(lines).changes_user());
    assert_is(&broker, &uid, &gid);
    assert!(of_all_threads(&broker, "Groups:").iter().flatten().all(|group| *group == gid));
    assert_eq!(broker.log.count("Info: running mosquitto as user: nobody."), 1);
    for name in ["log", "pid"] {
        let metadata = fs::metadata(broker.directory().join(name)).unwrap();
        assert_eq!((metadata.uid().to_string(), metadata.gid().to_string()), (uid.clone(), gid.clone()), "{name}");
    }
    client("user").to(&broker).ping();
    let pid = broker.directory().join("pid");
    assert!(pid.exists());
    broker.stop();
    assert!(!pid.exists());
}

#[test]
fn root_becomes_mosquitto_by_default_or_else_nobody() {
    if !is_root("the change to the default user") {
        return;
    }
    let broker = Setup::open("log_timestamp false").changes_user().start();
    let name = if account("mosquitto").is_some() { "mosquitto" } else { "nobody" };
    let (uid, gid) = account(name).unwrap();
    assert_is(&broker, &uid, &gid);
    assert_eq!(broker.log.count("Trying 'nobody' instead."), usize::from(name == "nobody"));
    assert_eq!(broker.log.count(&format!("Info: running mosquitto as user: {name}.")), 1);
    // All of it stands before the start line, as in Mosquitto.
    let lines = broker.stop();
    let start = lines.iter().position(|line| line.ends_with(" starting")).unwrap();
    assert!(lines[start - 1].contains("running mosquitto as user"), "{lines:?}");
}

#[test]
pub(crate) fn user_root_stays_root_and_is_warned() {
    if !is_root("staying root") {
        return;
    }
    let broker = Setup::open("user root").changes_user().start();
    assert!(of_all_threads(&broker, "Uid:").iter().flatten().all(|id| id == "0"));
    assert_eq!(broker.log.count("Info: running mosquitto as user: root."), 1);
    assert_eq!(broker.log.count("Warning: Mosquitto should not be run as root/administrator."), 1);
}

#[test]
fn numbers_of_the_environment_go_before_the_configuration() {
    if !is_root("the change to users by number") {
        return;
    }
    let setup = Setup::open("user no-such-user").changes_user();
    let broker = started_with_groups(setup.environment("PUID", "54321").environment("PGID", "12345"));
    assert_is(&broker, "54321", "12345");
    assert!(of_all_threads(&broker, "Groups:").iter().flatten().all(|group| group == "12345"));
    assert_eq!(broker.log.count("Info: running mosquitto as user id: 54321."), 1);
}

#[test]
pub(crate) fn who_does_not_exist_is_named_and_exits_with_3() {
    if !is_root("the change to a user that does not exist") {
        return;
    }
    let scratch = Scratch::new();
    let text = format!("listener {} 127.0.0.1\nuser no-such-user\n", free_port());
    let config = scratch.file("mosquitto.conf", &text);
    let run = |environment: &[(&str, &str)]| {
        let program = env!("CARGO_BIN_EXE_mosquitto").as_ref();
        let refused = Program::start_with(program, ["-c", config.to_str().unwrap()], environment).finish();
        assert_eq!(refused.code, Some(3), "{refused:?}");
        refused.stderr
    };
    assert_eq!(run(&[]), ["Error: Unable to drop privileges to 'no-such-user' because this user does not exist."]);
    assert_eq!(run(&[("PUID", "me")]), ["Error: PUID not a valid ID 'me'"]);
    assert_eq!(run(&[("PUID", "1"), ("PGID", "-1")]), ["Error: PGID must not be negative"]);
    assert_eq!(
        run(&[("PUID", "1"), ("PGID", "1"), ("UMASK_SET", "9")]),
        ["Error: UMASK_SET environment variable not a valid octal number."]
    );
}

#[test]
fn umask_set_is_the_umask_of_the_process() {
    let broker = Setup::open("").environment("UMASK_SET", "0137").start();
    let status = fs::read_to_string(broker.proc("status")).unwrap();
    assert!(status.contains("\nUmask:\t0137\n"), "{status}");
}

#[test]
fn a_configuration_is_tested_with_the_rights_that_the_broker_will_have() {
    if !is_root("the test of a configuration as another user") {
        return;
    }
    let scratch = Scratch::new();
    let roots = scratch.file("log", "");
    fs::set_permissions(&roots, fs::Permissions::from_mode(0o600)).unwrap();
    let test = |user: &str| {
        let text = format!("user {user}\nlog_dest file {}\n", roots.display());
        let config = scratch.file("mosquitto.conf", &text);
        let program = env!("CARGO_BIN_EXE_mosquitto").as_ref();
        Program::start(program, ["--test-config", "-c", config.to_str().unwrap()]).finish()
    };
    assert_eq!(test("root").code, Some(0));
    let (refused, unknown) = (test("nobody"), test("no-such-user"));
    let line = format!("Error: Log file {} cannot be written: Permission denied.", roots.display());
    assert_eq!((refused.code, refused.stderr), (Some(3), vec![line]));
    assert_eq!(unknown.code, Some(3));
    assert_eq!(
        unknown.stderr,
        ["Error: Unable to drop privileges to 'no-such-user' because this user does not exist."]
    );
}
