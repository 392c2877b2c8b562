//! `name_server`: what a name server answers to the question where a service is.

use mosquitto_dns::answer;

const NAME: &str = "_mqtt._tcp.a.test";

/// Of a record: a name of two bytes, its head and what stands before the target, and a root.
const RECORD_BYTES_MIN: usize = 2 + 10 + 6 + 1;

pub(crate) fn run(bytes: &[u8]) {
    // As if it had been guessed: without it nothing else is looked at.
    let Some(&[first, second]) = bytes.first_chunk::<2>() else { return };
    let id = u16::from_be_bytes([first, second]);
    let Some(answer_of_this) = answer(bytes, id, NAME) else { return };
    assert!(answer(bytes, id ^ 1, NAME).is_none(), "an answer to another question");
    assert!(bytes[2] & 0x80 != 0 && bytes[2] & 0x02 == 0, "a question, or a part of an answer");
    let targets = match answer_of_this {
        Ok(targets) => targets,
        Err(error) => {
            let text = error.to_string();
            assert!(text.len() < 100 && !text.contains(char::is_control), "{text:?}");
            return;
        }
    };
    assert!(answer(bytes, id, "_mqtt._tcp.b.test").is_none(), "an answer to another question");
    assert!(!targets.is_empty() && targets.len() * RECORD_BYTES_MIN <= bytes.len());
    for target in targets {
        assert!((1..=253).contains(&target.host.len()), "{target:?}");
        let is_label = |label: &str| {
            let is_good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
            (1..=63).contains(&label.len()) && label.bytes().all(is_good)
        };
        assert!(target.host.split('.').all(is_label), "{target:?}");
    }
}
