//! Each scenario, for a moment, at this project's broker: what is counted is right, and nothing is lost.

use crate::broker::{Broker, free_port};
use crate::runs::Run;

/// A broker without bounds that a load would meet.
fn broker() -> (Broker, u16) {
    let port = free_port();
    let lines = format!("listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n");
    (Broker::start(&lines).expect("a broker that runs"), port)
}

/// A run of so many messages, of which each goes to so many subscribers.
fn flows(words: &str, receivers: u64) -> Run {
    let (_broker, port) = broker();
    let run = Run::at(port, &format!("{words} --warmup 0 --messages 200 -t 60"));
    assert_eq!(run.status, Some(0), "{run:?}");
    assert_eq!(run.count("sent"), 200, "{run:?}");
    assert_eq!(run.count("expected"), 200 * receivers, "{run:?}");
    assert_eq!(run.count("received"), 200 * receivers, "{run:?}");
    assert!(run.figure("latency_p50_us") > 0.0 && run.figure("msgs_out_per_s") > 0.0, "{run:?}");
    run
}

#[test]
fn pairs_at_each_qos_and_in_both_versions() {
    for qos in 0..=2 {
        for version in ["mqttv311", "5"] {
            flows(&format!("pairs -n 3 -q {qos} -V {version}"), 1);
        }
    }
}

#[test]
fn messages_larger_than_a_read_arrive_whole() {
    flows("pairs -n 1 -s 300000 -q 1 -w 5", 1);
}

#[test]
fn sessions_may_be_persistent_on_either_side() {
    for who in ["publishers", "subscribers", "both"] {
        flows(&format!("pairs -n 2 -q 1 -V 5 --persistent {who}"), 1);
    }
}

#[test]
fn publishers_and_subscribers_may_be_at_two_brokers_with_a_bridge_between() {
    let (_there, there) = broker();
    let (_alone, alone) = broker();
    let run = Run::at(alone, &format!("pairs -n 1 --messages 5 --warmup 0 --drain 0.2 --subscriber-port {there}"));
    assert_eq!((run.status, run.count("sent"), run.count("received")), (Some(2), 5, 0), "{run:?}");
    let here = free_port();
    let bridge = format!("connection b\naddress 127.0.0.1:{there}\ntopic # out 1\n");
    let lines = format!("listener {here} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n{bridge}");
    let _here = Broker::start(&lines).expect("a broker that runs");
    // What is published before the bridge has come waits for it.
    let flow = "pairs -n 2 -q 1 --messages 200 -t 60 --warmup 0 --drain 20 --subscriber-host 127.0.0.1";
    let run = Run::at(here, &format!("{flow} --subscriber-port {there}"));
    assert_eq!((run.status, run.count("received")), (Some(0), 200), "{run:?}");
}

#[test]
fn fanin_fanout_and_slow() {
    flows("fanin -n 7 -q 1", 1);
    flows("fanout -n 7", 7);
    let (_broker, port) = broker();
    let run = Run::at(port, "slow -n 3 --messages 200 --warmup 0 -q 1 --drain 0.5");
    assert_eq!(run.status, Some(0), "{run:?}");
    // The slow one does not count, but gets what was kept for it.
    assert_eq!((run.count("expected"), run.count("received")), (400, 400), "{run:?}");
    assert_eq!((run.count("slow_received"), run.count("slow_missed")), (100, 0), "{run:?}");
}

#[test]
fn many_match_as_many_as_asked_for_and_idle_filters_match_nothing() {
    flows("many --publishers 6 --subscribers 8 --match 4 --idle-filters 1500 -q 1", 4);
}

#[test]
fn shared_goes_to_one_of_them() {
    let run = flows("shared --publishers 2 --subscribers 4 -q 1", 1);
    assert!(run.count("consumer_min") <= 50 && run.count("consumer_max") >= 50, "{run:?}");
}

#[test]
fn a_rate_is_kept_and_latency_counts_from_when_a_message_was_due() {
    let (_broker, port) = broker();
    let run = Run::at(port, "pairs -n 2 --rate 500 -t 0.4 --warmup 0");
    assert_eq!(run.status, Some(0), "{run:?}");
    assert_eq!((run.count("sent"), run.count("unsent")), (200, 0), "{run:?}");
    assert!(run.figure("wall_s") >= 0.39, "{run:?}");
    // Due ten times faster than one at a time can be acknowledged.
    let run = Run::at(port, "pairs -n 1 --rate 1000000 --messages 2000 -t 60 --warmup 0 -q 1 -w 1");
    assert_eq!((run.status, run.count("received")), (Some(0), 2000), "{run:?}");
    let wall_us = run.figure("wall_s") * 1e6;
    assert!(run.figure("latency_max_us") > wall_us / 2.0, "{run:?}");
}

#[test]
fn connections_are_greeted_and_ended() {
    let (_broker, port) = broker();
    let run = Run::at(port, "connect -c 5 -t 0.3");
    assert_eq!(run.status, Some(0), "{run:?}");
    assert!(run.count("connections") >= 5, "{run:?}");
    assert_eq!((run.count("failed"), run.count("not_ended")), (0, 0), "{run:?}");
}

#[test]
fn idle_clients_stay_and_are_answered() {
    let (_broker, port) = broker();
    let run = Run::at(port, "idle -n 60 -t 0.2 -k 1");
    assert_eq!(run.status, Some(0), "{run:?}");
    assert_eq!(run.count("connections"), 60, "{run:?}");
    assert!(run.count("pings") >= 60, "{run:?}");
}

#[test]
fn subscriptions_are_made_and_what_they_took_is_told() {
    let (_broker, port) = broker();
    let run = Run::at(port, &format!("subscriptions -n 1200 --pid {}", std::process::id()));
    assert_eq!((run.status, run.count("subscriptions")), (Some(0), 1200), "{run:?}");
    assert!(run.figure("subscribed_per_s") > 0.0 && run.count("broker_rss_left_kib") > 0, "{run:?}");
}

#[test]
fn retained_messages_are_fetched_and_cleared() {
    let (_broker, port) = broker();
    for qos in 0..=2 {
        let run = Run::at(port, &format!("retained -n 300 -q {qos}"));
        assert_eq!((run.status, run.count("received")), (Some(0), 300), "{run:?}");
    }
}

#[test]
fn a_queue_is_fetched() {
    let (_broker, port) = broker();
    for words in ["queue -n 300", "queue -n 300 -q 2 -V 5"] {
        let run = Run::at(port, words);
        assert_eq!((run.status, run.count("received")), (Some(0), 300), "{run:?}");
    }
}

#[test]
fn a_process_is_looked_at() {
    let (_broker, port) = broker();
    // Any process does: that of this test.
    let run = Run::at(port, &format!("pairs -n 1 --messages 50 -t 60 --warmup 0 --pid {}", std::process::id()));
    assert_eq!(run.status, Some(0), "{run:?}");
    assert!(run.count("broker_threads") > 0 && run.count("broker_rss_after_kib") > 0, "{run:?}");
}

#[test]
fn what_two_processes_use_is_added_up() {
    let (_broker, port) = broker();
    let pid = format!("--pid {}", std::process::id());
    let of = |pids: &str| Run::at(port, &format!("pairs -n 1 --messages 50 -t 60 --warmup 0 {pids}"));
    let (one, two) = (of(&pid), of(&format!("{pid} {pid}")));
    // This test may have grown a little meanwhile.
    let [one, two] = [one, two].map(|run| run.figure("broker_rss_after_kib"));
    assert!(two > 1.5 * one, "{one} {two}");
}
