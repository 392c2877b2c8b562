//! Who wants to know how the start goes: the process that waits while this one goes into the background, systemd, and
//! whoever reads the pid file.

use crate::failure::Failure;
use crate::pid_file::PidFile;
use crate::supervisor;
use mosquitto_daemon::Report;
use std::path::PathBuf;

/// A start under way. Dropped at the end of the broker, the pid file goes.
#[derive(Debug)]
pub(crate) struct Launch {
    path: Option<PathBuf>,
    pid_file: Option<PidFile>,
    report: Option<Report>,
    warning: String,
}

impl Launch {
    /// `path` is that of the pid file, `report` is to the process that waits, if one does.
    pub(crate) fn new(path: Option<PathBuf>, report: Option<Report>) -> Self {
        Self { path, pid_file: None, report, warning: String::new() }
    }

    /// The listeners are open. The pid file is written only now (Mosquitto's before), so that a broker that is started a
    /// second time by mistake, and finds its port taken, leaves that of the first one alone.
    pub(crate) fn listening(&mut self) -> Result<(), Failure> {
        self.pid_file = self.path.as_deref().map(PidFile::write).transpose()?;
        Ok(())
    }

    /// Something is not as it should be, and the broker will run all the same. In the foreground standard error tells.
    pub(crate) fn warn(&mut self, text: String) {
        self.warning = text;
    }

    /// The broker runs.
    pub(crate) fn running(&mut self) {
        if let Some(report) = self.report.take() {
            report.started(&self.warning);
        }
        supervisor::ready();
    }

    /// It does not.
    pub(crate) fn failed(&mut self, failure: &Failure) {
        if let Some(report) = self.report.take() {
            report.failed(failure.code, &failure.text);
        }
    }
}
