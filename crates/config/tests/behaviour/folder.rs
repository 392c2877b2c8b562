//! A folder of configuration files, and short ways to read one.

use mosquitto_config::{Config, ConfigErrors, LogType};
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A directory that goes when the test ends.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    /// Adds a file, and the directories above it. `DIR` in its contents stands for the folder.
    pub(crate) fn with(self, name: impl AsRef<OsStr>, contents: impl AsRef<[u8]>) -> Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let contents = match std::str::from_utf8(contents.as_ref()) {
            Ok(text) => text.replace("DIR", self.0.path().to_str().unwrap()).into_bytes(),
            Err(_) => contents.as_ref().to_owned(),
        };
        fs::write(path, contents).unwrap();
        self
    }

    pub(crate) fn with_directory(self, name: &str) -> Self {
        fs::create_dir_all(self.path(name)).unwrap();
        self
    }

    pub(crate) fn path(&self, name: impl AsRef<OsStr>) -> PathBuf {
        self.0.path().join(Path::new(name.as_ref()))
    }

    pub(crate) fn read(&self, name: &str) -> Result<Config, ConfigErrors> {
        Config::read([self.path(name)])
    }

    /// What reading this file gives; it must be in order.
    pub(crate) fn config(&self, name: &str) -> Config {
        self.read(name).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The lines of the error about this file; `DIR` stands for the folder.
    pub(crate) fn refusal(&self, name: &str) -> String {
        match self.read(name) {
            Ok(config) => panic!("was accepted: {config:?}"),
            Err(error) => self.shown(&error),
        }
    }

    /// A text with `DIR` for the folder.
    pub(crate) fn shown(&self, text: &impl ToString) -> String {
        text.to_string().replace(self.0.path().to_str().unwrap(), "DIR")
    }
}

/// What a file with these contents gives; it must be in order.
pub(crate) fn config(contents: impl AsRef<[u8]>) -> Config {
    Folder::new().with("x", contents).config("x")
}

/// The lines of the error about a file `DIR/x` with these contents.
pub(crate) fn refusal(contents: impl AsRef<[u8]>) -> String {
    Folder::new().with("x", contents).refusal("x")
}

/// The first line of that error.
pub(crate) fn complaint(contents: impl AsRef<[u8]>) -> String {
    refusal(contents).lines().next().unwrap().to_owned()
}

/// The texts of the notices of this level.
pub(crate) fn notices(config: &Config, level: LogType) -> Vec<&str> {
    config.notices.iter().filter(|notice| notice.level == level).map(|notice| notice.text.as_str()).collect()
}
