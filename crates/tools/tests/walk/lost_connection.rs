//! A broker that ends and comes back.

use crate::harness::{Broker, publisher};
use std::io::Write;

#[test]
fn a_subscriber_comes_back() {
    let broker = Broker::start();
    let subscriber = broker.subscribe(&["-t", "a"]);
    let broker = Broker::at(broker.kill());
    subscriber.wait_for("Subscribed (mid: 2)");
    broker.publish(&["-t", "a", "-m", "again"]);
    assert_eq!(subscriber.message(), "again");
}

#[test]
fn lines_wait_for_the_broker_to_come_back() {
    let broker = Broker::start();
    let subscriber = broker.subscribe(&["-t", "a", "-q", "1"]);
    let (mut process, mut stdin) = publisher(&broker, &["-t", "a", "-l", "-q", "1"]);
    assert!(writeln!(stdin, "before").is_ok());
    assert_eq!(subscriber.message(), "before");
    let broker = Broker::at(broker.kill());
    subscriber.wait_for("Subscribed (mid: 2)");
    assert!(writeln!(stdin, "after").is_ok());
    assert_eq!(subscriber.message(), "after");
    drop(stdin);
    assert_eq!(process.wait().code(), Some(0));
    drop(broker);
}

#[test]
fn a_publisher_of_one_message_tells_that_the_connection_is_lost() {
    let broker = Broker::start();
    let arguments = ["-t", "a", "-m", "b", "--repeat", "1000000", "--repeat-delay", "0.001", "-q", "1"];
    let subscriber = broker.subscribe(&["-t", "a", "-q", "1"]);
    let (mut process, _stdin) = publisher(&broker, &arguments);
    assert_eq!(subscriber.message(), "b");
    broker.kill();
    assert_eq!(process.wait().code(), Some(7));
}
