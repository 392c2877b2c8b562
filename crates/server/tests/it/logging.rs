//! Where the log goes and what it looks like.

use crate::harness::{Broker, Scratch, Setup, Signal, SignalExt, client, is_root};
use std::iter;
use std::os::unix::fs::PermissionsExt;

const OPEN: &str = "listener PORT 127.0.0.1\nallow_anonymous true\nlog_timestamp false\n";

#[test]
fn coming_and_going_is_logged_in_mosquittos_words() {
    let broker = Broker::open("log_timestamp false");
    let port = broker.port();
    let good = client("good").v311().to(&broker);
    let good_peer = good.stream.local_addr().unwrap();
    good.disconnect();
    let lost = client("lost").to(&broker);
    let lost_peer = lost.stream.local_addr().unwrap();
    drop(lost);
    broker.log.wait_for("Client lost");
    let lines = broker.stop();
    let about = |peer: &str| lines.iter().filter(|line| line.contains(peer)).cloned().collect::<Vec<_>>();
    assert_eq!(
        about(&good_peer.to_string()),
        [
            format!("New connection from {good_peer} on port {port}."),
            format!("New client connected from {good_peer} as good (p4, c1, k60)."),
            format!("Client good [{good_peer}] disconnected."),
        ]
    );
    assert_eq!(
        about(&lost_peer.to_string()),
        [
            format!("New connection from {lost_peer} on port {port}."),
            format!("New client connected from {lost_peer} as lost (p5, c1, k60)."),
            format!("Client lost [{lost_peer}] disconnected: connection closed by client."),
        ]
    );
}

#[test]
fn verbose_shows_every_packet() {
    let broker = Setup::open("log_timestamp false\nlog_type error").argument("-v").start();
    let mut user = client("user").to(&broker);
    user.subscribe("a/#", 1);
    user.publish("a/b", "hello", 1);
    assert_eq!(user.message().text(), "hello");
    user.finish();
    user.ping();
    user.disconnect();
    let lines = broker.stop();
    for line in [
        "No will message specified.",
        "Sending CONNACK to user (0, 0)",
        "Received SUBSCRIBE from user",
        "\ta/# (QoS 1)",
        "user 1 a/#",
        "Sending SUBACK to user",
        "Received PUBLISH from user (d0, q1, r0, m2, 'a/b', ... (5 bytes))",
        "Sending PUBLISH to user (d0, q1, r0, m1, 'a/b', ... (5 bytes))",
        "Sending PUBACK to user (m2, rc0)",
        "Received PUBACK from user (Mid: 1, RC:0)",
        "Received PINGREQ from user",
        "Sending PINGRESP to user",
        "Received DISCONNECT from user",
    ] {
        assert!(lines.iter().any(|written| written == line), "no {line:?} in\n{}", lines.join("\n"));
    }
}

#[test]
fn quiet_logs_nothing() {
    let broker = Setup::open("").argument("-v").argument("-q").silent().start();
    client("user").to(&broker).disconnect();
    assert_eq!(broker.stop(), Vec::<String>::new());
}

#[test]
pub(crate) fn log_dest_none_logs_nothing() {
    let broker = Setup::open("log_dest none").silent().start();
    client("user").to(&broker).disconnect();
    let stdout = broker.stdout.clone();
    assert_eq!(broker.stop(), Vec::<String>::new());
    assert_eq!(stdout.to_the_end(), Vec::<String>::new());
}

#[test]
pub(crate) fn log_dest_stdout_logs_there_and_not_to_stderr() {
    let broker = Setup::open("log_timestamp false\nlog_dest stdout").logs_to_stdout().start();
    client("user").to(&broker).disconnect();
    let stdout = broker.stdout.clone();
    assert_eq!(broker.stop(), Vec::<String>::new());
    let lines = stdout.to_the_end();
    assert!(lines.iter().any(|line| line.ends_with("as user (p5, c1, k60).")), "{lines:?}");
    assert!(lines.last().unwrap().ends_with("terminating"), "{lines:?}");
}

#[test]
pub(crate) fn several_destinations_get_the_same_lines() {
    let broker = Setup::config(&format!("{OPEN}log_dest stderr\nlog_dest stdout\nlog_dest file DIR/log\n")).start();
    client("user").to(&broker).disconnect();
    let (path, stdout) = (broker.directory().join("log"), broker.stdout.clone());
    // The file has to be opened before the directory goes with the broker.
    let mut file = std::fs::File::open(path).unwrap();
    let stderr = broker.stop();
    let mut text = String::new();
    std::io::Read::read_to_string(&mut file, &mut text).unwrap();
    assert_eq!(text.lines().collect::<Vec<_>>(), stderr);
    assert_eq!(stdout.to_the_end(), stderr);
}

