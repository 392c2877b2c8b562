//! `pid_file`.

use crate::harness::{Broker, Scratch, Setup, Signal, mosquitto};
use std::fs;
use std::os::unix::fs::FileTypeExt;

#[test]
pub(crate) fn it_has_the_number_of_the_process_and_is_gone_at_the_end() {
    let scratch = Scratch::new();
    // What a broker has left behind that had no time to clean up.
    let path = scratch.file("pid", "4194304\n");
    let broker = Broker::open(&format!("pid_file {}", path.display()));
    assert_eq!(fs::read_to_string(&path).unwrap(), broker.pid().as_raw_nonzero().to_string());
    broker.stop_with(Signal::INT);
    assert!(!path.exists());
}

#[test]
fn a_second_broker_that_finds_its_port_taken_leaves_the_first_ones_alone() {
    let broker = Setup::open("pid_file DIR/pid").start();
    let path = broker.directory().join("pid");
    let second = mosquitto(["-c", broker.directory().join("mosquitto.conf").to_str().unwrap()]);
    assert_eq!(second.code, Some(1), "{second:?}");
    assert_eq!(fs::read_to_string(&path).unwrap(), broker.pid().as_raw_nonzero().to_string());
}

#[test]
fn one_that_cannot_be_written_is_named_and_exits_with_14() {
    let scratch = Scratch::new();
    let port = crate::harness::free_port();
    let path = scratch.path().join("no/such/directory");
    let text = format!("listener {port} 127.0.0.1\nlog_timestamp false\npid_file {}\n", path.display());
    let refused = mosquitto(["-c", scratch.file("mosquitto.conf", &text).to_str().unwrap()]);
    assert_eq!(refused.code, Some(14), "{refused:?}");
    let line = format!("Error: Unable to write pid file {}: No such file or directory.", path.display());
    assert!(refused.stderr.contains(&line), "{refused:?}");
    assert!(refused.stderr.last().unwrap().ends_with("terminating"), "{refused:?}");
}

/// Mosquitto 2.1 refuses what is not a file as well, and removes it then: started by root, even /dev/null.
#[test]
fn what_is_no_file_is_refused_and_not_removed() {
    let scratch = Scratch::new();
    let pipe = scratch.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let text = format!("listener {} 127.0.0.1\npid_file {}\n", crate::harness::free_port(), pipe.display());
    let refused = mosquitto(["-c", scratch.file("mosquitto.conf", &text).to_str().unwrap()]);
    assert_eq!(refused.code, Some(14), "{refused:?}");
    assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());
}
