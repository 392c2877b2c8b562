//! What is kept over a restart, where, and how safely.

use crate::written::Written;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

/// The name of the file, where nothing is said about it.
const FILE: &str = "mosquitto.db";

/// The options about the file in which the broker keeps sessions and messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Persistence {
    /// `persistence`: whether there is one. Default: false.
    pub on: bool,
    /// `persistence_location`: its directory. `None`: the one in which the broker was started.
    pub location: Option<PathBuf>,
    /// `persistence_file`: its name as given; [`Persistence::path`] knows what holds.
    pub file: Option<String>,
    /// `persistence_sync` (not in Mosquitto): when a change is on the disk. Default: before it is acknowledged.
    pub sync: PersistenceSync,
    /// `autosave_interval`: seconds between two times that the file is written, or changes if
    /// [`autosave_on_changes`](Self::autosave_on_changes). 0: only at the end. Default: 1800.
    pub autosave_interval: u32,
    /// `autosave_on_changes`: whether changes are counted, and not seconds. Default: false.
    pub autosave_on_changes: bool,
}

/// When a change of what is kept is on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PersistenceSync {
    /// Before it is acknowledged.
    #[default]
    Always,
    /// At the latest after so many milliseconds, at most 3600000; it is acknowledged as soon as the system has it.
    Interval(NonZeroU32),
    /// When the system thinks fit; it is acknowledged as soon as that has it.
    None,
}

impl PersistenceSync {
    /// The longest interval, in milliseconds.
    pub const INTERVAL_MS_MAX: i32 = 3_600_000;
}

impl Persistence {
    /// Where the file is.
    pub fn path(&self) -> PathBuf {
        let file = self.file.as_deref().unwrap_or(FILE);
        // Joined by a slash as Mosquitto does, whatever the name begins with.
        match &self.location {
            Some(location) => location.join(file.trim_start_matches('/')),
            None => Path::new(file).to_owned(),
        }
    }
}

impl Default for Persistence {
    fn default() -> Self {
        Self {
            on: false,
            location: None,
            file: None,
            sync: PersistenceSync::default(),
            autosave_interval: 1800,
            autosave_on_changes: false,
        }
    }
}

impl Written for PersistenceSync {
    fn written(&self) -> Option<String> {
        Some(match self {
            PersistenceSync::Always => "always".to_owned(),
            PersistenceSync::Interval(ms) => format!("interval {ms}"),
            PersistenceSync::None => "none".to_owned(),
        })
    }
}
