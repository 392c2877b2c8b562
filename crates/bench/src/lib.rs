//! `mosquitto_bench`: puts load on an MQTT broker, any broker, measures what it does, and checks that it does it right.
//!
//! One thread serves all connections (`net`): it should cost less than the broker. Who publishes and subscribes to what is a
//! `plan`; `traffic` is what flows then, with all checks. Each scenario is a file of `scenario`; what it came to is a
//! `report`.

mod arrivals;
mod bench;
mod clock;
mod net;
pub mod options;
mod overload;
mod plan;
mod process;
mod progress;
mod report;
pub mod scenario;
mod sequence;
mod soak;
mod stamp;
mod traffic;

use bench::{Bench, Failure};
use options::{Settings, Task};
use report::Report;
use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

/// The program's name.
pub const NAME: &str = "mosquitto_bench";

/// What the program's exit statuses mean.
pub const EXIT_STATUSES: [(u8, &str); 3] = [
    (0, "the run was made, and nothing went wrong"),
    (1, "the arguments are wrong, or the run could not be made: no broker, a client refused"),
    (
        2,
        "the run was made, and the broker did wrong: messages were lost, repeated, out of order or damaged, or clients cut off",
    ),
];

/// Carries out these arguments (without the program's name).
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let settings = match options::parse(arguments) {
        Ok(Task::Run(settings)) => *settings,
        Ok(Task::Help) => return print(&options::usage(), 0),
        Err(text) => {
            complain(&format!("Error: {text}\n\nTry '{NAME} --help'."));
            return ExitCode::from(1);
        }
    };
    let (scenario, json) = (settings.scenario.name(), settings.json);
    match measure(settings) {
        Ok(report) => {
            let text = if json { report.json(scenario) } else { report.summary(scenario) };
            print(&text, if report.is_good() { 0 } else { 2 })
        }
        Err(Failure(text)) => {
            complain(&format!("Error: {text}"));
            let error = serde_json::json!({"scenario": scenario, "ok": false, "error": text});
            if json { print(&format!("{error}\n"), 1) } else { ExitCode::from(1) }
        }
    }
}

fn measure(settings: Settings) -> Result<Report, Failure> {
    let scenario = settings.scenario;
    let mut bench = Bench::new(settings)?;
    let report = scenario.run(&mut bench);
    bench.progress.end();
    report
}

fn print(text: &str, status: u8) -> ExitCode {
    // A reader that has gone away does not want the rest.
    let _ = io::stdout().write_all(text.as_bytes());
    ExitCode::from(status)
}

fn complain(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}
