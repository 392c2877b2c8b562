//! What systemd hears of the broker.

use crate::harness::{PATIENCE, Scratch, Setup, Signal};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

struct Systemd {
    socket: UnixDatagram,
    scratch: Scratch,
}

impl Systemd {
    fn new() -> Self {
        let scratch = Scratch::new();
        let socket = UnixDatagram::bind(scratch.path().join("notify")).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { socket, scratch }
    }

    fn path(&self) -> String {
        self.scratch.path().join("notify").to_str().unwrap().to_owned()
    }

    fn next(&self) -> String {
        let mut buffer = [0; 1000];
        let len = self.socket.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..len].to_vec()).unwrap()
    }
}

#[test]
fn systemd_is_told_when_the_broker_is_ready_and_when_it_stops() {
    let systemd = Systemd::new();
    let broker = Setup::open("").environment("NOTIFY_SOCKET", &systemd.path()).start();
    assert_eq!(systemd.next(), "READY=1\nSTATUS=Running\n");
    broker.stop();
    assert_eq!(systemd.next(), "STOPPING=1\nSTATUS=Stopping\n");
}

#[test]
fn the_watchdog_is_told_again_and_again_that_the_broker_is_alive() {
    let systemd = Systemd::new();
    let setup = Setup::open("worker_threads 2").environment("NOTIFY_SOCKET", &systemd.path());
    let broker = setup.environment("WATCHDOG_USEC", "20000").start();
    assert_eq!(systemd.next(), "READY=1\nSTATUS=Running\n");
    for _ in 0..5 {
        assert_eq!(systemd.next(), "WATCHDOG=1\n");
    }
    broker.stop();
}

/// It is for another process: the one that has started this one, say.
#[test]
fn a_watchdog_that_is_not_meant_is_not_answered() {
    let systemd = Systemd::new();
    let setup = Setup::open("").environment("NOTIFY_SOCKET", &systemd.path());
    let broker = setup.environment("WATCHDOG_USEC", "20000").environment("WATCHDOG_PID", "1").start();
    assert_eq!(systemd.next(), "READY=1\nSTATUS=Running\n");
    broker.stop();
    assert_eq!(systemd.next(), "STOPPING=1\nSTATUS=Stopping\n");
}

/// As `Type=notify-reload` has it: systemd sends SIGHUP, and waits for READY=1 after RELOADING=1.
#[test]
fn systemd_is_told_when_a_reload_begins_and_when_it_has_ended() {
    let systemd = Systemd::new();
    let broker = Setup::open("").environment("NOTIFY_SOCKET", &systemd.path()).start();
    assert_eq!(systemd.next(), "READY=1\nSTATUS=Running\n");
    broker.signal(Signal::HUP);
    let reloading = systemd.next();
    let time = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=").unwrap();
    let (time, rest) = time.split_once('\n').unwrap();
    assert!(time.parse::<u64>().is_ok(), "{reloading}");
    assert_eq!(rest, "STATUS=Reloading\n");
    assert_eq!(systemd.next(), "READY=1\nSTATUS=Running\n");
}

/// unix(7), "abstract": the name has an `@` in front.
#[test]
fn systemd_is_found_under_a_name_that_stands_in_no_directory() {
    let name = format!("mosquitto-test-{}", std::process::id());
    let socket = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let _broker = Setup::open("").environment("NOTIFY_SOCKET", &format!("@{name}")).start();
    let mut buffer = [0; 1000];
    let len = socket.recv(&mut buffer).unwrap();
    assert_eq!(buffer[..len], *b"READY=1\nSTATUS=Running\n");
}

#[test]
fn a_systemd_that_does_not_read_keeps_the_broker_from_nothing() {
    let systemd = Systemd::new();
    let other = UnixDatagram::unbound().unwrap();
    other.set_nonblocking(true).unwrap();
    // Until nothing more fits.
    while other.send_to(b"X_OTHER=1\n", systemd.path()).is_ok() {}
    let broker = Setup::open("").environment("NOTIFY_SOCKET", &systemd.path()).start();
    for _ in 0..20 {
        assert!(broker.hang_up().last().unwrap().starts_with("Configuration reloaded"));
    }
    broker.stop();
}
