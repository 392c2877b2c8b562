//! What a hundred clients that exchange messages feel of others who crowd in.
//!
//!     ulimit -n 20000
//!     cargo build --release && cargo run --release -p mosquitto-server --example admission -- [BROKER]... [OPTION]...
//!
//! A broker is started afresh for each measurement, with a plain listener and one with TLS. A hundred clients are connected,
//! and each sends messages to the next one at a steady rate. Meanwhile, from another address, somebody
//!
//! - `silent`: keeps 1,000 handshakes half-open (their first message is sent, and nothing more) and 1,000 connections on
//!   which nothing is sent, and opens again what the broker has closed;
//! - `handshakes`: begins 500 handshakes a second, and goes on with none of them; `flood`: 5,000, or as many as it can;
//! - `garbage`: sends what is neither TLS nor MQTT on 1,000 new connections a second;
//! - `slow`: has 1,000 connections on which a CONNECT or a handshake comes byte by byte, ten a second each;
//! - `quiet`: does nothing.
//!
//! The scenarios and the brokers take turns, round by round. Printed are the latency of messages, from `write` to `read`; how many were lost,
//! and how many clients were cut off; and how long newcomers took until they had their CONNACK, with TLS and without.
//!
//! Options: `--seconds N` of each measurement (5), `--rounds N` (3), `--only NAME` for one scenario beside `quiet`,
//! `--same-address` for a crowd that comes from the address of the honest clients.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a measurement that cannot go on ends"
)]

mod crowd;
mod load;
mod newcomers;
mod site;

use crowd::Crowd;
use site::Site;
use std::time::Duration;

/// What is asked for on the command line.
struct Plan {
    brokers: Vec<String>,
    seconds: u64,
    rounds: usize,
    only: Option<String>,
    same_address: bool,
}

impl Plan {
    fn of_arguments() -> Self {
        let mut plan = Self { brokers: Vec::new(), seconds: 5, rounds: 3, only: None, same_address: false };
        let mut arguments = std::env::args().skip(1);
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().expect("a value after this option");
            match argument.as_str() {
                "--seconds" => plan.seconds = value().parse().unwrap(),
                "--rounds" => plan.rounds = value().parse().unwrap(),
                "--only" => plan.only = Some(value()),
                "--same-address" => plan.same_address = true,
                _ => plan.brokers.push(argument),
            }
        }
        if plan.brokers.is_empty() {
            // Beside the directory of examples.
            let own = std::env::current_exe().unwrap();
            let path = own.parent().unwrap().parent().unwrap().join("mosquitto");
            plan.brokers.push(path.to_str().unwrap().to_owned());
        }
        plan
    }
}

/// What all rounds of one scenario came to.
#[derive(Default)]
struct Results {
    latencies_us: Vec<f64>,
    p99s_us: Vec<f64>,
    newcomers_us: Vec<f64>,
    secured_newcomers_us: Vec<f64>,
    lost: usize,
    cut: usize,
    failed: usize,
    crowd: usize,
    cpu_s: f64,
}

fn main() {
    let plan = Plan::of_arguments();
    site::raise_descriptors();
    let is_wanted = |name: &str| name == "quiet" || plan.only.as_deref().is_none_or(|only| only == name);
    let crowds: Vec<_> = Crowd::ALL.into_iter().filter(|(name, _)| is_wanted(name)).collect();
    let mut results: Vec<Vec<_>> =
        plan.brokers.iter().map(|_| crowds.iter().map(|_| Results::default()).collect()).collect();
    for _ in 0..plan.rounds {
        for (at, (_, crowd)) in crowds.iter().enumerate() {
            for (broker, results) in plan.brokers.iter().zip(&mut results) {
                measure(&plan, broker, *crowd, &mut results[at]);
            }
        }
    }
    for (broker, results) in plan.brokers.iter().zip(results) {
        println!("{broker}, {} x {} s", plan.rounds, plan.seconds);
        println!(
            "{:12}{:>9}{:>9}{:>9}{:>20}{:>6}{:>6}{:>18}{:>18}{:>8}{:>9}{:>8}",
            "",
            "p50 us",
            "p99 us",
            "p99.9",
            "p99 of rounds",
            "lost",
            "cut",
            "newcomer p50/max",
            "with TLS",
            "failed",
            "crowd/s",
            "CPU"
        );
        for ((name, _), results) in crowds.iter().zip(results) {
            print(&plan, name, results);
        }
    }
}

fn measure(plan: &Plan, broker: &str, crowd: Crowd, results: &mut Results) {
    let site = Site::start(broker);
    let mut load = load::Load::connect(&site);
    let running = crowd.start(&site, plan.same_address);
    // Until all of the crowd is there.
    load.run(Duration::from_secs(2));
    let (newcomers, cpu_before, crowd_before) = (newcomers::Newcomers::start(&site), site.cpu_s(), running.count());
    let mut figures = load.run(Duration::from_secs(plan.seconds));
    results.cpu_s += site.cpu_s() - cpu_before;
    results.crowd += running.count() - crowd_before;
    let came = newcomers.stop();
    drop(running);
    figures.latencies_us.sort_by(f64::total_cmp);
    results.p99s_us.push(at(&figures.latencies_us, 0.99));
    results.latencies_us.extend(figures.latencies_us);
    results.newcomers_us.extend(came.plain_us);
    results.secured_newcomers_us.extend(came.secured_us);
    results.lost += figures.lost;
    results.cut += figures.cut;
    results.failed += came.failed;
}

fn print(plan: &Plan, name: &str, mut results: Results) {
    for list in
        [&mut results.latencies_us, &mut results.p99s_us, &mut results.newcomers_us, &mut results.secured_newcomers_us]
    {
        list.sort_by(f64::total_cmp);
    }
    let (all, p99s) = (&results.latencies_us, &results.p99s_us);
    let rounds = format!("{:.0} ({:.0} to {:.0})", at(p99s, 0.5), at(p99s, 0.0), at(p99s, 1.0));
    let newcomers = |list: &[f64]| format!("{:.0}/{:.0}", at(list, 0.5), at(list, 1.0));
    let seconds = (plan.seconds * plan.rounds as u64) as f64;
    println!(
        "{name:12}{:>9.0}{:>9.0}{:>9.0}{rounds:>20}{:>6}{:>6}{:>18}{:>18}{:>8}{:>9.0}{:>8.2}",
        at(all, 0.5),
        at(all, 0.99),
        at(all, 0.999),
        results.lost,
        results.cut,
        newcomers(&results.newcomers_us),
        newcomers(&results.secured_newcomers_us),
        results.failed,
        results.crowd as f64 / seconds,
        results.cpu_s / seconds,
    );
}

/// Of a sorted list: what so large a part of it does not exceed.
fn at(sorted: &[f64], part: f64) -> f64 {
    let index = (part * sorted.len() as f64).ceil() as usize;
    sorted.get(index.saturating_sub(1)).copied().unwrap_or(f64::NAN)
}
