//! What is published arrives as it was published.

use crate::harness::{Broker, Directory, PUB, SUB, VERSIONS, text};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

#[test]
fn every_version_and_quality_of_service_delivers() {
    let broker = Broker::start();
    for version in VERSIONS {
        for qos in ["0", "1", "2"] {
            let subscriber = broker.subscribe(&["-t", "walk/+", "-V", version, "-q", qos, "-C", "2", "-v"]);
            for publisher in VERSIONS {
                if publisher != "mqttv311" {
                    broker.publish(&["-t", "walk/a", "-m", publisher, "-V", publisher, "-q", qos]);
                }
            }
            assert_eq!(subscriber.message(), "walk/a mqttv31");
            assert_eq!(subscriber.message(), "walk/a mqttv5");
            let (status, _, errors) = subscriber.end();
            assert_eq!((status, errors.as_str()), (Some(0), ""), "{version} QoS {qos}");
        }
    }
}

#[test]
fn a_unix_socket_takes_the_place_of_host_and_port() {
    let directory = Directory::new();
    // Started by root, the broker is somebody else.
    std::fs::set_permissions(directory.path(), Permissions::from_mode(0o777)).unwrap();
    let path = directory.path().join("x.sock");
    let _broker = Broker::with(&format!("allow_anonymous true\nlistener 0 {}\n", path.display()));
    let path = path.to_str().unwrap();
    let run = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.env("XDG_CONFIG_HOME", "/nonexistent").args(["--unix", path]).args(arguments).output().unwrap()
    };
    // Nobody is at this port, and TLS is none of its business.
    let published = run(PUB, &["-p", "8883", "-t", "a/b", "-m", "hello", "-q", "1", "-r"]);
    assert!(published.status.success(), "{published:?}");
    let got = run(SUB, &["-t", "a/b", "-C", "1", "-W", "20"]);
    assert_eq!((text(&got.stdout), got.status.code()), ("hello\n".into(), Some(0)));
    let nowhere = Command::new(PUB).args(["--unix", "/nowhere/x.sock", "-t", "a", "-m", "b"]).output().unwrap();
    assert_eq!(nowhere.status.code(), Some(1), "{nowhere:?}");
}

#[test]
fn debugging_shows_each_packet() {
    let broker = Broker::start();
    let output = broker.run(PUB, &["-i", "p", "-t", "a/b", "-m", "hello", "-q", "2", "-d"]);
    let expected = "Client p sending CONNECT\n\
                    Client p received CONNACK (0)\n\
                    Client p sending PUBLISH (d0, q2, r0, m1, 'a/b', ... (5 bytes))\n\
                    Client p received PUBREC (Mid: 1)\n\
                    Client p sending PUBREL (m1)\n\
                    Client p received PUBCOMP (Mid: 1, RC:0)\n\
                    Client p sending DISCONNECT\n";
    assert_eq!(text(&output.stdout), expected);
    let output = broker.run(SUB, &["-i", "s", "-t", "a", "-t", "b", "-U", "c", "-q", "1", "-d", "-E"]);
    let expected = "Client s sending CONNECT\n\
                    Client s received CONNACK (0)\n\
                    Client s sending SUBSCRIBE (Mid: 1, Topic: a, QoS: 1, Options: 0x00)\n\
                    Client s sending SUBSCRIBE (Mid: 1, Topic: b, QoS: 1, Options: 0x00)\n\
                    Client s sending UNSUBSCRIBE (Mid: 2, Topic: c)\n\
                    Client s received SUBACK\n\
                    Subscribed (mid: 1): 1, 1\n\
                    Client s sending DISCONNECT\n";
    assert_eq!((text(&output.stdout).as_str(), output.status.code()), (expected, Some(0)));
}

