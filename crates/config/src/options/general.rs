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
        .manual(
            "For messages that match several subscriptions of one client of MQTT 3.1 or 3.1.1. `true`: a copy for \
             each of these subscriptions, with the QoS of that subscription. `false`: one copy, with the highest QoS \
             among them. Clients of MQTT 5 always get a copy for each.\n\n\
             The default was `false` up to Mosquitto 2.0.",
        )
        .store(Store::Bool(|c, on| c.global.allow_duplicate_messages = on))
        .shows(Effect::AtOnce, |c| c.global.allow_duplicate_messages.written()),
    Declaration::text("clientid_prefixes", Repeat::Replaces)
        .reload(Yes)
        .since("0.10")
        .deprecated("")
        .value("prefix")
        .examples(&["secure-"])
        .help("Refuse clients whose id does not begin with this.")
        .manual(
            "There can be one such prefix. It is held against the client ids that the broker makes up as well, so \
             `auto_id_prefix` should begin with it. Clients that are connected already stay.",
        )
        .store(Store::Text(|c| &mut c.global.clientid_prefixes))
        .shows(Effect::LaterConnections, |c| c.global.clientid_prefixes.written()),
    Declaration::bool("connection_messages")
        .default("true")
        .reload(Yes)
        .help("Log clients' connecting and disconnecting.")
        .manual("`false` leaves out the lines about clients that connect, that disconnect, and that are refused.")
        .store(Store::Bool(|c, on| c.log.connection_messages = on))
        .shows(Effect::AtOnce, |c| c.log.connection_messages.written()),
    Declaration::bool("check_retain_source")
        .default("false")
        .reload(DocumentedOnly)
        .since("1.5.6")
        .help("Send a retained message only while its publisher still has the right to publish it.")
        .manual(
            "Before a retained message is sent to a new subscriber, the access rules are asked again whether whoever \
             published it (client id, username and listener) may publish to this topic; if not, it is not sent. \
             Messages of the broker's own are sent always.\n\n\
             Mosquitto's documentation calls `true` the default, but its brokers behave as with `false`; so does this \
             one. A change takes effect when the broker is started again: of what was published without the option, \
             it is not known who published it.",
        )
        .store(Store::Bool(|c, on| c.global.check_retain_source = on))
        .shows(Effect::Restart, |c| c.global.check_retain_source.written()),
    Declaration::bool("enable_control_api")
        .default("false")
        .reload(DocumentedOnly)
        .since("2.1")
        .help("Answer requests on $CONTROL/broker/v1.")
        .manual("Requests and answers are JSON; `listPlugins` and `listListeners` are the commands.")
        .store(Store::Bool(|c, on| c.global.enable_control_api = on))
        .shows(Effect::AtOnce, |c| c.global.enable_control_api.written()),
    Declaration::int("global_max_clients", Unbounded, Unbounded)
        .default("-1")
        .reload(DocumentedOnly)
        .since("2.1")
        .help("Limit of client sessions, connected or stored; 0 or less: no limit.")
        .manual(
            "Once there are so many sessions, a client that has none yet is refused: of MQTT 5 with the reason \
             `Server busy`, of earlier versions by closing its connection. A client that has a session can come back \
             to it.",
        )
        .store(Store::Int(|c, n| c.global.global_max_clients = u32::try_from(n).ok().and_then(NonZeroU32::new)))
        .shows(Effect::AtOnce, |c| c.global.global_max_clients.written()),
    Declaration::int("global_max_connections", Unbounded, Unbounded)
        .default("-1")
        .reload(DocumentedOnly)
        .since("2.1")
        .help("Limit of connections over all listeners; 0 or less: no limit.")
        .manual(
            "A connection beyond the limit is closed as soon as it is made, and logged; those that are there when the \
             limit is lowered stay. `max_connections` is the same for a single listener.",
        )
        .store(Store::Int(|c, n| c.global.global_max_connections = u32::try_from(n).ok().and_then(NonZeroU32::new)))
        .shows(Effect::AtOnce, |c| c.global.global_max_connections.written()),
    Declaration::words("include_dir", "a directory")
        .reload(Yes)
        .since("1.0")
        .value("directory")
        .examples(&["/etc/mosquitto/conf.d"])
        .help("Read all files of this directory whose names end in .conf.")
        .manual(
            "The files are read where the option stands, as if their lines stood there, but each begins without a \
             listener. They are sorted by name, letter by letter; an upper case letter comes right before its lower \
             case one: `00.conf`, `01.conf`, `A.conf`, `AB.conf`, `a.conf`, `B.conf`. An included file cannot include \
             others. A directory that cannot be read is an error. On a reload it is read again, also for files that \
             are new.",
        )
        .store(Store::ByHand(by_hand::include_dir)),
    Declaration::int("max_inflight_bytes", Clamps(0), Unbounded)
        .default("0")
        .unit("bytes")
        .reload(DocumentedOnly)
        .since("1.5")
        .help("Start no further QoS 1 or 2 message towards a client with this much under way; 0: no limit.")
        .manual(
            "Only payloads count. A message may be started as long as less than this is under way, so a single \
             message may be larger.",
        )
        .store(Store::Int(|c, n| c.global.max_inflight_bytes = n.unsigned_abs()))
        .shows(Effect::AtOnce, |c| c.global.max_inflight_bytes.written()),
    Declaration::int("max_inflight_messages", Clamps(0), Refuses(65535))
        .default("20")
        .refusal(Own("'NAME' must be <= 65535."))
        .reload(DocumentedOnly)
        .since("0.6")
        .help("QoS 1 and 2 messages under way at once, per client and direction; 0: no limit.")
        .manual(
            "A message is under way from when it is sent until its last acknowledgement has come. Clients of MQTT 5 \
             are told the number as Receive Maximum, and towards them their own Receive Maximum counts, if they name \
             one. With `1`, messages are delivered strictly one after the other. 65535 counts as 0.",
        )
        // 65535 is what MQTT 5 means by leaving the Receive Maximum out: no limit.
        .store(Store::SmallInt(|c, n| c.global.max_inflight_messages = if n == u16::MAX { 0 } else { n }))
        .shows(Effect::LaterConnections, |c| c.global.max_inflight_messages.written()),
    Declaration::int("max_keepalive", Refuses(0), Refuses(65535))
        .default("0")
        .unit("seconds")
        .reload(DocumentedOnly)
        .since("1.6")
        .help("Longest keepalive that a client may ask for; 0: any.")
        .manual(
            "A client of MQTT 5 that asks for a longer one, or for none at all, is told to use this one (Server Keep \
             Alive). Earlier versions have no way to tell a client so; it is refused with code 2 (identifier \
             rejected).",
        )
        .store(Store::SmallInt(|c, n| c.global.max_keepalive = n))
        .shows(Effect::LaterConnections, |c| c.global.max_keepalive.written()),
    Declaration::int("max_packet_size", Refuses(20), Unbounded)
        .default("2000000")
        .unit("bytes")
        .refusal(Own("'NAME' must be >= 20."))
        .reload(DocumentedOnly)
        .since("1.6")
        .help("Largest packet accepted from a client.")
        .manual(
            "The whole packet counts, with its header. Clients of MQTT 5 are told the limit (Maximum Packet Size). A \
             client that sends a larger packet is disconnected, before the packet is read. What the broker sends is \
             not limited by it, but by the Maximum Packet Size of the client.",
        )
        .store(Store::Int(|c, n| c.global.max_packet_size = n.unsigned_abs()))
        .shows(Effect::AtOnce, |c| c.global.max_packet_size.written()),
    Declaration::int("max_queued_bytes", Clamps(0), Unbounded)
        .default("0")
        .unit("bytes")
        .reload(DocumentedOnly)
        .since("1.5")
        .help("Payload bytes that may wait for one client, beyond those under way; 0: no limit.")
        .manual(
            "Messages wait while their client is away, or while as many as it may have are under way. A message that \
             would wait beyond the limit is dropped. Where `max_queued_messages` is set as well, the limit that is \
             reached first counts.",
        )
        .store(Store::Int(|c, n| c.global.max_queued_bytes = n.unsigned_abs()))
        .shows(Effect::AtOnce, |c| c.global.max_queued_bytes.written()),
    Declaration::int("max_queued_messages", Clamps(0), Unbounded)
        .default("1000")
        .reload(DocumentedOnly)
        .since("0.6")
        .help("Messages that may wait for one client, beyond those under way; 0: no limit.")
        .manual(
            "Messages wait while their client is away, or while as many as it may have are under way. A message that \
             would wait beyond the limit is dropped. A client that is connected but does not take what it is sent \
             loses QoS 0 messages once this many packets wait for it.\n\n\
             Mosquitto up to 1.6 had 100 as default.",
        )
        .store(Store::Int(|c, n| c.global.max_queued_messages = n.unsigned_abs()))
        .shows(Effect::AtOnce, |c| c.global.max_queued_messages.written()),
    Declaration::int("max_unauthenticated_connections", Refuses(1), Refuses(1_000_000))
        .default("10000")
        .since("none: this broker's own")
        .help("Connections that may be there without having sent their CONNECT.")
        .manual(
            "This covers everything that comes before a client has said who it is: TLS, the head of a WebSocket, a PROXY \
             header, the CONNECT itself. A client has 30 seconds for all of that together. Once there are so many, the \
             next one takes the place of another: of the address that has most of them (of IPv6: the network of 64 bits), \
             the one that has been silent for longest. So clients that go on, as all honest ones do, are let in however \
             many others do not. Each worker has the same part of this number. The log tells once a minute how many had to \
             give way, and the topic `$SYS/broker/connections/unauthenticated/closed` how many since the start. \
             Likewise a connection without CONNECT gives way where the process has no more file descriptors; and, after 5 \
             seconds, where `max_connections` or `global_max_connections` would turn a newcomer away.",
        )
        .store(Store::Int(|c, n| {
            c.global.max_unauthenticated_connections =
                NonZeroU32::new(n.unsigned_abs()).unwrap_or(c.global.max_unauthenticated_connections);
        }))
        .shows(Effect::AtOnce, |c| c.global.max_unauthenticated_connections.get().written()),
    Declaration::words("memory_limit", "a whole number of bytes from 0 to 9223372036854775807, in decimal digits")
        .default("0")
        .reload(Yes)
        .since("1.4.15")
        .value("bytes")
        .help("Limit of the heap; 0: no limit.")
        .manual(
            "Above the limit no new work is taken: no new session, no subscription, and no message but those that \
             delete a retained one. What was taken before is delivered, and a client that has a session may come back \
             to it. The log says when that begins and when it ends.",
        )
        .store(Store::ByHand(by_hand::memory_limit))
        .shows(Effect::AtOnce, |c| c.global.memory_limit.written()),
    Declaration::int("message_size_limit", Refuses(0), Refuses(268_435_455))
        .default("0")
        .unit("bytes")
        .reload(Yes)
        .advice("Note: It is recommended to replace `message_size_limit` with `max_packet_size`.")
        .help("Drop messages with a longer payload; 0: no limit.")
        .manual(
            "The message is acknowledged, and goes to nobody; a client of MQTT 5 is told by reason code 0x95 (Packet \
             too large) where the QoS has an acknowledgement. A client whose will is too large is refused. \
             `max_packet_size` is usually the better choice, since it ends such a transfer before it has taken place.",
        )
        .store(Store::Int(|c, n| c.global.message_size_limit = n.unsigned_abs()))
        .shows(Effect::AtOnce, |c| c.global.message_size_limit.written()),
    Declaration::int("packet_buffer_size", Refuses(0), Refuses(65535))
        .aliases(&["websockets_headers_size"])
        .default("4096")
        .unit("bytes")
        .refusal(Own("Packet buffer size must be between 0 and 65535 inclusive."))
        .since("2.1")
        .help("Bytes of the longest head of the HTTP request by which a WebSocket begins; 0: 4096.")
        .manual(
            "A client whose head is longer is disconnected. In Mosquitto it is also the size of a buffer that each \
             connection has; here connections share the buffers of their worker.",
        )
        .store(Store::SmallInt(|c, n| c.global.packet_buffer_size = n))
        .shows(Effect::LaterConnections, |c| c.global.packet_buffer_size.written()),
    Declaration::bool("per_listener_settings")
        .default("false")
        .reload(DocumentedOnly)
        .since("1.5")
        .deprecated("Please see the documentation for how to achieve the same effect.")
        .help("Let security options belong to the listener above them.")
        .manual(
            "With `true`, each listener goes by the security options that stand below it, and by no others; none may \
             stand above the first `listener`. This option itself has to stand above all security options, and cannot \
             be taken back. Which options are security options, their scope tells. Use `listener_allow_anonymous` and \
             `listener_auto_id_prefix` instead.",
        )
        .store(Store::ByHand(by_hand::per_listener_settings))
        .shows(Effect::AtOnce, |c| c.global.per_listener_settings.written()),
    Declaration::text("pid_file", Repeat::Refused)
        .value("file")
        .examples(&["/run/mosquitto/mosquitto.pid"])
        .help("Write the process id to this file.")
        .manual(
            "The file holds the number and nothing else. It is written when the listeners are open, and removed when \
             the broker ends. It may be no symbolic link. If it cannot be written, the broker does not start.",
        )
        .refers(Referent::PidFile)
        .store(Store::Path(|c| &mut c.global.pid_file))
        .shows(Effect::Restart, |c| c.global.pid_file.written()),
    Declaration::bool("queue_qos0_messages")
        .default("false")
        .reload(Yes)
        .help("Keep QoS 0 messages, too, for disconnected clients with a session.")
        .manual("They count for `max_queued_messages` and `max_queued_bytes` like others.")
        .store(Store::Bool(|c, on| c.global.queue_qos0_messages = on))
        .shows(Effect::AtOnce, |c| c.global.queue_qos0_messages.written()),
    Declaration::bool("retain_available")
        .default("true")
        .reload(DocumentedOnly)
        .since("1.6")
        .help("Accept retained messages.")
        .manual(
            "With `false`, clients of MQTT 5 are told so when they connect. A client that publishes a retained \
             message all the same is disconnected, and one whose will is to be retained is refused.",
        )
        .store(Store::Bool(|c, on| c.global.retain_available = on))
        .shows(Effect::AtOnce, |c| c.global.retain_available.written()),
    Declaration::int("retain_expiry_interval", Refuses(1), Clamps(10_000_000))
        .unit("minutes")
        .refusal(Own("NAME must be >= 1."))
        .reload(DocumentedOnly)
        .since("2.1")
        .examples(&["60"])
        .help("How often expired retained messages are looked for.")
        .manual(
            "Without it, an expired message stays in memory until somebody subscribes to its topic or publishes to \
             it; it is not delivered in either case.",
        )
        .store(Store::ByHand(by_hand::retain_expiry_interval))
        .shows(Effect::AtOnce, |c| c.global.retain_expiry_interval.written()),
    Declaration::bool("set_tcp_nodelay")
        .default("false")
        .reload(DocumentedOnly)
        .since("1.5")
        .help("Set TCP_NODELAY on connections.")
        .manual(
            "The system then sends small packets at once, instead of waiting for more to send with them. That lowers \
             the delay and costs more packets on the network.",
        )
        .store(Store::Bool(|c, on| c.global.set_tcp_nodelay = on))
        .shows(Effect::LaterConnections, |c| c.global.set_tcp_nodelay.written()),
    Declaration::int("sys_interval", Refuses(0), Refuses(65535))
        .default("10")
        .unit("seconds")
        .reload(Yes)
        .help("How often the $SYS topics are refreshed; 0: no $SYS topics.")
        .manual(
            "The topics below `$SYS` tell the state of the broker to whoever subscribes to `$SYS/#`. They are \
             refreshed at the seconds of the clock that the interval divides.",
        )
        .store(Store::SmallInt(|c, n| c.global.sys_interval = n))
        .shows(Effect::AtOnce, |c| c.global.sys_interval.written()),
    Declaration::bool("upgrade_outgoing_qos")
        .default("false")
        .reload(Yes)
        .since("1.2")
        .help("Deliver with the subscription's QoS, even if the message came with a lower one.")
        .manual("MQTT demands the lower of the two, so with `true` the broker does not keep to the standard.")
        .store(Store::Bool(|c, on| c.global.upgrade_outgoing_qos = on))
        .shows(Effect::AtOnce, |c| c.global.upgrade_outgoing_qos.written()),
    Declaration::text("user", Repeat::Replaces)
        .default("mosquitto")
        .value("name")
        .help("The user to become when started as root; root: stay root.")
        .manual(
            "Files that the broker reads and writes must be accessible to that user: also those of the configuration, or \
             SIGHUP cannot have them read again. So must the ports, and those below 1024 usually are not. Where there is \
             no user `mosquitto`, the broker becomes `nobody`; any other user that does not exist ends the start. \
             Started by another user than root, the broker goes on as that user.",
        )
        .refers(Referent::User)
        .store(Store::Text(|c| &mut c.global.user))
        .shows(Effect::Restart, |c| c.global.user.written()),
    Declaration::int("worker_threads", Refuses(0), Refuses(256))
        .default("0")
        .since("none: this broker's own")
        .help("Threads that share the clients; 0: one per core.")
        .manual(
            "Each client is served by one of the threads. 0 is right unless the machine has other things to do as \
             well.",
        )
        .store(Store::SmallInt(|c, n| c.global.worker_threads = NonZeroU16::new(n)))
        .shows(Effect::Restart, |c| c.global.worker_threads.written()),
    Declaration::bool("workers_together")
        .default("true")
        .since("none: this broker's own")
        .help("Serve all clients on one thread as long as it has the time.")
        .manual(
            "While there is little to do, the first of the worker_threads serves the clients of all of them, so that no \
             message has to wait until another thread has woken up; when it is busy, the others go on for themselves. \
             With `false` each thread always serves its own clients.",
        )
        .store(Store::Bool(|c, on| c.global.workers_together = on))
        .shows(Effect::Restart, |c| c.global.workers_together.written()),
    Declaration::int("retry_interval", Refuses(1), Refuses(3600))
        .unit("seconds")
        .since("0.5")
        .advice(
            "Note: The 'retry_interval' option is available here: unacknowledged messages are sent again after this time \
             to clients of MQTT 3.1 and 3.1.1 that stay connected.",
        )
        .examples(&["20"])
        .help("When unacknowledged messages are sent again (MQTT 3.x); unset: 20 s for MQTT 3.1, never for 3.1.1.")
        .manual(
            "Mosquitto has had no such option since 1.5; it sends a message again only when its client connects anew. \
             MQTT 3.1 allows to send it again on the same connection, too, which MQTT 5 forbids.",
        )
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
