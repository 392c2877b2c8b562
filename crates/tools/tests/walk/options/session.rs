//! Who the client is, and what the broker keeps of it.

#![allow(clippy::unwrap_used, reason = "a helper fails the test that it serves")]

use super::bench::{MESSAGE, Outcome, Trial, least, open_directory, outcome, program};
use crate::harness::{Broker, SUB, Whose, text};
use mosquitto_tools::Tool;
use std::path::Path;
use std::process::Command;

pub(super) fn a_session_is_kept_and_needs_a_client_id(trial: &Trial) {
    let line = trial.arrival(&[]);
    assert!(line.contains("c1"), "{line}");
    let line = trial.arrival(&[trial.form]);
    assert!(line.contains("c0"), "{line}");
    trial.refuses(&[trial.form, "-V", "311"], "Error: You must provide a client id if you are using the -c option.\n");
    let forever = "Error: You must provide a client id if you are using an infinite session expiry interval.\n";
    trial.refuses(&[trial.form, "-V", "5"], forever);
    // Unless it is kept for less than for ever.
    assert_eq!(trial.works(&[trial.form, "-x", "5"]), trial.printed());
}

pub(super) fn a_property_chooses_mqtt_5_and_is_sent(trial: &Trial) {
    let property = [trial.form, "connect", "user-property", "name", "value"];
    assert!(trial.arrival(&[&["-V", "311"], &property[..]].concat()).contains("(p5"));
    // A packet larger than this is not for this client.
    if trial.prints() {
        let limited = ["-i", &trial.id, "-W", "1", trial.form, "connect", "maximum-packet-size", "19"];
        let outcome = trial.run(&[least(trial.tool), &limited].concat());
        assert_eq!(outcome, Outcome::of(27, "", "Timed out\n"));
    } else {
        let arguments = ["-t", "a", "-m", "b", trial.form, "publish", "content-type", "text/plain"];
        assert_eq!(trial.seen(&["-t", "a", "-V", "5", "-F", "%C"], &arguments), "text/plain");
    }
    let not_enough = "--property argument given but not enough arguments";
    trial.needs_a_value(not_enough);
}

pub(super) fn the_client_has_this_id(trial: &Trial) {
    trial.works(&[trial.form, "its name"]);
    trial.broker.logged(" as its name (");
    trial.refuses(&[trial.form, "a", "-I", "b"], "Error: -i and -I argument cannot be used together.\n\n");
    trial.needs_a_value("-i argument given but no id");
}

pub(super) fn the_client_has_this_id_and_the_number_of_the_process(trial: &Trial) {
    let child = trial.working(&[trial.form, "prefix"]).spawn().unwrap();
    let id = child.id();
    assert!(child.wait_with_output().unwrap().status.success());
    trial.broker.logged(&format!(" as prefix{id} ("));
    trial.refuses(&[trial.form, "a", "-i", "b"], "Error: -i and -I argument cannot be used together.\n\n");
    trial.needs_a_value("-I argument given but no id prefix");
}

pub(super) fn the_keep_alive_is_told_to_the_broker(trial: &Trial) {
    let line = trial.arrival(&[]);
    assert!(line.contains("k60"), "{line}");
    for seconds in ["5", "65535"] {
        let line = trial.arrival(&[trial.form, seconds, "-V", "311"]);
        assert!(line.contains(&format!("k{seconds}")), "{line}");
    }
    for seconds in ["4", "65536", "0", "-1"] {
        let said = "Error: Invalid keepalive given, it must be between 5 and 65535 inclusive.\n\n";
        trial.refuses(&[trial.form, seconds], said);
    }
    trial.needs_a_value("-k argument given but no keepalive");
}

/// Of what is published: the second message waits for the acknowledgement of the first.
pub(super) fn so_many_messages_are_under_way(trial: &Trial) {
    let order = |output: &str| -> Vec<String> {
        let packets = output.lines().filter_map(|line| line.split(" PUB").nth(1)).map(|rest| format!("PUB{rest}"));
        packets.map(|packet| packet.split(' ').next().unwrap().to_owned()).collect()
    };
    let one = ["PUBLISH", "PUBACK", "PUBLISH", "PUBACK", "PUBLISH", "PUBACK"];
    if trial.tool == Tool::Pub {
        let lines = ["-t", "said", "-l", "-q", "1", "-d"];
        let outcome = trial.with_input(&[&lines[..], &[trial.form, "1"]].concat(), b"a\nb\nc\n");
        assert_eq!(order(&outcome.stdout), one);
    } else {
        assert_eq!(trial.works(&["-q", "1", trial.form, "1"]), "text\n");
    }
    for count in ["0", "-1"] {
        let said = "Error: Maximum inflight messages must be greater than 0.\n\n";
        trial.refuses(&[trial.form, count], said);
    }
    trial.needs_a_value("-M argument given but max_inflight not");
}

/// The lines of a broker's configuration that let in one user.
fn one_user(trial: &Trial, directory: &Path) -> String {
    let file = directory.join("passwords");
    // 2.0 does not know the files of 2.1: its salt has another length.
    let program = match trial.whose {
        Whose::Ours => env!("CARGO_BIN_EXE_mosquitto_passwd"),
        Whose::Debians => "/usr/bin/mosquitto_passwd",
    };
    let passwd = Command::new(program).args(["-c", "-b"]).arg(&file).args(["me", "secret"]).output().unwrap();
    assert!(passwd.status.success(), "{}", text(&passwd.stderr));
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    format!("allow_anonymous false\npassword_file {}\n", file.display())
}

