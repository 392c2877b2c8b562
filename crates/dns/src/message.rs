//! Questions and answers as bytes.

use crate::order::Record;
use crate::{LookupError, Target};
use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, OPCODE, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, ResourceRecord, TYPE};

/// An answer leads from one name to another so often at most.
const ALIASES_MAX: usize = 8;

/// The longest host name, as text.
const HOST_BYTES_MAX: usize = 253;

/// A name in the DNS.
pub(crate) fn name(text: &str) -> Result<Name<'_>, LookupError> {
    // What the crate would leave out: a name is not to be another one than was said.
    let labels = text.strip_suffix('.').unwrap_or(text);
    if labels.split('.').any(str::is_empty) || labels.contains('\\') {
        return Err(LookupError::NoName);
    }
    Name::new(text).map_err(|_| LookupError::NoName)
}

/// The question for the SRV records of a name, to be looked up by the server on our behalf.
pub(crate) fn question(id: u16, name: &Name<'_>) -> Result<Vec<u8>, LookupError> {
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    packet.questions.push(Question::new(name.clone(), QTYPE::TYPE(TYPE::SRV), QCLASS::CLASS(CLASS::IN), false));
    packet.build_bytes_vec().map_err(|_| LookupError::NoName)
}

/// What came from a name server.
#[derive(Debug)]
pub(crate) enum Reply {
    /// No answer to this question.
    Foreign,
    /// The answer does not fit into a datagram.
    Truncated,
    /// The answer.
    Answer(Result<Vec<Record>, LookupError>),
}

/// Reads what came, where `id` and `name` were asked.
pub(crate) fn reply(bytes: &[u8], id: u16, name: &Name<'_>) -> Reply {
    let Ok(packet) = Packet::parse(bytes) else { return Reply::Foreign };
    if packet.id() != id || !packet.has_flags(PacketFlag::RESPONSE) || packet.opcode() != OPCODE::StandardQuery {
        return Reply::Foreign;
    }
    let is_ours = match packet.questions.as_slice() {
        [question] => {
            question.qname == *name
                && question.qtype == QTYPE::TYPE(TYPE::SRV)
                && question.qclass == QCLASS::CLASS(CLASS::IN)
        }
        // Who could not read the question does not repeat it.
        [] => !matches!(packet.rcode(), RCODE::NoError | RCODE::NameError),
        _ => false,
    };
    if !is_ours {
        return Reply::Foreign;
    }
    if packet.has_flags(PacketFlag::TRUNCATION) {
        return Reply::Truncated;
    }
    Reply::Answer(match packet.rcode() {
        RCODE::NoError => records(&packet.answers, name),
        RCODE::NameError => Err(LookupError::NotFound),
        other => Err(LookupError::Failed(other as u8)),
    })
}

