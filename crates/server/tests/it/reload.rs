//! SIGHUP: another configuration while clients are connected.

use crate::harness::{Broker, Client, Got, PATIENCE, Setup, Signal, client, free_port};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

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

/// What a good reload says of changes. Lines of the workers may stand among its own.
fn changes(log: &[String]) -> Vec<&str> {
    let own = log.iter().map(String::as_str).skip_while(|line| *line != "Reloading config.").skip(1);
    let others = ["New ", "Client ", "Opening "];
    let mut lines: Vec<_> = own.filter(|line| !others.iter().any(|start| line.starts_with(start))).collect();
    let count = match lines.len() - 1 {
        0 => "nothing has changed".to_owned(),
        1 => "1 change".to_owned(),
        count => format!("{count} changes"),
    };
    assert_eq!(lines.pop(), Some(format!("Configuration reloaded: {count}.").as_str()), "{log:#?}");
    lines
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
    assert!(changes(&broker.hang_up()).is_empty());
    user.ping();
}

#[test]
fn signals_in_quick_succession_lead_to_the_last_configuration() {
    let broker = broker("");
    let mut user = client("user").to(&broker);
    let config = std::fs::read_to_string(broker.directory().join("mosquitto.conf")).unwrap();
    let (new, file) = (broker.directory().join("new"), broker.directory().join("mosquitto.conf"));
    for n in 1..=50 {
        // In one go, so that no half of it is read.
        std::fs::write(&new, format!("{config}max_keepalive {n}\n")).unwrap();
        std::fs::rename(&new, &file).unwrap();
        broker.signal(Signal::HUP);
    }
    broker.log.wait_for(" -> 50 (for later connections).");
    user.ping();
    assert_eq!(broker.log.count("not reloaded"), 0);
}

#[test]
fn a_listener_is_opened_beside_one_that_is_kept() {
    let broker = broker("");
    let (mut old, port) = (client("old").to(&broker), free_port());
    old.subscribe("t", 1);
    let log = reload_with(&broker, &listener(port));
    assert_eq!(changes(&log), [format!("listener {port} 127.0.0.1: opened.")]);
    // All workers let in who comes through it, and know those who came through it elsewhere.
    for n in 0..30 {
        let mut new = connect_to(port, &format!("new-{n}"));
        new.publish("t", n.to_string(), 1);
        new.finish();
    }
    old.messages(30);
    client("again").to(&broker).ping();
}

/// Whichever worker accepts them and wherever they are at home: all know the listener before the first is let in.
#[test]
fn clients_that_wait_for_a_listener_are_let_in_as_soon_as_it_is_open() {
    let broker = broker("");
    for round in 0..10 {
        let port = free_port();
        thread::scope(|scope| {
            for n in 0..8 {
                let config = &broker;
                scope.spawn(move || {
                    let until = Instant::now() + PATIENCE;
                    let stream = loop {
                        match dial(port) {
                            Ok(stream) => break stream,
                            // There is nothing to wait for but the next attempt.
                            Err(_) => thread::yield_now(),
                        }
                        assert!(Instant::now() < until, "nobody listens: {:#?}", config.log.all());
                    };
                    let mut early = client(&format!("early-{round}-{n}")).over(stream);
                    assert_eq!(early.next(), Got::ConnAck { present: false, reason: 0 });
                });
            }
            reload_with(&broker, &listener(port));
        });
    }
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
    assert!(log.contains(&format!("listener {port} 127.0.0.1: closed.")), "{log:#?}");
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

/// Counts down when dropped, also by a test that fails.
struct AtItsEnd<'c>(&'c AtomicUsize);

