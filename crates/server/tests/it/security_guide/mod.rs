//! `docs/security.md`: what it says to write is written, and what it says that holds is tried.

mod http;
mod machine;
mod passwords;
mod proxies;
mod psk;
mod section;
mod tls;

use crate::harness::{Broker, Client, Connecting, Got, client};
use section::{Section, headings};
use std::net::TcpStream;
use std::process::Command;

macro_rules! sections {
    ($($heading:literal: $test:path;)*) => {
        &[$(($heading, stringify!($test), $test as fn()),)*]
    };
}

/// Every section, and the test of it.
const SECTIONS: &[(&str, &str, fn())] = sections! {
    "Passwords": passwords::passwords;
    "Access lists": passwords::access_lists;
    "Retained messages": passwords::retained_messages;
    "Listeners with rules of their own": passwords::listeners_with_rules_of_their_own;
    "TLS": tls::tls;
    "Encrypted keys": tls::encrypted_keys;
    "Clients with certificates": tls::clients_with_certificates;
    "Revocation": tls::revocation;
    "TLS-PSK": psk::tls_psk;
    "WebSockets": proxies::websockets;
    "HTTP API": http::http_api;
    "Files over HTTP": http::files_over_http;
    "PROXY protocol": proxies::proxy_protocol;
    "Unix sockets": machine::unix_sockets;
    "User and files": machine::user_and_files;
    "Limits": machine::limits;
};

/// That each uses all blocks of its section, [`Section`] sees to.
#[test]
fn every_section_has_a_test() {
    let tested: Vec<_> = SECTIONS.iter().map(|(heading, ..)| (*heading).to_owned()).collect();
    assert_eq!(headings(), tested);
}

/// Whoever takes the attribute off leaves a function behind that nobody runs.
#[test]
fn what_tries_a_section_is_run_as_a_test() {
    let listed = Command::new(std::env::current_exe().unwrap()).args(["--list", "--format", "terse"]).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    for (heading, test, _) in SECTIONS {
        let line = format!("security_guide::{test}: test");
        assert!(listed.lines().any(|listed| listed == line), "{heading}");
    }
}

/// As a test of their own, the sections are tried with the clients that are installed.
#[test]
fn sections_with_clients_hold_for_those_of_this_project() {
    let with_clients: Vec<_> = SECTIONS.iter().filter(|(heading, ..)| section::runs_client(heading)).collect();
    assert!(!with_clients.is_empty());
    section::with_own_client(|| with_clients.iter().for_each(|(_, _, test)| test()));
}

/// A user of the guide, with the password that all of them have.
fn user(name: &str) -> Connecting {
    client(name).username(name).password(section::PASSWORD)
}

/// Whether a client is let in over this connection.
fn is_let_in(connecting: &Connecting, stream: TcpStream) -> Option<Client> {
    let mut client = connecting.over(stream);
    (client.next_or_end() == Some(Got::ConnAck { present: false, reason: 0 })).then_some(client)
}

/// Whether a client of MQTT 5 may publish here. It is told if not.
fn may_publish(client: &mut Client, topic: &str) -> bool {
    match client.attempt(topic, "x") {
        // No subscribers, 0x10, is no refusal.
        0 | 0x10 => true,
        0x87 => false,
        other => panic!("{other:#x}"),
    }
}

/// Has the broker read its files again, which must change nothing.
fn is_not_reloaded(broker: &Broker) {
    let log = broker.hang_up();
    assert_eq!(log.last().unwrap(), "Error: Configuration not reloaded: nothing was changed.", "{log:#?}");
}