/// The SRV records of a name, or of the one that it is an alias of.
fn records(answers: &[ResourceRecord<'_>], name: &Name<'_>) -> Result<Vec<Record>, LookupError> {
    let mut owner = name;
    for _ in 0..ALIASES_MAX {
        let alias = answers.iter().find_map(|record| match &record.rdata {
            RData::CNAME(alias) if record.name == *owner => Some(&alias.0),
            _ => None,
        });
        let Some(alias) = alias else { break };
        owner = alias;
    }
    let services: Vec<_> = answers
        .iter()
        .filter(|record| record.name == *owner && record.class == CLASS::IN)
        .filter_map(|record| match &record.rdata {
            RData::SRV(service) => Some(service),
            _ => None,
        })
        .collect();
    // RFC 2782: a single target that is the root says that there is no such service.
    if let [only] = services.as_slice()
        && only.target.get_labels().is_empty()
    {
        return Err(LookupError::NotOffered);
    }
    let records = services.into_iter().filter_map(|service| {
        let target = Target { host: host(&service.target)?, port: service.port };
        Some(Record { priority: service.priority, weight: service.weight, target })
    });
    let records: Vec<_> = records.collect();
    if records.is_empty() { Err(LookupError::NotFound) } else { Ok(records) }
}

/// The name of a host as text; none if it is no such name. It will stand in other protocols, and anything can stand in the
/// DNS.
fn host(name: &Name<'_>) -> Option<String> {
    let mut host = String::new();
    for label in name.get_labels() {
        let text = std::str::from_utf8(label.as_ref()).ok()?;
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
            return None;
        }
        if !host.is_empty() {
            host.push('.');
        }
        host.push_str(text);
    }
    (!host.is_empty() && host.len() <= HOST_BYTES_MAX).then_some(host)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The answer that `_mqtt._tcp.a.test` is at port 1884 of `b.test`, as RFC 1035 and RFC 2782 have it: header, question,
    /// record. The name of the record is a pointer to that of the question.
    const ANSWER: &[u8] = b"\x12\x34\x81\x80\0\x01\0\x01\0\0\0\0\
        \x05_mqtt\x04_tcp\x01a\x04test\0\0\x21\0\x01\
        \xC0\x0C\0\x21\0\x01\0\0\0\x3C\0\x0E\0\x01\0\x02\x07\x5C\x01b\x04test\0";

    fn changed(place: usize, byte: u8) -> Vec<u8> {
        let mut bytes = ANSWER.to_vec();
        *bytes.get_mut(place).unwrap() = byte;
        bytes
    }

    fn read(bytes: &[u8]) -> Reply {
        reply(bytes, 0x1234, &name("_MQTT._tcp.a.test").unwrap())
    }

    #[test]
    fn a_question_is_what_the_rfc_says() {
        let question = question(0x1234, &name("_mqtt._tcp.a.test").unwrap()).unwrap();
        assert_eq!(question, b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x05_mqtt\x04_tcp\x01a\x04test\0\0\x21\0\x01");
    }

    #[test]
    fn an_answer_says_host_and_port() {
        let Reply::Answer(Ok(records)) = read(ANSWER) else { panic!("{:?}", read(ANSWER)) };
        let target = Target { host: "b.test".to_owned(), port: 1884 };
        assert_eq!(records, [Record { priority: 1, weight: 2, target }]);
    }

    #[test]
    fn what_answers_something_else_is_foreign() {
        for (place, byte) in [
            (1, 0x35), // another identifier
            (2, 0x01), // a question
            (5, 2),    // two questions
            (13, b'x'),
            (31, 1), // the question for an address
            (33, 3), // another class
        ] {
            assert!(
                matches!(read(&changed(place, byte)), Reply::Foreign),
                "{place}: {:?}",
                read(&changed(place, byte))
            );
        }
        assert!(matches!(read(b""), Reply::Foreign));
    }

    #[test]
    fn what_is_no_answer_says_why() {
        assert!(matches!(read(&changed(2, 0x83)), Reply::Truncated));
        assert!(matches!(read(&changed(3, 0x83)), Reply::Answer(Err(LookupError::NotFound))));
        assert!(matches!(read(&changed(3, 0x82)), Reply::Answer(Err(LookupError::Failed(2)))));
        // The record is one of another name.
        assert!(matches!(read(&changed(36, 0x12)), Reply::Answer(Err(LookupError::NotFound))));
    }

    #[test]
    fn a_target_that_is_no_host_is_left_out() {
        let place = ANSWER.len() - 8;
        assert!(matches!(read(&changed(place + 1, b'\n')), Reply::Answer(Err(LookupError::NotFound))));
        let mut none = changed(place - 7, 7);
        none.truncate(place);
        none.push(0);
        assert!(matches!(read(&none), Reply::Answer(Err(LookupError::NotOffered))), "{:?}", read(&none));
    }

    #[test]
    fn what_can_be_no_name_is_refused() {
        let long = "x".repeat(64);
        for text in ["", ".", "a..b", ".a", "a\\.b", &long, &"abcdefg.".repeat(40)] {
            assert!(name(text).is_err(), "{text}");
        }
        assert!(name("a.b.").is_ok());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            read(&bytes);
        }

        #[test]
        fn an_answer_with_any_change_is_read_without_panic(place in 0..ANSWER.len(), byte: u8, len in 0..=ANSWER.len()) {
            let mut bytes = changed(place, byte);
            bytes.truncate(len);
            read(&bytes);
        }
    }
}
