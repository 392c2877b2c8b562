//! What reaches the program from outside besides its command line, and what it answers. `mosquitto(8)` is made from these
//! tables.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2};

/// A signal that the broker does something about.
#[derive(Debug, Clone, Copy)]
pub struct Signal {
    /// Its number on this system, which decides about some of them only when the program runs.
    pub number: fn() -> i32,
    /// Its name.
    pub name: &'static str,
    /// What the broker does, for the manual. Names stand in backquotes.
    pub help: &'static str,
}

/// The signals that the broker does something about; it leaves all others as they are.
pub static SIGNALS: &[Signal] = &[
    Signal {
        number: || SIGINT,
        name: "SIGINT",
        help: "Stop: publish the wills of all connected clients, close their connections and exit with status 0.",
    },
    Signal { number: || SIGTERM, name: "SIGTERM", help: "The same as SIGINT." },
    Signal {
        number: || SIGHUP,
        name: "SIGHUP",
        help: "Answered by a warning in the log: reloading the configuration is not supported yet.",
    },
    Signal {
        number: || SIGUSR1,
        name: "SIGUSR1",
        help: "Answered by a warning in the log: there is no persistence yet that could be saved.",
    },
    Signal {
        number: || SIGUSR2,
        name: "SIGUSR2",
        help: "Answered by a warning in the log: printing the subscription tree is not supported yet.",
    },
];

/// The environment variables that the broker looks at, and what they do.
pub static ENVIRONMENT: &[(&str, &str)] =
    &[("TZ", "The time zone of `log_timestamp_format`; without it, that of the system.")];

/// The exit statuses, and what they mean.
pub static EXIT_STATUSES: &[(u8, &str)] = &[
    (0, "Stopped by SIGINT or SIGTERM; or `--help`, `--version`, or a `--test-config` that found nothing wrong."),
    (1, "The broker could not start: no listener could be opened, or the system refused something else."),
    (3, "An argument or a configuration file is wrong. What is wrong, and where, is on standard error."),
];

#[cfg(test)]
mod tests {
    use super::SIGNALS;

    #[test]
    fn every_signal_has_its_own_name() {
        for signal in SIGNALS {
            assert_eq!(signal_hook::low_level::signal_name((signal.number)()), Some(signal.name));
        }
    }
}
