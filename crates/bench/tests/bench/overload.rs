//! Overloads and soaks, for a moment: at a good broker nothing goes wrong, and at bad ones it is seen.

use crate::bad_broker::{Wrong, start};
use crate::broker::{Broker, free_port};
use crate::runs::Run;

fn broker(more: &str) -> (Broker, u16) {
    let port = free_port();
    let lines = format!("listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 1000\n{more}");
    (Broker::start(&lines).expect("a broker that runs"), port)
}

/// A load at a good broker: the bystanders lose nothing, and are answered.
fn load(words: &str) -> Run {
    let (_broker, port) = broker("");
    let run = Run::at(port, &format!("overload --warmup 0.1 --drain 30 --load {words} --pid {}", std::process::id()));
    assert_eq!(run.status, Some(0), "{words}: {run:?}");
    assert!(run.count("bystander_messages") > 0 && run.count("pings") > 0, "{words}: {run:?}");
    assert!(run.figure("bystander_p999_us") > 0.0, "{words}: {run:?}");
    assert_eq!((run.count("bystander_lost"), run.count("pings_unanswered")), (0, 0), "{words}: {run:?}");
    run
}

#[test]
fn a_subscriber_stalls_and_gets_the_rest_later() {
    let run = load("stall -n 3 -t 0.5 -q 1");
    assert!(run.figure("others_kept") > 0.0 && run.count("slow_received") > 0, "{run:?}");
}

#[test]
fn all_clients_come_back() {
    let run = load("reconnect -n 50");
    assert_eq!((run.count("clients"), run.count("not_back")), (50, 0), "{run:?}");
}

#[test]
fn publishers_are_faster_than_their_subscribers() {
    for qos in 0..=1 {
        let run = load(&format!("flood -n 2 -t 0.5 -q {qos}"));
        assert!(run.figure("received_per_s") > 0.0, "{run:?}");
        assert!(run.figure("published_per_s") > run.figure("received_per_s"), "{run:?}");
    }
}

#[test]
fn everything_is_subscribed_to_and_unsubscribed_from() {
    let run = load("hash -n 2 -t 0.5");
    assert!(run.count("hash_received") > 0, "{run:?}");
}

#[test]
fn retained_messages_are_fetched_by_ten_at_once() {
    let run = load("retained -n 2500");
    assert_eq!((run.count("retained"), run.count("not_fetched")), (2500, 0), "{run:?}");
}

#[test]
fn each_message_has_a_topic_of_its_own() {
    let run = load("topics -n 2 -t 0.5");
    assert!(run.count("topics") > 0 && run.count("topics_received") > 0, "{run:?}");
}

#[test]
fn one_client_has_many_subscriptions() {
    let run = load("subscriptions -n 3000 -t 0.1");
    assert_eq!((run.count("subscriptions"), run.count("missing")), (3000, 0), "{run:?}");
}

#[test]
fn large_messages_arrive_whole() {
    let run = load("large -n 6 -s 1500000");
    assert_eq!((run.count("large_sent"), run.count("large_dropped")), (6, 0), "{run:?}");
}

#[test]
fn what_a_bystander_loses_is_seen_and_so_is_a_broker_that_does_not_answer() {
    // It answers no PINGREQ at all, and of ten messages it drops one.
    let run = Run::at(start(Wrong::Drop), "overload --load flood -n 1 -t 0.5 --warmup 0.1 --drain 0.3");
    assert_eq!(run.status, Some(2), "{run:?}");
    assert!(run.count("bystander_lost") > 0 && run.count("pings_unanswered") > 0, "{run:?}");
}

#[test]
fn a_load_has_to_be_named() {
    let run = Run::at(1, "overload");
    assert!(run.status == Some(1) && run.error.contains("--load"), "{run:?}");
}

#[test]
fn a_soak_finds_what_it_did_in_the_figures_of_the_broker() {
    let (_broker, port) = broker("sys_interval 1\n");
    // Any process does: that of this test, of which only the descriptors are not the broker's.
    let run = Run::at(port, &format!("soak -t 2 --growth 1000000 --pid {}", std::process::id()));
    assert_eq!((run.count("sys_inconsistent"), run.count("left_behind")), (0, 0), "{run:?}");
    assert_eq!((run.count("lost"), run.count("duplicated"), run.count("wills_missing")), (0, 0, 0), "{run:?}");
    assert!(run.count("published") > 0 && run.count("arrivals") > 60, "{run:?}");
}

#[test]
fn a_soak_fails_where_its_clients_are_not_let_in() {
    let (_broker, port) = broker("sys_interval 1\nmax_connections 20\n");
    let run = Run::at(port, &format!("soak -t 2 --pid {}", std::process::id()));
    assert_eq!(run.status, Some(1), "{run:?}");
    assert!(run.error.starts_with("Error: A client"), "{run:?}");
}
