//! What is asked for wrongly is said, with exit status 1.

use crate::broker::free_port;
use crate::runs::{Run, program};

fn error(words: &str) -> String {
    let output = program(&words.split_whitespace().collect::<Vec<_>>());
    assert_eq!(output.status.code(), Some(1), "{words}");
    assert_eq!(output.stdout, b"", "{words}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn wrong_arguments_are_named_with_what_is_expected() {
    let cases = [
        ("", "No scenario is given."),
        ("storm", "There is no scenario \"storm\". They are pairs, fanin, fanout,"),
        ("pairs fanin", "\"fanin\" is a second scenario."),
        ("pairs --bogus", "There is no option \"--bogus\"."),
        ("pairs -n", "-n needs a value: number."),
        ("pairs -n 0", "-n takes a number from 1 to 1000000, and not \"0\"."),
        ("pairs -q 3", "-q takes 0, 1 or 2, and not \"3\"."),
        ("pairs -V 4", "-V takes mqttv311 or mqttv5, and not \"4\"."),
        ("pairs -s 19", "-s takes a number from 20 to 67108864, and not \"19\"."),
        ("pairs --rate NaN", "--rate takes a number from 0.01 to 100000000, and not \"NaN\"."),
        ("pairs --persistent all", "--persistent takes publishers, subscribers or both, and not \"all\"."),
        ("idle --subscriber-port 1884", "--subscriber-port has no meaning for the scenario idle."),
        ("pairs --subscriber-host name.invalid", "The address of \"name.invalid\" cannot be found"),
        ("idle --rate 5", "--rate has no meaning for the scenario idle."),
        ("many --match 7", "--match takes a divisor of the number of subscribers, and 7 is none of 100."),
        ("queue -q 0", "--qos takes 1 or 2 for queue"),
        ("pairs -P secret", "A password without a username is not possible before MQTT 5"),
        ("pairs --pid 4294967295", "There is no process 4294967295"),
        ("pairs -h name.invalid", "The address of \"name.invalid\" cannot be found"),
    ];
    for (words, expected) in cases {
        let error = error(words);
        assert!(error.starts_with(&format!("Error: {expected}")), "{words}: {error}");
    }
}

#[test]
fn help_names_each_scenario_and_is_no_error() {
    let output = program(&["--help"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0));
    for name in ["pairs", "shared", "queue", "--idle-filters", "--json"] {
        assert!(text.contains(name), "{name}");
    }
}

#[test]
fn a_broker_that_is_not_there_is_an_error_also_as_json() {
    let run = Run::at(free_port(), "pairs");
    assert_eq!(run.status, Some(1), "{run:?}");
    assert!(run.json["error"].as_str().unwrap().contains("Connection refused"), "{run:?}");
    assert_eq!(run.json["ok"], false);
}
