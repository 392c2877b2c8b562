//! `acl_file` and `check_retain_source`: read at the start and at SIGHUP, and never wide open by mistake.

use crate::harness::{Broker, Client, Got, Scratch, Setup, client, mosquitto};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// The rules of a file in a directory of its own.
struct Rules {
    scratch: Scratch,
}

impl Rules {
    fn new(text: &str) -> Self {
        let rules = Self { scratch: Scratch::new() };
        rules.set(text);
        rules
    }

    fn path(&self) -> PathBuf {
        self.scratch.path().join("rules")
    }

    fn set(&self, text: &str) {
        fs::write(self.path(), text).unwrap();
        fs::set_permissions(self.path(), fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn option(&self) -> String {
        format!("acl_file {}", self.path().display())
    }
}

/// A broker with one listener for all, these rules and these lines.
fn broker(rules: &Rules, lines: &str) -> Broker {
    Broker::open(&format!("log_timestamp false\nworker_threads 2\n{}\n{lines}\n", rules.option()))
}

/// Whether a client may publish here.
fn may_write(client: &mut Client, topic: &str) -> bool {
    client.attempt(topic, "x") < 0x80
}

#[test]
pub(crate) fn acl_file_decides_who_publishes_and_who_gets_what() {
    let rules = Rules::new("topic read news/#\nuser bob\ntopic news/bob\npattern readwrite of/%c\n");
    let broker = broker(&rules, "");
    let (mut bob, mut anonymous) = (client("b").username("bob").to(&broker), client("a").to(&broker));
    anonymous.subscribe("#", 1);
    assert!(may_write(&mut bob, "news/bob") && !may_write(&mut bob, "news/eve") && !may_write(&mut bob, "of/a"));
    assert!(may_write(&mut bob, "of/b"));
    assert_eq!(anonymous.message().topic, "news/bob");
    assert!(!may_write(&mut anonymous, "news/bob") && may_write(&mut anonymous, "of/a"));
    assert_eq!(anonymous.message().topic, "of/a");
    assert!(!may_write(&mut bob, "$SYS/broker/uptime") && !may_write(&mut bob, "$CONTROL/broker/v1"));
}

#[test]
fn an_empty_file_denies_everything() {
    let rules = Rules::new("");
    let broker = broker(&rules, "");
    for user in [None, Some("bob")] {
        let mut user = user.map_or(client("a"), |name| client("b").username(name)).to(&broker);
        user.subscribe("#", 0);
        assert!(!may_write(&mut user, "t"));
    }
}

#[test]
pub(crate) fn acl_file_is_the_listeners_own_with_per_listener_settings() {
    let (first, second) = (Rules::new("topic write a\n"), Rules::new("topic write b\n"));
    let listener =
        |port, rules: &Rules| format!("listener {port} 127.0.0.1\nallow_anonymous true\n{}\n", rules.option());
    let both = format!("{}{}", listener("PORT", &first), listener("SECOND", &second));
    for (own, expected) in [(true, [true, false, false, true]), (false, [false, true, false, true])] {
        let broker = Setup::config(&format!("per_listener_settings {own}\n{both}")).start();
        let mut one = client("1").to(&broker);
        let mut two = client("2").second().over(broker.dial_second());
        assert_eq!(two.next(), Got::ConnAck { present: false, reason: 0 });
        let found = [("a", true), ("b", true), ("a", false), ("b", false)];
        let found = found.map(|(topic, first)| may_write(if first { &mut one } else { &mut two }, topic));
        assert_eq!(found, expected);
    }
    // One without a list lets its own clients do everything, and no others.
    let open = "listener SECOND 127.0.0.1\nallow_anonymous true\n";
    let broker = Setup::config(&format!("per_listener_settings true\n{}{open}", listener("PORT", &first))).start();
    let mut one = client("1").to(&broker);
    let mut two = client("2").second().over(broker.dial_second());
    two.next();
    assert!(!may_write(&mut one, "b") && may_write(&mut two, "b"));
}

/// The options above any `listener` are those of the default listener.
#[test]
fn the_default_listener_goes_by_its_own_list_with_per_listener_settings() {
    let rules = Rules::new("topic write a\n");
    let own = format!("port PORT\nallow_anonymous true\n{}\n", rules.option());
    let other = "listener SECOND 127.0.0.1\nallow_anonymous true\n";
    for config in [own.clone(), format!("{own}{other}"), format!("bind_address 127.0.0.1\n{own}{other}")] {
        let broker = Setup::config(&format!("per_listener_settings true\n{config}")).start();
        let mut user = client("a").to(&broker);
        assert!(may_write(&mut user, "a") && !may_write(&mut user, "b"), "{config}");
        broker.hang_up();
        assert!(may_write(&mut user, "a") && !may_write(&mut user, "b"), "{config}");
    }
}

#[test]
fn in_local_only_mode_the_list_of_the_default_listener_holds() {
    let rules = Rules::new("topic write a\n");
    for lines in ["", "per_listener_settings true\nmax_connections 100\n"] {
        let broker = Setup::config(&format!("{lines}{}\n", rules.option())).argument("-p").argument("PORT").start();
        let mut user = client("a").to(&broker);
        assert!(may_write(&mut user, "a") && !may_write(&mut user, "b"), "{lines}");
    }
}

#[test]
fn other_rules_hold_from_sighup_on_for_clients_that_are_there() {
    let rules = Rules::new("topic a\n");
    let broker = broker(&rules, "");
    let mut user = client("a").to(&broker);
    user.subscribe("#", 0);
    assert!(may_write(&mut user, "a"));
    user.message();
    rules.set("topic read b\n");
    let log = broker.hang_up();
    assert!(log.contains(&format!("The contents of acl_file {} have changed.", rules.path().display())), "{log:#?}");
    assert_eq!(log.last().unwrap(), "Configuration reloaded: 1 change.");
    assert!(!may_write(&mut user, "a"));
    assert_eq!(broker.hang_up().last().unwrap(), "Configuration reloaded: nothing has changed.");
    // Without the option everything is allowed again.
    let log = broker.reload("log_timestamp false\nworker_threads 2\nlistener PORT 127.0.0.1\nallow_anonymous true\n");
    assert!(log.contains(&format!("acl_file: {} -> unset.", rules.path().display())), "{log:#?}");
    assert!(may_write(&mut user, "c"));
}

/// What is done to a file.
type Spoil = fn(&Path);

/// Whatever becomes of the file while the broker runs, nothing is opened by that.
#[test]
fn a_file_that_cannot_be_read_at_sighup_changes_nothing() {
    let rules = Rules::new("topic write a\n");
    let broker = broker(&rules, "max_keepalive 100\n");
    let mut user = client("a").to(&broker);
    let path = rules.path();
    let unreadable: [(&str, Spoil); 5] = [
        ("Invalid line in acl_file", |path| fs::write(path, "topic write b\nsomething\n").unwrap()),
        ("Invalid topic access type \"nothing\"", |path| fs::write(path, "topic nothing b\n").unwrap()),
        ("Unable to open acl_file", |path| fs::remove_file(path).unwrap()),
        ("Unable to open acl_file", |path| fs::create_dir(path).unwrap()),
        ("Unable to open acl_file", |path| {
            fs::remove_dir(path).unwrap();
            fs::write(path.with_extension("other"), "topic write b\n").unwrap();
            symlink(path.with_extension("other"), path).unwrap();
        }),
    ];
    for (said, spoil) in unreadable {
        spoil(&path);
        let log = broker.hang_up();
        assert!(log.iter().any(|line| line.contains(said)), "{said}: {log:#?}");
        assert!(log.contains(&format!("Error opening acl file \"{}\".", path.display())), "{log:#?}");
        assert!(log.last().unwrap().starts_with("Error: Configuration not reloaded"), "{log:#?}");
        assert!(may_write(&mut user, "a") && !may_write(&mut user, "b"));
    }
}

#[test]
fn a_broker_does_not_start_with_a_file_that_it_cannot_read_or_understand() {
    let rules = Rules::new("topic a\nuser\n");
    let path = rules.path();
    let config = rules.scratch.file("mosquitto.conf", &rules.option());
    let ends =
        |test: bool| mosquitto([&["--test-config"][..usize::from(test)], &["-c", config.to_str().unwrap()]].concat());
    let opening = format!("Error opening acl file \"{}\".", path.display());
    let has = |lines: &[String], what: &str| lines.iter().any(|line| line.ends_with(what));
    for test in [false, true] {
        let refused = ends(test);
        assert_eq!(refused.code, Some(3));
        let wrong = format!("Error: Missing username in acl_file \"{}\".", path.display());
        for what in [wrong, format!("Error found at {}:2.", path.display()), opening.clone()] {
            assert!(has(&refused.stderr, &what), "{what}: {refused:?}");
        }
    }
    fs::remove_file(&path).unwrap();
    for (test, code) in [(false, 13), (true, 3)] {
        let refused = ends(test);
        assert_eq!(refused.code, Some(code));
        let wrong = format!("Error: Unable to open acl_file \"{}\".", path.display());
        assert!(has(&refused.stderr, &wrong) && has(&refused.stderr, &opening), "{refused:?}");
    }
}

#[test]
fn a_file_behind_a_link_is_read_only_if_the_environment_says_so() {
    let rules = Rules::new("topic write a\n");
    let link = rules.path().with_extension("link");
    symlink(rules.path(), &link).unwrap();
    let config = format!("listener PORT 127.0.0.1\nallow_anonymous true\nacl_file {}\n", link.display());
    let file = rules.scratch.file("mosquitto.conf", &config.replace("PORT", &crate::harness::free_port().to_string()));
    let refused = mosquitto(["-c".as_ref(), file.as_os_str()]);
    assert_eq!(refused.code, Some(13), "{refused:#?}");
    let broker = Setup::config(&config).environment("MOSQUITTO_UNSAFE_ALLOW_SYMLINKS", "").start();
    assert!(may_write(&mut client("a").to(&broker), "a"));
}

#[test]
fn a_path_that_is_no_file_is_said_to_be_none() {
    let rules = Rules::new("");
    let directory = rules.scratch.path().display().to_string();
    for (option, named) in [
        ("acl_file", format!("Error: Unable to open acl_file \"{directory}\".")),
        ("password_file", format!("password-file: Error: Unable to open pwfile \"{directory}\".")),
    ] {
        let config = format!("listener {} 127.0.0.1\n{option} {directory}\n", crate::harness::free_port());
        let config = rules.scratch.file("mosquitto.conf", &config);
        let refused = mosquitto(["-c".as_ref(), config.as_os_str()]);
        assert_eq!(refused.code, Some(13), "{refused:#?}");
        for line in [named, format!("Error: {directory} is not a file.")] {
            assert!(refused.stderr.iter().any(|said| said.ends_with(&line)), "{line}: {refused:#?}");
        }
    }
}

#[test]
fn a_file_that_others_can_read_and_a_pattern_without_a_name_are_warned_about() {
    let rules = Rules::new("pattern read a\n");
    fs::set_permissions(rules.path(), fs::Permissions::from_mode(0o604)).unwrap();
    let broker = broker(&rules, "");
    let path = rules.path().display().to_string();
    broker.log.wait_for(&format!("Warning: File {path} has world readable permissions. Future versions will refuse"));
    broker.log.wait_for("Warning: ACL pattern 'a' does not contain '%c' or '%u'.");
}

#[test]
pub(crate) fn check_retain_source_holds_back_what_its_publisher_could_not_publish_now() {
    for check in [false, true] {
        let rules = Rules::new("topic a\nuser bob\ntopic a\n");
        let broker = broker(&rules, &format!("check_retain_source {check}"));
        let mut bob = client("b").username("bob").to(&broker);
        bob.publish_retained("a", "x", 1);
        bob.finish();
        rules.set("topic a\n");
        broker.hang_up();
        let mut reader = client("r").to(&broker);
        reader.subscribe("a", 0);
        // Whatever is retained comes before what is published now.
        reader.publish("a", "now", 1);
        let first = reader.message();
        assert_eq!(first.text(), if check { "now" } else { "x" });
    }
}

#[test]
fn check_retain_source_waits_for_a_restart() {
    let rules = Rules::new("topic a\n");
    let broker = broker(&rules, "");
    let log = broker.reload(&format!("{}\ncheck_retain_source true\n", broker.config()));
    assert!(log.contains(&"check_retain_source: false -> true (after a restart).".to_owned()), "{log:#?}");
}
