//! What has happened before a packet comes.

use crate::{Version, bytes};

/// Who receives a packet, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Situation {
    /// `new`: a broker, on a new connection.
    New,
    /// `on`: a broker, from a client that is connected with the identifier `wire`.
    Connected,
    /// `subscribed`: the client has subscribed to `a/b` at QoS 1.
    Subscribed,
    /// `out1`: a message of QoS 1 to the client is not acknowledged; its packet identifier is 1.
    OutgoingQos1,
    /// `out2`: a message of QoS 2 to the client is not acknowledged; its packet identifier is 1.
    OutgoingQos2,
    /// `out2rec`: the same, and the client has sent its PUBREC.
    OutgoingQos2Received,
    /// `in2`: a message of QoS 2 from the client is not released; its packet identifier is 1.
    IncomingQos2,
    /// `client`: a client that is connected and waits for nothing.
    Client,
    /// `client-new`: a client that waits for its CONNACK.
    ClientConnecting,
}

impl Situation {
    pub(crate) fn named(word: &str) -> Self {
        match word {
            "new" => Self::New,
            "on" => Self::Connected,
            "subscribed" => Self::Subscribed,
            "out1" => Self::OutgoingQos1,
            "out2" => Self::OutgoingQos2,
            "out2rec" => Self::OutgoingQos2Received,
            "in2" => Self::IncomingQos2,
            "client" => Self::Client,
            "client-new" => Self::ClientConnecting,
            _ => panic!("no situation: {word}"),
        }
    }

    /// Whether the packet goes from a client to a broker.
    pub fn is_at_broker(self) -> bool {
        !matches!(self, Self::Client | Self::ClientConnecting)
    }

    /// What the client sends to a broker before: the packets that lead to the situation.
    pub fn preparation(self, version: Version) -> Vec<u8> {
        let connect = match version {
            Version::V31 => "10 @ \"MQIsdp\" 03 02 0000 \"wire\"",
            Version::V311 => "10 @ \"MQTT\" 04 02 0000 \"wire\"",
            Version::V5 => "10 @ \"MQTT\" 05 02 0000 [ ] \"wire\"",
        };
        let then: &[&str] = match self {
            Self::New | Self::Client | Self::ClientConnecting => return Vec::new(),
            Self::Connected => &[],
            Self::Subscribed => &["82 @ 0063 [ ] \"a/b\" 01"],
            Self::OutgoingQos1 => &["82 @ 0063 [ ] \"a/b\" 01", "32 @ \"a/b\" 0062 [ ] 'x'"],
            Self::OutgoingQos2 => &["82 @ 0063 [ ] \"a/b\" 02", "34 @ \"a/b\" 0062 [ ] 'x'", "62 @ 0062"],
            Self::OutgoingQos2Received => {
                &["82 @ 0063 [ ] \"a/b\" 02", "34 @ \"a/b\" 0062 [ ] 'x'", "62 @ 0062", "50 @ 0001"]
            }
            Self::IncomingQos2 => &["34 @ \"i/2\" 0001 [ ] 'x'"],
        };
        let packets = std::iter::once(connect).chain(then.iter().copied());
        packets.flat_map(|packet| bytes::build(packet, version)).collect()
    }
}
