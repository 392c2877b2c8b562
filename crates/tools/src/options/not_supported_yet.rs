//! Options of the original programs that have no effect here yet. They are refused by name rather than ignored: who
//! asks for a key in a device must not get a connection without it.

use super::CommandOption;

pub(super) const OPTIONS: &[CommandOption] = &[
    CommandOption::refused("--tls-engine").with_value("no engine_id"),
    CommandOption::refused("--tls-engine-kpass-sha1").with_value("no kpass sha1"),
];
