//! What a certificate (X.509, DER) says about its owner, as OpenSSL shows it.

use std::fmt::Write;

/// The object identifiers that names are made of, in DER, with OpenSSL's short names.
const ATTRIBUTES: &[(&[u8], &str)] = &[
    (COMMON_NAME, "CN"),
    (&[0x55, 4, 4], "SN"),
    (&[0x55, 4, 5], "serialNumber"),
    (&[0x55, 4, 6], "C"),
    (&[0x55, 4, 7], "L"),
    (&[0x55, 4, 8], "ST"),
    (&[0x55, 4, 9], "street"),
    (&[0x55, 4, 10], "O"),
    (&[0x55, 4, 11], "OU"),
    (&[0x55, 4, 12], "title"),
    (&[0x55, 4, 13], "description"),
    (&[0x55, 4, 15], "businessCategory"),
    (&[0x55, 4, 17], "postalCode"),
    (&[0x55, 4, 41], "name"),
    (&[0x55, 4, 42], "GN"),
    (&[0x55, 4, 43], "initials"),
    (&[0x55, 4, 44], "generationQualifier"),
    (&[0x55, 4, 46], "dnQualifier"),
    (&[0x55, 4, 65], "pseudonym"),
    (&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 9, 1], "emailAddress"),
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xF2, 0x2C, 0x64, 1, 1], "UID"),
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xF2, 0x2C, 0x64, 1, 25], "DC"),
];

const COMMON_NAME: &[u8] = &[0x55, 4, 3];

/// The extension that says what names a certificate is for: subjectAltName.
const ALTERNATIVE_NAMES: &[u8] = &[0x55, 0x1D, 17];

// Tags of DER.
pub(super) const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTF8_STRING: u8 = 12;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const UNIVERSAL_STRING: u8 = 28;
const BMP_STRING: u8 = 30;
pub(super) const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const VERSION: u8 = 0xA0;
const EXTENSIONS: u8 = 0xA3;
/// A name of the DNS among alternative names.
const DNS_NAME: u8 = 0x82;

/// What a certificate calls its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateNames {
    /// The first common name, if there is one, and it is text.
    pub common_name: Option<String>,
    /// The whole subject as RFC 2253 has it, the last part first. None: it cannot be read.
    pub subject: Option<String>,
}

impl CertificateNames {
    /// Those of a certificate in DER.
    pub(crate) fn of(certificate: &[u8]) -> Self {
        let attributes = Parts::of(certificate).and_then(|parts| attributes(parts.subject));
        let Some(attributes) = attributes else { return Self { common_name: None, subject: None } };
        let common_name = attributes.iter().find(|attribute| attribute.kind == COMMON_NAME);
        let text = common_name.and_then(|attribute| std::str::from_utf8(attribute.value.contents).ok());
        Self {
            common_name: text.filter(|text| !text.is_empty() && !text.contains('\0')).map(str::to_owned),
            subject: Some(rfc2253(&attributes)),
        }
    }
}

/// The parts of a certificate that somebody asks for, with their tags.
pub(super) struct Parts<'c> {
    /// Whether it is of X.509 version 1, which knows no extensions.
    pub(super) is_version_1: bool,
    /// The first moment at which it is valid, in seconds since 1970.
    pub(super) valid_from_s: Option<u64>,
    /// The last one.
    pub(super) valid_until_s: Option<u64>,
    /// Who has signed it.
    pub(super) issuer: &'c [u8],
    /// Whose it is.
    pub(super) subject: &'c [u8],
    /// Its public key.
    pub(super) public_key: &'c [u8],
    /// What the issuer has signed.
    pub(super) signed: &'c [u8],
    /// How, and the signature itself; none: it cannot be read.
    pub(super) signature: Option<(&'c [u8], &'c [u8])>,
    /// What follows the public key.
    rest: Reader<'c>,
}

