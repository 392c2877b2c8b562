//! The limits of the options of the broker as a whole.

use crate::folder::{complaint, config, notices, refusal};
use mosquitto_config::{LogType, Notice};

#[test]
fn max_inflight_messages_is_0_for_no_limit_however_that_is_written() {
    for (word, value) in [("20", 20), ("1", 1), ("65534", 65534), ("65535", 0), ("0", 0), ("-1", 0)] {
        let config = config(format!("max_inflight_messages {word}\n"));
        assert_eq!(config.global.max_inflight_messages, value, "{word}");
    }
    assert_eq!(complaint("max_inflight_messages 65536\n"), "Error: 'max_inflight_messages' must be <= 65535.");
}

#[test]
fn limits_of_queues_and_bytes_are_0_for_no_limit() {
    for (word, value) in [("100", 100), ("0", 0), ("-1", 0)] {
        let lines = format!("max_queued_messages {word}\nmax_queued_bytes {word}\nmax_inflight_bytes {word}\n");
        let global = config(lines).global;
        let limits = [global.max_queued_messages, global.max_queued_bytes, global.max_inflight_bytes];
        assert_eq!(limits, [value; 3], "{word}");
    }
}

#[test]
fn max_keepalive_has_16_bits() {
    assert_eq!(config("max_keepalive 65535\n").global.max_keepalive, 65535);
    assert_eq!(complaint("max_keepalive 65536\n"), "Error: Invalid 'max_keepalive' value (65536).");
    assert_eq!(complaint("max_keepalive -1\n"), "Error: Invalid 'max_keepalive' value (-1).");
}

#[test]
fn max_packet_size_is_20_or_more() {
    assert_eq!(config("max_packet_size 20\n").global.max_packet_size, 20);
    assert_eq!(config("max_packet_size 268435460\n").global.max_packet_size, 268_435_460);
    for word in ["19", "0", "-1"] {
        let expected = "Error: 'max_packet_size' must be >= 20.\nError found at DIR/x:1.";
        assert_eq!(refusal(format!("max_packet_size {word}\n")), expected, "{word}");
    }
}

#[test]
fn message_size_limit_is_0_for_no_limit() {
    assert_eq!(config("message_size_limit 0\n").global.message_size_limit, 0);
    let largest = config("message_size_limit 268435455\n");
    assert_eq!(largest.global.message_size_limit, 268_435_455);
    let advice = "Note: It is recommended to replace `message_size_limit` with `max_packet_size`.";
    assert_eq!(notices(&largest, LogType::Notice), [advice]);
    for word in ["556000000", "-1"] {
        let expected = format!("Error: Invalid 'message_size_limit' value ({word}).");
        assert_eq!(complaint(format!("message_size_limit {word}\n")), expected);
    }
}

#[test]
fn global_limits_are_0_or_less_for_no_limit() {
    for (word, value) in [("10", Some(10)), ("0", None), ("-1", None), ("-7", None)] {
        let global = config(format!("global_max_connections {word}\nglobal_max_clients {word}\n")).global;
        let limits = [global.global_max_connections, global.global_max_clients];
        assert_eq!(limits.map(|limit| limit.map(u32::from)), [value; 2], "{word}");
    }
}

#[test]
fn worker_threads_is_a_number_or_0_for_one_per_core() {
    assert_eq!(config("worker_threads 0\n").global.worker_threads, None);
    assert_eq!(config("worker_threads 4\n").global.worker_threads.map(u16::from), Some(4));
    assert_eq!(complaint("worker_threads 257\n"), "Error: Invalid 'worker_threads' value (257).");
    assert_eq!(complaint("worker_threads -1\n"), "Error: Invalid 'worker_threads' value (-1).");
}

#[test]
fn what_is_removed_is_ignored_with_a_warning_whatever_its_value() {
    let config = config("retry_interval 20\nstore_clean_interval\nretry_interval x y\n");
    let warnings = [
        "Warning: The 'retry_interval' option is no longer available.",
        "Warning: The 'store_clean_interval' option is no longer needed.",
        "Warning: The 'retry_interval' option is no longer available.",
    ];
    assert_eq!(notices(&config, LogType::Warning), warnings);
    assert_eq!(config.notices.len(), warnings.len());
}

#[test]
fn values_that_hold_anyway_are_accepted() {
    let config = config(
        "persistence false\nretained_persistence 0\nlistener 1884\nprotocol mqtt\nper_listener_settings false\n",
    );
    let text = "The 'per_listener_settings' option is now deprecated and will be removed in version 3.0. Please see the \
                documentation for how to achieve the same effect.";
    assert_eq!(config.notices, [Notice { level: LogType::Notice, text: text.to_owned() }]);
}

#[test]
fn values_that_would_change_something_are_not_supported_yet() {
    for line in ["persistence true", "retained_persistence true", "per_listener_settings true"] {
        assert_eq!(complaint(line), format!("Error: The '{line}' option is not supported yet."));
    }
    assert_eq!(complaint("persistence 1"), "Error: The 'persistence true' option is not supported yet.");
    for protocol in ["websockets", "http_api"] {
        let expected = format!("Error: The 'protocol {protocol}' option is not supported yet.");
        assert_eq!(complaint(format!("listener 1884\nprotocol {protocol}\n")), expected);
    }
}
