//! What the codec makes of every packet among the wire cases.
#![allow(clippy::panic, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use mosquitto_mqtt::{DecodeError, Fault, FixedHeader, Packet, ProtocolVersion};
use mosquitto_wire_cases::{Case, Verdict, Version, all, hex};

fn version(case: &Case) -> ProtocolVersion {
    match case.version {
        Version::V31 => ProtocolVersion::V31,
        Version::V311 => ProtocolVersion::V311,
        Version::V5 => ProtocolVersion::V5,
    }
}

/// The packet as it is encoded again.
fn again(case: &Case) -> Result<Vec<u8>, DecodeError> {
    let bytes = case.bytes();
    let header = FixedHeader::parse(bytes)?.unwrap_or_else(|| panic!("{case} has no whole header"));
    assert_eq!(header.packet_len(), bytes.len(), "{case} is not as long as it says");
    let packet = Packet::decode(header, &bytes[usize::from(header.header_len)..], version(case))?;
    let mut out = Vec::new();
    packet.encode(version(case), &mut out);
    let header = FixedHeader::parse(&out)?.unwrap_or_else(|| panic!("{case} is encoded without a header"));
    let same = Packet::decode(header, &out[usize::from(header.header_len)..], version(case))?;
    if !case.name.contains("bridge_bit") {
        assert_eq!(same, packet, "{case} is another packet after encoding");
    }
    Ok(out)
}

fn verdict(case: &Case) -> (Verdict, String) {
    match again(case) {
        Ok(out) if out == case.bytes() => (Verdict::Same, String::new()),
        Ok(out) => (Verdict::Other, hex(&out)),
        Err(error) => {
            let verdict = match error.fault {
                Fault::Malformed => Verdict::Malformed,
                Fault::Protocol => Verdict::Protocol,
                Fault::ClientIdentifier => Verdict::ClientIdentifier,
                Fault::UnsupportedVersion => Verdict::Version,
                Fault::TooLarge => panic!("{case}: {error}"),
            };
            (verdict, error.to_string())
        }
    }
}

#[test]
fn every_case_is_accepted_or_refused_as_it_says() {
    let mut wrong = Vec::new();
    for case in all() {
        let (verdict, details) = verdict(case);
        if verdict != case.verdict {
            wrong.push(format!("{case}\n  expected {:?}, was {verdict:?} {details}", case.verdict));
        }
    }
    assert!(wrong.is_empty(), "{} cases\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn a_packet_that_is_cut_short_is_never_whole() {
    for case in all().iter().filter(|case| case.bytes().len() < 1000) {
        for len in 0..case.bytes().len() {
            if let Ok(Some(header)) = FixedHeader::parse(&case.bytes()[..len]) {
                assert!(header.packet_len() > len, "{case} cut to {len} bytes");
            }
        }
    }
}
