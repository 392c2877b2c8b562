//! Where clients connect.

use super::Bound::{Clamps, None as Unbounded, Refuses};
use super::Refusal::Own;
use super::Reload::{LaterConnections, No};
use super::Scope::{DefaultListener, ExplicitListener, Listener};
use super::{Declaration, Repeat, Store};
use crate::by_hand;
use crate::changes::Effect;
use crate::log::LogType;
use crate::reference::Referent;
use crate::written::Written;

pub(super) static OPTIONS: &[Declaration] = &[
    Declaration::words("listener", "a port from 1 to 65535, then an address or host name if not all are meant")
        .label("listener port")
        .value("port [host | path]")
        .examples(&["1883"])
        .help("Listen on a port, on all addresses or on one, or on a Unix socket; the options below it belong to it.")
        .manual(
            "An address, or a host name, limits the listener to that address of this machine; a name stands for all \
             addresses that it has when the listener is opened. Without one, the listener takes connections to all addresses, of IPv4 and IPv6. A \
             comment may follow on the same line.\n\n\
             Port 0 and a path make a Unix socket, for programs on this machine that the broker's user or group may run \
             (mode 0770). A socket that an earlier broker left behind is replaced; a file that is no socket is not. The \
             socket is removed when the broker ends. Its clients are logged under the path.\n\n\
             The option may be given many times. With at least one, the broker is not in local only mode any more, \
             and clients need a username unless `allow_anonymous` says otherwise.",
        )
        .store(Store::ByHand(by_hand::listener))
        .makes_another_listener(),
    Declaration::int("port", Refuses(1), Refuses(65535))
        .default("1883")
        .scope(DefaultListener)
        .deprecated("Please use 'listener' instead.")
        .value("port")
        .help("The default listener's port.")
        .manual(
            "Use `listener` instead. The option makes a default listener if there is none yet. It may be given again; \
             the last one counts, and a warning is logged.",
        )
        .store(Store::ByHand(by_hand::port))
        .makes_another_listener(),
    Declaration::text("bind_address", Repeat::Refused)
        .label("default listener bind_address")
        .scope(DefaultListener)
        .since("0.9")
        .deprecated("")
        .value("host")
        .examples(&["localhost"])
        .help("The default listener's address or host name.")
        .manual("Use `listener` with an address instead. The option makes a default listener if there is none yet.")
        .refers(Referent::Host)
        .store(Store::ByHand(by_hand::bind_address))
        .makes_another_listener(),
    Declaration::text("bind_interface", Repeat::Refused)
        .scope(Listener)
        .reload(No)
        .since("1.6")
        .value("interface")
        .examples(&["eth0"])
        .help("Listen only on the addresses of this network interface.")
        .manual(
            "It may not contradict an address in the `listener` line, and means nothing to a Unix socket. An interface that is not there ends the start. \
             Linux knows interfaces by names such as `eth0`. Its addresses are looked up when the listener is opened; a \
             reload leaves a listener alone that has not changed in the file, also if its interface has other addresses \
             by then.",
        )
        .refers(Referent::Interface)
        .store(Store::ListenerText(|l| &mut l.bind_interface))
        .makes_another_listener(),
    Declaration::words("accept_protocol_versions", "a list of 3, 4 and 5, separated by commas")
        .default("3,4,5")
        .scope(ExplicitListener)
        .reload(LaterConnections)
        .since("2.1")
        .value("versions")
        .help("The versions of MQTT that clients may speak: 3 is 3.1, 4 is 3.1.1, 5 is 5.0.")
        .manual(
            "The versions stand in a list with commas between them. A client that speaks another version is refused: \
             of MQTT 5 with reason code 0x84, of earlier versions with code 1. Anything else in the list is ignored, \
             as in Mosquitto.",
        )
        .store(Store::ByHand(by_hand::accept_protocol_versions))
        .listener_shows(Effect::LaterConnections, |l| l.protocol_versions.written()),
    Declaration::int("enable_proxy_protocol", Refuses(1), Refuses(2))
        .refusal(Own("NAME must be 1 or 2."))
        .scope(ExplicitListener)
        .reload(LaterConnections)
        .since("2.1")
        .value("1 | 2")
        .examples(&["2"])
        .help("Expect a PROXY header of this version on each connection.")
        .manual(
            "For listeners behind a proxy such as HAProxy. The address in the header takes the place of the proxy's \
             own, in the log and wherever addresses matter. A connection without such a header is closed, so clients \
             cannot connect to the listener directly. The header has to come as soon as a CONNECT would have to. With \
             version 2, a proxy that speaks for itself, to see whether the broker is there (`LOCAL`), is hung up on \
             without a line in the log; and the TLS version and cipher between client and proxy are logged if the proxy \
             tells of them.",
        )
        .store(Store::ListenerInt(|l, n| l.proxy_protocol = u8::try_from(n).ok()))
        .listener_shows(Effect::LaterConnections, |l| l.proxy_protocol.written()),
    Declaration::bool("proxy_protocol_v2_require_tls")
        .default("false")
        .scope(ExplicitListener)
        .reload(LaterConnections)
        .since("2.1")
        .help("Accept only connections that reached the proxy over TLS.")
        .manual("Others are closed, and logged. It has no effect without `enable_proxy_protocol 2`.")
        .store(Store::ListenerBool(|l, on| l.proxy_protocol_v2_require_tls = on))
        .listener_shows(Effect::LaterConnections, |l| l.proxy_protocol_v2_require_tls.written()),
    Declaration::int("max_connections", Clamps(-1), Unbounded)
        .default("-1")
        .scope(Listener)
        .reload(LaterConnections)
        .help("Limit of connections; 0 or -1: no limit.")
        .manual(
            "A connection beyond the limit is closed as soon as it is made, and logged; those that are there when the \
             limit is lowered stay.",
        )
        .store(Store::ListenerInt(|l, n| l.max_connections = u32::try_from(n).ok().filter(|n| *n > 0)))
        .listener_shows(Effect::AtOnce, |l| l.max_connections.written()),
    Declaration::int("max_qos", Refuses(0), Refuses(2))
        .aliases(&["maximum_qos"])
        .default("2")
        .refusal(Own("'max_qos' must be between 0 and 2 inclusive."))
        .scope(Listener)
        .reload(LaterConnections)
        .since("1.6")
        .help("Highest QoS that clients may use.")
        .manual(
            "Clients of MQTT 5 are told the limit. A client that publishes with a higher QoS is disconnected. \
             Subscriptions with a higher QoS are granted with this one.",
        )
        .store(Store::ListenerInt(|l, n| l.max_qos = n.to_le_bytes()[0]))
        .listener_shows(Effect::LaterConnections, |l| l.max_qos.written()),
    Declaration::int("max_topic_alias", Refuses(0), Refuses(65535))
        .default("10")
        .refusal(Own("Invalid 'NAME' value in configuration."))
        .scope(ExplicitListener)
        .reload(LaterConnections)
        .since("1.6")
        .help("Topic aliases that an MQTT 5 client may use; 0: none.")
        .manual("Clients of MQTT 5 are told the number when they connect. An alias above it ends the connection.")
        .store(Store::ListenerSmallInt(|l, n| l.max_topic_alias = n))
        .listener_shows(Effect::LaterConnections, |l| l.max_topic_alias.written()),
    Declaration::int("max_topic_alias_broker", Refuses(0), Refuses(65535))
        .default("10")
        .refusal(Own("Invalid 'NAME' value in configuration."))
        .scope(ExplicitListener)
        .reload(LaterConnections)
        .since("2.1")
        .help("Topic aliases that the broker uses towards an MQTT 5 client, if that allows them; 0: none.")
        .manual(
            "The broker uses as many as the client allows, and not more than this. An alias saves the topic of all \
             messages to it but the first.",
        )
        .store(Store::ListenerSmallInt(|l, n| l.max_topic_alias_broker = n))
        .listener_shows(Effect::LaterConnections, |l| l.max_topic_alias_broker.written()),
    Declaration::text("mount_point", Repeat::Replaces)
        .scope(ExplicitListener)
        .reload(LaterConnections)
        .value("prefix")
        .examples(&["site1/"])
        .help("Put this before all topics of the listener's clients, unseen by them.")
        .manual(
            "Clients of this listener see only topics that begin with it: it is put before the topics that they \
             publish and subscribe to, and before that of their will, and taken away from the topics of what they \
             receive. It may not contain `+` or `#`, and usually ends in a slash.",
        )
        .store(Store::ByHand(by_hand::mount_point))
        .listener_shows(Effect::LaterConnections, |l| l.mount_point.written()),
    Declaration::choice("protocol", &["mqtt", "websockets", "http_api"])
        .default("mqtt")
        .scope(Listener)
        .reload(LaterConnections)
        .help("What the listener speaks: MQTT, MQTT in WebSockets, or HTTP about the broker.")
        .manual(
            "With `websockets`, clients such as web pages open a WebSocket with a request of HTTP 1.1 for any path, and \
             offer the sub-protocol `mqtt` or `mqttv3.1`. Then packets of MQTT come and go in binary messages, which \
             may be split and joined as the sender likes. A request that is none is closed without an answer, but for \
             requests for files where there is an `http_dir`.\n\n\
             With `protocol http_api`, programs and web pages ask over HTTP how the broker does: `GET /api/v1/version` is answered \
             with its version, `/api/v1/systree` with the counters of the `$SYS` tree as JSON, and `/api/v1/listeners` with a \
             list of listeners; other paths are files of `http_dir`. Each answer ends its connection, and there are 256 connections at \
             most over all such listeners. A user name and a password (HTTP Basic) are those of a client called `http-api`: \
             who could not connect to the listener as that, or could not read from the path as if it were a topic, gets \
             status 401. Everything about TLS holds as for other listeners (Mosquitto goes by `certfile` and `keyfile` \
             only, also where `require_certificate` is set). A broker with no other listeners does not start. In local \
             only mode there is one on 127.0.0.1, port 9883, if nobody else listens there.",
        )
        .store(Store::ByHand(by_hand::protocol))
        .listener_shows(Effect::LaterConnections, |l| l.protocol.written()),
    Declaration::choice("socket_domain", &["ipv4", "ipv6"])
        .refusal(Own("Invalid 'NAME' value 'VALUE' in configuration."))
        .scope(Listener)
        .since("1.5.5")
        .examples(&["ipv4"])
        .help("Listen over this version of IP only.")
        .manual("Without it, the listener takes both, as far as its host has addresses of both. It means nothing to a Unix socket.")
        .store(Store::ByHand(by_hand::socket_domain))
        .makes_another_listener(),
    Declaration::bool("use_username_as_clientid")
        .default("false")
        .scope(Listener)
        .reload(LaterConnections)
        .help("Take the username for the client id.")
        .manual(
            "Then nobody can take over the session of another user. A client without a username is refused. Do not \
             combine it with `clientid_prefixes`.",
        )
        .store(Store::ListenerBool(|l, on| l.use_username_as_clientid = on))
        .listener_shows(Effect::LaterConnections, |l| l.use_username_as_clientid.written()),
    Declaration::text("http_dir", Repeat::Refused)
        .scope(ExplicitListener)
        .value("directory")
        .examples(&["/usr/share/mosquitto/www"])
        .help("Directory of the files that an http_api or websockets listener serves.")
        .manual(
            "A path that ends in a slash means the file `index.html` there. Only regular files that really lie in the \
             directory or below it are served; a symbolic link may lead from one place of it to another, but not out of it. \
             Their type is told by the ending of their name.\n\n\
             On a listener with `protocol http_api`, files are for those who may read from their path as if it were a topic. On a \
             `websockets` listener, files are for everybody who can connect to it.\n\n\
             The directory has to be there when the broker starts or reloads its configuration.",
        )
        .refers(Referent::HttpDir)
        .store(Store::ListenerText(|l| &mut l.http_dir))
        .listener_shows(Effect::AtOnce, |l| l.http_dir.written()),
    Declaration::int("websockets_log_level", Unbounded, Unbounded)
        .default("0")
        .reload(super::Reload::Yes)
        .help("Without effect: it is for libwebsockets, which this broker does not use.")
        .idle(
            LogType::Notice,
            "Note: The 'websockets_log_level' option has no effect: it is for libwebsockets, which is not used.",
        ),
    Declaration::text("websockets_origin", Repeat::Adds)
        .scope(ExplicitListener)
        .reload(LaterConnections)
        .since("2.1")
        .value("origin")
        .examples(&["https://www.example.com"])
        .help("Accept web pages of this origin only; may be given several times.")
        .manual(
            "An origin is what browsers call a site by, without a path. It is compared as a whole; upper and lower case \
             are the same. Clients that name another origin, or none, are disconnected.",
        )
        .store(Store::ByHand(by_hand::websockets_origin))
        .listener_shows(Effect::LaterConnections, |l| {
            (!l.websockets_origins.is_empty()).then(|| l.websockets_origins.join(" "))
        }),
];
