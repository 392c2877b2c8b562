use super::*;
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::io::Read;

/// Both ends of a terminal: that of who sits before it, and that of programs.
fn terminal() -> (File, File) {
    let outside = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&outside).unwrap();
    unlockpt(&outside).unwrap();
    let name = ptsname(&outside, Vec::new()).unwrap();
    let inside = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
    (outside.into(), inside.into())
}

fn line(text: &[u8]) -> Answer {
    Answer::Line(Zeroizing::new(text.to_vec()))
}

/// Reads until this was shown, and returns all that was.
fn shown(outside: &mut File, end: &str) -> String {
    let mut all = Vec::new();
    while !all.ends_with(end.as_bytes()) {
        let mut byte = [0];
        outside.read_exact(&mut byte).unwrap();
        all.push(byte[0]);
    }
    String::from_utf8(all).unwrap()
}

#[test]
fn what_is_typed_is_not_shown_and_is_shown_again_afterwards() {
    let (mut outside, inside) = terminal();
    let program = std::thread::spawn(move || {
        let mut output = inside.try_clone().unwrap();
        let answer = ask(&inside, &mut output, "Secret: ", 100).unwrap();
        (answer, inside)
    });
    assert_eq!(shown(&mut outside, "Secret: "), "Secret: ");
    outside.write_all(b"not seen\n").unwrap();
    let (answer, inside) = program.join().unwrap();
    assert_eq!(answer, line(b"not seen"));
    assert_eq!(shown(&mut outside, "\n"), "\r\n");
    outside.write_all(b"seen\n").unwrap();
    assert_eq!(shown(&mut outside, "\n"), "seen\r\n");
    drop(inside);
}

#[test]
fn a_pipe_is_read_line_by_line_and_no_further() {
    let (reader, mut writer) = io::pipe().unwrap();
    writer.write_all(b"first\r\n\nthird").unwrap();
    drop(writer);
    let next = |bytes_max| ask(&reader, &mut io::sink(), "", bytes_max).unwrap();
    assert_eq!([next(5), next(5), next(5), next(5)], [line(b"first"), line(b""), line(b"third"), Answer::Nothing]);
}

#[test]
fn a_line_that_is_too_long_is_said_to_be_so() {
    for (text, expected) in [("12345\n", line(b"12345")), ("123456\n", Answer::TooLong), ("1234567\n", Answer::TooLong)]
    {
        let (reader, mut writer) = io::pipe().unwrap();
        writer.write_all(text.as_bytes()).unwrap();
        assert_eq!(ask(&reader, &mut io::sink(), "", 5).unwrap(), expected, "{text}");
    }
}
