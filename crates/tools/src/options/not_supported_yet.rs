//! Options of the original programs that have no effect here yet. They are refused by name rather than ignored: who
//! asks for TLS must not get a connection without it.

use super::{BOTH, CommandOption, SUB};

pub(super) const OPTIONS: &[CommandOption] = &[
    CommandOption::refused(Some("-D"), Some("--property"), BOTH),
    CommandOption::refused(Some("-S"), None, BOTH),
    CommandOption::refused(None, Some("--cafile"), BOTH),
    CommandOption::refused(None, Some("--capath"), BOTH),
    CommandOption::refused(None, Some("--cert"), BOTH),
    CommandOption::refused(None, Some("--ciphers"), BOTH),
    CommandOption::refused(None, Some("--insecure"), BOTH),
    CommandOption::refused(None, Some("--key"), BOTH),
    CommandOption::refused(None, Some("--keyform"), BOTH),
    CommandOption::refused(None, Some("--proxy"), BOTH),
    CommandOption::refused(None, Some("--psk"), BOTH),
    CommandOption::refused(None, Some("--psk-identity"), BOTH),
    CommandOption::refused(None, Some("--tls-alpn"), BOTH),
    CommandOption::refused(None, Some("--tls-engine"), BOTH),
    CommandOption::refused(None, Some("--tls-engine-kpass-sha1"), BOTH),
    CommandOption::refused(None, Some("--tls-keylog"), BOTH),
    CommandOption::refused(None, Some("--tls-use-os-certs"), BOTH),
    CommandOption::refused(None, Some("--tls-version"), BOTH),
    CommandOption::refused(None, Some("--unix"), BOTH),
    CommandOption::refused(None, Some("--ws"), BOTH),
    CommandOption::refused(Some("-w"), Some("--watch"), SUB),
    CommandOption::refused(None, Some("--message-rate"), SUB),
    CommandOption::refused(None, Some("--random-filter"), SUB),
];
