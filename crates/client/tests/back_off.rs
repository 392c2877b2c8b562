//! When a lost connection is made again, under invented time.

use mosquitto_client::mqtt::{PropertiesBuf, ReasonCode};
use mosquitto_client::{BackOff, End, Moment, Reconnection};
use std::time::Duration;

const POLICY: BackOff = BackOff { first: Duration::from_secs(1), max: Duration::from_secs(10), jitter_percent: 0 };

#[test]
fn pauses_double_up_to_the_longest() {
    let mut reconnection = Reconnection::new(POLICY);
    let mut now = Moment(500);
    for pause_ms in [1000, 2000, 4000, 8000, 10_000, 10_000] {
        reconnection.failed(now, 0);
        assert_eq!(reconnection.due(), Some(now + pause_ms));
        now = now + pause_ms;
        assert!(!reconnection.take_due(Moment(now.0 - 1)) && reconnection.take_due(now));
        assert_eq!(reconnection.due(), None);
    }
    assert_eq!(POLICY.pause_ms(u32::MAX, 7), 10_000);
}

#[test]
fn chance_shortens_a_pause_by_no_more_than_its_share() {
    let policy = BackOff { jitter_percent: 25, ..POLICY };
    assert_eq!([0, u32::MAX / 2, u32::MAX].map(|random| policy.pause_ms(2, random)), [4000, 3501, 3000]);
    assert_eq!(BackOff { jitter_percent: 200, ..POLICY }.pause_ms(0, u32::MAX), 0);
}

#[test]
fn only_a_connection_that_held_begins_anew() {
    let mut reconnection = Reconnection::new(POLICY);
    reconnection.failed(Moment(0), 0);
    reconnection.failed(Moment(1000), 0);
    // The pause before this one was two seconds.
    reconnection.connected(Moment(3000));
    assert!(reconnection.ended(Moment(4999), &End::Lost, 0));
    assert_eq!(reconnection.due(), Some(Moment(4999 + 4000)));
    reconnection.connected(Moment(10_000));
    assert!(reconnection.ended(Moment(14_000), &End::KeepAlive, 0));
    assert_eq!(reconnection.due(), Some(Moment(15_000)));
}

#[test]
fn what_will_not_go_better_is_not_tried_again() {
    let properties = PropertiesBuf::new;
    let refused = |reason| End::Refused { reason, properties: properties() };
    let by_server = |reason| End::ByServer { reason, properties: properties() };
    let passing = [
        End::Lost,
        End::KeepAlive,
        refused(ReasonCode::SERVER_UNAVAILABLE),
        refused(ReasonCode(3)),
        by_server(ReasonCode::SERVER_SHUTTING_DOWN),
    ];
    let lasting = [
        End::Requested,
        refused(ReasonCode::NOT_AUTHORIZED),
        refused(ReasonCode(5)),
        by_server(ReasonCode::SESSION_TAKEN_OVER),
        End::ServerMisbehaved { reason: ReasonCode::PROTOCOL_ERROR, what: String::new() },
    ];
    let mut reconnection = Reconnection::new(POLICY);
    assert!(passing.iter().all(|end| reconnection.ended(Moment(0), end, 0) && reconnection.due().is_some()));
    assert!(lasting.iter().all(|end| !reconnection.ended(Moment(0), end, 0) && reconnection.due().is_none()));
}
