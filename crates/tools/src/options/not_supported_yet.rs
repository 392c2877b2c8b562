//! Options of the original programs that have no effect here yet. They are refused by name rather than ignored: who
//! asks for TLS must not get a connection without it.

use super::CommandOption;

pub(super) const OPTIONS: &[CommandOption] = &[
    CommandOption::refused("-S"),
    CommandOption::refused("--cafile").with_value("no file"),
    CommandOption::refused("--capath").with_value("no directory"),
    CommandOption::refused("--cert").with_value("no file"),
    CommandOption::refused("--ciphers").with_value("no ciphers"),
    CommandOption::refused("--insecure"),
    CommandOption::refused("--key").with_value("no file"),
    CommandOption::refused("--keyform").with_value("no keyform"),
    CommandOption::refused("--proxy").with_value("no proxy url"),
    CommandOption::refused("--psk").with_value("no key"),
    CommandOption::refused("--psk-identity").with_value("no identity"),
    CommandOption::refused("--tls-alpn").with_value("no protocol"),
    CommandOption::refused("--tls-engine").with_value("no engine_id"),
    CommandOption::refused("--tls-engine-kpass-sha1").with_value("no kpass sha1"),
    CommandOption::refused("--tls-keylog").with_value("no file"),
    CommandOption::refused("--tls-use-os-certs"),
    CommandOption::refused("--tls-version").with_value("no version"),
    CommandOption::refused("--ws"),
];
