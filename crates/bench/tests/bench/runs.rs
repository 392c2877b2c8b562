//! Runs of the program.

use serde_json::Value;
use std::process::{Command, Output};

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) status: Option<i32>,
    pub(crate) error: String,
    pub(crate) json: Value,
}

impl Run {
    /// At a broker on this machine, with words that are separated by spaces.
    pub(crate) fn at(port: u16, words: &str) -> Self {
        let port = port.to_string();
        let arguments = words.split(' ').chain(["-h", "127.0.0.1", "-p", &port, "--json"]);
        let output = program(&arguments.collect::<Vec<_>>());
        let error = String::from_utf8(output.stderr).unwrap();
        let json = serde_json::from_slice(&output.stdout).unwrap_or_default();
        Self { status: output.status.code(), error, json }
    }

    pub(crate) fn count(&self, key: &str) -> u64 {
        self.json[key].as_u64().unwrap_or_else(|| panic!("no {key} in {}, {}", self.json, self.error))
    }

    pub(crate) fn figure(&self, key: &str) -> f64 {
        self.json[key].as_f64().unwrap_or_else(|| panic!("no {key} in {}, {}", self.json, self.error))
    }
}

pub(crate) fn program(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_mosquitto_bench")).args(arguments).output().unwrap()
}
