//! Connections that do not say who they are: silent ones, and those that stop half-way. What they come to inside TLS is
//! in `tls::half_open`.

use crate::harness::{Broker, Client, Got, Setup, client, retry, wait_until};
use mosquitto_mqtt::ProtocolVersion;
use std::io::{ErrorKind, Read, Write};
use std::iter;
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// What the log says, once, when the first one has to give way.
pub(crate) const FIRST_LINE: &str =
    "Connections that have not sent their CONNECT are being closed to make room for others.";

/// Whether the broker has closed this connection, as far as can be seen now.
pub(crate) fn is_closed(mut stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    let read = retry(|| stream.read(&mut [0; 1024]));
    stream.set_nonblocking(false).unwrap();
    match read {
        Ok(len) => len == 0,
        Err(error) => error.kind() != ErrorKind::WouldBlock,
    }
}

/// Waits for the other end to close a connection on which it has nothing to say.
fn is_being_closed(mut stream: &TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    match retry(|| stream.read(&mut [0; 1024])) {
        Ok(len) => len == 0,
        Err(error) => !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
    }
}

/// Connects over a connection that may be closed instead.
pub(crate) fn try_over(mut stream: TcpStream, id: &str) -> Option<Client> {
    // One that is closed already may be found so when it is written.
    stream.write_all(&client(id).bytes()).ok()?;
    is_let_in(Client::new(stream, ProtocolVersion::V5))
}

fn is_let_in(mut client: Client) -> Option<Client> {
    let got = client.next_or_end()?;
    assert_eq!(got, Got::ConnAck { present: false, reason: 0 });
    Some(client)
}

/// Connects as soon as the broker lets it.
fn insist(broker: &Broker, id: &str) -> Client {
    iter::repeat_with(|| broker.dial()).find_map(|stream| try_over(stream, id)).unwrap()
}

/// Clients that are there while others crowd in.
fn residents(broker: &Broker) -> Vec<Client> {
    (0..10)
        .map(|n| {
            let mut resident = client(&format!("resident-{n}")).to(broker);
            resident.subscribe(&format!("to/{n}"), 1);
            resident
        })
        .collect()
}

/// Each sends the next one a message.
fn talk(residents: &mut [Client]) {
    for n in 0..residents.len() {
        let to = (n + 1) % residents.len();
        residents[n].publish(&format!("to/{to}"), "x", 1);
        assert_eq!(residents[to].message().text(), "x");
    }
}

#[test]
pub(crate) fn silent_connections_beyond_the_bound_give_way_the_oldest_first() {
    let broker = Broker::open("max_unauthenticated_connections 50\nworker_threads 1\nsys_interval 1");
    let mut residents = residents(&broker);
    let silent: Vec<_> = (0..300).map(|_| broker.dial()).collect();
    for n in 0..20 {
        client(&format!("newcomer-{n}")).to(&broker).ping();
        talk(&mut residents);
    }
    // Newcomers and they are of one address, so each of them may have cost one.
    let open: Vec<_> = silent.iter().map(|stream| !is_closed(stream)).collect();
    let count = open.iter().filter(|open| **open).count();
    assert!((20..=50).contains(&count), "{count}");
    assert!(open[300 - count..].iter().all(|open| *open), "the youngest are left");
    assert_eq!(broker.log.count(FIRST_LINE), 1);
    assert_eq!(broker.log.count("make room for others"), 1);
    let mut watcher = client("watcher").to(&broker);
    watcher.subscribe("$SYS/broker/connections/unauthenticated/closed", 0);
    while watcher.message().text().parse::<usize>().unwrap() < 250 {}
}

#[test]
fn a_bound_that_is_lowered_by_a_reload_holds_for_who_comes_then() {
    let broker = Broker::open("worker_threads 1");
    let silent: Vec<_> = (0..100).map(|_| broker.dial()).collect();
    // They are there before the bound is another one: who came later has been let in.
    client("later").to(&broker).ping();
    broker.reload(&format!("{}max_unauthenticated_connections 10\n", broker.config()));
    assert!(!silent.iter().any(is_closed));
    let more: Vec<_> = (0..100).map(|_| broker.dial()).collect();
    client("newcomer").to(&broker).ping();
    // Its turn is over before that of those who give way to it.
    assert!(silent.iter().all(is_being_closed));
    let open = more.iter().filter(|stream| !is_closed(stream)).count();
    // The last ones may not have been looked at yet, as they give way only to those who come later.
    assert!((5..=101).contains(&open), "{open}");
}

/// However slow it is, and however many of another address crowd in, who is alone at its address keeps its place.
#[test]
fn the_address_with_most_connections_gives_way_also_behind_a_proxy() {
    let lines = "allow_anonymous true\nworker_threads 1\nmax_unauthenticated_connections 20\nlistener PORT 127.0.0.1\n\
        enable_proxy_protocol 1\n";
    let broker = Setup::config(lines).start();
    let mut slow = broker.dial();
    let bytes = client("slow").bytes();
    slow.write_all(b"PROXY TCP4 192.0.2.5 127.0.0.1 6275 1234\r\n").unwrap();
    slow.write_all(&bytes[..5]).unwrap();
    broker.log.wait_for("New connection from 192.0.2.5:6275");
    let crowd: Vec<_> = (0..300)
        .map(|_| {
            let mut stream = broker.dial();
            // It may be closed meanwhile.
            let _ = stream.write_all(b"PROXY TCP4 192.0.2.6 127.0.0.1 6275 1234\r\n");
            stream
        })
        .collect();
    wait_until("most are closed", || crowd.iter().filter(|stream| is_closed(stream)).count() >= 280);
    slow.write_all(&bytes[5..]).unwrap();
    let mut slow = Client::new(slow, ProtocolVersion::V5);
    assert_eq!(slow.next(), Got::ConnAck { present: false, reason: 0 });
    slow.ping();
}