#[test]
fn a_log_file_is_for_its_owner_only() {
    let broker = Setup::config(&format!("{OPEN}log_dest file DIR/log\n")).silent().start();
    let mode = std::fs::metadata(broker.directory().join("log")).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
}

#[test]
fn a_log_file_that_others_can_read_is_complained_of_at_the_start_and_at_a_reload() {
    let scratch = Scratch::new();
    let path = scratch.file("log", "");
    let config = format!("{OPEN}log_dest file {}\nlog_dest stderr\n", path.display());
    let warning =
        format!("Warning: File {} has world readable permissions. Future versions will refuse", path.display());
    for (mode, count) in [(0o600, 0), (0o660, 0), (0o604, 1)] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let broker = Setup::config(&config).start();
        let cure = format!("To fix this, use `chmod 0700 {}`.", path.display());
        assert_eq!((broker.log.count(&warning), broker.log.count(&cure)), (count, count), "{mode:o}");
        assert_eq!(broker.hang_up().iter().filter(|line| line.starts_with(&warning)).count(), count, "{mode:o}");
    }
}

#[test]
fn a_log_file_of_somebody_else_is_complained_of() {
    if !is_root("a file of somebody else") {
        return;
    }
    let scratch = Scratch::new();
    let path = scratch.file("log", "");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::os::unix::fs::chown(&path, Some(65534), Some(65534)).unwrap();
    let broker = Setup::config(&format!("{OPEN}log_dest file {}\nlog_dest stderr\n", path.display())).start();
    for what in ["owner is not root", "group is not root"] {
        broker.log.wait_for(&format!("Warning: File {} {what}. Future versions will refuse", path.display()));
    }
}

#[test]
fn a_log_file_is_appended_to() {
    let scratch = Scratch::new();
    let path = scratch.file("log", "what was there\n");
    let setup = Setup::config(&format!("{OPEN}log_dest file {}\nlog_dest stderr\n", path.display()));
    let mut expected = vec!["what was there".to_owned()];
    for _ in 0..2 {
        expected.extend(setup.start().stop());
    }
    let text = std::fs::read_to_string(path).unwrap();
    assert_eq!(text.lines().collect::<Vec<_>>(), expected);
}

/// As in Mosquitto: a broker without its log is better than none.
#[test]
fn a_log_file_that_cannot_be_opened_leaves_standard_error_for_errors_only() {
    let broker = Setup::config(&format!("{OPEN}log_dest file DIR/no/such/directory.log\n")).silent().start();
    client("user").to(&broker).disconnect();
    let log = broker.directory().join("no/such/directory.log");
    let line = format!("Error: Unable to open log file {} for writing. No such file or directory.", log.display());
    assert_eq!(broker.stop(), [line]);
}

#[test]
fn a_log_file_that_is_a_link_is_not_followed_unless_the_environment_allows_it() {
    let scratch = Scratch::new();
    let target = scratch.file("target", "untouched\n");
    let link = scratch.path().join("link");
    std::os::unix::fs::symlink(&target, &link).unwrap();
    let setup = Setup::config(&format!("{OPEN}log_dest file {}\n", link.display())).silent();
    let lines = setup.start().stop();
    assert!(lines[0].starts_with("Error: Unable to open log file"), "{lines:?}");
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "untouched\n");
    setup.environment("MOSQUITTO_UNSAFE_ALLOW_SYMLINKS", "").start().stop();
    let text = std::fs::read_to_string(&target).unwrap();
    assert!(text.contains("\nMOSQUITTO_UNSAFE_ALLOW_SYMLINKS is set, "), "{text}");
}

#[test]
fn a_log_file_that_is_no_file_is_refused_and_not_waited_for() {
    let scratch = Scratch::new();
    let pipe = scratch.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let lines = Setup::config(&format!("{OPEN}log_dest file {}\n", pipe.display())).silent().start().stop();
    assert!(lines[0].starts_with("Error: Unable to open log file"), "{lines:?}");
}

