//! By the clock: two shards, each on a thread of its own.

use crate::station::{self, Station};
use mosquitto_broker::lock_times::{self, LockTimes};
use mosquitto_broker::{ConnectionId, Mail};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Messages of a publisher in a tick.
const BATCH: usize = 20;
/// Filters in a SUBSCRIBE, which is all that a client of the storm sends in a tick.
const FILTERS: usize = 500;
/// Filters that are there already.
const IDLE_FILTERS: usize = 100_000;
const RETAINED: usize = 1_000_000;
/// Batches of mail for a shard that may wait, as in the program.
const MAILS_MAX: usize = 4;

/// What a shard's clients do in a tick of it.
type Load = Box<dyn FnMut(&mut Station) + Send>;

pub(crate) fn tell(seconds: f64) {
    println!(
        "How long the locks are held and waited for, in microseconds; a shard holds the subscription tree for reading from"
    );
    println!(
        "its first look to the end of its tick. Two shards on two threads, which other work on the machine can stop while"
    );
    println!("they hold a lock. A publisher has {BATCH} messages in each tick.\n");
    println!(
        "| load | tree | locked for | times a second | held: median | 99 % | longest | waited: median | 99 % | longest |"
    );
    println!("|---|---|---|---:|---:|---:|---:|---:|---:|---:|");
    for (name, prepare) in [
        ("many, 5 of 100 match", many as fn(&mut [Station]) -> Vec<Load>),
        ("the same, and one client subscribes and unsubscribes", storm),
        ("1,000,000 retained messages fetched, others set", retained),
    ] {
        let mut stations = station::broker(2);
        let loads = prepare(&mut stations);
        lock_times::take();
        run(&mut stations, loads, seconds);
        lock_times::take().iter().filter(|times| times.count > 0).for_each(|times| row(name, times, seconds));
    }
}

fn row(name: &str, times: &LockTimes, seconds: f64) {
    let us = |times: [u64; 3]| times.map(|time| format!("{:.1}", time as f64 / 1000.0)).join(" | ");
    let mode = if times.exclusive { "writing" } else { "reading" };
    let rate = times.count as f64 / seconds;
    let (tree, held, waited) = (times.tree, us(times.held_ns), us(times.waited_ns));
    println!("| {name} | {tree} | {mode} | {rate:.0} | {held} | {waited} |");
}

/// Each shard on its thread until the time is over.
fn run(stations: &mut [Station], loads: Vec<Load>, seconds: f64) {
    let mailboxes: Vec<Mutex<Vec<Mail>>> = stations.iter().map(|_| Mutex::default()).collect();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for (own, (station, mut load)) in stations.iter_mut().zip(loads).enumerate() {
            let (mailboxes, over) = (&mailboxes, &over);
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    let behind = |other: usize| other != own && mailboxes[other].lock().unwrap().len() >= MAILS_MAX;
                    if !(0..mailboxes.len()).any(behind) {
                        load(station);
                    }
                    let mail = std::mem::take(&mut *mailboxes[own].lock().unwrap());
                    station.tick(&mail);
                    station.mail(|to, mail| mailboxes[to.index()].lock().unwrap().push(mail));
                }
            });
        }
        std::thread::sleep(Duration::from_secs_f64(seconds));
        over.store(true, Ordering::Relaxed);
    });
}

/// A client of this shard, whatever it is called.
fn client(stations: &mut [Station], home: usize, kind: &str, number: usize) -> ConnectionId {
    let fits = |id: &String| stations[0].home_of(id) == home;
    let client_id = (0..10_000).map(|attempt| format!("{kind}{number}-{attempt}")).find(fits).unwrap();
    stations[home].client(&client_id)
}

fn settle(stations: &mut [Station]) {
    for station in stations {
        while station.has_work() {
            station.tick(&[]);
            station.mail(|_, _| {});
        }
    }
}

/// Half of 100 publishers and of 100 subscribers on each shard.
fn many(stations: &mut [Station]) -> Vec<Load> {
    for number in 0..100 {
        let subscriber = client(stations, number % 2, "s", number);
        let last = if (number / 20).is_multiple_of(2) { "#" } else { "+/+" };
        stations[number % 2].subscribe(subscriber, &[format!("{}/{last}", number % 20)]);
    }
    let mut publishers = [Vec::new(), Vec::new()];
    for number in 0..100 {
        let topic = format!("{}/in/{number}", number % 20);
        publishers[number % 2].push((client(stations, number % 2, "p", number), topic));
    }
    settle(stations);
    publishers.map(|own| publishing(own, false)).into()
}

fn publishing(publishers: Vec<(ConnectionId, String)>, retain: bool) -> Load {
    Box::new(move |station| {
        if station.has_work() {
            return;
        }
        for (id, topic) in &publishers {
            (0..BATCH).for_each(|_| station.publish(*id, retain, topic));
        }
    })
}

/// The second shard has another client besides, which subscribes to 500 topics in one tick and unsubscribes in the next.
fn storm(stations: &mut [Station]) -> Vec<Load> {
    let idle = client(stations, 0, "i", 0);
    let filter = |number: usize| {
        format!("site/{}/{number}/{}", number % 100, if number.is_multiple_of(4) { "+" } else { "value" })
    };
    for part in 0..IDLE_FILTERS / FILTERS {
        let filters: Vec<_> = (part * FILTERS..(part + 1) * FILTERS).map(filter).collect();
        stations[0].subscribe(idle, &filters);
    }
    let busy = client(stations, 1, "b", 0);
    let mut loads = many(stations);
    let (mut publish, mut ticks) = (loads.pop().unwrap(), 0_usize);
    loads.push(Box::new(move |station: &mut Station| {
        publish(station);
        let first = IDLE_FILTERS + ticks / 2 % 100 * FILTERS;
        let filters: Vec<_> = (first..first + FILTERS).map(filter).collect();
        if ticks.is_multiple_of(2) {
            station.subscribe(busy, &filters);
        } else {
            station.unsubscribe(busy, &filters);
        }
        ticks += 1;
    }));
    loads
}

/// A client of the first shard fetches a million of them over and over, while one of the second sets twenty in a tick.
fn retained(stations: &mut [Station]) -> Vec<Load> {
    let setter = client(stations, 1, "p", 0);
    let fetcher = client(stations, 0, "s", 0);
    let topic = |number: usize| format!("kept/{}/{number}", number % 1000);
    for number in 0..RETAINED {
        stations[1].publish(setter, true, &topic(number));
        if number % 10_000 == 0 {
            settle(stations);
        }
    }
    settle(stations);
    let fetch: Load = Box::new(move |station| {
        if !station.has_work() {
            station.subscribe(fetcher, &["kept/#".to_owned()]);
        }
    });
    let mut number = 0;
    let set: Load = Box::new(move |station| {
        for _ in 0..BATCH {
            number = (number + 7919) % RETAINED;
            station.publish(setter, true, &topic(number));
        }
    });
    vec![fetch, set]
}
