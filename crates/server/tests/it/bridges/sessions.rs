//! What waits on either side of a bridge that breaks: all four pairs of the flags for clean sessions, between brokers of both
//! kinds.

use super::expect;
use super::relay::Relay;
use super::sides::{Kind, Side};

const STATE: &str = "$SYS/broker/connection/there/state";

/// Has a bridge break while something is published on both sides. None where there is no Mosquitto. Else whether what this side
/// and what the other side has published came across later.
fn survives(home: Kind, away: Kind, clean: bool, local_clean: bool) -> Option<[bool; 2]> {
    let away = Side::start(away, "")?;
    let relay = Relay::to(away.port());
    let lines = format!(
        "connection b\naddress 127.0.0.1:{}\nclientid there\nlocal_clientid here\nrestart_timeout 1\n\
         topic out/# out 1\ntopic in/# in 1\ncleansession {clean}\nlocal_cleansession {local_clean}\n",
        relay.port()
    );
    let home = Side::start(home, &lines)?;
    let mut states = [&home, &away].map(|side| side.listening("state", STATE));
    let mut all_say = |text: &str| states.iter_mut().for_each(|state| expect(state, STATE, text));
    all_say("1");
    let (mut at_away, mut at_home) = (away.listening("away", "out/#"), home.listening("home", "in/#"));
    assert_eq!(home.first("out/t", "before", &mut at_away, ""), "before");
    assert_eq!(away.first("in/t", "before", &mut at_home, ""), "before");
    relay.cut();
    all_say("0");
    home.publish("out/t", "waited", 1);
    away.publish("in/t", "waited", 1);
    relay.heal();
    all_say("1");
    let out = home.first("out/t", "after", &mut at_away, "before");
    let inward = away.first("in/t", "after", &mut at_home, "before");
    Some([out == "waited", inward == "waited"])
}

/// What is published here waits for the local session, what is published there for the one there.
fn all_pairs(home: Kind, away: Kind) {
    let pairs = [(false, false), (false, true), (true, false), (true, true)];
    std::thread::scope(|scope| {
        let runs = pairs.map(|(clean, local)| (clean, local, scope.spawn(move || survives(home, away, clean, local))));
        for (clean, local_clean, run) in runs {
            let Some(survived) = run.join().unwrap() else { return };
            assert_eq!(survived, [!local_clean, !clean], "cleansession {clean}, local_cleansession {local_clean}");
        }
    });
}

#[test]
fn between_two_of_ours_each_clean_session_flag_decides_for_its_side() {
    all_pairs(Kind::Ours, Kind::Ours);
}

#[test]
fn from_ours_to_mosquitto_each_clean_session_flag_decides_for_its_side() {
    all_pairs(Kind::Ours, Kind::Theirs);
}

#[test]
fn from_mosquitto_to_ours_each_clean_session_flag_decides_for_its_side() {
    all_pairs(Kind::Theirs, Kind::Ours);
}