/// As logrotate does it: the file is moved away, then the broker is told.
#[test]
fn sigrtmin_opens_the_log_file_anew_and_no_line_is_lost() {
    let broker = Setup::config(&format!("{OPEN}log_type all\nlog_dest stderr\nlog_dest file DIR/log\n")).start();
    let [log, old] = ["log", "log.1"].map(|name| broker.directory().join(name));
    let mut old_file = std::fs::File::open(&log).unwrap();
    let mut user = client("user").to(&broker);
    user.publish_at_once("t", iter::repeat_n("x", 50));
    std::fs::rename(&log, &old).unwrap();
    broker.signal(Signal::rt_min());
    for _ in 0..20 {
        user.publish_at_once("t", iter::repeat_n("x", 50));
        user.ping();
    }
    crate::harness::wait_until("there is another log file", || log.exists());
    user.publish("t", "x", 0);
    user.ping();
    let mut new_file = std::fs::File::open(&log).unwrap();
    let stderr = broker.stop();
    let mut read = String::new();
    for file in [&mut old_file, &mut new_file] {
        std::io::Read::read_to_string(file, &mut read).unwrap();
        assert!(!read.is_empty());
    }
    assert_eq!(read.lines().collect::<Vec<_>>(), stderr);
}

#[test]
fn a_log_file_that_could_not_be_opened_is_tried_again_with_sigrtmin() {
    let broker = Setup::config(&format!("{OPEN}log_dest file DIR/later/log\n")).silent().start();
    broker.log.wait_for("Unable to open log file");
    std::fs::create_dir(broker.directory().join("later")).unwrap();
    broker.signal(Signal::rt_min());
    let log = broker.directory().join("later/log");
    crate::harness::wait_until("the log file is there", || log.exists());
    client("user").to(&broker).disconnect();
    crate::harness::wait_until("a line is there", || std::fs::read_to_string(&log).unwrap().contains("as user ("));
}

#[test]
pub(crate) fn lines_begin_with_seconds_since_1970_with_a_format_or_with_nothing() {
    let digits = |text: &str| text.len() >= 10 && text.bytes().all(|byte| byte.is_ascii_digit());
    for line in Setup::open("").start().stop() {
        let (time, text) = line.split_once(": ").unwrap();
        assert!(digits(time) && !text.is_empty(), "{line}");
    }
    let setup = Setup::open("log_timestamp_format %Y-%m-%dT%H:%M:%S").environment("TZ", "UTC");
    for line in setup.start().stop() {
        let (time, text) = line.split_once(": ").unwrap();
        let pattern: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        assert_eq!(pattern, "0000-00-00T00:00:00", "{line}");
        assert!(!text.is_empty());
    }
    for line in Setup::open("log_timestamp false").start().stop() {
        assert!(!line.starts_with(|c: char| c.is_ascii_digit()), "{line}");
    }
}

#[test]
fn lines_are_cut_at_999_bytes() {
    let long = "t".repeat(3000);
    for (timestamp, prefix) in [("log_timestamp false", 0), ("", 12)] {
        let broker = Setup::open(timestamp).argument("-v").start();
        let mut user = client("user").to(&broker);
        user.publish(&long, "x", 0);
        user.ping();
        let line = broker.log.wait_for("Received PUBLISH from user");
        assert_eq!(line.len(), 999);
        assert!(line[prefix..].starts_with("Received PUBLISH from user (d0, q0, r0, m0, 'ttt"), "{line}");
        broker.log.wait_for("Sending PINGRESP to user");
    }
}

/// What clients send must not be able to write lines of its own, or to steer a terminal.
#[test]
fn client_ids_cannot_forge_lines() {
    let broker = Broker::open("log_timestamp false");
    let mut stream = broker.dial();
    let id = "evil\nmosquitto version 9 terminating";
    std::io::Write::write_all(&mut stream, &client(id).bytes()).unwrap();
    broker.log.wait_for("disconnected: ");
    assert_eq!(broker.log.count("mosquitto version 9"), 0);
}

#[test]
pub(crate) fn connection_messages_false_hides_them() {
    let broker = Broker::open("connection_messages false");
    client("user").to(&broker).disconnect();
    let lines = broker.stop();
    assert!(!lines.iter().any(|line| line.contains("New c") || line.contains("disconnected")), "{lines:?}");
}

/// Far more is logged than a pipe holds and than the broker keeps for one.
#[test]
fn a_log_that_nobody_reads_stalls_nobody() {
    const MESSAGES: usize = 25_000;
    let mut broker = Setup::open("worker_threads 2\nmax_queued_messages 0").argument("-v").unread().start();
    let mut receiver = client("receiver").to(&broker);
    receiver.subscribe("#", 0);
    let mut sender = client("sender").to(&broker);
    #[cfg(target_os = "linux")]
    let before = broker.resident_kib();
    let receiving = std::thread::spawn(move || {
        receiver.messages(MESSAGES);
        receiver
    });
    let topic = format!("a/{}", "long".repeat(60));
    for _ in 0..MESSAGES / 100 {
        sender.publish_at_once(&topic, iter::repeat_n("x", 100));
    }
    sender.ping();
    receiving.join().unwrap().ping();
    #[cfg(target_os = "linux")]
    assert!(broker.resident_kib() < before + 64 * 1024, "lines that nobody reads are kept");
    // Who reads on is told what is missing.
    broker.read_on();
    broker.log.wait_for("log lines were dropped: standard error took them too slowly.");
    let lines = broker.stop();
    assert!(lines.last().unwrap().ends_with("terminating"), "{}", lines.last().unwrap());
}