/// Many more of one address than there is room for, and all of them honest.
#[test]
fn a_herd_of_one_address_gets_in() {
    let broker = Broker::open("max_unauthenticated_connections 20\nworker_threads 2\nconnection_messages false");
    let silent: Vec<_> = (0..100).map(|_| broker.dial()).collect();
    let herd: Vec<_> = (0..400)
        .map(|n| {
            let mut stream = broker.dial();
            // The answer is not waited for; who is closed meanwhile comes again.
            let _ = stream.write_all(&client(&format!("herd-{n}")).bytes());
            stream
        })
        .collect();
    let mut herd: Vec<_> = herd
        .into_iter()
        .enumerate()
        .map(|(n, stream)| {
            let first = is_let_in(Client::new(stream, ProtocolVersion::V5));
            first.unwrap_or_else(|| insist(&broker, &format!("herd-{n}")))
        })
        .collect();
    herd.iter_mut().for_each(Client::ping);
    assert!(silent.iter().filter(|stream| !is_closed(stream)).count() <= 20);
}

/// Bytes that come one by one, on as many connections as there is room for, and more.
#[test]
fn connections_with_half_a_connect_harm_nobody() {
    let broker = Broker::open("max_unauthenticated_connections 30\nworker_threads 2");
    let mut residents = residents(&broker);
    let bytes = client("never").bytes();
    let mut slow: Vec<_> = (0..120).map(|_| broker.dial()).collect();
    for byte in bytes.iter().take(bytes.len() - 1).take(12) {
        // Those that are closed by now say so.
        for stream in &mut slow {
            let _ = stream.write_all(&[*byte]);
        }
        talk(&mut residents);
        insist(&broker, "newcomer").disconnect();
    }
    assert!(slow.iter().filter(|stream| !is_closed(stream)).count() <= 30);
    assert_eq!(broker.log.count(FIRST_LINE), 1);
}

#[cfg(target_os = "linux")]
#[test]
fn silent_connections_give_up_their_descriptors_where_there_are_no_more() {
    let broker = Setup::open("worker_threads 2").descriptors(64).start();
    let mut residents = residents(&broker);
    let silent: Vec<_> = (0..200).map(|_| broker.dial()).collect();
    let mut newcomers: Vec<_> = (0..10).map(|n| insist(&broker, &format!("newcomer-{n}"))).collect();
    talk(&mut residents);
    newcomers.iter_mut().for_each(Client::ping);
    assert!(silent.iter().any(is_closed));
    assert_eq!(broker.log.count(FIRST_LINE), 1);
}

/// All of those are with the one worker that has the Unix socket; clients over TCP come to all workers.
#[cfg(target_os = "linux")]
#[test]
fn silent_connections_give_up_their_descriptors_also_to_other_workers() {
    let lines = "allow_anonymous true\nworker_threads 4\nlistener PORT 127.0.0.1\nlistener 0 DIR/socket\n";
    let broker = Setup::config(lines).descriptors(64).start();
    let path = broker.directory().join("socket");
    let silent: Vec<_> = (0..100).map(|_| UnixStream::connect(&path).unwrap()).collect();
    wait_until("there are no more descriptors", || broker.descriptors() >= 63);
    let mut newcomers: Vec<_> = (0..20).map(|n| insist(&broker, &format!("newcomer-{n}"))).collect();
    newcomers.iter_mut().for_each(Client::ping);
    drop(silent);
}

/// It takes the seconds that it may keep it.
#[test]
fn a_silent_connection_gives_up_its_seat_after_a_while() {
    gives_up_its_seat("max_connections 3", Broker::dial);
}

#[test]
fn a_silent_connection_gives_up_its_seat_to_who_comes_through_another_listener() {
    gives_up_its_seat("global_max_connections 3\nlistener SECOND 127.0.0.1", Broker::dial_second);
}

fn gives_up_its_seat(lines: &str, dial: fn(&Broker) -> TcpStream) {
    let broker = Broker::open(&format!("worker_threads 1\n{lines}"));
    let mut one = client("one").to(&broker);
    let mut two = client("two").to(&broker);
    let silent = dial(&broker);
    let mut three = insist(&broker, "three");
    assert!(is_closed(&silent));
    broker.log.wait_for("denied: max_connections exceeded.");
    [&mut one, &mut two, &mut three].into_iter().for_each(Client::ping);
    // Those who are known keep theirs.
    let mut next = broker.dial();
    assert!(matches!(retry(|| next.read(&mut [0])), Ok(0) | Err(_)));
    [&mut one, &mut two, &mut three].into_iter().for_each(Client::ping);
}
