//! Packets of MQTT 3.1.1 put together by hand, for what no encoder writes.

/// A packet of less than 128 bytes: its first byte, its length, and these parts.
pub(crate) fn packet(first: u8, parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    assert!(body.len() < 128);
    [&[first, body.len() as u8], body.as_slice()].concat()
}

/// Bytes behind their length, as texts and passwords are written.
pub(crate) fn field(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_be_bytes(), bytes].concat()
}

/// A CONNECT with these flags and fields, without a keep alive.
pub(crate) fn raw_connect(flags: u8, fields: &[&[u8]]) -> Vec<u8> {
    let fields: Vec<u8> = fields.iter().flat_map(|bytes| field(bytes)).collect();
    packet(0x10, &[b"\0\x04MQTT\x04", &[flags, 0, 0], &fields])
}