/// One destination that takes nothing is no reason for the others to miss a line.
#[test]
fn a_destination_that_nobody_reads_does_not_hold_up_the_others() {
    const MESSAGES: usize = 4000;
    let text = format!("{OPEN}max_queued_messages 0\nlog_type all\nlog_dest stderr\nlog_dest file DIR/log\n");
    let broker = Setup::config(&text).unread().start();
    let log = broker.directory().join("log");
    let mut sender = client("sender").to(&broker);
    for number in 0..MESSAGES / 100 {
        sender.publish_at_once(&format!("a/{number}"), iter::repeat_n("x", 100));
    }
    sender.ping();
    crate::harness::wait_until("the last line is in the file", || {
        std::fs::read_to_string(&log).unwrap().contains("Sending PINGRESP to sender")
    });
    let text = std::fs::read_to_string(&log).unwrap();
    assert_eq!(text.lines().filter(|line| line.starts_with("Received PUBLISH from sender")).count(), MESSAGES);
}

/// As where the disk is full. By itself the system would end a process that writes more than it may (SIGXFSZ).
#[test]
fn a_log_file_that_may_not_grow_any_more_ends_nobody() {
    let limited = ["/bin/sh", "-c", "ulimit -f 4 && exec \"$0\" \"$@\""];
    let text = format!("{OPEN}log_type all\nlog_dest stderr\nlog_dest file DIR/log\n");
    let broker = Setup::config(&text).wrapped(&limited).start();
    let mut user = client("user").to(&broker);
    for _ in 0..100 {
        user.publish("a/long/topic", "x", 1);
    }
    let file = std::fs::File::open(broker.directory().join("log")).unwrap();
    let lines = broker.stop();
    // The shell counts in 512 bytes, or in 1024.
    assert!(file.metadata().unwrap().len() <= 4096, "the limit holds");
    assert!(lines.iter().map(String::len).sum::<usize>() > 4096, "more was logged than that");
}

/// Where the system has a log the lines go there; where it has none, standard error is told once.
#[test]
fn a_broker_that_logs_to_syslog_runs_also_where_there_is_none() {
    let broker = Setup::config(&format!("{OPEN}log_dest syslog\nlog_facility 5\n")).silent().start();
    client("user").to(&broker).disconnect();
    let lines = broker.stop();
    let expected = usize::from(!std::path::Path::new("/dev/log").exists());
    assert_eq!(lines.len(), expected, "{lines:?}");
    assert!(lines.iter().all(|line| line.starts_with("Warning: Unable to log to syslog at /dev/log: ")), "{lines:?}");
}

/// From the first line to the last, as Mosquitto has them; only that more of its features are not available.
#[test]
fn start_and_end_are_logged_in_mosquittos_order() {
    let setup = Setup::config(&format!("{OPEN}set_tcp_nodelay true\n")).changes_user();
    // Nobody is who this is, whoever runs the tests.
    let setup = setup.environment("PUID", "54321").environment("PGID", "54321");
    let broker = setup.start();
    let (version, port) = (env!("CARGO_PKG_VERSION"), broker.port());
    let config = broker.directory().join("mosquitto.conf").display().to_string();
    let lines: Vec<_> = broker.stop().into_iter().filter(|line| !line.contains(" support ")).collect();
    assert!(lines[0].starts_with("Info: running mosquitto as user"), "{lines:?}");
    assert_eq!(
        lines[1..],
        [
            format!("mosquitto version {version} starting"),
            format!("Config loaded from {config}."),
            format!("Opening ipv4 listen socket on port {port}."),
            format!("mosquitto version {version} running"),
            format!("mosquitto version {version} terminating"),
        ]
    );
}

/// Who has read the log and is gone, as `mosquitto 2>&1 | head` would have it.
#[test]
fn a_log_whose_reader_is_gone_ends_nobody() {
    let broker = Setup::config(&format!("{OPEN}log_dest stdout\nlog_dest file DIR/log\n")).reader_leaves().start();
    client("user").to(&broker).disconnect();
    let mut file = std::fs::File::open(broker.directory().join("log")).unwrap();
    broker.stop();
    let mut text = String::new();
    std::io::Read::read_to_string(&mut file, &mut text).unwrap();
    assert!(text.contains(" as user (p5") && text.ends_with("terminating\n"), "{text}");
}
