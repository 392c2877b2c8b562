//! Options of the broker as a whole.

use super::Bound::{Clamps, None as Unbounded, Refuses};
use super::Refusal::Own;
use super::Reload::{DocumentedOnly, Yes};
use super::{Declaration, Repeat, Store};
use crate::by_hand;
use crate::changes::Effect;
use crate::log::LogType;
use crate::reference::Referent;
use crate::written::Written;
use std::num::{NonZeroU16, NonZeroU32};

const RSMB: &str = "an option of RSMB, which Mosquitto accepted up to 1.6 and ignored";

pub(super) static OPTIONS: &[Declaration] = &[
    Declaration::bool("allow_duplicate_messages")
        .default("true")
        .reload(Yes)
        .since("1.1")
        .deprecated("The behaviour will default to true.")
        .help("Send a client one copy of a message for each of its overlapping subscriptions (MQTT 3.x).")
        .store(Store::Bool(|c, on| c.global.allow_duplicate_messages = on))
        .shows(Effect::AtOnce, |c| c.global.allow_duplicate_messages.written()),
    Declaration::text("clientid_prefixes", Repeat::Replaces)
        .reload(Yes)
        .since("0.10")
        .deprecated("")
        .help("Refuse clients whose id does not begin with this.")
        .store(Store::Text(|c| &mut c.global.clientid_prefixes))
        .shows(Effect::LaterConnections, |c| c.global.clientid_prefixes.written()),
    Declaration::bool("connection_messages")
        .default("true")
        .reload(Yes)
        .help("Log clients' connecting and disconnecting.")
        .store(Store::Bool(|c, on| c.log.connection_messages = on))
        .shows(Effect::AtOnce, |c| c.log.connection_messages.written()),
    Declaration::bool("check_retain_source")
        .default("false")
        .reload(DocumentedOnly)
        .since("1.5.6")
        .help("Send a retained message only while its publisher still has the right to publish it."),
    Declaration::bool("enable_control_api")
        .default("false")
        .reload(DocumentedOnly)
        .since("2.1")
        .help("Answer requests on $CONTROL/broker/v1.")
        .store(Store::Bool(|c, on| c.global.enable_control_api = on))
        .shows(Effect::AtOnce, |c| c.global.enable_control_api.written()),
    Declaration::int("global_max_clients", Unbounded, Unbounded)
        .default("-1")
        .reload(DocumentedOnly)
        .since("2.1")
        .help("Limit of client sessions, connected or stored; 0 or less: no limit.")
        .store(Store::Int(|c, n| c.global.global_max_clients = u32::try_from(n).ok().and_then(NonZeroU32::new)))
        .shows(Effect::AtOnce, |c| c.global.global_max_clients.written()),
    Declaration::int("global_max_connections", Unbounded, Unbounded)
        .default("-1")
        .reload(DocumentedOnly)
        .since("2.1")
        .help("Limit of connections over all listeners; 0 or less: no limit.")
        .store(Store::Int(|c, n| c.global.global_max_connections = u32::try_from(n).ok().and_then(NonZeroU32::new)))
        .shows(Effect::AtOnce, |c| c.global.global_max_connections.written()),
    Declaration::words("include_dir", "a directory")
        .reload(Yes)
        .since("1.0")
        .help("Read all files of this directory whose names end in .conf.")
        .store(Store::ByHand(by_hand::include_dir)),
    Declaration::int("max_inflight_bytes", Clamps(0), Unbounded)
        .default("0")
        .unit("bytes")
        .reload(DocumentedOnly)
        .since("1.5")
        .help("Start no further QoS 1 or 2 message towards a client with this much under way; 0: no limit.")
        .store(Store::Int(|c, n| c.global.max_inflight_bytes = n.unsigned_abs()))
        .shows(Effect::AtOnce, |c| c.global.max_inflight_bytes.written()),
    Declaration::int("max_inflight_messages", Clamps(0), Refuses(65535))
        .default("20")
        .refusal(Own("'NAME' must be <= 65535."))
        .reload(DocumentedOnly)
        .since("0.6")
        .help("QoS 1 and 2 messages under way at once, per client and direction; 0: no limit.")
        // 65535 is what MQTT 5 means by leaving the Receive Maximum out: no limit.
        .store(Store::SmallInt(|c, n| c.global.max_inflight_messages = if n == u16::MAX { 0 } else { n }))
        .shows(Effect::LaterConnections, |c| c.global.max_inflight_messages.written()),
    Declaration::int("max_keepalive", Refuses(0), Refuses(65535))
        .default("0")
        .unit("seconds")
        .reload(DocumentedOnly)
        .since("1.6")
        .help("Longest keepalive that a client may ask for; 0: any.")
        .store(Store::SmallInt(|c, n| c.global.max_keepalive = n))
        .shows(Effect::LaterConnections, |c| c.global.max_keepalive.written()),
    Declaration::int("max_packet_size", Refuses(20), Unbounded)
        .default("2000000")
        .unit("bytes")
        .refusal(Own("'NAME' must be >= 20."))
        .reload(DocumentedOnly)
        .since("1.6")
        .help("Largest packet accepted from a client.")
        .store(Store::Int(|c, n| c.global.max_packet_size = n.unsigned_abs()))
        .shows(Effect::AtOnce, |c| c.global.max_packet_size.written()),
    Declaration::int("max_queued_bytes", Clamps(0), Unbounded)
        .default("0")
        .unit("bytes")
        .reload(DocumentedOnly)
        .since("1.5")
        .help("Payload bytes that may wait for one client, beyond those under way; 0: no limit.")
        .store(Store::Int(|c, n| c.global.max_queued_bytes = n.unsigned_abs()))
        .shows(Effect::AtOnce, |c| c.global.max_queued_bytes.written()),
    Declaration::int("max_queued_messages", Clamps(0), Unbounded)
        .default("1000")
        .reload(DocumentedOnly)
        .since("0.6")
        .help("Messages that may wait for one client, beyond those under way; 0: no limit.")
        .store(Store::Int(|c, n| c.global.max_queued_messages = n.unsigned_abs()))
        .shows(Effect::AtOnce, |c| c.global.max_queued_messages.written()),
    Declaration::words("memory_limit", "a whole number of bytes from 0 to 9223372036854775807, in decimal digits")
        .default("0")
        .reload(Yes)
        .since("1.4.15")
        .help("Limit of the heap; 0: no limit.")
        .store(Store::ByHand(by_hand::memory_limit))
        .shows(Effect::AtOnce, |c| c.global.memory_limit.written()),
    Declaration::int("message_size_limit", Refuses(0), Refuses(268_435_455))
        .default("0")
        .unit("bytes")
        .reload(Yes)
        .advice("Note: It is recommended to replace `message_size_limit` with `max_packet_size`.")
        .help("Drop messages with a longer payload; 0: no limit.")
        .store(Store::Int(|c, n| c.global.message_size_limit = n.unsigned_abs()))
        .shows(Effect::AtOnce, |c| c.global.message_size_limit.written()),
    Declaration::int("packet_buffer_size", Refuses(0), Refuses(65535))
        .aliases(&["websockets_headers_size"])
        .default("4096")
        .unit("bytes")
        .refusal(Own("Packet buffer size must be between 0 and 65535 inclusive."))
        .since("2.1")
        .help("Without effect: connections share the buffers of their worker.")
        .idle(
            LogType::Information,
            "The 'packet_buffer_size' option has no effect: connections share the read buffer of their worker.",
        ),
    Declaration::bool("per_listener_settings")
        .default("false")
        .reload(DocumentedOnly)
        .since("1.5")
        .deprecated("Please see the documentation for how to achieve the same effect.")
        .help("Let security options belong to the listener above them.")
        .store(Store::ByHand(by_hand::per_listener_settings))
        .shows(Effect::AtOnce, |c| c.global.per_listener_settings.written()),
    Declaration::text("pid_file", Repeat::Refused)
        .help("Write the process id to this file.")
        .refers(Referent::PidFile)
        .store(Store::Path(|c| &mut c.global.pid_file))
        .shows(Effect::Restart, |c| c.global.pid_file.written()),
    Declaration::bool("queue_qos0_messages")
        .default("false")
        .reload(Yes)
        .help("Keep QoS 0 messages, too, for disconnected clients with a session.")
        .store(Store::Bool(|c, on| c.global.queue_qos0_messages = on))
        .shows(Effect::AtOnce, |c| c.global.queue_qos0_messages.written()),
    Declaration::bool("retain_available")
        .default("true")
        .reload(DocumentedOnly)
        .since("1.6")
        .help("Accept retained messages.")
        .store(Store::Bool(|c, on| c.global.retain_available = on))
        .shows(Effect::AtOnce, |c| c.global.retain_available.written()),
    Declaration::int("retain_expiry_interval", Refuses(1), Clamps(10_000_000))
        .unit("minutes")
        .refusal(Own("NAME must be >= 1."))
        .reload(DocumentedOnly)
        .since("2.1")
        .help("How often expired retained messages are looked for.")
        .store(Store::ByHand(by_hand::retain_expiry_interval))
        .shows(Effect::AtOnce, |c| c.global.retain_expiry_interval.written()),
    Declaration::bool("set_tcp_nodelay")
        .default("false")
        .reload(DocumentedOnly)
        .since("1.5")
        .help("Set TCP_NODELAY on connections.")
        .store(Store::Bool(|c, on| c.global.set_tcp_nodelay = on))
        .shows(Effect::LaterConnections, |c| c.global.set_tcp_nodelay.written()),
    Declaration::int("sys_interval", Refuses(0), Refuses(65535))
        .default("10")
        .unit("seconds")
        .reload(Yes)
        .help("How often the $SYS topics are refreshed; 0: no $SYS topics.")
        .store(Store::SmallInt(|c, n| c.global.sys_interval = n))
        .shows(Effect::AtOnce, |c| c.global.sys_interval.written()),
    Declaration::bool("upgrade_outgoing_qos")
        .default("false")
        .reload(Yes)
        .since("1.2")
        .help("Deliver with the subscription's QoS, even if the message came with a lower one.")
        .store(Store::Bool(|c, on| c.global.upgrade_outgoing_qos = on))
        .shows(Effect::AtOnce, |c| c.global.upgrade_outgoing_qos.written()),
    Declaration::text("user", Repeat::Replaces)
        .default("mosquitto")
        .help("The user to become when started as root; root: stay root.")
        .refers(Referent::User)
        .store(Store::Text(|c| &mut c.global.user))
        .shows(Effect::Restart, |c| c.global.user.written()),
    Declaration::int("worker_threads", Refuses(0), Refuses(256))
        .default("0")
        .since("none: this broker's own")
        .help("Threads that share the clients; 0: one per core.")
        .store(Store::SmallInt(|c, n| c.global.worker_threads = NonZeroU16::new(n)))
        .shows(Effect::Restart, |c| c.global.worker_threads.written()),
    Declaration::int("retry_interval", Refuses(1), Refuses(3600))
        .unit("seconds")
        .since("0.5")
        .advice(
            "Note: The 'retry_interval' option is available here: unacknowledged messages are sent again after this time \
             to clients of MQTT 3.1 and 3.1.1 that stay connected.",
        )
        .help("When unacknowledged messages are sent again (MQTT 3.x); unset: 20 s for MQTT 3.1, never for 3.1.1.")
        .store(Store::SmallInt(|c, n| c.global.retry_interval = NonZeroU16::new(n)))
        .shows(Effect::AtOnce, |c| c.global.retry_interval.written()),
    Declaration::int("store_clean_interval", Refuses(0), Unbounded)
        .unit("seconds")
        .help("Without effect: messages go as soon as nobody needs them.")
        .idle(
            LogType::Warning,
            "Warning: The 'store_clean_interval' option is no longer needed: messages go as soon as nobody needs them.",
        ),
    Declaration::ignored("ffdc_output").refused(RSMB),
    Declaration::ignored("max_log_entries").refused(RSMB),
    Declaration::ignored("trace_level").refused(RSMB),
    Declaration::ignored("trace_output").refused(RSMB),
];
