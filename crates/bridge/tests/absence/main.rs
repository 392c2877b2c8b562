//! An hour without a remote broker: what a bridge and its broker keep meanwhile is what the limits of the queue say.
//!
//! A program of its own, since it counts all bytes that are asked of the allocator.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a harness fails the test that it serves, and not all of it is needed here"
)]

#[path = "../behaviour/harness.rs"]
mod harness;
#[path = "../behaviour/world.rs"]
mod world;

use mosquitto_bridge::{Limits, State};
use mosquitto_broker::Settings;
use mosquitto_client::mqtt::QoS;
use world::{AWAY, HOME, World};

#[global_allocator]
static HEAP: mosquitto_allocator::Counted = mosquitto_allocator::Counted;

const HOUR_S: u64 = 3600;

/// Messages published in a second. Without optimisation all of this takes thirty times as long; once the queue is full, what
/// comes does not make a difference.
const RATE: usize = if cfg!(debug_assertions) { 20 } else { 2000 };

const PAYLOAD: usize = 100;

/// The pauses of `restart_timeout 5 30`.
const PAUSE_S: (u64, u64) = (5, 30);

/// What waits after each second, least and most, and what the allocator had given out.
struct Hour {
    backlog: usize,
    attempts: usize,
    /// When the queue was full for the first time, and at the end.
    bytes: [u64; 2],
}

fn hour(world: &mut World, full: usize) -> Hour {
    let lines = |world: &World| world.log.iter().filter(|line| line.contains("(step 1)")).count();
    let mut attempts = 0;
    let mut when_full = None;
    let mut number = 0;
    for second in 0..HOUR_S {
        world.wait_ms(1000);
        for _ in 0..RATE.div_ceil(20) {
            for _ in 0..20 {
                world.publish_only(HOME, "t", &format!("{number:0PAYLOAD$}"), QoS::AtLeastOnce);
                number += 1;
            }
            world.run();
        }
        attempts += lines(world);
        world.log = Vec::new();
        world.brokers.iter_mut().for_each(|broker| broker.log = Vec::new());
        // The first minutes are left to whatever settles.
        if second % 10 == 0 && world.backlog() >= full && second > 600 {
            when_full.get_or_insert_with(mosquitto_allocator::in_use);
        }
    }
    let bytes = [when_full.expect("the queue is full"), mosquitto_allocator::in_use()];
    Hour { backlog: world.backlog(), attempts, bytes }
}

fn away(settings: Settings) -> World {
    let limits = Limits { max_inflight_messages: settings.max_inflight_messages, ..Limits::default() };
    let mut world = World::with("topic t out 1\nrestart_timeout 5 30", settings, limits);
    world.subscribe(AWAY, "t");
    world.cut();
    world.reachable = false;
    world.run();
    world
}

/// Messages that have come to the other broker, by their numbers.
fn arrived(world: &mut World) -> Vec<usize> {
    world.heal();
    let messages = std::mem::take(&mut world.clients[AWAY].messages);
    messages.iter().map(|message| String::from_utf8_lossy(&message.payload).parse().unwrap()).collect()
}

#[test]
fn what_waits_in_an_hour_is_what_the_limits_of_the_queue_say_and_nothing_else_grows() {
    let by_messages = Settings { max_inflight_messages: 20, max_queued_messages: 500, ..Settings::default() };
    let by_bytes = Settings { max_queued_messages: 0, max_queued_bytes: 20_000, ..by_messages.clone() };
    for (settings, full) in [(by_messages, 500), (by_bytes, 200)] {
        let mut world = away(settings);
        let Hour { backlog, attempts, bytes: [when_full, at_the_end] } = hour(&mut world, full);
        // Those of the window count besides.
        assert!((full..=full + 20).contains(&backlog), "{backlog}");
        // Buffers come and go. Half a byte a message, or a hundred an attempt, would be more.
        let grown = at_the_end.saturating_sub(when_full);
        assert!(grown < 32 * 1024, "{when_full} bytes, {at_the_end} after an hour");
        let (least, most) = (HOUR_S / PAUSE_S.1, HOUR_S / PAUSE_S.0);
        assert!((least as usize..=most as usize + 1).contains(&attempts), "{attempts} attempts");
        let report = world.bridge.report();
        assert!(matches!(report.state, State::BackingOff { .. }), "{report:?}");
        assert_eq!(report.under_way, 0, "nothing was taken that could not be given");
        // The oldest have stayed, in their order.
        assert_eq!(arrived(&mut world), (0..backlog).collect::<Vec<_>>());
        assert_eq!(world.backlog(), 0);
    }
}