impl<'c> Parts<'c> {
    /// RFC 5280, section 4.1.
    pub(super) fn of(certificate: &'c [u8]) -> Option<Self> {
        let mut certificate = Reader(Reader(certificate).expect(SEQUENCE)?.contents);
        let whole = certificate.expect(SEQUENCE)?;
        let mut signed = Reader(whole.contents);
        let first = signed.next()?;
        let is_version_1 = first.tag != VERSION;
        if !is_version_1 {
            signed.next()?; // the serial number
        }
        signed.next()?; // how it is signed
        let issuer = signed.expect(SEQUENCE)?.contents;
        let validity = signed.expect(SEQUENCE)?;
        let subject = signed.expect(SEQUENCE)?.contents;
        let public_key = signed.expect(SEQUENCE)?.whole;
        let mut validity = Reader(validity.contents);
        let mut moment = || validity.next().and_then(|time| seconds(&time));
        let algorithm = certificate.expect(SEQUENCE);
        let signature = certificate.expect(BIT_STRING).and_then(|bits| whole_bytes(bits.contents));
        Some(Self {
            is_version_1,
            valid_from_s: moment(),
            valid_until_s: moment(),
            issuer,
            subject,
            public_key,
            signed: whole.whole,
            signature: algorithm.map(|algorithm| algorithm.contents).zip(signature),
            rest: signed,
        })
    }

    /// How the public key is used, and its bits.
    pub(super) fn key(&self) -> Option<(&'c [u8], &'c [u8])> {
        key_parts(Reader(self.public_key).expect(SEQUENCE)?.contents)
    }

    /// All common names that are text.
    pub(super) fn common_names(&self) -> Vec<&'c str> {
        let attributes = attributes(self.subject).unwrap_or_default();
        let names = attributes.iter().filter(|attribute| attribute.kind == COMMON_NAME);
        names.filter_map(|name| std::str::from_utf8(name.value.contents).ok()).collect()
    }

    /// Whether it says for which names of the DNS it is, apart from common names. What cannot be read counts as if it did.
    pub(super) fn has_dns_names(&self) -> bool {
        self.find_dns_names().unwrap_or(true)
    }

    fn find_dns_names(&self) -> Option<bool> {
        let mut rest = Reader(self.rest.0);
        while !rest.0.is_empty() {
            let element = rest.next()?;
            if element.tag != EXTENSIONS {
                continue;
            }
            let mut extensions = Reader(Reader(element.contents).expect(SEQUENCE)?.contents);
            while !extensions.0.is_empty() {
                let mut extension = Reader(extensions.expect(SEQUENCE)?.contents);
                if extension.expect(OBJECT_IDENTIFIER)?.contents != ALTERNATIVE_NAMES {
                    continue;
                }
                let mut value = extension.next()?;
                if value.tag != OCTET_STRING {
                    value = extension.expect(OCTET_STRING)?; // behind whether it is critical
                }
                let mut names = Reader(Reader(value.contents).expect(SEQUENCE)?.contents);
                while !names.0.is_empty() {
                    if names.next()?.tag == DNS_NAME {
                        return Some(true);
                    }
                }
            }
        }
        Some(false)
    }
}

/// How a public key is used, and its bits, of the contents of one (RFC 5280, section 4.1).
pub(super) fn key_parts(public_key: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut parts = Reader(public_key);
    let algorithm = parts.expect(SEQUENCE)?.contents;
    Some((algorithm, whole_bytes(parts.expect(BIT_STRING)?.contents)?))
}

/// Bits of which none is left over at the end.
fn whole_bytes(bits: &[u8]) -> Option<&[u8]> {
    bits.split_first().filter(|(unused, _)| **unused == 0).map(|(_, bytes)| bytes)
}

/// One element of DER.
pub(super) struct Element<'d> {
    tag: u8,
    pub(super) contents: &'d [u8],
    /// With tag and length.
    pub(super) whole: &'d [u8],
}

/// Reads elements one after the other.
pub(super) struct Reader<'d>(pub(super) &'d [u8]);

impl<'d> Reader<'d> {
    /// None at the end, and where there is no element. Tags of more than one byte do not occur in names.
    pub(super) fn next(&mut self) -> Option<Element<'d>> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, mut rest) = rest.split_first()?;
        let mut len = usize::from(first);
        if first >= 0x80 {
            let bytes;
            (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7F)).filter(|(bytes, _)| bytes.len() <= 4)?;
            len = bytes.iter().fold(0, |len, byte| len << 8 | usize::from(*byte));
        }
        let (contents, rest) = rest.split_at_checked(len)?;
        let (whole, _) = self.0.split_at_checked(self.0.len() - rest.len())?;
        self.0 = rest;
        Some(Element { tag, contents, whole })
    }

    pub(super) fn expect(&mut self, tag: u8) -> Option<Element<'d>> {
        self.next().filter(|element| element.tag == tag)
    }
}

