//! Reloading the configuration: all or nothing.
//!
//! First everything is read and checked, and what is to be opened is opened: new listening sockets, the log. Nothing that
//! runs is touched meanwhile, and an error ends it there. Only then the new settings are handed to the workers, each of
//! which goes on with them from a tick to the next; nobody waits for anybody else. When all of them have, the workers are
//! given the new listening sockets: so a connection is never handed over to a worker that does not know its listener yet.

use crate::auth_files::AuthFiles;
use crate::bridges::{self, Setups};
use crate::failure::Failure;
use crate::http::{Directories, Sites};
use crate::listeners::{Doors, Plan};
use crate::log::{Logger, NextLog, level_of};
use crate::operator::Operator;
use crate::order::{Change, Order};
use crate::psk::PskFiles;
use crate::settings::{bind_options, broker_settings, connections_max, layers, lobby_max};
use crate::supervisor;
use mosquitto_broker::LogLevel;
use mosquitto_config::{Change as OptionChange, Config, Effect, Notice, Persistence, Referent, Settings};
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::time::{Duration, Instant};

/// All that was prepared.
struct Prepared {
    settings: Settings,
    bridges: Setups,
    changes: Vec<OptionChange>,
    plan: Plan,
    auth_files: AuthFiles,
    directories: Directories,
    log: NextLog,
}

/// How often to look whether all workers go on with the new settings.
const LOOK: Duration = Duration::from_millis(1);

/// A reload that some workers have not heard of yet.
pub(crate) struct UnderWay {
    /// Disconnected when all have.
    pending: Receiver<Infallible>,
    doors: Doors,
    changes: Vec<OptionChange>,
    /// What the log says about files with other contents.
    contents: Vec<String>,
    /// Whether SIGHUP came once more.
    again: bool,
}

impl Operator {
    /// SIGHUP.
    pub(crate) fn reload(&mut self) {
        if let Some(under_way) = &mut self.reload {
            under_way.again = true;
            return;
        }
        self.logger.log(LogLevel::Information, "Reloading config.");
        supervisor::reloading();
        match self.prepare() {
            Ok(prepared) => self.go_on_with(prepared),
            Err(lines) => self.stay(lines),
        }
    }

    /// When to look after a reload, if one is under way.
    pub(crate) fn next_look_at_reload(&self) -> Option<Instant> {
        self.reload.as_ref().map(|_| Instant::now() + LOOK)
    }

    /// Ends a reload that all workers have heard of.
    pub(crate) fn look_at_reload(&mut self) {
        let Some(UnderWay { pending, .. }) = &self.reload else { return };
        if pending.try_recv() == Err(TryRecvError::Empty) {
            return;
        }
        let Some(UnderWay { doors, changes, contents, again, .. }) = self.reload.take() else { return };
        for (worker, doors) in self.office.workers().zip(doors.of_workers) {
            self.office.order(worker, Order::Open(doors));
        }
        self.http.open(doors.of_http);
        self.report(&changes, &contents);
        supervisor::ready();
        if again {
            self.reload();
        }
    }

    /// Nothing changes. Only a log file that was moved away is let go of all the same.
    fn stay(&self, errors: Vec<String>) {
        if Logger::check(&self.settings.config.log).is_ok() {
            self.logger.reopen();
        }
        for line in errors {
            self.logger.log(LogLevel::Error, line);
        }
        self.logger.log(LogLevel::Error, "Error: Configuration not reloaded: nothing was changed.");
        supervisor::ready();
    }

    /// Everything that may fail. An error is what the log is to say of it.
    fn prepare(&self) -> Result<Prepared, Vec<String>> {
        self.find_files()?;
        let settings = self.settings.reload().map_err(|errors| {
            self.note(errors.notices());
            errors.lines()
        })?;
        let (changes, settings) = (self.settings.config.changes_to(&settings.config), self.until_restart(settings));
        let checked = Logger::check(&settings.config.log);
        let unloggable = checked.as_ref().err().map(|error| log_error(error, &settings.config));
        for line in checked.unwrap_or_default() {
            self.logger.log(line.level, line.text);
        }
        let auth_files = self.read_auth_files(&settings);
        // Without keys, what else is wrong with listeners is told all the same.
        let no_keys = PskFiles::default();
        let psk = auth_files.as_ref().map_or(&no_keys, |files| &files.psk);
        let (endpoints, options) = (settings.endpoints(), bind_options(&settings));
        let plan = self.listeners.plan(endpoints, &settings.config.global, psk, options, &self.logger);
        let directories = Directories::find(&settings).map_err(|failure| lines_of(&failure));
        let bridges = bridges::prepare(&settings, Some(self.listeners.passphrases()));
        let (plan, auth_files, directories, bridges) = match (plan, auth_files, directories, bridges, unloggable) {
            (Ok(plan), Ok(auth_files), Ok(directories), Ok(bridges), None) => (plan, auth_files, directories, bridges),
            (plan, auth_files, directories, bridges, unloggable) => {
                let errors = [plan.err(), auth_files.err(), directories.err(), bridges.err(), unloggable];
                return Err(errors.into_iter().flatten().flatten().collect());
            }
        };
        let log = self.logger.prepare(&self.settings.config.log, &settings.config.log);
        let log = log.map_err(|error| log_error(&error, &settings.config))?;
        Ok(Prepared { settings, bridges, changes, plan, auth_files, directories, log })
    }

