//! What the broker does with its machine, and how much of it its clients get.

use super::tls::tunnel;
use super::{Section, is_let_in, is_not_reloaded, user};
use crate::admission::{FIRST_LINE, is_closed};
use crate::harness::{Broker, Client, Got, Setup, client, is_root, report_skipped, retry};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

/// Who the broker's process is.
fn uid_of(broker: &Broker) -> u32 {
    let status = std::fs::read_to_string(broker.proc("status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
pub(super) fn unix_sockets() {
    let Some(mut section) = Section::open("Unix sockets", &[]) else { return };
    let broker = section.start();
    let socket = std::fs::metadata(section.path("/run/mosquitto/mosquitto.sock")).unwrap();
    assert_eq!(socket.permissions().mode() & 0o7777, 0o770);
    assert_eq!(socket.uid(), uid_of(&broker));
    section.shell();
    broker.log.wait_for("New client connected from ");
}

#[test]
pub(super) fn user_and_files() {
    if !is_root("the change to another user") {
        return;
    }
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap();
    let Some(account) = passwd.lines().find_map(|line| line.strip_prefix("mosquitto:")) else {
        return report_skipped("the user mosquitto");
    };
    let uid: u32 = account.split(':').nth(1).unwrap().parse().unwrap();
    let after = ["Passwords", "Access lists", "TLS"];
    let Some(mut section) = Section::open("User and files", &after) else { return };
    section.shell();
    let broker = Setup::config(&section.config()).changes_user().start();
    broker.log.wait_for("Info: running mosquitto as user: mosquitto.");
    assert_eq!(uid_of(&broker), uid);
    assert_eq!(broker.log.count("Warning: File "), 0);
    let log = std::fs::metadata(section.path("/var/log/mosquitto/mosquitto.log")).unwrap();
    assert_eq!((log.uid(), log.permissions().mode() & 0o777), (uid, 0o600));
    assert_eq!(std::fs::metadata(section.path("/run/mosquitto/mosquitto.pid")).unwrap().uid(), uid);
    is_let_in(&user("anna"), tunnel(&section).to(&broker).unwrap()).unwrap();
    for (file, command, warning) in [
        ("passwords", "chmod 644", "has world readable permissions"),
        ("rules", "chown root", "owner is not mosquitto"),
    ] {
        // Who does not own it must be able to read it nevertheless.
        section.run(&format!("chmod g+r /etc/mosquitto/{file}; {command} /etc/mosquitto/{file}")).succeed();
        let log = broker.hang_up();
        assert!(log.iter().any(|line| line.contains(file) && line.contains(warning)), "{log:#?}");
        assert!(log.last().unwrap().starts_with("Configuration reloaded: "), "{log:#?}");
    }
    for file in ["passwords", "rules"] {
        let path = section.path("/etc/mosquitto").join(file);
        section.run(&format!("cp -p {0} {0}.real; ln -sf {0}.real {0}", path.display())).succeed();
        is_not_reloaded(&broker);
        section.run(&format!("mv {0}.real {0}", path.display())).succeed();
    }
}

#[test]
pub(super) fn limits() {
    let Some(mut section) = Section::open("Limits", &["Passwords"]) else { return };
    let config = section.config();
    let broker = Setup::config(&config).start();
    assert!(is_let_in(&client("x"), broker.dial()).is_none());
    let mut anna = user("anna").keep_alive(601).to(&broker);
    for (name, told) in [("MaximumPacketSize", "(100000)"), ("MaximumQoS", "(1)"), ("ServerKeepAlive", "(600)")] {
        assert_eq!(anna.announced(name), Some(&*format!("{name}{told}")));
    }
    assert_eq!(user("bert").v311().keep_alive(601).refused(&broker), [Got::ConnAck { present: false, reason: 2 }]);
    anna.publish("t", vec![b'x'; 99_900], 1);
    anna.finish();
    anna.publish("t", vec![b'x'; 100_000], 1);
    assert_eq!(anna.rest(), [Got::Disconnect(0x95)]);
    let mut anna = user("anna").to(&broker);
    anna.publish("t", "", 2);
    assert_eq!(anna.rest(), [Got::Disconnect(0x9b)]);
    assert_eq!(waiting(&broker, 250, "short").last(), Some(&"short 199".to_owned()));
    // The one that gets over the limit is kept.
    assert_eq!(waiting(&broker, 20, &"x".repeat(90_000)).len(), 12);
    let silent: Vec<_> = (0..60).map(|_| broker.dial()).collect();
    user("anna").to(&broker).ping();
    broker.log.wait_for(FIRST_LINE);
    assert!(silent.iter().filter(|stream| !is_closed(stream)).count() < 50);
    drop(silent);
    // From here on without passwords, which take their time.
    let open = config.replace("password_file ", "allow_anonymous true\n# ");
    for (limit, config) in [(100, open.clone()), (120, open.replace("max_connections 100", "max_connections 1000"))] {
        let broker = Setup::config(&config).start();
        let mut seated: Vec<_> = (0..limit).map(|n| client(&format!("seated-{n}")).to(&broker)).collect();
        let mut stream = broker.dial();
        assert!(!retry(|| stream.read(&mut [0])).is_ok_and(|len| len > 0));
        seated.iter_mut().for_each(Client::ping);
    }
    let broker = Setup::config(&open.replace("memory_limit 1000000000", "memory_limit 1")).start();
    assert_eq!(client("x").over(broker.dial()).next(), Got::ConnAck { present: false, reason: 0x97 });
}

/// What Bert gets of so many messages that Anna publishes while he is away.
fn waiting(broker: &Broker, count: usize, text: &str) -> Vec<String> {
    let mut bert = user("bert").persistent().resume(broker).0;
    bert.subscribe("news", 1);
    bert.disconnect();
    let mut anna = user("anna").to(broker);
    for n in 0..count {
        anna.publish("news", format!("{text} {n}"), 1);
    }
    anna.finish();
    let mut bert = user("bert").persistent().resume(broker).0;
    let texts = bert.all_messages().into_iter().map(|message| String::from_utf8(message.payload).unwrap());
    texts.collect()
}
