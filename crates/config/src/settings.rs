//! What a broker runs with: configuration files and command line together.

use crate::config::Config;
use crate::endpoint::Endpoint;
use crate::error::ConfigErrors;
use crate::log::LogTypes;
use std::path::PathBuf;

/// What a broker runs with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// What the files say, with `-v` and `-q` already applied.
    pub config: Config,
    /// The files, in the order in which they were read. Empty: the defaults.
    pub config_files: Vec<PathBuf>,
    /// `-p`: ports to listen on in local only mode, at most [`Settings::PORTS_MAX`]. Empty: 1883.
    pub ports: Vec<u16>,
    /// `-d`: whether to run in the background.
    pub daemon: bool,
    /// `-v` and `-q`.
    pub verbosity: Verbosity,
    /// `--tls-keylog`: where the keys of TLS connections are written down. `None`: nowhere.
    pub tls_keylog: Option<PathBuf>,
}

/// What the command line says about how much is logged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Verbosity {
    /// Nothing: `log_type` decides.
    #[default]
    AsConfigured,
    /// `-v`: all types.
    Verbose,
    /// `-q`: nothing at all. Beats `-v`.
    Quiet,
}

impl Settings {
    /// How many times `-p` may be given.
    pub const PORTS_MAX: usize = 10;

    /// Where to listen.
    pub fn endpoints(&self) -> Vec<Endpoint> {
        self.config.endpoints(&self.ports)
    }

    /// Reads the same files once more, as for SIGHUP. All or nothing: on an error what runs is left as it is.
    pub fn reload(&self) -> Result<Self, ConfigErrors> {
        let config = Config::read(&self.config_files)?;
        let settings = Self {
            config,
            config_files: self.config_files.clone(),
            ports: self.ports.clone(),
            daemon: self.daemon,
            verbosity: self.verbosity,
            tls_keylog: self.tls_keylog.clone(),
        };
        Ok(settings.with_verbosity())
    }

    /// Applies the verbosity to the configuration.
    pub(crate) fn with_verbosity(mut self) -> Self {
        match self.verbosity {
            Verbosity::AsConfigured => {}
            Verbosity::Verbose => self.config.log.types = LogTypes::ALL,
            Verbosity::Quiet => self.config.log.types = LogTypes::NONE,
        }
        self
    }
}