impl Drop for AtItsEnd<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Messages of all qualities of service, between all workers, while listeners come and go and limits change.
#[test]
fn no_message_is_lost_doubled_or_out_of_order_across_reloads() {
    const MESSAGES: u32 = 6000;
    const PAIRS: usize = 6;
    let broker = broker("max_queued_messages 0\nmax_inflight_messages 20");
    let port = free_port();
    let other =
        format!("max_queued_messages 0\nmax_inflight_messages 20\nmax_inflight_bytes 100000\n{}", listener(port));
    let under_way = AtomicUsize::new(PAIRS);
    thread::scope(|scope| {
        for pair in 0..PAIRS {
            let (topic, qos) = (format!("t/{pair}"), pair as u8 % 3);
            let mut reader = client(&format!("reader-{pair}")).to(&broker);
            reader.subscribe(&topic, qos);
            let mut writer = client(&format!("writer-{pair}")).to(&broker);
            scope.spawn(move || {
                (0..MESSAGES).for_each(|n| writer.publish(&topic, n.to_string(), qos));
                writer.finish();
            });
            let at_its_end = AtItsEnd(&under_way);
            scope.spawn(move || {
                let _at_its_end = at_its_end;
                for n in 0..MESSAGES {
                    assert_eq!(reader.message().text(), n.to_string());
                }
                reader.ping();
            });
        }
        let mut reloads = 0;
        while under_way.load(Ordering::Relaxed) > 0 || reloads < 2 {
            let log = if reloads % 2 == 0 { reload_with(&broker, &other) } else { broker.reload(broker.config()) };
            assert!(log.last().unwrap().starts_with("Configuration reloaded: "));
            reloads += 1;
        }
    });
}

/// The new sockets are there before the old ones go, although the port is the same: nobody is told that nothing listens.
#[test]
fn a_listener_that_listens_elsewhere_on_its_port_is_replaced_before_it_goes() {
    let with = |listener: &str| format!("log_timestamp false\nworker_threads 2\nallow_anonymous true\n{listener}\n");
    for workers in [1, 2] {
        let of_workers = |text: String| text.replace("worker_threads 2", &format!("worker_threads {workers}"));
        let broker = Setup::config(&of_workers(with("listener PORT"))).start();
        let mut old = client("old").to(&broker);
        for listener in [
            "listener PORT 127.0.0.1",
            "listener PORT",
            "listener PORT\nsocket_domain ipv4",
            "listener PORT\nbind_interface lo",
            "listener PORT 127.0.0.1\nbind_interface lo",
            "listener PORT",
        ] {
            let log = broker.reload(&of_workers(with(listener)));
            assert_eq!(changes(&log).len(), 2, "one closed and one opened: {log:#?}");
            assert_eq!(old.rest(), [Got::Disconnect(0x98)]);
            old = client("old").to(&broker);
        }
    }
}

/// As when the broker starts. Sockets that replace others share their port, so the system itself would not mind.
#[test]
fn two_listeners_at_one_place_are_refused_also_where_they_replace_another() {
    let with = |listeners: &str| format!("log_timestamp false\nworker_threads 2\nallow_anonymous true\n{listeners}\n");
    let broker = Setup::config(&with("listener PORT 127.0.0.1")).start();
    let mut client = client("client").to(&broker);
    for (listeners, address) in [
        ("listener PORT 0.0.0.0\nlistener PORT 0.0.0.0", "0.0.0.0"),
        ("listener PORT 0.0.0.0\nlistener PORT", "0.0.0.0"),
        ("listener PORT\nlistener PORT 127.0.0.1\nsocket_domain ipv4", "127.0.0.1"),
    ] {
        let log = broker.reload(&with(listeners));
        let refused = format!("Error: Unable to listen on {address}, port {}: Address already in use.", broker.port());
        assert!(log.contains(&refused), "{log:#?}");
        assert_eq!(log.last().unwrap(), "Error: Configuration not reloaded: nothing was changed.");
        client.ping();
    }
    let log = broker.reload(&with("listener PORT 127.0.0.2\nlistener PORT 127.0.0.3"));
    assert_eq!(changes(&log).len(), 3, "different places are no trouble: {log:#?}");
}

#[test]
fn local_only_mode_comes_and_goes() {
    let local = "log_timestamp false\nworker_threads 2\n";
    let broker = Setup::config(local).argument("-p").argument("PORT").start();
    let port = free_port();
    let mut old = client("old").to(&broker);
    broker.reload(&format!("{local}{}", listener(port)));
    assert_eq!(old.rest(), [Got::Disconnect(0x98)]);
    assert!(dial(broker.port()).is_err());
    let mut new = connect_to(port, "new");
    new.ping();
    broker.reload(local);
    assert_eq!(new.rest(), [Got::Disconnect(0x98)]);
    let mut again = client("again").to(&broker);
    // At the same place, a listener is the same listener; but who has a listener does not let everybody in by default.
    broker.reload(&format!("{local}listener PORT 127.0.0.1"));
    assert_eq!(again.rest(), [Got::Disconnect(0x87)]);
    assert_eq!(client("again").over(broker.dial()).next(), Got::ConnAck { present: false, reason: 0x87 });
}
