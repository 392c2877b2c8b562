//! `-d`: the broker as a daemon.

use crate::harness::{Broker, Finished, Scratch, Signal, free_port, mosquitto, wait_until};
use rustix::process::{Pid, kill_process};
use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};

/// A directory in which a daemon may have left its pid file. Dropped, the daemon is killed.
struct Den(Scratch);

impl Den {
    /// Starts the broker in the background, with this configuration, in which `DIR` is the directory. The second is what
    /// the command has left behind.
    fn start(text: &str) -> (Self, Finished) {
        let den = Self(Scratch::new());
        let text = text.replace("DIR", den.0.path().to_str().unwrap());
        let config = den.0.file("mosquitto.conf", &text);
        let finished = mosquitto(["-d", "-c", config.to_str().unwrap()]);
        (den, finished)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// The daemon, if there is one.
    fn daemon(&self) -> Option<Pid> {
        let number = fs::read_to_string(self.path("pid")).ok()?.parse().ok()?;
        Pid::from_raw(number)
    }
}

impl Drop for Den {
    fn drop(&mut self) {
        if let Some(daemon) = self.daemon()
            // It is our own as long as it is there under this name.
            && fs::read_to_string(proc(daemon, "comm")).is_ok_and(|name| name == "mosquitto\n")
        {
            let _ = kill_process(daemon, Signal::KILL);
        }
    }
}

fn proc(process: Pid, name: &str) -> PathBuf {
    format!("/proc/{}/{name}", process.as_raw_nonzero()).into()
}

#[test]
fn the_daemon_is_up_when_the_command_ends_and_has_left_everything_behind() {
    let port = free_port();
    let text = format!("listener {port} 127.0.0.1\nlog_timestamp false\npid_file DIR/pid\nlog_dest file DIR/log\n");
    let (den, launched) = Den::start(&text);
    assert_eq!((launched.code, launched.stdout, launched.stderr), (Some(0), vec![], vec![]));
    let (daemon, log) = (den.daemon().unwrap(), den.path("log"));
    TcpStream::connect(("127.0.0.1", port)).unwrap();
    for descriptor in ["fd/0", "fd/1", "fd/2"] {
        assert_eq!(fs::read_link(proc(daemon, descriptor)).unwrap(), Path::new("/dev/null"));
    }
    let stat = fs::read_to_string(proc(daemon, "stat")).unwrap();
    // Behind the name, which may contain anything: state, parent, process group, session, terminal.
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let fields: Vec<_> = fields.split_whitespace().collect();
    let number = daemon.as_raw_nonzero().to_string();
    assert_eq!(fields[2..5], [number.as_str(), number.as_str(), "0"], "{stat}");
    kill_process(daemon, Signal::TERM).unwrap();
    wait_until("the log's last line", || fs::read_to_string(&log).unwrap().ends_with(" terminating\n"));
    assert!(!den.path("pid").exists());
}

/// Other than Mosquitto's, which ends with 0 whatever becomes of the daemon.
#[test]
fn a_daemon_that_cannot_start_says_why_and_gives_the_command_its_exit_status() {
    let other = Broker::open("");
    let text = format!("listener {} 127.0.0.1\nlog_dest none\n", other.port());
    let (_den, launched) = Den::start(&text);
    let line = format!("Error: Unable to listen on 127.0.0.1, port {}: Address already in use.", other.port());
    assert_eq!((launched.code, launched.stderr), (Some(1), vec![line]));
    let (_den, launched) =
        Den::start(&format!("listener {} 127.0.0.1\nlog_dest none\npid_file DIR/no/pid\n", free_port()));
    assert_eq!((launched.code, launched.stderr.len()), (Some(14), 1), "{:?}", launched.stderr);
}

/// Its standard error leads nowhere, and its log is the file.
#[test]
fn a_daemon_without_its_log_file_has_the_command_say_so() {
    let port = free_port();
    let (den, launched) =
        Den::start(&format!("listener {port} 127.0.0.1\npid_file DIR/pid\nlog_dest file DIR/no/log\n"));
    let log = den.path("no/log");
    let line = format!("Error: Unable to open log file {} for writing. No such file or directory.", log.display());
    assert_eq!((launched.code, launched.stderr), (Some(0), vec![line]));
    kill_process(den.daemon().unwrap(), Signal::TERM).unwrap();
    wait_until("the daemon's end", || !den.path("pid").exists());
}

#[test]
fn wrong_arguments_and_configurations_are_told_before_anything_goes_to_the_background() {
    let (_den, launched) = Den::start("no_such_option 1\n");
    assert_eq!((launched.code, launched.stderr.len()), (Some(3), 2), "{:?}", launched.stderr);
}
