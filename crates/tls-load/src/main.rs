//! Measures what TLS costs brokers, in CPU time and memory, one broker beside the other (`docs/performance.md`).
//!
//! ```text
//! mosquitto-tls-load [--rounds 5] [--seconds 2] [--only TEXT] NAME='COMMAND {conf}'...
//! ```
//!
//! Each run gets a broker of its own, which listens on a free port by the configuration that stands at `{conf}`; the brokers
//! take turns. It prints a table of medians, with the least and the most. `--only` takes the scenarios whose title has this text.
//! Certificates are made by the program `openssl`.

mod broker;
mod certificates;
mod connection;
mod handshakes;
mod idle;
mod pairs;
mod scenario;

use broker::Broker;
use certificates::Certificates;
use scenario::Scenario;
use std::error::Error;
use std::fmt::Write;
use std::process::ExitCode;
use std::time::Duration;

type Result<T, E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

/// Connections kept while memory is looked at, the sockets of both ends, and some more.
const OPEN_FILES: u64 = 8192;

struct Arguments {
    rounds: usize,
    seconds: Duration,
    only: String,
    /// Names and commands.
    brokers: Vec<(String, String)>,
}

fn main() -> ExitCode {
    match arguments().and_then(|arguments| measure(&arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn arguments() -> Result<Arguments> {
    let mut found = Arguments { rounds: 5, seconds: Duration::from_secs(2), only: String::new(), brokers: Vec::new() };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value"));
        match word.as_str() {
            "--rounds" => found.rounds = value()?.parse()?,
            "--seconds" => found.seconds = Duration::try_from_secs_f64(value()?.parse()?)?,
            "--only" => found.only = value()?,
            _ => {
                let (name, command) = word.split_once('=').ok_or(format!("{word} is not NAME=COMMAND"))?;
                found.brokers.push((name.to_owned(), command.to_owned()));
            }
        }
    }
    if found.brokers.is_empty() || found.rounds == 0 {
        return Err("mosquitto-tls-load [--rounds 5] [--seconds 2] [--only TEXT] NAME='COMMAND {conf}'...".into());
    }
    Ok(found)
}

fn measure(arguments: &Arguments) -> Result<()> {
    raise_open_files()?;
    let certificates = Certificates::make()?;
    let names = arguments.brokers.iter().map(|(name, _)| format!(" {name} |"));
    println!("| scenario | figure |{} ratio |", names.collect::<String>());
    println!("|---|---|{}", "---:|".repeat(arguments.brokers.len() + 1));
    for scenario in Scenario::all().iter().filter(|scenario| scenario.title().contains(&arguments.only)) {
        let mut figures = vec![Vec::new(); arguments.brokers.len()];
        for _ in 0..arguments.rounds {
            for ((name, command), figures) in arguments.brokers.iter().zip(&mut figures) {
                let broker = Broker::start(command, certificates.of(scenario.key), &certificates)?;
                let figure = scenario.run(&broker, &certificates, arguments.seconds);
                figures.push(figure.map_err(|error| format!("{name}, {}: {error}", scenario.title()))?);
            }
        }
        println!("{}", row(scenario, figures));
    }
    Ok(())
}

/// A line of the table; the ratio is that of the last broker to the first.
fn row(scenario: &Scenario, figures: Vec<Vec<f64>>) -> String {
    let mut line = format!("| {} | {} |", scenario.title(), scenario.unit());
    let mut medians = Vec::new();
    for mut figures in figures {
        figures.sort_by(f64::total_cmp);
        let at = |index: usize| figures.get(index).copied().unwrap_or(f64::NAN);
        let median = f64::midpoint(at((figures.len() - 1) / 2), at(figures.len() / 2));
        let (least, most) = (at(0), at(figures.len() - 1));
        // Writing into a String cannot fail.
        let _ = write!(line, " {} ({} to {}) |", thousands(median), thousands(least), thousands(most));
        medians.push(median);
    }
    if let (Some(first), Some(last)) = (medians.first(), medians.last()) {
        let _ = write!(line, " {:.2} |", last / first);
    }
    line
}

/// A whole number with commas.
fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// For this process and the brokers that it starts.
fn raise_open_files() -> Result<()> {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < OPEN_FILES) {
        limit.current = Some(limit.maximum.unwrap_or(OPEN_FILES).min(OPEN_FILES));
        setrlimit(Resource::Nofile, limit)?;
    }
    Ok(())
}
