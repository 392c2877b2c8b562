//! Options of the process, of the configuration itself, and those that have no effect any more.

use super::refused;
use crate::harness::{Broker, Scratch, Setup, client};

#[test]
pub(super) fn enable_control_api_answers_requests() {
    const ASK: &str = r#"{"commands":[{"command":"listListeners","correlationData":"x"}]}"#;
    for (lines, on) in [("", false), ("enable_control_api false", false), ("enable_control_api true", true)] {
        let broker = Broker::open(lines);
        let mut user = client("user").to(&broker);
        user.publish("$CONTROL/broker/v1", ASK, 1);
        let answer = user.message();
        assert_eq!(answer.topic, "$CONTROL/broker/v1/response");
        let expected = if on {
            format!(
                r#"{{"responses":[{{"command":"listListeners","data":{{"listeners":[{{"port":{},"protocol":"mqtt","bind-address":"127.0.0.1","tls":false}}]}},"correlationData":"x"}}]}}"#,
                broker.port()
            )
        } else {
            r#"{"error": "endpoint not available"}"#.to_owned()
        };
        assert_eq!(answer.text(), expected);
    }
}

/// In its order, by name, and only what ends in `.conf`.
#[test]
pub(super) fn include_dir_reads_all_files_of_a_directory() {
    let scratch = Scratch::new();
    let directory = scratch.path().join("conf.d");
    std::fs::create_dir(&directory).unwrap();
    for (name, text) in [("a.conf", "max_keepalive 10\n"), ("B.conf", "max_keepalive 20\n"), ("c.txt", "no option\n")] {
        std::fs::write(directory.join(name), text).unwrap();
    }
    let broker = Broker::open(&format!("max_keepalive 5\ninclude_dir {}", directory.display()));
    assert_eq!(client("user").to(&broker).announced("ServerKeepAlive"), Some("ServerKeepAlive(20)"));
    let missing = scratch.path().join("none");
    refused(&format!("include_dir {}", missing.display()), "Unable to open include_dir");
    std::fs::write(directory.join("c.conf"), "no option\n").unwrap();
    refused(
        &format!("include_dir {}", directory.display()),
        &format!("Error found at '{}:1'.", directory.join("c.conf").display()),
    );
}

/// The names of its threads, as Linux has them.
#[cfg(target_os = "linux")]
#[test]
pub(super) fn worker_threads_is_the_number_of_workers() {
    let cores = std::thread::available_parallelism().map_or(1, usize::from).min(256);
    for (lines, expected) in
        [("worker_threads 1", 1), ("worker_threads 3", 3), ("worker_threads 0", cores), ("", cores)]
    {
        let broker = Broker::open(lines);
        assert_eq!(broker.threads().iter().filter(|name| name.starts_with("worker ")).count(), expected, "{lines}");
    }
    client("user").to(&Broker::open("worker_threads 256")).ping();
    refused("worker_threads 257", "'worker_threads'");
    refused("worker_threads -1", "'worker_threads'");
}

/// The socket is the broker's; the system lets the one who has started it look.
#[cfg(target_os = "linux")]
#[test]
pub(super) fn set_tcp_nodelay_sets_it_on_every_connection() {
    for (lines, on) in [("", false), ("set_tcp_nodelay false", false), ("set_tcp_nodelay true", true)] {
        let broker = Broker::open(&format!("{lines}\nlistener SECOND 127.0.0.1"));
        for user in [client("first").to(&broker), client("second").second().to(&broker)] {
            let Some(socket) = broker.socket_of(&user) else { return };
            assert_eq!(rustix::net::sockopt::tcp_nodelay(socket).unwrap(), on, "{lines}");
        }
    }
}

#[test]
pub(super) fn options_without_effect_are_said_to_be_so_and_the_broker_runs() {
    for (line, said) in [
        ("store_clean_interval 10", "Warning: The 'store_clean_interval' option is no longer needed"),
        ("dhparamfile /no/such/file", "dhparamfile"),
        ("websockets_log_level 7", "Note: The 'websockets_log_level' option has no effect"),
    ] {
        let broker = Broker::open(line);
        broker.log.wait_for(said);
        // A packet larger than any of these.
        let mut user = client("user").to(&broker);
        user.subscribe("t", 0);
        user.publish("t", [b'x'; 10_000], 0);
        assert_eq!(user.message().payload.len(), 10_000);
    }
    refused("store_clean_interval -1", "'store_clean_interval'");
}

/// It would not be so without the option.
#[test]
pub(super) fn options_without_effect_are_not_mentioned_where_nobody_uses_them() {
    let lines = Setup::open("").start().stop();
    assert!(!lines.iter().any(|line| line.contains("option")), "{lines:?}");
}
