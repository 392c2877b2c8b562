//! The limits of the options of the broker as a whole.

use crate::folder::{complaint, config, notices, refusal};
use mosquitto_config::{LogType, Notice, PersistenceSync};
use std::num::NonZeroU32;

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
        let expected = format!(
            "Error: 'max_packet_size' must be >= 20.\n\
             Expected: a whole number from 20 to 2147483647 (bytes), not {word}.\n\
             Error found at DIR/x:1."
        );
        assert_eq!(refusal(format!("max_packet_size {word}\n")), expected);
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
fn max_unauthenticated_connections_is_at_least_1() {
    assert_eq!(config("").global.max_unauthenticated_connections.get(), 10_000);
    assert_eq!(config("max_unauthenticated_connections 5\n").global.max_unauthenticated_connections.get(), 5);
    for word in ["0", "-1", "1000001"] {
        let expected = format!("Error: Invalid 'max_unauthenticated_connections' value ({word}).");
        assert_eq!(complaint(format!("max_unauthenticated_connections {word}\n")), expected);
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
fn an_option_without_effect_is_checked_and_said_to_have_none() {
    let config = config("store_clean_interval 10\nwebsockets_log_level -1\n");
    let texts: Vec<_> = config.notices.iter().map(|notice| (notice.level, notice.text.as_str())).collect();
    assert_eq!(
        texts,
        [
            (
                LogType::Warning,
                "Warning: The 'store_clean_interval' option is no longer needed: messages go as soon as nobody needs them."
            ),
            (
                LogType::Notice,
                "Note: The 'websockets_log_level' option has no effect: it is for libwebsockets, which is not used."
            ),
        ]
    );
    assert_eq!(complaint("store_clean_interval -1\n"), "Error: Invalid 'store_clean_interval' value (-1).");
    assert_eq!(complaint("websockets_log_level x\n"), "Error: 'websockets_log_level' value not a number.");
}

#[test]
fn packet_buffer_size_and_websockets_headers_size_are_one_option() {
    assert_eq!(config("").global.packet_buffer_size, 4096);
    assert_eq!(config("packet_buffer_size 0\nwebsockets_headers_size 65535\n").global.packet_buffer_size, 65535);
    for word in ["-1", "65536"] {
        let expected = "Error: Packet buffer size must be between 0 and 65535 inclusive.";
        assert_eq!(complaint(format!("packet_buffer_size {word}\n")), expected);
    }
}

#[test]
fn retry_interval_is_obeyed_and_the_log_says_so() {
    assert_eq!(config("").global.retry_interval, None);
    let read = config("retry_interval 3600\n");
    assert_eq!(read.global.retry_interval.map(u16::from), Some(3600));
    let note = "Note: The 'retry_interval' option is available here: unacknowledged messages are sent again after this time \
                to clients of MQTT 3.1 and 3.1.1 that stay connected.";
    assert_eq!(notices(&read, LogType::Notice), [note]);
    for word in ["0", "3601", "-1"] {
        let expected = format!("Error: Invalid 'retry_interval' value ({word}).");
        assert_eq!(complaint(format!("retry_interval {word}\n")), expected);
    }
}

#[test]
fn persistent_client_expiration_is_a_number_and_the_letter_of_a_unit() {
    const DAY: u32 = 86_400;
    for (word, seconds) in [
        ("1s", 1),
        ("2h", 7200),
        ("3d", 3 * DAY),
        ("2w", 14 * DAY),
        ("2m", 60 * DAY),
        ("1y", 365 * DAY),
        ("137y", u32::MAX),
        ("99999999999999999999y", u32::MAX),
        ("+1s", 1),
    ] {
        let read = config(format!("persistent_client_expiration {word}\n"));
        assert_eq!(read.global.persistent_client_expiration, seconds, "{word}");
        assert!(read.notices.is_empty(), "{word}");
    }
    for word in ["14", "0d", "-1d", "d", "14x", "14 d", "14D", "xd"] {
        let first = word.split(' ').next().unwrap();
        assert_eq!(
            refusal(format!("persistent_client_expiration {word}\n")),
            format!(
                "Error: Invalid persistent_client_expiration duration in configuration.\n\
                 Expected: a number and one of the letters s h d w m y, as in 14d, not {first}.\n\
                 Error found at DIR/x:1."
            )
        );
    }
    let expected = "Error: Empty 'persistent_client_expiration' value in configuration.";
    assert_eq!(complaint("persistent_client_expiration\n"), expected);
}

#[test]
fn a_number_that_goes_on_as_something_else_is_read_with_a_warning() {
    let read = config("memory_limit 1G\npersistent_client_expiration 1.5d\n");
    assert_eq!((read.global.memory_limit, read.global.persistent_client_expiration), (1, 86_400));
    assert_eq!(
        notices(&read, LogType::Warning),
        [
            "Warning: The 'memory_limit' value '1G' is read as 1.",
            "Warning: The 'persistent_client_expiration' value '1.5d' is read as 86400 s."
        ]
    );
}

#[test]
fn memory_limit_has_64_bits() {
    for (word, bytes) in [("0", 0), ("8589934592", 8_589_934_592), ("9223372036854775807", i64::MAX as u64)] {
        assert_eq!(config(format!("memory_limit {word}\n")).global.memory_limit, bytes);
    }
    assert_eq!(complaint("memory_limit -1\n"), "Error: Invalid 'memory_limit' value (-1).");
}

#[test]
fn retain_expiry_interval_is_from_1_to_ten_million_minutes() {
    let minutes = |word: &str| config(format!("retain_expiry_interval {word}\n")).global.retain_expiry_interval;
    assert_eq!(minutes("1").map(u32::from), Some(1));
    assert_eq!(minutes("10000001").map(u32::from), Some(10_000_000));
    assert_eq!(config("").global.retain_expiry_interval, None);
    assert_eq!(complaint("retain_expiry_interval 0\n"), "Error: retain_expiry_interval must be >= 1.");
    assert_eq!(
        notices(&config("retain_expiry_interval 10000000\nretain_expiry_interval 10000001\n"), LogType::Warning),
        ["Warning: The 'retain_expiry_interval' value is too large, 10000000 minutes are used."]
    );
}

#[test]
fn sys_interval_is_0_for_no_topics() {
    for (lines, seconds) in [("", 10), ("sys_interval 0\n", 0), ("sys_interval 65535\n", 65535)] {
        assert_eq!(config(lines).global.sys_interval, seconds);
    }
    assert_eq!(complaint("sys_interval 65536\n"), "Error: Invalid 'sys_interval' value (65536).");
}

#[test]
fn texts_of_the_whole_broker_are_kept_as_they_stand() {
    let global =
        config("user a b\nuser mqtt\nclientid_prefixes x\nclientid_prefixes dev -\npid_file /run/a b.pid\n").global;
    assert_eq!(global.user.as_deref(), Some("mqtt"));
    assert_eq!(global.clientid_prefixes.as_deref(), Some("dev -"));
    assert_eq!(global.pid_file.as_deref(), Some(std::path::Path::new("/run/a b.pid")));
    assert_eq!(complaint("pid_file a\npid_file b\n"), "Error: Duplicate 'pid_file' value in configuration.");
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
fn persistence_is_a_file_in_a_directory_and_off_by_default() {
    let path = |lines: &str| config(lines).global.persistence.path().display().to_string();
    assert!(!config("").global.persistence.on);
    assert!(config("retained_persistence 1\n").global.persistence.on);
    assert_eq!(path(""), "mosquitto.db");
    assert_eq!(path("persistence_file other\n"), "other");
    assert_eq!(path("persistence_location /var/lib/a b\n"), "/var/lib/a b/mosquitto.db");
    assert_eq!(path("persistence_location /var/lib/\npersistence_file /x\n"), "/var/lib/x");
    for name in ["persistence_file", "persistence_location"] {
        let expected = format!("Error: Duplicate '{name}' value in configuration.");
        assert_eq!(complaint(format!("{name} a\n{name} b\n")), expected);
        assert_eq!(complaint(format!("{name}\n")), format!("Error: Empty '{name}' value in configuration."));
    }
    assert_eq!(complaint("persistence maybe\n"), "Error: Invalid 'persistence' value (maybe).");
}

#[test]
fn autosave_counts_seconds_or_changes_and_less_than_none_is_never() {
    let read = |lines: &str| config(lines).global.persistence;
    assert_eq!((read("").autosave_interval, read("").autosave_on_changes), (1800, false));
    let persistence = read("autosave_interval 7\nautosave_on_changes true\n");
    assert_eq!((persistence.autosave_interval, persistence.autosave_on_changes), (7, true));
    assert_eq!(read("autosave_interval -5\n").autosave_interval, 0);
    assert_eq!(complaint("autosave_interval x\n"), "Error: 'autosave_interval' value not a number.");
    assert_eq!(complaint("autosave_on_changes x\n"), "Error: Invalid 'autosave_on_changes' value (x).");
}

#[test]
fn persistence_sync_is_always_or_never_or_in_milliseconds() {
    let sync = |lines: &str| config(lines).global.persistence.sync;
    let ms = |ms| PersistenceSync::Interval(NonZeroU32::new(ms).unwrap());
    assert_eq!(sync(""), PersistenceSync::Always);
    assert_eq!(sync("persistence_sync none\n"), PersistenceSync::None);
    assert_eq!(sync("persistence_sync none\npersistence_sync always\n"), PersistenceSync::Always);
    assert_eq!(sync("persistence_sync interval 1\n"), ms(1));
    assert_eq!(sync("persistence_sync interval 3600000 \n"), ms(3_600_000));
    for (value, shown) in [
        ("sometimes", "sometimes"),
        ("always 5", "5"),
        ("interval 5 s", "s"),
        ("interval 0", "interval 0"),
        ("interval -1", "interval -1"),
        ("interval 3600001", "interval 3600001"),
    ] {
        let expected = format!("Error: Invalid 'persistence_sync' value ({shown}).");
        assert_eq!(complaint(format!("persistence_sync {value}\n")), expected);
    }
    for line in ["persistence_sync", "persistence_sync interval"] {
        assert_eq!(complaint(line), "Error: Empty 'persistence_sync' value in configuration.");
    }
    assert_eq!(complaint("persistence_sync interval x"), "Error: 'persistence_sync' value not a number.");
}

#[test]
fn deprecated_options_are_noticed_in_the_words_of_mosquitto() {
    for (line, hint) in [
        ("allow_duplicate_messages true", "The behaviour will default to true."),
        ("auto_id_prefix a", "Please use 'listener_auto_id_prefix' instead."),
        ("per_listener_settings true", "Please see the documentation for how to achieve the same effect."),
        ("port 1884", "Please use 'listener' instead."),
        ("bind_address ::1", ""),
        ("clientid_prefixes a", ""),
    ] {
        let name = line.split(' ').next().unwrap();
        let expected = format!("The '{name}' option is now deprecated and will be removed in version 3.0. {hint}");
        assert_eq!(notices(&config(line), LogType::Notice), [expected], "{line}");
    }
    let config = config("listener 1884\nallow_anonymous true\nlistener_auto_id_prefix a\nretain_available true\n");
    assert!(config.notices.is_empty(), "{:?}", config.notices);
}

#[test]
fn flags_of_the_whole_broker_have_the_defaults_of_mosquitto() {
    let global = config("").global;
    assert!(global.allow_duplicate_messages && global.retain_available);
    assert!(!global.queue_qos0_messages && !global.enable_control_api && !global.per_listener_settings);
    let global = config("allow_duplicate_messages false\nqueue_qos0_messages true\nenable_control_api true\n").global;
    assert!(!global.allow_duplicate_messages && global.queue_qos0_messages && global.enable_control_api);
}
