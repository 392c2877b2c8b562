//! Options of the original programs that have no effect here yet. They are refused by name rather than ignored: who
//! asks for a key in a device must not get a connection without it.

use super::CommandOption;

pub(super) const OPTIONS: &[CommandOption] = &[
    // The libraries that ask for SRV records bring an asynchronous runtime with them.
    CommandOption::refused("-S"),
    CommandOption::refused("--keyform").with_value("no keyform"),
    CommandOption::refused("--tls-engine").with_value("no engine_id"),
    CommandOption::refused("--tls-engine-kpass-sha1").with_value("no kpass sha1"),
];