/// A part of a name.
struct Attribute<'d> {
    kind: &'d [u8],
    value: Element<'d>,
    /// Whether it belongs to the one before it.
    joined: bool,
}

fn attributes(name: &[u8]) -> Option<Vec<Attribute<'_>>> {
    let (mut name, mut attributes) = (Reader(name), Vec::new());
    while !name.0.is_empty() {
        let mut set = Reader(name.expect(SET)?.contents);
        let mut joined = false;
        while !set.0.is_empty() {
            let mut pair = Reader(set.expect(SEQUENCE)?.contents);
            let kind = pair.expect(OBJECT_IDENTIFIER)?.contents;
            attributes.push(Attribute { kind, value: pair.next()?, joined });
            joined = true;
        }
    }
    Some(attributes)
}

/// As OpenSSL's `-nameopt RFC2253`.
fn rfc2253(attributes: &[Attribute<'_>]) -> String {
    let mut text = String::new();
    let mut separator = "";
    for Attribute { kind, value, joined } in attributes.iter().rev() {
        text.push_str(separator);
        separator = if *joined { "+" } else { "," };
        let known = ATTRIBUTES.iter().find(|(identifier, _)| identifier == kind);
        match known {
            Some((_, name)) => text.push_str(name),
            None => text.push_str(&dotted(kind)),
        }
        text.push('=');
        if let Some(characters) = characters(value).filter(|_| known.is_some()) {
            escape(&characters, &mut text);
        } else {
            text.push('#');
            for byte in value.whole {
                // Writing into a String cannot fail.
                let _ = write!(text, "{byte:02X}");
            }
        }
    }
    text
}

/// An object identifier as numbers.
fn dotted(identifier: &[u8]) -> String {
    let mut numbers: Vec<u128> = Vec::new();
    let mut number: u128 = 0;
    for byte in identifier {
        number = number.wrapping_shl(7) | u128::from(byte & 0x7F);
        if byte & 0x80 == 0 {
            if numbers.is_empty() {
                let first = (number / 40).min(2);
                numbers.push(first);
                number -= first * 40;
            }
            numbers.push(std::mem::take(&mut number));
        }
    }
    numbers.iter().map(u128::to_string).collect::<Vec<_>>().join(".")
}

/// The text of a value; none where it is no kind of text that OpenSSL shows.
fn characters(value: &Element<'_>) -> Option<String> {
    let bytes = value.contents;
    match value.tag {
        UTF8_STRING => std::str::from_utf8(bytes).ok().map(str::to_owned),
        18 | 19 | 20 | 22 | UTC_TIME | GENERALIZED_TIME | 26 => {
            Some(bytes.iter().map(|byte| char::from(*byte)).collect())
        }
        BMP_STRING => bytes.chunks(2).map(wide).collect(),
        UNIVERSAL_STRING => bytes.chunks(4).map(wide).collect(),
        _ => None,
    }
}

fn wide(bytes: &[u8]) -> Option<char> {
    char::from_u32(bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
}

fn escape(characters: &str, text: &mut String) {
    let last = characters.len().saturating_sub(1);
    for (at, byte) in characters.bytes().enumerate() {
        let at_an_end = (at == 0 && matches!(byte, b'#' | b' ')) || (at == last && byte == b' ');
        match byte {
            b',' | b'+' | b'"' | b'\\' | b'<' | b'>' | b';' => text.extend(['\\', char::from(byte)]),
            _ if at_an_end => text.extend(['\\', char::from(byte)]),
            0x20..0x7F => text.push(char::from(byte)),
            _ => {
                let _ = write!(text, "\\{byte:02X}");
            }
        }
    }
}

/// A time in UTC as seconds since 1970 (RFC 5280, section 4.1.2.5).
fn seconds(time: &Element<'_>) -> Option<u64> {
    let digits = std::str::from_utf8(time.contents).ok()?.strip_suffix('Z')?;
    let (year, rest) = match time.tag {
        UTC_TIME => {
            let year: u64 = digits.get(..2)?.parse().ok()?;
            (if year < 50 { 2000 + year } else { 1900 + year }, digits.get(2..)?)
        }
        GENERALIZED_TIME => (digits.get(..4)?.parse().ok()?, digits.get(4..)?),
        _ => return None,
    };
    let part = |at: usize| rest.get(at..at + 2)?.parse::<u64>().ok();
    let (month, day, hour, minute, second) = (part(0)?, part(2)?, part(4)?, part(6)?, part(8)?);
    if year < 1970 || !(1..=12).contains(&month) || day == 0 {
        return None;
    }
    // Years begin in March here, so that the leap day is the last one.
    let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1;
    let days = days.checked_sub(719_468)?;
    Some(days * 86_400 + hour * 3600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertificateParams, DistinguishedName, DnType, DnValue, KeyPair};

    fn certificate(parts: &[(DnType, DnValue)]) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        for (kind, value) in parts {
            params.distinguished_name.push(kind.clone(), value.clone());
        }
        params.not_before = rcgen::date_time_ymd(2024, 2, 29);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    fn utf8(text: &str) -> DnValue {
        DnValue::Utf8String(text.to_owned())
    }

    #[test]
    fn names_are_written_as_openssl_writes_them() {
        let subject = |parts: &[(DnType, DnValue)]| CertificateNames::of(&certificate(parts)).subject.unwrap();
        let c = DnType::CommonName;
        assert_eq!(subject(&[]), "");
        assert_eq!(
            subject(&[(DnType::CountryName, utf8("GB")), (c.clone(), utf8("test client"))]),
            "CN=test client,C=GB"
        );
        for (text, shown) in [
            ("a,b+c\"d\\e<f>g;h", "a\\,b\\+c\\\"d\\\\e\\<f\\>g\\;h"),
            (" x ", "\\ x\\ "),
            ("#x#", "\\#x#"),
            (" ", "\\ "),
            ("Zo\u{EB}", "Zo\\C3\\AB"),
            ("a\nb\u{7F}", "a\\0Ab\\7F"),
        ] {
            assert_eq!(subject(&[(c.clone(), utf8(text))]), format!("CN={shown}"));
        }
        let wide = DnValue::BmpString("Zo\u{EB}".try_into().unwrap());
        assert_eq!(subject(&[(c, wide)]), "CN=Zo\\C3\\AB");
        let other = DnType::CustomDnType(vec![1, 2, 840, 113_549, 7]);
        assert_eq!(subject(&[(other, utf8("ab"))]), "1.2.840.113549.7=#0C026162");
    }

    #[test]
    fn the_common_name_is_the_first_one_and_text() {
        let common_name = |value| CertificateNames::of(&certificate(&[(DnType::CommonName, value)])).common_name;
        assert_eq!(common_name(utf8("test client")).as_deref(), Some("test client"));
        for nothing in [utf8(""), utf8("a\0b"), DnValue::BmpString("ab".try_into().unwrap())] {
            assert_eq!(common_name(nothing), None);
        }
        assert_eq!(CertificateNames::of(&certificate(&[(DnType::CountryName, utf8("GB"))])).common_name, None);
    }

    #[test]
    fn times_are_seconds_since_1970() {
        let parts = |certificate: &[u8]| Parts::of(certificate).and_then(|parts| parts.valid_from_s);
        assert_eq!(parts(&certificate(&[])), Some(1_709_164_800));
        let time = |tag, contents: &'static str| {
            seconds(&Element { tag, contents: contents.as_bytes(), whole: contents.as_bytes() })
        };
        assert_eq!(time(UTC_TIME, "700101000000Z"), Some(0));
        assert_eq!(time(UTC_TIME, "491231235959Z"), Some(2_524_607_999));
        assert_eq!(time(GENERALIZED_TIME, "20500101000000Z"), Some(2_524_608_000));
        for wrong in ["", "Z", "700100000000Z", "701301000000Z", "7001010000Z", "\u{EB}\u{EB}0101000000Z"] {
            assert_eq!(time(UTC_TIME, wrong), None, "{wrong}");
        }
    }

    /// Every beginning of a certificate, and every one with a byte that is another.
    #[test]
    fn what_is_no_certificate_is_no_certificate() {
        let good = certificate(&[(DnType::CommonName, utf8("test client"))]);
        for len in 0..good.len() {
            let _ = CertificateNames::of(&good[..len]);
            let mut broken = good.clone();
            for value in [0, 0x80, 0xFF] {
                broken[len] = value;
                let _ = CertificateNames::of(&broken);
            }
        }
        assert_eq!(CertificateNames::of(b""), CertificateNames { common_name: None, subject: None });
    }
}
