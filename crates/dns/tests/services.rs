//! Services are asked for over the network, with a name server of this process.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used, reason = "tests")]

mod name_server;

use mosquitto_dns::{LookupError, Resolvers, TARGETS_MAX, services};
use name_server::{Answer, NameServer};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

const NAME: &str = "_mqtt._tcp.a.test";

fn resolvers(servers: &[SocketAddr]) -> Resolvers {
    Resolvers { servers: servers.to_vec(), ..Resolvers::default() }
}

/// Where the server says that the service is.
fn found(server: &NameServer, name: &str) -> Result<Vec<String>, LookupError> {
    let targets = services(&resolvers(&[server.address()]), name)?;
    Ok(targets.into_iter().map(|target| format!("{}:{}", target.host, target.port)).collect())
}

fn one() -> (Vec<u8>, u16) {
    name_server::services(&[(0, 0, 1884, "broker.a.test")])
}

fn records() -> Answer {
    let (records, count) = one();
    Answer::Records(records, count)
}

/// A server at a port that nobody listens at.
fn nobody() -> SocketAddr {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

#[test]
fn targets_come_in_the_order_of_their_priorities() {
    let server = NameServer::start(|name| {
        assert_eq!(name, NAME);
        let (records, count) =
            name_server::services(&[(20, 0, 3, "c.test"), (0, 0, 1, "a.test"), (10, 9, 2, "b.test")]);
        Answer::Records(records, count)
    });
    assert_eq!(found(&server, NAME).unwrap(), ["a.test:1", "b.test:2", "c.test:3"]);
}

#[test]
fn an_answer_that_is_too_long_for_a_datagram_comes_over_tcp() {
    let many: Vec<_> = (0..100).map(|port| (port, 0, port, "broker-with-a-long-name.a.test")).collect();
    let server = NameServer::start(move |_| {
        let (records, count) = name_server::services(&many);
        Answer::OverTcp(records, count)
    });
    let found = found(&server, NAME).unwrap();
    assert_eq!(found.len(), TARGETS_MAX);
    assert_eq!(found[31], "broker-with-a-long-name.a.test:31");
}

#[test]
fn datagrams_that_answer_something_else_are_passed_over() {
    let server = NameServer::start(|_| {
        let (records, count) = one();
        Answer::AfterForeign(records, count)
    });
    assert_eq!(found(&server, NAME).unwrap(), ["broker.a.test:1884"]);
}

#[test]
fn an_alias_is_followed() {
    let server = NameServer::start(|_| {
        // The name that was asked for is an alias of x.test, which has the record; a record of y.test stands beside it.
        let mut records = b"\xC0\x0C\0\x05\0\x01\0\0\0\x3C\0\x08".to_vec();
        records.extend(name_server::name("x.test"));
        for (owner, target) in [("y.test", "wrong.test"), ("x.test", "right.test")] {
            records.extend(name_server::name(owner));
            let target = name_server::name(target);
            records.extend(b"\0\x21\0\x01\0\0\0\x3C\0");
            records.push(6 + target.len() as u8);
            records.extend(b"\0\0\0\0\x07\x5B");
            records.extend(target);
        }
        Answer::Records(records, 3)
    });
    assert_eq!(found(&server, NAME).unwrap(), ["right.test:1883"]);
}

#[test]
fn the_next_server_is_asked_where_one_fails_or_is_silent() {
    let failing = NameServer::start(|_| Answer::Code(2));
    let silent = NameServer::start(|_| Answer::Silence);
    let knowing = NameServer::start(|_| records());
    let mut resolvers = resolvers(&[nobody(), failing.address(), silent.address(), knowing.address()]);
    resolvers.timeout = Duration::from_millis(200);
    assert_eq!(services(&resolvers, NAME).unwrap().len(), 1);
    assert_eq!([failing.asked(), silent.asked(), knowing.asked()], [1; 3]);
}

#[test]
fn who_gets_no_answer_stops_asking() {
    let silent = NameServer::start(|_| Answer::Silence);
    let resolvers = Resolvers { timeout: Duration::from_millis(50), attempts: 3, ..resolvers(&[silent.address()]) };
    assert!(matches!(services(&resolvers, NAME), Err(LookupError::TimedOut)));
    let failing = NameServer::start(|_| Answer::Code(5));
    assert!(matches!(found(&failing, NAME), Err(LookupError::Failed(5))));
    assert_eq!(failing.asked(), 2);
}

#[test]
fn a_name_that_does_not_exist_is_looked_up_in_the_search_list_and_asked_for_once() {
    let server = NameServer::start(|name| match name {
        "_mqtt._tcp.a.c.test" => records(),
        _ => Answer::Code(3),
    });
    let mut resolvers = resolvers(&[server.address()]);
    resolvers.search = vec!["b.test".to_owned(), "c.test".to_owned()];
    assert_eq!(services(&resolvers, "_mqtt._tcp.a").unwrap().len(), 1);
    assert_eq!(server.asked(), 3);
    assert!(matches!(services(&resolvers, "_mqtt._tcp.a."), Err(LookupError::NotFound)));
    assert_eq!(server.asked(), 4);
}

#[test]
fn a_service_may_decidedly_not_be_offered() {
    let server = NameServer::start(|_| {
        let (records, count) = name_server::services(&[(0, 0, 0, ".")]);
        Answer::Records(records, count)
    });
    assert!(matches!(found(&server, NAME), Err(LookupError::NotOffered)));
}

#[test]
fn what_can_be_no_name_is_not_asked_for() {
    let server = NameServer::start(|_| records());
    assert!(matches!(found(&server, "_mqtt._tcp.a..b"), Err(LookupError::NoName)));
    assert_eq!(server.asked(), 0);
}
