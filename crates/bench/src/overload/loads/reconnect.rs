//! reconnect: thousands of clients are gone at once, without a word, and all of them come back at once, while messages flow.

use super::super::crowd::{Crowd, Flow, Publisher};
use super::{PATIENCE, come};
use crate::arrivals;
use crate::bench::{Bench, Failure};
use crate::clock::{self, MILLISECOND, Nanos};
use crate::report::{Latency, Report};
use crate::stamp;
use mosquitto_mqtt::packet::{Subscribe, Subscription, SubscriptionOptions};
use mosquitto_mqtt::{Properties, QoS};

/// How often.
const ROUNDS: usize = 2;
/// Who is turned away comes again after this.
const AGAIN: Nanos = 100 * MILLISECOND;
/// Pairs, and their messages a second.
const PAIRS: usize = 10;
const RATE: Nanos = 2000;

/// One that is coming back.
#[derive(Debug, Clone, Copy)]
struct Guest {
    link: usize,
    begun: Nanos,
    /// When it comes again, having been turned away.
    again: Option<Nanos>,
    is_subscribing: bool,
    is_back: bool,
}

#[allow(clippy::cast_precision_loss, reason = "figures for people")]
pub(super) fn run(bench: &mut Bench, report: &mut Report) -> Result<(), Failure> {
    let (count, base) = (bench.settings.count(), bench.topic());
    let publishers = come(bench, 'p', PAIRS, QoS::AtMostOnce, |_| None)?;
    let subscribers = come(bench, 's', PAIRS, QoS::AtMostOnce, |i| Some(format!("{base}/flow/{i}")))?;
    let publishers: Vec<_> = publishers
        .iter()
        .enumerate()
        .map(|(i, client)| (Publisher::new(client.link, u64::MAX), format!("{base}/flow/{i}")))
        .collect();
    let mut links: Vec<_> = come(bench, 'c', count, QoS::AtMostOnce, |i| Some(format!("{base}/crowd/{i}")))?
        .iter()
        .map(|client| client.link)
        .collect();
    let mut flow = Flow::new(publishers, RATE, stamp::filled(64));
    let (mut crowd, mut latency, mut worst_s, mut missing) = (Crowd::default(), Latency::new(), 0.0_f64, 0);
    for _ in 0..ROUNDS {
        for &link in &links {
            bench.net.reset(link);
        }
        let start = clock::now();
        let guests = come_back(bench, &mut crowd, &mut flow, count, &mut latency)?;
        worst_s = worst_s.max(clock::seconds(clock::now() - start));
        missing += guests.iter().filter(|guest| !guest.is_back).count() as u64;
        links = guests.iter().map(|guest| guest.link).collect();
    }
    let flowed: u64 = subscribers.iter().map(|client| crowd.of(client.link).messages).sum();
    report.count("clients", "clients", count as u64);
    report.measure("all_back_s", "all are back after, at most", "s", worst_s);
    report.measure("back_p50_us", "one is back after, median", "us", latency.at_us(0.5));
    report.measure("back_p99_us", "one is back after, 99 %", "us", latency.at_us(0.99));
    report.count("flowed", "messages of others meanwhile", flowed);
    report.fault("not_back", "clients that did not come back", missing);
    report.count("turned_away", "clients that were turned away, and came again", crowd.cut_off);
    report.fault("refused", "refused", crowd.refused);
    Ok(())
}

/// All come at once, and those again who were turned away.
fn come_back(
    bench: &mut Bench,
    crowd: &mut Crowd,
    flow: &mut Flow,
    count: usize,
    latency: &mut Latency,
) -> Result<Vec<Guest>, Failure> {
    let mut guests = Vec::with_capacity(count);
    for number in 0..count {
        let link = bench.open(None)?;
        crowd.forget(link);
        let id = bench.client_id('c', number);
        arrivals::put_connect(bench, link, &id, false);
        guests.push(Guest { link, begun: clock::now(), again: None, is_subscribing: false, is_back: false });
    }
    let base = bench.topic();
    let (mut back, mut moved) = (0, clock::now());
    while back < count && clock::now() < moved + PATIENCE {
        let until = flow.go_on(&mut bench.net, clock::now());
        bench.turn(crowd, until.min(clock::now() + 50 * MILLISECOND))?;
        let before = back;
        // First all of them: then the number of a link that is gone may be given to another one.
        for guest in guests.iter_mut().filter(|guest| !guest.is_back && guest.again.is_none()) {
            guest.again = crowd.of(guest.link).gone.then(|| clock::now() + AGAIN);
        }
        for (number, guest) in guests.iter_mut().enumerate().filter(|(_, guest)| !guest.is_back) {
            let heard = crowd.of(guest.link);
            if let Some(again) = guest.again {
                if clock::now() >= again {
                    come_again(bench, crowd, number, guest)?;
                }
            } else if heard.greeted && !guest.is_subscribing {
                guest.is_subscribing = true;
                let filter = format!("{base}/crowd/{number}");
                let one = Subscription { filter: &filter, options: SubscriptionOptions::qos(QoS::AtMostOnce) };
                let version = bench.version();
                let output = bench.net.output(guest.link);
                Subscribe::write(1, Properties::EMPTY, std::iter::once(one), version, output);
            } else if heard.answers > 0 {
                guest.is_back = true;
                latency.note(clock::now() - guest.begun);
                back += 1;
            }
        }
        if back != before {
            moved = clock::now();
        }
    }
    Ok(guests)
}

fn come_again(bench: &mut Bench, crowd: &mut Crowd, number: usize, guest: &mut Guest) -> Result<(), Failure> {
    guest.link = bench.open(None)?;
    crowd.forget(guest.link);
    (guest.again, guest.is_subscribing) = (None, false);
    let id = bench.client_id('c', number);
    arrivals::put_connect(bench, guest.link, &id, false);
    Ok(())
}
