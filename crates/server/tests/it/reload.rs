//! SIGHUP: another configuration while clients are connected.

use crate::harness::{Broker, Client, Got, PATIENCE, Setup, client, free_port};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};

/// A listener that lets everybody in.
fn listener(port: u16) -> String {
    format!("listener {port} 127.0.0.1\nlistener_allow_anonymous true\n")
}

/// A broker of three workers with one listener that lets everybody in.
fn broker(lines: &str) -> Broker {
    Broker::open(&format!("log_timestamp false\nworker_threads 3\n{lines}"))
}

/// Has the broker read what it was started with and these lines.
fn reload_with(broker: &Broker, lines: &str) -> Vec<String> {
    broker.reload(&format!("{}\n{lines}", broker.config()))
}

/// The lines of a reload between the first and the last.
fn changes(log: &[String]) -> Vec<&str> {
    assert_eq!(log.first().unwrap(), "Reloading config.");
    let (last, changes) = log[1..].split_last().unwrap();
    assert!(last.starts_with("Configuration reloaded: "), "{log:#?}");
    changes.iter().map(String::as_str).filter(|line| !line.starts_with("Opening ")).collect()
}

fn connect_to(port: u16, id: &str) -> Client {
    let mut client = client(id).over(dial(port).unwrap());
    assert_eq!(client.next(), Got::ConnAck { present: false, reason: 0 });
    client
}

fn dial(port: u16) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

#[test]
fn without_a_change_nothing_changes_and_the_log_says_so() {
    let broker = broker("");
    let mut user = client("user").to(&broker);
    let log = broker.hang_up();
    assert_eq!(log, ["Reloading config.", "Configuration reloaded: nothing has changed."]);
    user.ping();
}

#[test]
fn a_listener_is_opened_beside_one_that_is_kept() {
    let broker = broker("");
    let (mut old, port) = (client("old").to(&broker), free_port());
    old.subscribe("t", 1);
    let log = reload_with(&broker, &listener(port));
    assert_eq!(changes(&log), [format!("Listener {port} 127.0.0.1: opened.")]);
    // All workers let in who comes through it, and know those who came through it elsewhere.
    for n in 0..30 {
        let mut new = connect_to(port, &format!("new-{n}"));
        new.publish("t", n.to_string(), 1);
        new.finish();
    }
    old.messages(30);
    client("again").to(&broker).ping();
}

#[test]
fn a_listener_that_is_taken_away_takes_its_clients_with_it() {
    let port = free_port();
    let broker = broker(&listener(port));
    let mut kept = client("kept").to(&broker);
    kept.subscribe("will", 1);
    let mut v5 = client("v5").will("will", "v5", 1).over(dial(port).unwrap());
    assert_eq!(v5.next(), Got::ConnAck { present: false, reason: 0 });
    let mut v311 = client("v311").v311().over(dial(port).unwrap());
    assert_eq!(v311.next(), Got::ConnAck { present: false, reason: 0 });
    let only = broker.config().replace(&listener(port), "");
    let log = broker.reload(&only);
    assert!(log.contains(&format!("Listener {port} 127.0.0.1: closed.")), "{log:#?}");
    assert_eq!(v5.rest(), [Got::Disconnect(0x98)]);
    assert_eq!(v311.rest(), []);
    for id in ["v5", "v311"] {
        let line = broker.log.wait_for(&format!("Client {id} ["));
        assert!(line.ends_with("disconnected: administrative action."), "{line}");
    }
    assert_eq!(kept.message().text(), "v5");
    assert!(dial(port).is_err(), "nobody listens there");
}

/// Numbers of listeners are used again: also then nothing is mixed up.
#[test]
fn listeners_come_and_go_many_times() {
    let broker = broker("");
    let mut kept = client("kept").to(&broker);
    let ports = [free_port(), free_port(), free_port()];
    for round in 0..30 {
        let port = ports[round % 3];
        reload_with(&broker, &listener(port));
        let mut guest = connect_to(port, "guest");
        guest.ping();
        if round % 2 == 0 {
            reload_with(&broker, "");
            assert_eq!(guest.rest(), [Got::Disconnect(0x98)]);
        }
    }
    kept.ping();
    broker.log.wait_for("Client guest [");
}
