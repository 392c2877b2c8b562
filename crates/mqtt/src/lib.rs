//! MQTT 3.1, 3.1.1 and 5.0 on the wire: bytes to values and back.
//!
//! Everything that is decoded borrows from the bytes it was read from, and is valid once it exists: a
//! [`TopicName`] has no wildcard, a [`Properties`] block holds only properties its packet may carry. This crate
//! knows no socket, no clock and no session; it allocates only where a caller hands it a `Vec` to write into.
//!
//! Start at [`FixedHeader::parse`], which finds the end of a packet, and [`Packet::decode`].

mod error;
mod filter;
mod frame;
pub mod packet;
mod property;
mod property_list;
mod qos;
mod reader;
mod reason;
mod text;
mod topic;
mod varint;
mod version;

pub use error::{DecodeError, Fault};
pub use filter::{FilterError, SharedFilter, TopicFilter};
pub use frame::{FixedHeader, MAX_REMAINING_LENGTH, PacketType};
pub use packet::Packet;
#[cfg(feature = "count-reads")]
pub use property::property_reads;
pub use property::{Property, PropertyId};
pub use property_list::{Carrier, Properties, PropertiesBuf};
pub use qos::QoS;
pub use reason::ReasonCode;
pub use text::{check_text, valid_text};
pub use topic::{MAX_LEVEL_SEPARATORS, TopicError, TopicName};
pub use varint::{MAX_VARINT, put_varint, varint_len};
pub use version::ProtocolVersion;
