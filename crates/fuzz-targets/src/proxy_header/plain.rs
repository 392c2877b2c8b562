//! The PROXY header as its specification has it, read slowly. Both versions are those of HAProxy's "The PROXY protocol".

use mosquitto_transport::ProxyTls;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    Incomplete,
    /// With so many bytes.
    Whole(usize, Header),
    Corrupt,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Header {
    Unknown,
    Probe,
    Client {
        /// As the log shows it.
        peer: String,
        tls: Option<ProxyTls>,
    },
}

/// Version 1.
pub(super) fn line(sent: &[u8]) -> Parsed {
    let beginning = b"PROXY ";
    if !sent.iter().zip(beginning).all(|(a, b)| a == b) {
        return Parsed::Corrupt;
    }
    let Some(end) = sent.iter().take(107).position(|&byte| byte == b'\n') else {
        return if sent.len() < 107 { Parsed::Incomplete } else { Parsed::Corrupt };
    };
    let words = std::str::from_utf8(&sent[..end]).ok().and_then(|line| line.strip_suffix('\r'));
    let words: Vec<&str> = words.map(|line| line.split(' ').collect()).unwrap_or_default();
    let header = match words[..] {
        ["PROXY", "UNKNOWN", ..] => Some(Header::Unknown),
        ["PROXY", family @ ("TCP4" | "TCP6"), source, destination, source_port, destination_port] => {
            let is_good = |address: &str| match family {
                "TCP4" => address.parse::<Ipv4Addr>().is_ok(),
                _ => address.parse::<Ipv6Addr>().is_ok(),
            };
            let port = |port: &str| {
                let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
                port.parse::<u32>().ok().filter(|port| digits && (1..=65_535).contains(port))
            };
            let ports = port(source_port).zip(port(destination_port));
            let ports = ports.filter(|_| is_good(source) && is_good(destination));
            ports.map(|(port, _)| Header::Client { peer: shown(source.parse().expect("an address"), port), tls: None })
        }
        _ => None,
    };
    header.map_or(Parsed::Corrupt, |header| Parsed::Whole(end + 1, header))
}

/// Version 2.
pub(super) fn binary(sent: &[u8]) -> Parsed {
    let signature = b"\r\n\r\n\0\r\nQUIT\n";
    if !sent.iter().zip(signature).all(|(a, b)| a == b) {
        return Parsed::Corrupt;
    }
    if sent.len() < 16 {
        return Parsed::Incomplete;
    }
    let len = usize::from(sent[14]) * 256 + usize::from(sent[15]);
    match sent[12] {
        0x20 => return Parsed::Whole(16, Header::Probe),
        0x21 if len <= 500 => {}
        _ => return Parsed::Corrupt,
    }
    if sent.len() < 16 + len {
        return Parsed::Incomplete;
    }
    let body = &sent[16..16 + len];
    let client = match sent[13] {
        0x11 if len >= 12 => {
            let address: [u8; 4] = body[..4].try_into().expect("4 bytes");
            Some((shown(address.into(), port(&body[8..10])), &body[12..]))
        }
        0x21 if len >= 36 => {
            let address: [u8; 16] = body[..16].try_into().expect("16 bytes");
            Some((shown(address.into(), port(&body[32..34])), &body[36..]))
        }
        0x31 if len >= 1 => {
            let path = body[..len.min(108)].split(|&byte| byte == 0).next().unwrap_or_default();
            let clean = path.iter().all(|byte| *byte >= 0x20 && *byte != 0x7f);
            let values = if len > 216 { &body[216..] } else { &[] };
            clean.then(|| (format!("{}:0", String::from_utf8_lossy(path)), values))
        }
        _ => None,
    };
    let client = client.and_then(|(peer, values)| Some(Header::Client { peer, tls: tls(values)? }));
    client.map_or(Parsed::Corrupt, |header| Parsed::Whole(16 + len, header))
}

fn port(bytes: &[u8]) -> u32 {
    u32::from(bytes[0]) * 256 + u32::from(bytes[1])
}

/// An address of version 4 that is written as one of version 6 is one of version 4.
fn shown(address: IpAddr, port: u32) -> String {
    format!("{}:{port}", address.to_canonical())
}

/// Types and values; none where they are not whole.
fn values(mut bytes: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let mut values = Vec::new();
    while !bytes.is_empty() {
        let len = usize::from(*bytes.get(1)?) * 256 + usize::from(*bytes.get(2)?);
        values.push((bytes[0], bytes.get(3..3 + len)?));
        bytes = &bytes[3 + len..];
    }
    Some(values)
}

/// What the last value about TLS says.
#[allow(clippy::option_option, reason = "the outer: whether it is understood; the inner: whether there is TLS")]
fn tls(bytes: &[u8]) -> Option<Option<ProxyTls>> {
    let mut found = None;
    for (_, value) in values(bytes)?.iter().filter(|(kind, _)| *kind == 0x20) {
        let inner = values(value.get(5..)?)?;
        let text = |kind: u8| inner.iter().rfind(|value| value.0 == kind).map(|value| value.1);
        let clean = |kind| text(kind).map(|text| String::from_utf8_lossy(text).replace(char::is_control, "?"));
        let certificate = value[0] & 0x06 != 0 && value[1..5] == [0; 4];
        let common_name = text(0x22).filter(|_| certificate);
        let common_name = common_name.and_then(|name| String::from_utf8(name.to_vec()).ok());
        let tls = ProxyTls { version: clean(0x21), cipher: clean(0x23), certificate, common_name };
        found = (value[0] & 1 != 0).then_some(tls);
    }
    Some(found)
}
