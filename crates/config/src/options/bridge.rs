//! Connections from this broker to others.

use super::Bound::{Clamps, None as Unbounded, Refuses};
use super::Refusal::Own;
use super::{Declaration, Reload, Repeat, Scope};

pub(super) static OPTIONS: &[Declaration] = &[
    bridge(Declaration::text("connection", Repeat::Adds))
        .value("name")
        .examples(&["bridge-1"])
        .help("Begin a bridge of this name; the bridge options below it belong to it."),
    bridge(Declaration::words("address", "host or host:port, several if separated by spaces"))
        .aliases(&["addresses"])
        .value("host[:port] ...")
        .examples(&["broker.example.com:1883"])
        .help("The brokers to connect to."),
    bridge(Declaration::words("topic", "pattern [out | in | both [qos [local-prefix [remote-prefix]]]]"))
        .value("pattern [out | in | both [qos [local-prefix [remote-prefix]]]]")
        .examples(&["sensors/# out 1"])
        .help("What is passed on, and in which direction; may be given several times."),
    bridge(Declaration::bool("bridge_attempt_unsubscribe"))
        .default("true")
        .help("Unsubscribe at the remote broker from topics that only go out."),
    bridge(Declaration::text("bridge_bind_address", Repeat::Refused))
        .since("2.0")
        .value("address")
        .help("The local address to connect from."),
    bridge(Declaration::int("bridge_max_packet_size", Clamps(0), Unbounded))
        .default("0")
        .unit("bytes")
        .since("2.0")
        .help("Largest packet sent to the remote broker; 0: what that accepts."),
    bridge(Declaration::int("bridge_max_topic_alias", Refuses(0), Refuses(65535)))
        .default("10")
        .refusal(Own("NAME must be > 0 and <= 65535."))
        .since("2.1")
        .help("Topic aliases in either direction (MQTT 5)."),
    bridge(Declaration::bool("bridge_outgoing_retain")).default("true").since("2.0").help("Pass the retain flag on."),
    bridge(Declaration::choice("bridge_protocol_version", &["mqttv31", "mqttv311", "mqttv50"]))
        .default("mqttv311")
        .help("The version of MQTT to speak."),
    bridge(Declaration::int("bridge_receive_maximum", Refuses(1), Refuses(65535)))
        .refusal(Own("NAME must be greater than 0."))
        .since("2.1")
        .help("QoS 1 and 2 messages that the remote broker may have under way (MQTT 5)."),
    bridge(Declaration::choice("bridge_reload_type", &["lazy", "immediate"]))
        .default("lazy")
        .refusal(Own("Invalid 'NAME' value in configuration (VALUE)."))
        .since("2.1")
        .help("Whether SIGHUP reconnects the bridge, or new settings wait until it reconnects anyway."),
    bridge(Declaration::int("bridge_session_expiry_interval", Refuses(0), Unbounded))
        .default("0")
        .unit("seconds")
        .refusal(Own("NAME must not be negative."))
        .since("2.1")
        .help("How long the remote broker keeps the session (MQTT 5)."),
    bridge(Declaration::words("bridge_tcp_keepalive", "three whole numbers above 0: idle, interval, count"))
        .since("2.1")
        .value("idle interval count")
        .examples(&["60 10 5"])
        .help("TCP keepalive: seconds until the first probe, seconds between probes, probes."),
    bridge(Declaration::int("bridge_tcp_user_timeout", Refuses(0), Unbounded))
        .unit("milliseconds")
        .refusal(Own("invalid TCP user timeout value."))
        .since("2.1")
        .help("How long sent bytes may stay unacknowledged."),
    bridge(Declaration::bool("cleansession")).default("false").help("Have the remote broker forget the session."),
    bridge(Declaration::bool("local_cleansession"))
        .default("the value of cleansession")
        .since("2.0")
        .help("Forget the local session, and what waits in it, while disconnected."),
    bridge(Declaration::text("remote_clientid", Repeat::Refused))
        .aliases(&["clientid"])
        .default("HOSTNAME.NAME")
        .value("client-id")
        .help("The client id at the remote broker."),
    bridge(Declaration::text("local_clientid", Repeat::Refused))
        .default("local.REMOTE_CLIENTID")
        .value("client-id")
        .help("The client id at this broker."),
    bridge(Declaration::text("remote_username", Repeat::Refused))
        .aliases(&["username"])
        .value("username")
        .help("The username at the remote broker."),
    bridge(Declaration::text("remote_password", Repeat::Refused))
        .aliases(&["password"])
        .value("password")
        .help("The password at the remote broker."),
    bridge(Declaration::text("local_username", Repeat::Refused)).value("username").help("The username at this broker."),
    bridge(Declaration::text("local_password", Repeat::Refused)).value("password").help("The password at this broker."),
    bridge(Declaration::int("keepalive_interval", Clamps(5), Refuses(65535)))
        .default("60")
        .unit("seconds")
        .refusal(Own("Bridge keepalive value too high."))
        .help("Keepalive towards the remote broker."),
    bridge(Declaration::int("idle_timeout", Clamps(1), Unbounded))
        .default("60")
        .unit("seconds")
        .help("When a lazy bridge without anything to do disconnects."),
    bridge(Declaration::int("threshold", Clamps(1), Unbounded))
        .default("10")
        .help("How many waiting messages make a lazy bridge connect."),
    bridge(Declaration::choice("start_type", &["automatic", "lazy", "once"]))
        .default("automatic")
        .refusal(Own("Invalid 'NAME' value in configuration (VALUE)."))
        .help("When the bridge connects."),
    bridge(Declaration::words("restart_timeout", "base [cap [stable]], in seconds"))
        .default("5 30 0")
        .since("1.0")
        .value("base [cap [stable]]")
        .help("How long to wait before reconnecting: growing at random from base to cap, or always base."),
    bridge(Declaration::bool("round_robin"))
        .default("false")
        .since("1.2")
        .help("Treat all addresses alike, instead of going back to the first."),
    bridge(Declaration::bool("notifications")).default("true").help("Publish the state of the bridge."),
    bridge(Declaration::bool("notifications_local_only"))
        .default("false")
        .since("1.5")
        .help("Publish the state of the bridge at this broker only."),
    bridge(Declaration::text("notification_topic", Repeat::Refused))
        .default("$SYS/broker/connection/REMOTE_CLIENTID/state")
        .since("1.0")
        .value("topic")
        .help("Where the state of the bridge is published."),
    bridge(Declaration::bool("try_private"))
        .default("true")
        .since("1.0")
        .help("Tell the remote broker that this is a bridge (MQTT 3.x)."),
    bridge(Declaration::text("bridge_cafile", Repeat::Refused))
        .value("file")
        .help("Certificates of the authorities trusted to sign the remote broker's (PEM)."),
    bridge(Declaration::text("bridge_capath", Repeat::Refused))
        .value("directory")
        .help("As bridge_cafile, a directory of files named by hash."),
    bridge(Declaration::bool("bridge_tls_use_os_certs"))
        .default("false")
        .since("2.1")
        .help("Use TLS, trusting the authorities that the system trusts."),
    bridge(Declaration::text("bridge_certfile", Repeat::Refused))
        .value("file")
        .help("The certificate to show to the remote broker (PEM)."),
    bridge(Declaration::text("bridge_keyfile", Repeat::Replaces))
        .value("file")
        .help("The key of that certificate (PEM)."),
    bridge(Declaration::bool("bridge_insecure"))
        .default("false")
        .help("Do not check the host name in the remote broker's certificate."),
    bridge(Declaration::text("bridge_alpn", Repeat::Refused))
        .since("1.6")
        .value("protocol")
        .help("The protocol to name in TLS."),
    bridge(Declaration::text("bridge_ciphers", Repeat::Refused))
        .since("2.1")
        .value("list")
        .help("Ciphers for TLS up to 1.2, as OpenSSL writes them."),
    bridge(Declaration::text("bridge_ciphers_tls1.3", Repeat::Refused))
        .since("2.1")
        .value("list")
        .help("Cipher suites for TLS 1.3."),
    bridge(Declaration::text("bridge_tls_version", Repeat::Refused))
        .value("tlsv1.3 | tlsv1.2")
        .help("The lowest version of TLS: tlsv1.2 or tlsv1.3."),
    bridge(Declaration::bool("bridge_require_ocsp"))
        .default("false")
        .since("1.6")
        .help("Ask for proof that the remote broker's certificate was not revoked."),
    bridge(Declaration::text("bridge_identity", Repeat::Refused)).value("identity").help("The identity for TLS-PSK."),
    bridge(Declaration::text("bridge_psk", Repeat::Refused)).value("key").help("The key for TLS-PSK, in hex digits."),
];

#[allow(clippy::large_types_passed_by_value, reason = "the compiler alone runs it")]
const fn bridge(declaration: Declaration) -> Declaration {
    declaration.scope(Scope::Bridge).reload(Reload::Bridge)
}