    /// An error is what the log is to say of it.
    fn read_auth_files(&self, settings: &Settings) -> Result<AuthFiles, Vec<String>> {
        let mut lines = Vec::new();
        let files = AuthFiles::read(settings, &self.auth_files, &mut lines);
        for line in lines {
            self.logger.log(line.level, line.text);
        }
        files.map_err(|failure| lines_of(&failure))
    }

    /// The settings that can hold before the broker is started again.
    fn until_restart(&self, mut settings: Settings) -> Settings {
        let (old, new) = (&self.settings.config.global, &mut settings.config.global);
        new.pid_file.clone_from(&old.pid_file);
        new.user.clone_from(&old.user);
        new.worker_threads = old.worker_threads;
        new.workers_together = old.workers_together;
        new.check_retain_source = old.check_retain_source;
        new.persistence = Persistence {
            autosave_interval: new.persistence.autosave_interval,
            autosave_on_changes: new.persistence.autosave_on_changes,
            ..old.persistence.clone()
        };
        let left = self.settings.config.changes_to(&settings.config);
        debug_assert!(left.iter().all(|change| change.effect != Effect::Restart), "{left:?}");
        settings
    }

    /// A pipe that was read at the start has nothing more to say, and one that is new may never have.
    fn find_files(&self) -> Result<(), Vec<String>> {
        for file in &self.settings.config_files {
            // What is not there at all is for the reader to tell.
            if std::fs::metadata(file).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir()) {
                return Err(vec![
                    format!("Error: Unable to open config file '{}'.", file.display()),
                    "Expected: a regular file, which can be read more than once.".to_owned(),
                ]);
            }
        }
        Ok(())
    }

    /// Nothing of this fails.
    fn go_on_with(&mut self, Prepared { settings, bridges, changes, plan, auth_files, directories, log }: Prepared) {
        let broker_settings = Arc::new(broker_settings(&settings, plan.endpoints(), &auth_files, log.mask()));
        let layers = |endpoint| layers(endpoint, &settings.config.global);
        let layers = plan.endpoints().map(|endpoint| endpoint.map(layers).unwrap_or_default()).collect();
        self.logger.go_on_with(log);
        let tls = plan.tls();
        let sites = Sites::new(plan.endpoints(), &tls, &auth_files, &directories);
        let doors = self.listeners.adopt(plan, connections_max(&settings));
        let (with_workers, pending) = sync_channel(1);
        let nodelay = settings.config.global.set_tcp_nodelay;
        let change = Change {
            settings: broker_settings,
            nodelay,
            lobby_max: lobby_max(&settings),
            layers,
            tls,
            pending: with_workers,
        };
        for worker in self.office.workers() {
            self.office.order(worker, Order::Configure(change.clone()));
            self.office.order(worker, Order::Bridges(Arc::clone(&bridges)));
        }
        self.http.configure(sites, Some(change.pending));
        self.note(&settings.config.notices);
        let mut contents = auth_files.changes_since(&self.auth_files);
        contents.extend(bridges::changes(&self.settings.config.bridges, &settings.config.bridges));
        (self.settings, self.auth_files) = (settings, auth_files);
        self.reload = Some(UnderWay { pending, doors, changes, contents, again: false });
    }

    fn note(&self, notices: &[Notice]) {
        for Notice { level, text } in notices {
            self.logger.log(level_of(*level), text.as_str());
        }
    }

    /// Says what is different, a line each.
    fn report(&self, changes: &[OptionChange], contents: &[String]) {
        for change in changes {
            let level = if change.effect == Effect::Restart { LogLevel::Warning } else { LogLevel::Notice };
            self.logger.log(level, format!("{change}."));
        }
        for line in contents {
            self.logger.log(LogLevel::Notice, line.as_str());
        }
        let end = match changes.len() + contents.len() {
            0 => "Configuration reloaded: nothing has changed.".to_owned(),
            1 => "Configuration reloaded: 1 change.".to_owned(),
            count => format!("Configuration reloaded: {count} changes."),
        };
        self.logger.log(LogLevel::Information, end);
    }
}

fn lines_of(failure: &Failure) -> Vec<String> {
    failure.text.lines().map(str::to_owned).collect()
}

/// Why the log cannot be opened, and where its file is named.
fn log_error(error: &io::Error, config: &Config) -> Vec<String> {
    let named = config.references.iter().filter(|reference| reference.referent == Referent::LogFile);
    let place = named.map(|reference| reference.location.to_string());
    std::iter::once(format!("Error: {error}")).chain(place).collect()
}
