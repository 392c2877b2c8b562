//! Keep alives at the ends of their range.

use crate::harness::{Net, connect};
use mosquitto_broker::Settings;

#[test]
fn keep_alives_of_0_and_65535_are_what_the_limit_is_for() {
    // [MQTT-3.2.2-21] [MQTT-3.2.2-22]; the largest limit shortens nothing but what never ends.
    for (limit, asked, told, end) in [
        (60, 0, "server-keep-alive=60", Some(90)),
        (60, 65_535, "server-keep-alive=60", Some(90)),
        (65_535, 0, "server-keep-alive=65535", Some(98_303)),
        (65_535, 65_535, "", Some(98_303)),
        (0, 0, "", None),
    ] {
        let mut net = Net::with(1, Settings { max_keepalive_s: limit, ..Settings::default() });
        let (peer, got) = connect("a").keep_alive(asked).attempt(&mut net);
        assert_eq!(got[0].contains("server-keep-alive"), !told.is_empty(), "{got:?}");
        assert!(got[0].contains(told), "{got:?}");
        net.leap(end.map_or(1_000_000, |end| end - 1));
        assert!(net.is_open(peer), "{limit} {asked}");
        net.leap(2);
        assert_eq!(net.is_open(peer), end.is_none(), "{limit} {asked}");
    }
}
