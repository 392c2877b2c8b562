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
        help: "Stop: publish the wills of all connected clients, close their connections, write \
               `persistence_file` and exit with status 0.",
    },
    Signal { number: || SIGTERM, name: "SIGTERM", help: "The same as SIGINT." },
    Signal {
        number: || SIGHUP,
        name: "SIGHUP",
        help: "Read the configuration files again, and go by what they say now; `mosquitto.conf`(5) tells for each option \
               what then holds. All or nothing: if anything is wrong with them, the log says what, and all stays as it is.",
    },
    Signal {
        number: || SIGUSR1,
        name: "SIGUSR1",
        help: "Write `persistence_file` now. Without `persistence` that is answered by a warning in the log.",
    },
    Signal {
        number: || SIGUSR2,
        name: "SIGUSR2",
        help: "Print all subscriptions, and what is known of each session, on standard output.",
    },
    Signal {
        number: || libc::SIGRTMIN(),
        name: "SIGRTMIN",
        help: "Close the log file and open it again, for instance after it was renamed.",
    },
];

/// The environment variables that the broker looks at, and what they do.
pub static ENVIRONMENT: &[(&str, &str)] = &[
    ("PUID, PGID", "Numbers of the user and the group to become when started as root, instead of those of `user`."),
    ("UMASK_SET", "The umask, in octal digits, for the files that the broker makes."),
    (
        "MOSQUITTO_UNSAFE_ALLOW_SYMLINKS",
        "Whatever its value: log files, and the files that say who may do what, may be symbolic links.",
    ),
    (
        "MOSQUITTO_OPENSSL_DIR",
        "The directory with the libraries of OpenSSL, which `psk_hint` needs, where that is not the system's own.",
    ),
    (
        "NOTIFY_SOCKET, WATCHDOG_USEC",
        "Set by systemd, which is told when the broker runs, reloads, and stops, and that it is alive.",
    ),
    ("SNAP_NAME", "If it is `mosquitto`, the broker stays the user that it is."),
    ("TZ", "The time zone of `log_timestamp_format`; without it, that of the system."),
];

/// The exit statuses, and what they mean.
pub static EXIT_STATUSES: &[(u8, &str)] = &[
    (
        0,
        "Stopped by SIGINT or SIGTERM; or `--help`, `--version`, or a `--test-config` that found nothing wrong; or, with \
         `-d`, the broker runs in the background.",
    ),
    (
        1,
        "The broker could not start: no listener could be opened, another broker uses the same `persistence_file`, or the \
         system refused something else. Or it ended because what clients had been told to be kept could be kept no longer, or \
         because `persistence_file` could not be written at the end.",
    ),
    (3, "An argument, a configuration file or an environment variable is wrong. Standard error says what, and where."),
    (13, "A file that says who may do what cannot be read."),
    (
        14,
        "The system refused to let the broker become another user, to write the pid file, or to use the files of persistence.",
    ),
];

#[cfg(test)]
mod tests {
    use super::SIGNALS;

    #[test]
    fn every_signal_has_its_own_name() {
        // Those that the system itself numbers have none there.
        for signal in SIGNALS.iter().filter(|signal| !signal.name.starts_with("SIGRT")) {
            assert_eq!(signal_hook::low_level::signal_name((signal.number)()), Some(signal.name));
        }
    }
}
