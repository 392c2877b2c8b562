//! What is left in memory when all have gone, and what does not grow however many come.
//!
//! A program of its own, since it counts all bytes that are asked of the allocator.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a harness fails the test that it serves")]

mod crowd;

use crowd::{Crowd, Visitor};
use std::sync::{Mutex, PoisonError};

#[global_allocator]
static HEAP: mosquitto_allocator::Counted = mosquitto_allocator::Counted;

/// Tests of one process share the heap.
static ALONE: Mutex<()> = Mutex::new(());

/// Of each shard: buffers for output, lists that are used again from tick to tick, and tables that are small.
const SETTLED: u64 = 150_000;

/// Bytes in use after `load`, beyond those before it; a small one has been there already.
fn left_by(load: impl Fn(&mut Crowd, usize)) -> u64 {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut crowd = Crowd::new();
    // Somebody stays all the time.
    crowd.come(&Visitor::clean("stays"));
    load(&mut crowd, 100);
    let before = mosquitto_allocator::in_use();
    load(&mut crowd, 10_000);
    let left = mosquitto_allocator::in_use().saturating_sub(before);
    drop(crowd);
    left
}

#[test]
fn clients_with_a_subscription_each_leave_nothing_behind() {
    for backwards in [false, true] {
        let left = left_by(|crowd, count| {
            let mut here = crowd.come_all(count);
            for (n, &id) in here.iter().enumerate() {
                crowd.subscribe(id, &[&format!("a/filter/of/{n}")]);
            }
            if backwards {
                here.reverse();
            }
            crowd.disconnect_all(here);
        });
        assert!(left < SETTLED, "{left} bytes, backwards: {backwards}");
    }
}

#[test]
fn sessions_that_expire_leave_nothing_behind() {
    let left = left_by(|crowd, count| {
        for n in 0..count {
            let id = crowd.come(&Visitor { expiry_s: 10, ..Visitor::clean(&format!("client-{n}")) });
            crowd.subscribe(id, &[&format!("to/{n}"), &format!("$share/group-{n}/to/all")]);
            crowd.publish(id, &format!("to/{n}"), b"for later", false);
            crowd.cut(id);
        }
        crowd.wait_s(20);
        assert_eq!(crowd.sessions(), 1);
    });
    assert!(left < SETTLED, "{left} bytes");
}

#[test]
fn a_client_with_many_subscriptions_leaves_nothing_behind() {
    let left = left_by(|crowd, count| {
        let id = crowd.come(&Visitor::clean("one"));
        for n in 0..count {
            crowd.subscribe(id, &[&format!("a/filter/that/matches/nothing/{n}")]);
        }
        crowd.disconnect(id);
        crowd.wait_s(1);
    });
    assert!(left < SETTLED, "{left} bytes");
}

#[test]
fn subscribers_of_a_filter_that_others_have_too_leave_nothing_behind() {
    let left = left_by(|crowd, count| {
        let here = crowd.come_all(count);
        crowd.subscribe_all(&here, "all");
        // Two stay.
        crowd.disconnect_all(here.into_iter().skip(2));
    });
    assert!(left < SETTLED, "{left} bytes");
}

/// A shard that has sent something to a group knows of it until another topic takes its place.
#[test]
fn members_of_a_group_leave_nothing_behind_though_it_is_remembered() {
    for stay in [0, 2] {
        let left = left_by(|crowd, count| {
            let here = crowd.come_all(count);
            crowd.subscribe_all(&here, "$share/group/shared");
            crowd.publish(here[0], "shared", b"to one of them", false);
            crowd.disconnect_all(here.into_iter().skip(stay));
        });
        assert!(left < SETTLED, "{left} bytes, of {stay} who stay");
    }
}

#[test]
fn retained_messages_that_are_cleared_leave_nothing_behind() {
    let left = left_by(|crowd, count| {
        let id = crowd.come(&Visitor::clean("publisher"));
        for payload in [&b"x"[..], b""] {
            for n in 0..count {
                crowd.publish(id, &format!("retained/{}/{n}", n % 100), payload, true);
            }
        }
        crowd.disconnect(id);
    });
    assert!(left < SETTLED, "{left} bytes");
}

/// Clients come and go, each with names and topics that none had before.
#[test]
fn what_comes_and_goes_with_topics_of_its_own_adds_nothing() {
    const ROUND: usize = 10_000;
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut crowd = Crowd::new();
    let watcher = crowd.come(&Visitor::clean("watcher"));
    crowd.subscribe(watcher, &["own/#", "t/+", "$share/watchers/own/#"]);
    // Wherever the shard remembers topics, it has remembered one as long as all others, with as many targets. None comes again.
    for n in 0..50_000 {
        crowd.publish(watcher, &format!("own/-{n:08}"), b"", false);
    }
    let mut serial = 0;
    let mut round = |crowd: &mut Crowd| {
        for _ in 0..ROUND {
            serial += 1;
            let name = format!("{serial:09}");
            let will = Some(format!("t/{name}"));
            let id = crowd.come(&Visitor { will, ..Visitor::clean(&name) });
            crowd.subscribe(id, &[&format!("own/{name}"), &format!("$share/{name}/own/{name}")]);
            crowd.publish(id, &format!("own/{name}"), b"to itself", false);
            if serial % 3 == 0 { crowd.disconnect(id) } else { crowd.cut(id) }
        }
        mosquitto_allocator::in_use()
    };
    let (before, after) = (round(&mut crowd), round(&mut crowd));
    let grown = after.saturating_sub(before);
    assert!(grown < ROUND as u64, "{before} bytes, {after} after {ROUND} more clients");
}
