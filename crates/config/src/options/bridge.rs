//! Connections from this broker to others.

use super::Bound::{Clamps, None as Unbounded, Refuses};
use super::Refusal::Own;
use super::Store::{BridgeBool, BridgeInt, BridgeSmallInt, BridgeText, ByHand};
use super::{Declaration, Reload, Repeat, Scope};
use crate::by_hand;

pub(super) static OPTIONS: &[Declaration] = &[
    bridge(Declaration::text("connection", Repeat::Adds))
        .value("name")
        .examples(&["bridge-1"])
        .help("Begin a bridge of this name; the bridge options below it belong to it.")
        .store(ByHand(by_hand::connection)),
    bridge(Declaration::words("address", "host or host:port, several if separated by spaces"))
        .aliases(&["addresses"])
        .value("host[:port] ...")
        .examples(&["broker.example.com:1883"])
        .help("The brokers to connect to.")
        .store(ByHand(by_hand::address)),
    bridge(Declaration::words("topic", "pattern [out | in | both [qos [local-prefix [remote-prefix]]]]"))
        .value("pattern [out | in | both [qos [local-prefix [remote-prefix]]]]")
        .examples(&["sensors/# out 1"])
        .help("What is passed on, and in which direction; may be given several times.")
        .store(ByHand(by_hand::topic)),
    bridge(Declaration::bool("bridge_attempt_unsubscribe"))
        .default("true")
        .help("Unsubscribe at the remote broker from topics that only go out.")
        .store(BridgeBool(|bridge, on| bridge.attempt_unsubscribe = on)),
    bridge(Declaration::text("bridge_bind_address", Repeat::Refused))
        .examples(&["192.0.2.7"])
        .since("2.0")
        .value("address")
        .help("The local address to connect from.")
        .store(BridgeText(|bridge| &mut bridge.bind_address)),
    bridge(Declaration::int("bridge_max_packet_size", Clamps(0), Unbounded))
        .default("0")
        .unit("bytes")
        .since("2.0")
        .help("Largest packet sent to the remote broker; 0: what that accepts.")
        .store(BridgeInt(|bridge, bytes| bridge.max_packet_size = bytes)),
    bridge(Declaration::int("bridge_max_topic_alias", Refuses(0), Refuses(65535)))
        .default("10")
        .refusal(Own("NAME must be > 0 and <= 65535."))
        .since("2.1")
        .help("Topic aliases in either direction (MQTT 5).")
        .store(BridgeSmallInt(|bridge, aliases| bridge.max_topic_alias = aliases)),
    bridge(Declaration::bool("bridge_outgoing_retain"))
        .default("true")
        .since("2.0")
        .help("Pass the retain flag on.")
        .store(BridgeBool(|bridge, on| bridge.outgoing_retain = on)),
    bridge(Declaration::choice("bridge_protocol_version", &["mqttv31", "mqttv311", "mqttv50"]))
        .default("mqttv311")
        .help("The version of MQTT to speak.")
        .store(ByHand(by_hand::bridge_protocol_version)),
    bridge(Declaration::int("bridge_receive_maximum", Refuses(1), Refuses(65535)))
        .examples(&["20"])
        .refusal(Own("NAME must be greater than 0."))
        .since("2.1")
        .help("QoS 1 and 2 messages that the remote broker may have under way (MQTT 5).")
        .store(ByHand(by_hand::bridge_receive_maximum)),
    bridge(Declaration::choice("bridge_reload_type", &["lazy", "immediate"]))
        .default("lazy")
        .refusal(Own("Invalid 'NAME' value in configuration (VALUE)."))
        .since("2.1")
        .help("Whether SIGHUP reconnects the bridge, or new settings wait until it reconnects anyway.")
        .store(ByHand(by_hand::bridge_reload_type)),
    bridge(Declaration::int("bridge_session_expiry_interval", Refuses(0), Unbounded))
        .default("0")
        .unit("seconds")
        .refusal(Own("NAME must not be negative."))
        .since("2.1")
        .help("How long the remote broker keeps the session (MQTT 5).")
        .store(BridgeInt(|bridge, seconds| bridge.session_expiry_interval = seconds)),
    bridge(Declaration::words("bridge_tcp_keepalive", "three whole numbers above 0: idle, interval, count"))
        .examples(&["60 10 5"])
        .since("2.1")
        .value("idle interval count")
        .examples(&["60 10 5"])
        .help("TCP keepalive: seconds until the first probe, seconds between probes, probes.")
        .store(ByHand(by_hand::bridge_tcp_keepalive)),
    bridge(Declaration::int("bridge_tcp_user_timeout", Refuses(0), Unbounded))
        .examples(&["30000"])
        .unit("milliseconds")
        .refusal(Own("invalid TCP user timeout value."))
        .since("2.1")
        .help("How long sent bytes may stay unacknowledged.")
        .store(BridgeInt(|bridge, ms| bridge.tcp_user_timeout = Some(ms))),
    bridge(Declaration::bool("cleansession"))
        .default("false")
        .help("Have the remote broker forget the session.")
        .store(BridgeBool(|bridge, on| bridge.clean_session = on)),
    bridge(Declaration::bool("local_cleansession"))
        .examples(&["false"])
        .default("the value of cleansession")
        .since("2.0")
        .help("Forget the local session, and what waits in it, while disconnected.")
        .store(BridgeBool(|bridge, on| bridge.local_clean_session = Some(on))),
    bridge(Declaration::text("remote_clientid", Repeat::Refused))
        .aliases(&["clientid"])
        .default("HOSTNAME.NAME")
        .value("client-id")
        .help("The client id at the remote broker.")
        .label("bridge remote clientid")
        .store(BridgeText(|bridge| &mut bridge.remote_clientid)),
    bridge(Declaration::text("local_clientid", Repeat::Refused))
        .default("local.REMOTE_CLIENTID")
        .value("client-id")
        .help("The client id at this broker.")
        .label("bridge local clientd")
        .store(BridgeText(|bridge| &mut bridge.local_clientid)),
    bridge(Declaration::text("remote_username", Repeat::Refused))
        .examples(&["gateway-7"])
        .aliases(&["username"])
        .value("username")
        .help("The username at the remote broker.")
        .label("bridge remote_username")
        .store(BridgeText(|bridge| &mut bridge.remote_username)),
    bridge(Declaration::text("remote_password", Repeat::Refused))
        .examples(&["secret"])
        .aliases(&["password"])
        .value("password")
        .help("The password at the remote broker.")
        .label("bridge remote_password")
        .store(BridgeText(|bridge| &mut bridge.remote_password)),
    bridge(Declaration::text("local_username", Repeat::Refused))
        .examples(&["bridge"])
        .value("username")
        .help("The username at this broker.")
        .label("bridge local_username")
        .store(BridgeText(|bridge| &mut bridge.local_username)),
    bridge(Declaration::text("local_password", Repeat::Refused))
        .examples(&["secret"])
        .value("password")
        .help("The password at this broker.")
        .label("bridge local_password")
        .store(BridgeText(|bridge| &mut bridge.local_password)),
    bridge(Declaration::int("keepalive_interval", Clamps(5), Refuses(65535)))
        .default("60")
        .unit("seconds")
        .refusal(Own("Bridge keepalive value too high."))
        .help("Keepalive towards the remote broker.")
        .store(ByHand(by_hand::keepalive_interval)),
    bridge(Declaration::int("idle_timeout", Clamps(1), Unbounded))
        .default("60")
        .unit("seconds")
        .help("When a lazy bridge without anything to do disconnects.")
        .store(ByHand(by_hand::idle_timeout)),
    bridge(Declaration::int("threshold", Clamps(1), Unbounded))
        .default("10")
        .help("How many waiting messages make a lazy bridge connect.")
        .store(ByHand(by_hand::threshold)),
    bridge(Declaration::choice("start_type", &["automatic", "lazy", "once"]))
        .default("automatic")
        .refusal(Own("Invalid 'NAME' value in configuration (VALUE)."))
        .help("When the bridge connects.")
        .store(ByHand(by_hand::start_type)),
    bridge(Declaration::words("restart_timeout", "base [cap [stable]], in seconds"))
        .default("5 30 0")
        .since("1.0")
        .value("base [cap [stable]]")
        .help("How long to wait before reconnecting: growing at random from base to cap, or always base.")
        .store(ByHand(by_hand::restart_timeout)),
    bridge(Declaration::bool("round_robin"))
        .default("false")
        .since("1.2")
        .help("Treat all addresses alike, instead of going back to the first.")
        .store(BridgeBool(|bridge, on| bridge.round_robin = on)),
    bridge(Declaration::bool("notifications"))
        .default("true")
        .help("Publish the state of the bridge.")
        .store(BridgeBool(|bridge, on| bridge.notifications = on)),
    bridge(Declaration::bool("notifications_local_only"))
        .default("false")
        .since("1.5")
        .help("Publish the state of the bridge at this broker only.")
        .store(BridgeBool(|bridge, on| bridge.notifications_local_only = on)),
    bridge(Declaration::text("notification_topic", Repeat::Refused))
        .default("$SYS/broker/connection/REMOTE_CLIENTID/state")
        .since("1.0")
        .value("topic")
        .help("Where the state of the bridge is published.")
        .store(ByHand(by_hand::notification_topic)),
    bridge(Declaration::bool("try_private"))
        .default("true")
        .since("1.0")
        .help("Tell the remote broker that this is a bridge (MQTT 3.x).")
        .store(BridgeBool(|bridge, on| bridge.try_private = on)),
    bridge(Declaration::text("bridge_cafile", Repeat::Refused))
        .examples(&["/etc/mosquitto/ca.crt"])
        .value("file")
        .help("Certificates of the authorities trusted to sign the remote broker's (PEM).")
        .store(ByHand(by_hand::bridge_cafile)),
    bridge(Declaration::text("bridge_capath", Repeat::Refused))
        .examples(&["/etc/ssl/certs"])
        .value("directory")
        .help("As bridge_cafile, a directory of files named by hash.")
        .store(ByHand(by_hand::bridge_capath)),
    bridge(Declaration::bool("bridge_tls_use_os_certs"))
        .default("false")
        .since("2.1")
        .help("Use TLS, trusting the authorities that the system trusts.")
        .store(BridgeBool(|bridge, on| bridge.tls.use_os_certs = on)),
    bridge(Declaration::text("bridge_certfile", Repeat::Refused))
        .examples(&["/etc/mosquitto/gateway.crt"])
        .value("file")
        .help("The certificate to show to the remote broker (PEM).")
        .store(ByHand(by_hand::bridge_certfile)),
    bridge(Declaration::text("bridge_keyfile", Repeat::Replaces))
        .examples(&["/etc/mosquitto/gateway.key"])
        .value("file")
        .help("The key of that certificate (PEM).")
        .manual(
            "Where the file is encrypted, its passphrase is asked for at the start, as that of `keyfile` is, on the terminal, and \
             kept for reloads. A key that a reload brings along cannot be opened then, unless it has the path and the passphrase \
             of one that is known.",
        )
        .store(ByHand(by_hand::bridge_keyfile)),
    bridge(Declaration::bool("bridge_insecure"))
        .default("false")
        .help("Do not check the host name in the remote broker's certificate.")
        .store(BridgeBool(|bridge, on| bridge.tls.insecure = on)),
    bridge(Declaration::text("bridge_alpn", Repeat::Refused))
        .examples(&["mqtt"])
        .since("1.6")
        .value("protocol")
        .help("The protocol to name in TLS.")
        .store(BridgeText(|bridge| &mut bridge.tls.alpn)),
    bridge(Declaration::text("bridge_ciphers", Repeat::Refused))
        .examples(&["ECDHE-ECDSA-AES256-GCM-SHA384"])
        .since("2.1")
        .value("list")
        .help("Ciphers for TLS up to 1.2, as OpenSSL writes them.")
        .store(BridgeText(|bridge| &mut bridge.tls.ciphers)),
    bridge(Declaration::text("bridge_ciphers_tls1.3", Repeat::Refused))
        .examples(&["TLS_AES_256_GCM_SHA384"])
        .since("2.1")
        .value("list")
        .help("Cipher suites for TLS 1.3.")
        .store(BridgeText(|bridge| &mut bridge.tls.ciphers_tls13)),
    bridge(Declaration::text("bridge_tls_version", Repeat::Refused))
        .examples(&["tlsv1.2"])
        .value("tlsv1.3 | tlsv1.2")
        .help("The lowest version of TLS: tlsv1.2 or tlsv1.3.")
        .store(ByHand(by_hand::bridge_tls_version)),
    bridge(Declaration::bool("bridge_require_ocsp"))
        .default("false")
        .since("1.6")
        .help("Ask for proof that the remote broker's certificate was not revoked.")
        .store(ByHand(by_hand::bridge_require_ocsp)),
    bridge(Declaration::text("bridge_identity", Repeat::Refused))
        .examples(&["gateway-7"])
        .value("identity")
        .help("The identity for TLS-PSK.")
        .store(ByHand(by_hand::bridge_identity)),
    bridge(Declaration::text("bridge_psk", Repeat::Refused))
        .examples(&["00c0ffee00c0ffee"])
        .value("key")
        .help("The key for TLS-PSK, in hex digits.")
        .store(ByHand(by_hand::bridge_psk)),
];

#[allow(clippy::large_types_passed_by_value, reason = "the compiler alone runs it")]
const fn bridge(declaration: Declaration) -> Declaration {
    declaration.scope(Scope::Bridge).reload(Reload::Bridge)
}
