//! `-d`: the broker as a daemon.

use crate::harness::{Broker, Finished, Scratch, Signal, free_port, mosquitto, wait_until};
use rustix::process::{Pid, kill_process};
use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};

/// A daemon by its pid file. Dropped, it is killed.
struct Daemon(Pid);

impl Daemon {
    fn of(pid_file: &Path) -> Self {
        let number: i32 = fs::read_to_string(pid_file).unwrap().parse().unwrap();
        Self(Pid::from_raw(number).unwrap())
    }

    fn proc(&self, name: &str) -> PathBuf {
        format!("/proc/{}/{name}", self.0.as_raw_nonzero()).into()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It is our own as long as it is there under this name.
        if fs::read_to_string(self.proc("comm")).is_ok_and(|name| name == "mosquitto\n") {
            let _ = kill_process(self.0, Signal::KILL);
        }
    }
}

fn start(text: &str) -> (Scratch, Finished) {
    let scratch = Scratch::new();
    let text = text.replace("DIR", scratch.path().to_str().unwrap());
    let config = scratch.file("mosquitto.conf", &text);
    let finished = mosquitto(["-d", "-c", config.to_str().unwrap()]);
    (scratch, finished)
}

#[test]
fn the_daemon_is_up_when_the_command_ends_and_has_left_everything_behind() {
    let port = free_port();
    let text = format!("listener {port} 127.0.0.1\nlog_timestamp false\npid_file DIR/pid\nlog_dest file DIR/log\n");
    let (scratch, launched) = start(&text);
    assert_eq!((launched.code, launched.stdout, launched.stderr), (Some(0), vec![], vec![]));
    let (pid_file, log) = (scratch.path().join("pid"), scratch.path().join("log"));
    let daemon = Daemon::of(&pid_file);
    TcpStream::connect(("127.0.0.1", port)).unwrap();
    for descriptor in ["fd/0", "fd/1", "fd/2"] {
        assert_eq!(fs::read_link(daemon.proc(descriptor)).unwrap(), Path::new("/dev/null"));
    }
    let stat = fs::read_to_string(daemon.proc("stat")).unwrap();
    // Behind the name, which may contain anything: state, parent, process group, session, terminal.
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let fields: Vec<_> = fields.split_whitespace().collect();
    let number = daemon.0.as_raw_nonzero().to_string();
    assert_eq!(fields[2..5], [number.as_str(), number.as_str(), "0"], "{stat}");
    kill_process(daemon.0, Signal::TERM).unwrap();
    wait_until("the log's last line", || fs::read_to_string(&log).unwrap().ends_with(" terminating\n"));
    assert!(!pid_file.exists());
}

/// Other than Mosquitto's, which ends with 0 whatever becomes of the daemon.
#[test]
fn a_daemon_that_cannot_start_says_why_and_gives_the_command_its_exit_status() {
    let other = Broker::open("");
    let text = format!("listener {} 127.0.0.1\nlog_dest none\n", other.port());
    let (_scratch, launched) = start(&text);
    let line = format!("Error: Unable to listen on 127.0.0.1, port {}: Address already in use.", other.port());
    assert_eq!((launched.code, launched.stderr), (Some(1), vec![line]));
    let (_scratch, launched) =
        start(&format!("listener {} 127.0.0.1\nlog_dest none\npid_file DIR/no/pid\n", free_port()));
    assert_eq!((launched.code, launched.stderr.len()), (Some(14), 1), "{:?}", launched.stderr);
}

#[test]
fn wrong_arguments_and_configurations_are_told_before_anything_goes_to_the_background() {
    let (_scratch, launched) = start("no_such_option 1\n");
    assert_eq!((launched.code, launched.stderr.len()), (Some(3), 2), "{:?}", launched.stderr);
}