#[test]
fn any_bytes_arrive_unharmed() {
    let (broker, directory) = (Broker::start(), Directory::new());
    let payload: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let file = directory.file("payload", &payload);
    for qos in ["0", "1", "2"] {
        let output = broker.command(PUB, &["-t", "binary", "-r", "-q", qos, "-f"]).arg(&file).output();
        assert!(output.is_ok_and(|output| output.status.success()));
        let output = broker.run(SUB, &["-t", "binary", "-C", "1", "-N", "-q", qos]);
        assert!(output.stdout == payload, "{} bytes", output.stdout.len());
    }
}

#[test]
fn retained_messages_are_kept_left_out_and_removed() {
    let broker = Broker::start();
    broker.publish(&["-t", "kept/a", "-m", "a", "-r", "-q", "1"]);
    broker.publish(&["-t", "kept/b", "-m", "b", "-r", "-q", "1"]);
    for version in VERSIONS {
        let output = broker.run(SUB, &["-t", "kept/#", "-C", "2", "-v", "-V", version]);
        assert_eq!(text(&output.stdout), "kept/a a\nkept/b b\n");
        let output = broker.run(SUB, &["-t", "kept/#", "-C", "1", "-v", "-V", version, "-T", "+/a"]);
        assert_eq!(text(&output.stdout), "kept/b b\n");
        let subscriber = broker.subscribe(&["-t", "kept/#", "-R", "-C", "1", "-V", version]);
        broker.publish(&["-t", "kept/c", "-m", "new"]);
        assert_eq!(subscriber.message(), "new");
        assert_eq!(subscriber.end().0, Some(0));
    }
    let output = broker.run(SUB, &["-t", "kept/a", "-C", "1", "--remove-retained"]);
    assert_eq!((text(&output.stdout).as_str(), output.status.code()), ("a\n", Some(0)));
    broker.publish(&["-t", "kept/b", "-n", "-r", "-q", "1"]);
    let subscriber = broker.subscribe(&["-t", "kept/#", "-C", "1"]);
    broker.publish(&["-t", "kept/c", "-m", "only"]);
    assert_eq!(subscriber.message(), "only");
}

#[test]
fn retained_only_ends_at_the_first_other_message() {
    let broker = Broker::start();
    broker.publish(&["-t", "a", "-m", "kept", "-r", "-q", "1"]);
    let subscriber = broker.subscribe(&["-t", "a", "--retained-only"]);
    assert_eq!(subscriber.message(), "kept");
    broker.publish(&["-t", "a", "-m", "other"]);
    let (status, lines, _) = subscriber.end();
    assert_eq!(status, Some(0));
    assert!(!lines.contains(&"other".to_owned()), "{lines:?}");
}

#[test]
fn empty_messages_show_with_their_topic_only() {
    let broker = Broker::start();
    for (verbose, expected) in [(&["-t", "a"][..], "end"), (&["-t", "a", "-v"][..], "a (null)")] {
        let subscriber = broker.subscribe(verbose);
        broker.publish(&["-t", "a", "-n"]);
        broker.publish(&["-t", "a", "-m", "end"]);
        assert_eq!(subscriber.message(), expected);
    }
}

#[test]
fn a_message_is_repeated_as_often_as_asked() {
    let broker = Broker::start();
    for qos in ["0", "1", "2"] {
        let subscriber = broker.subscribe(&["-t", "a", "-q", qos, "-C", "3"]);
        broker.publish(&["-t", "a", "-m", "again", "-q", qos, "--repeat", "3", "--repeat-delay", "0.01"]);
        for _ in 0..3 {
            assert_eq!(subscriber.message(), "again");
        }
        assert_eq!(subscriber.end().0, Some(0));
    }
}

#[test]
fn a_session_that_lasts_keeps_messages() {
    let broker = Broker::start();
    for (version, more) in [("mqttv311", &[][..]), ("mqttv5", &["-x", "100"][..])] {
        let lasting = [&["-t", "a", "-q", "1", "-i", "lasting", "-c", "-V", version], more].concat();
        assert!(broker.run(SUB, &[&lasting[..], &["-E"]].concat()).status.success());
        broker.publish(&["-t", "a", "-m", "meanwhile", "-q", "1"]);
        let output = broker.run(SUB, &[&lasting[..], &["-C", "1"]].concat());
        assert_eq!(text(&output.stdout), "meanwhile\n");
        // A clean session ends the lasting one.
        assert!(broker.run(SUB, &["-t", "a", "-i", "lasting", "-E"]).status.success());
    }
}

