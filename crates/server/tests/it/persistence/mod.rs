//! What is there again after the broker was started again, whatever way it ended.

mod book;
mod bridge;
mod damage;
mod faults;
mod foreign;
mod kill;
mod line;
pub(crate) mod restart;
pub(crate) mod saving;

use crate::harness::{Scratch, Setup};
use std::path::Path;
use std::sync::Arc;

/// A broker that lets everybody in and keeps its state in this directory, with `lines` added to its configuration.
fn kept_in(directory: &Arc<Scratch>, lines: &str) -> Setup {
    Setup::open(&format!("persistence true\npersistence_location DIR\n{lines}")).directory(directory)
}

fn directory() -> Arc<Scratch> {
    Arc::new(Scratch::new())
}

/// The names of the files that belong to persistence, in order.
fn files(directory: &Path) -> Vec<String> {
    let names = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.filter(|name| name.starts_with("mosquitto.db")).collect();
    names.sort();
    names
}