pub(super) fn a_user_is_let_in_by_his_password(trial: &Trial) {
    let directory = open_directory();
    let broker = Broker::of(trial.whose, &one_user(trial, directory.path())).unwrap();
    let run = |password: &str| {
        let rest = ["-t", "a", "-u", "me", trial.form, password];
        let more: &[&str] = match trial.tool {
            Tool::Pub => &["-m", "b"],
            Tool::Sub => &["-E"],
            Tool::Rr => &["-e", "b", "-m", "c", "-W", "1"],
        };
        outcome(&mut broker.command(program(trial.tool), &[&rest[..], more].concat()))
    };
    let (in_, out) = match trial.tool {
        Tool::Rr => ((Some(27), "Timed out\n"), 135),
        _ => ((Some(0), ""), 5),
    };
    let known = run("secret");
    assert_eq!((known.status, known.stderr.as_str()), in_);
    let stranger = run("wrong");
    assert_eq!(stranger.status, Some(out), "{stranger:?}");
    // MQTT 3 has no password without a user.
    let nameless = outcome(&mut trial.working(&[trial.form, "secret", "-V", "311"]));
    assert_eq!(nameless, Outcome::of(1, "", "Error: Problem setting username and/or password.\n"));
    trial.needs_a_value("-P argument given but no password");
}

pub(super) fn a_user_is_told_to_the_broker(trial: &Trial) {
    assert!(trial.arrival(&[trial.form, "somebody"]).contains("u'somebody'"));
    trial.needs_a_value("-u argument given but no username");
}

pub(super) fn the_version_is_that_of_the_connection(trial: &Trial) {
    // 2.0 counts the versions, 2.1 has what CONNECT says.
    let [v31, v311] = if trial.whose == Whose::Ours { ["(p3", "(p4"] } else { ["(p1", "(p2"] };
    let usual = if trial.tool == Tool::Rr { "(p5" } else { v311 };
    let line = trial.arrival(&[]);
    assert!(line.contains(usual), "{line}");
    for (words, shown) in [(["mqttv31", "31"], v31), (["mqttv311", "311"], v311), (["mqttv5", "5"], "(p5")] {
        for word in words {
            let line = trial.arrival(&[trial.form, word]);
            assert!(line.contains(shown), "{word}: {line}");
        }
    }
    trial.refuses(&[trial.form, "4"], "Error: Invalid protocol version argument given.\n\n");
    trial.needs_a_value("--protocol-version argument given but no version");
}

pub(super) fn a_will_is_published_with_all_that_is_said_of_it(trial: &Trial) {
    let option = trial.form;
    let topic = format!("will/{}{option}", trial.id);
    let form = ["-t", &topic, "-V", "5", "-q", "2", "--retain-as-published", "-F", "%t %q %r %p."];
    let watcher = trial.watcher(&form);
    let mut said = vec!["--will-topic", &topic];
    let expected = match option {
        "--will-payload" => ("0 0 gone.", vec![option, "gone"]),
        "--will-qos" => ("2 0 .", vec![option, "2"]),
        "--will-retain" => ("0 1 .", vec![option]),
        _ => ("0 0 .", vec![]),
    };
    said.extend(&expected.1);
    let staying = trial.staying(&said);
    staying.process.signal("KILL");
    assert_eq!(watcher.message(), format!("{topic} {}", expected.0));
    match option {
        "--will-payload" => {
            trial.refuses(&[option, "gone"], "Error: Will payload given, but no will topic given.\n");
            trial.needs_a_value("--will-payload argument given but no will payload");
        }
        "--will-qos" => {
            trial.refuses(&[option, "3"], "Error: Invalid will QoS 3.\n\n");
            trial.needs_a_value("--will-qos argument given but no will QoS");
        }
        "--will-retain" => trial.refuses(&[option], "Error: Will retain given, but no will topic given.\n"),
        _ => {
            trial.refuses(&[option, "a/#"], "Error: Invalid will topic 'a/#', does it contain '+' or '#'?\n");
            trial.needs_a_value("--will-topic argument given but no will topic");
        }
    }
}

pub(super) fn the_session_is_kept_for_so_long_with_mqtt_5(trial: &Trial) {
    assert!(trial.arrival(&["-V", "311", trial.form, "100"]).contains("(p5"));
    if trial.prints() {
        // It is still subscribed.
        let come_back = ["-i", &trial.id, "-c", "-x", "100", "-q", "1"];
        let topic = format!("answers/{}", trial.id);
        let first: &[&str] = match trial.tool {
            Tool::Sub => &["-t", &topic, "-E"],
            _ => &["-t", "ask", "-m", "b", "-e", &topic, "-W", "1"],
        };
        trial.run(&[&come_back[..], first].concat());
        trial.broker.publish(&["-t", &topic, "-m", MESSAGE, "-q", "1"]);
        let back = trial.broker.run(SUB, &[&come_back[..], &["-U", "none", "-C", "1", "-V", "5"]].concat());
        assert_eq!(text(&back.stdout), "text\n", "{back:?}");
    }
    for forever in ["-1", "\u{221e}"] {
        let said = "Error: You must provide a client id if you are using an infinite session expiry interval.\n";
        trial.refuses(&[trial.form, forever], said);
    }
    for (seconds, said) in
        [("-2", "out of range"), ("4294967296", "out of range"), ("long", "not a number"), ("1s", "not a number")]
    {
        trial.refuses(&[trial.form, seconds], &format!("Error: session-expiry-interval {said}.\n\n"));
    }
    trial.needs_a_value("-x argument given but no session expiry interval");
}
