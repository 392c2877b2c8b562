//! One property of MQTT 5 (2.2.2): its identifier, type and range.

use crate::reader::Reader;
use crate::{DecodeError, QoS, put_varint, varint_len};

macro_rules! properties {
    ($($id:literal $variant:ident($kind:tt) $label:literal;)*) => {
        /// The identifier of a property (table 2-4).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u8)]
        #[allow(missing_docs, reason = "the names are the specification's")]
        pub enum PropertyId {
            $($variant = $id,)*
        }

        impl PropertyId {
            /// The property with this identifier.
            pub const fn from_byte(byte: u8) -> Option<PropertyId> {
                match byte {
                    $($id => Some(PropertyId::$variant),)*
                    _ => None,
                }
            }

            /// The name with dashes, as the command line tools write it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(PropertyId::$variant => $label,)*
                }
            }
        }

        /// A property with its value, borrowed from the packet.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(missing_docs, reason = "the names are the specification's")]
        pub enum Property<'a> {
            $($variant(properties!(@type $kind)),)*
        }

        impl<'a> Property<'a> {
            /// Its identifier.
            pub const fn id(self) -> PropertyId {
                match self {
                    $(Property::$variant(..) => PropertyId::$variant,)*
                }
            }

            pub(crate) fn read_value(id: PropertyId, reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
                #[cfg(feature = "count-reads")]
                count_read();
                Ok(match id {
                    $(PropertyId::$variant => Property::$variant(properties!(@read $kind reader $label)),)*
                })
            }

            /// The bytes that it takes in a packet, identifier included.
            pub fn encoded_len(self) -> usize {
                1 + match self {
                    $(Property::$variant(value) => properties!(@len $kind value),)*
                }
            }

            /// Writes identifier and value. Text and data longer than 65,535 bytes are cut: the limit is the caller's.
            pub fn encode(self, out: &mut Vec<u8>) {
                out.push(self.id() as u8);
                match self {
                    $(Property::$variant(value) => properties!(@put $kind out value),)*
                }
            }
        }
    };
    (@type byte) => { u8 };
    (@type two) => { u16 };
    (@type four) => { u32 };
    (@type varint) => { u32 };
    (@type text) => { &'a str };
    (@type binary) => { &'a [u8] };
    (@type pair) => { (&'a str, &'a str) };
    (@read byte $r:ident $l:literal) => { $r.u8($l)? };
    (@read two $r:ident $l:literal) => { $r.u16($l)? };
    (@read four $r:ident $l:literal) => { $r.u32($l)? };
    (@read varint $r:ident $l:literal) => { $r.varint($l)? };
    (@read text $r:ident $l:literal) => { $r.text($l)? };
    (@read binary $r:ident $l:literal) => { $r.binary($l)? };
    (@read pair $r:ident $l:literal) => { ($r.text($l)?, $r.text($l)?) };
    (@len byte $v:ident) => {{ let _ = $v; 1 }};
    (@len two $v:ident) => {{ let _ = $v; 2 }};
    (@len four $v:ident) => {{ let _ = $v; 4 }};
    (@len varint $v:ident) => { varint_len($v) };
    (@len text $v:ident) => { 2 + $v.len() };
    (@len binary $v:ident) => { 2 + $v.len() };
    (@len pair $v:ident) => { 4 + $v.0.len() + $v.1.len() };
    (@put byte $o:ident $v:ident) => { $o.push($v) };
    (@put two $o:ident $v:ident) => { $o.extend_from_slice(&$v.to_be_bytes()) };
    (@put four $o:ident $v:ident) => { $o.extend_from_slice(&$v.to_be_bytes()) };
    (@put varint $o:ident $v:ident) => { put_varint($o, $v) };
    (@put text $o:ident $v:ident) => { put_binary($o, $v.as_bytes()) };
    (@put binary $o:ident $v:ident) => { put_binary($o, $v) };
    (@put pair $o:ident $v:ident) => {{ put_binary($o, $v.0.as_bytes()); put_binary($o, $v.1.as_bytes()); }};
}

properties! {
    1 PayloadFormatIndicator(byte) "payload-format-indicator";
    2 MessageExpiryInterval(four) "message-expiry-interval";
    3 ContentType(text) "content-type";
    8 ResponseTopic(text) "response-topic";
    9 CorrelationData(binary) "correlation-data";
    11 SubscriptionIdentifier(varint) "subscription-identifier";
    17 SessionExpiryInterval(four) "session-expiry-interval";
    18 AssignedClientIdentifier(text) "assigned-client-identifier";
    19 ServerKeepAlive(two) "server-keep-alive";
    21 AuthenticationMethod(text) "authentication-method";
    22 AuthenticationData(binary) "authentication-data";
    23 RequestProblemInformation(byte) "request-problem-information";
    24 WillDelayInterval(four) "will-delay-interval";
    25 RequestResponseInformation(byte) "request-response-information";
    26 ResponseInformation(text) "response-information";
    28 ServerReference(text) "server-reference";
    31 ReasonString(text) "reason-string";
    33 ReceiveMaximum(two) "receive-maximum";
    34 TopicAliasMaximum(two) "topic-alias-maximum";
    35 TopicAlias(two) "topic-alias";
    36 MaximumQoS(byte) "maximum-qos";
    37 RetainAvailable(byte) "retain-available";
    38 UserProperty(pair) "user-property";
    39 MaximumPacketSize(four) "maximum-packet-size";
    40 WildcardSubscriptionAvailable(byte) "wildcard-subscription-available";
    41 SubscriptionIdentifierAvailable(byte) "subscription-identifier-available";
    42 SharedSubscriptionAvailable(byte) "shared-subscription-available";
}

impl Property<'_> {
    /// What is wrong with a value that a property cannot have, in errors about it.
    pub const OUT_OF_RANGE: &'static str = "has a value out of range";

    /// Refuses values that the specification calls a protocol error whatever the packet: booleans above 1, a Receive
    /// Maximum or Maximum Packet Size of 0 (MQTT 5, 3.1.2.11), a Maximum QoS of 2, a Subscription Identifier of 0.
    /// A Topic Alias of 0 is left to the session, which answers it with a reason code of its own.
    pub(crate) fn check_range(self) -> Result<(), DecodeError> {
        let right = match self {
            Property::PayloadFormatIndicator(v)
            | Property::RequestProblemInformation(v)
            | Property::RequestResponseInformation(v)
            | Property::RetainAvailable(v)
            | Property::WildcardSubscriptionAvailable(v)
            | Property::SubscriptionIdentifierAvailable(v)
            | Property::SharedSubscriptionAvailable(v) => v <= 1,
            Property::MaximumQoS(v) => v < QoS::ExactlyOnce.bits(),
            Property::ReceiveMaximum(v) => v != 0,
            Property::MaximumPacketSize(v) | Property::SubscriptionIdentifier(v) => v != 0,
            // [MQTT-3.3.2-14] [MQTT-4.7.3-1]: a response topic has no wildcards and is not empty.
            Property::ResponseTopic(topic) => !topic.is_empty() && !topic.contains(['+', '#']),
            _ => true,
        };
        if right { Ok(()) } else { Err(DecodeError::protocol(self.id().name(), Self::OUT_OF_RANGE)) }
    }
}

#[cfg(feature = "count-reads")]
thread_local! {
    static READS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

#[cfg(feature = "count-reads")]
fn count_read() {
    READS.set(READS.get() + 1);
}

/// How often a property was read from its bytes in this thread, so that tests can tell what a packet costs whatever the
/// machine it runs on.
#[cfg(feature = "count-reads")]
pub fn property_reads() -> u64 {
    READS.get()
}

fn put_binary(out: &mut Vec<u8>, data: &[u8]) {
    let data = data.get(..usize::from(u16::MAX)).unwrap_or(data);
    out.extend_from_slice(&(data.len() as u16).to_be_bytes());
    out.extend_from_slice(data);
}