#[test]
fn a_file_of_options_comes_before_the_arguments() {
    let (broker, directory) = (Broker::start(), Directory::new());
    let file = directory.file("mosquitto_pub", "# what is always wanted\n-t from/file\n-m two words\n-r\n-q 1\n");
    let subscriber = broker.subscribe(&["-t", "#", "-v"]);
    let output = broker.command(PUB, &["-o"]).arg(&file).output();
    assert!(output.is_ok_and(|output| output.status.success()));
    assert_eq!(subscriber.message(), "from/file two words");
    // The program finds its own file by itself.
    let output = broker.command(PUB, &["-t", "from/arguments"]).env("XDG_CONFIG_HOME", directory.path()).output();
    assert!(output.is_ok_and(|output| output.status.success()));
    assert_eq!(subscriber.message(), "from/arguments two words");
    // A message in both is one too many.
    let output = broker.command(PUB, &["-m", "another", "-o"]).arg(&file).output();
    assert!(output.is_ok_and(|output| output.status.code() == Some(1)));
}

#[test]
fn a_url_names_server_and_topic() {
    let broker = Broker::start();
    let url = |topic: &str| format!("MQTT://user:pass@127.0.0.1:{}/{topic}", broker.port);
    let subscriber = broker.subscribe(&["-L", &url("some/+"), "-v"]);
    broker.publish(&["-p", "1", "-L", &url("some/topic"), "-m", "text", "-A", "127.0.0.1"]);
    assert_eq!(subscriber.message(), "some/topic text");
}

#[test]
fn properties_travel_with_the_message() {
    let broker = Broker::start();
    let format = "%t|%C|%D|%F|%R|%P|%S|%p";
    let subscriber = broker.subscribe(&["-t", "a", "-D", "subscribe", "subscription-identifier", "5", "-F", format]);
    let properties = [
        ["publish", "content-type", "text"],
        ["publish", "correlation-data", "data"],
        ["publish", "payload-format-indicator", "1"],
        ["publish", "response-topic", "answers"],
        ["publish", "topic-alias", "2"],
        ["connect", "receive-maximum", "1"],
    ];
    let arguments: Vec<_> = properties.iter().flat_map(|words| ["-D"].iter().chain(words)).copied().collect();
    let more = ["-D", "publish", "user-property", "key", "value", "-t", "a", "-m", "text", "--repeat", "2"];
    broker.publish(&[&arguments[..], &more].concat());
    for _ in 0..2 {
        assert_eq!(subscriber.message(), "a|text|data|1|answers|key:value|5|text");
    }
}

#[test]
fn topics_can_have_lines_of_their_own() {
    let broker = Broker::start();
    let subscriber = broker.subscribe(&["-t", "#", "-w", "-v"]);
    for (topic, place) in [("a", "\x1b[2;1H"), ("b", "\x1b[3;1H"), ("a", "\x1b[2;1H")] {
        broker.publish(&["-t", topic, "-m", "text"]);
        subscriber.wait_for(&format!("{place}{topic} text"));
    }
}

#[test]
fn messages_can_be_counted_instead_of_printed() {
    let broker = Broker::start();
    let subscriber = broker.subscribe(&["-t", "a", "--message-rate"]);
    broker.publish(&["-t", "a", "-m", "text", "--repeat", "5"]);
    // They may fall into two of the seconds.
    let mut messages = 0;
    while messages < 5 {
        let line = subscriber.message();
        let number = line.strip_suffix(" msgs/s").and_then(|number| number.parse::<u32>().ok());
        assert!(number.is_some(), "{line}");
        messages += number.unwrap_or_default();
    }
    assert_eq!(messages, 5);
}
