//! Who is let in.

use crate::harness::{Broker, Got, Setup, client};
use mosquitto_mqtt::ProtocolVersion;

const VERSIONS: [ProtocolVersion; 3] = [ProtocolVersion::V31, ProtocolVersion::V311, ProtocolVersion::V5];

/// Whether anonymous clients of all versions get in through the first, or through the second listener.
fn lets_in(broker: &Broker, second: bool) -> bool {
    let answers = VERSIONS.map(|version| {
        let mut connecting = client(&format!("anonymous-{}", version.level())).version(version);
        if second {
            connecting = connecting.second();
        }
        let mut user = connecting.over(if second { broker.dial_second() } else { broker.dial() });
        match user.next() {
            Got::ConnAck { reason: 0, .. } => true,
            Got::ConnAck { reason: 5 | 0x87, .. } => false,
            other => panic!("{other:?} instead of a CONNACK"),
        }
    });
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    answers[0]
}

#[test]
pub(super) fn allow_anonymous_decides_about_clients_without_a_name() {
    for (lines, let_in) in [("", false), ("allow_anonymous false", false), ("allow_anonymous true", true)] {
        let broker = Setup::config(&format!("listener PORT 127.0.0.1\n{lines}\n")).start();
        assert_eq!(lets_in(&broker, false), let_in, "{lines}");
    }
}

#[test]
pub(super) fn allow_anonymous_false_holds_in_local_only_mode_too() {
    for (lines, let_in) in [("", true), ("allow_anonymous true", true), ("allow_anonymous false", false)] {
        let broker = Setup::config(&format!("{lines}\n")).argument("-p").argument("PORT").start();
        assert_eq!(lets_in(&broker, false), let_in, "{lines}");
    }
}

#[test]
pub(super) fn listener_allow_anonymous_comes_before_allow_anonymous() {
    for general in [false, true] {
        for own in [false, true] {
            let broker = Setup::config(&format!(
                "listener PORT 127.0.0.1\nlistener_allow_anonymous {own}\nlistener SECOND 127.0.0.1\n\
                 allow_anonymous {general}\n"
            ));
            let broker = broker.start();
            assert_eq!((lets_in(&broker, false), lets_in(&broker, true)), (own, general));
        }
    }
}

/// Without it, the last word about the whole broker counts.
#[test]
pub(super) fn per_listener_settings_leaves_security_options_to_the_listener_above_them() {
    for (first, second) in [(true, false), (false, true)] {
        for own in [false, true] {
            let broker = Setup::config(&format!(
                "per_listener_settings {own}\nlistener PORT 127.0.0.1\nallow_anonymous {first}\n\
                 listener SECOND 127.0.0.1\nallow_anonymous {second}\n"
            ));
            let broker = broker.start();
            let expected = if own { (first, second) } else { (second, second) };
            assert_eq!((lets_in(&broker, false), lets_in(&broker, true)), expected);
        }
    }
}
