//! Who may connect, and what they may do.

use super::Refusal::Own;
use super::Reload::{DocumentedOnly, LaterConnections, Yes};
use super::Scope::{ExplicitListener, Security};
use super::{Declaration, Repeat, Store};
use crate::by_hand;
use crate::changes::Effect;
use crate::written::Written;

pub(super) static OPTIONS: &[Declaration] = &[
    Declaration::text("acl_file", Repeat::Replaces)
        .scope(Security)
        .reload(Yes)
        .value("file")
        .examples(&["/etc/mosquitto/aclfile"])
        .help("File of access rules for topics.")
        .manual(
            "The file has one rule a line:\n\n\
             \x20   topic [read | write | readwrite | deny] FILTER\n\
             \x20   pattern [read | write | readwrite | deny] FILTER\n\
             \x20   user NAME\n\n\
             `topic` rules above the first `user` hold for clients without a username, those below a `user` for that \
             user. `pattern` rules hold for everybody, wherever they stand; in them, `%c` stands for the client id \
             and `%u` for the username, each as a whole level. A rule without a word for the access gives both kinds. \
             `deny` rules are looked at first. What no rule allows is forbidden: with an empty file, everything is. \
             Lines that begin with `#` are comments.\n\n\
             First the rules of the client's user decide; what they neither deny nor allow, the patterns may allow. A \
             client whose username or client id contains `+` or `#` gets nothing by patterns, and neither does one \
             whose name contains `/` by those that the name stands in. Rules that do not begin with `$` do not match \
             topics that do. Topics are the whole ones, with the `mount_point` before them.\n\n\
             A client may subscribe to anything, and gets the messages that it may read. The file is read again at \
             SIGHUP, and the new rules hold at once, also for what is queued or retained; if it cannot be read or has \
             an error, nothing changes. It must not be a symbolic link.",
        )
        .store(Store::SecurityText(|s| &mut s.acl_file))
        .security_shows(Effect::AtOnce, |s| s.acl_file.written()),
    Declaration::bool("allow_anonymous")
        .default("false, or true in local only mode")
        .scope(Security)
        .reload(Yes)
        .examples(&["false"])
        .help("Let clients in that give no username.")
        .manual(
            "Without this option, clients need a username as soon as the configuration has a `listener`, and need \
             none in local only mode. `listener_allow_anonymous` says otherwise for a single listener.\n\n\
             With `true` and no password file, any username and password will do as well. With `false` and no password \
             file, nobody is let in.",
        )
        .store(Store::ByHand(by_hand::allow_anonymous))
        .security_shows(Effect::AtOnce, |s| s.allow_anonymous.written()),
    Declaration::bool("allow_zero_length_clientid")
        .default("true")
        .scope(Security)
        .reload(Yes)
        .help("Make up an id for clients that give none.")
        .manual("With `false`, a client without an id is refused.")
        .store(Store::SecurityBool(|s, on| s.allow_zero_length_clientid = Some(on)))
        .security_shows(Effect::LaterConnections, |s| s.allow_zero_length_clientid.written()),
    Declaration::text("auto_id_prefix", Repeat::Refused)
        .default("auto-")
        .max_bytes(50)
        .refusal(Own("NAME length must be <= 50."))
        .scope(Security)
        .reload(DocumentedOnly)
        .deprecated("Please use 'listener_auto_id_prefix' instead.")
        .value("prefix")
        .help("How made up client ids begin.")
        .manual(
            "Use `listener_auto_id_prefix` instead. Clients may connect without a client id, and the broker then \
             makes one up: this text and 32 random hex digits. In local only mode the option has no effect, as in \
             Mosquitto.",
        )
        .store(Store::SecurityText(|s| &mut s.auto_id_prefix))
        .security_shows(Effect::LaterConnections, |s| s.auto_id_prefix.written()),
    Declaration::bool("listener_allow_anonymous")
        .default("the value of allow_anonymous")
        .scope(ExplicitListener)
        .reload(LaterConnections)
        .since("2.1")
        .examples(&["false"])
        .help("As allow_anonymous, for one listener.")
        .manual("A listener for which it is not given goes by `allow_anonymous`.")
        .store(Store::ListenerBool(|l, on| l.allow_anonymous = Some(on)))
        .listener_shows(Effect::AtOnce, |l| l.allow_anonymous.written()),
    Declaration::text("listener_auto_id_prefix", Repeat::Refused)
        .default("the value of auto_id_prefix")
        .max_bytes(50)
        .refusal(Own("'NAME' length must be <= 50."))
        .scope(ExplicitListener)
        .reload(LaterConnections)
        .since("2.1")
        .value("prefix")
        .examples(&["auto-"])
        .help("As auto_id_prefix, for one listener.")
        .manual("A listener for which it is not given goes by `auto_id_prefix`.")
        .store(Store::ListenerText(|l| &mut l.auto_id_prefix))
        .listener_shows(Effect::LaterConnections, |l| l.auto_id_prefix.written()),
    Declaration::text("password_file", Repeat::Replaces)
        .scope(Security)
        .reload(Yes)
        .value("file")
        .examples(&["/etc/mosquitto/passwd"])
        .help("File of usernames and password hashes.")
        .manual(
            "The file has one user a line, the name and a hash of the password with a colon between them, as \
             `mosquitto_passwd` writes them. Who gives no username is a matter of `allow_anonymous`; who gives one \
             must be in the file and know the password.\n\n\
             Lines that begin with `#` and lines without a colon do not count. Any other line that cannot be understood \
             is an error. The file may be no symbolic link, unless the \
             environment allows it (see `mosquitto(8)`).\n\n\
             With SIGHUP the file is read again. Where that fails, nothing changes: Mosquitto 2.1 would stop. Clients \
             whose line in the file is gone, or is another one, are disconnected, also where the new hash is one of the \
             same password.",
        )
        .store(Store::SecurityText(|s| &mut s.password_file))
        .security_shows(Effect::AtOnce, |s| s.password_file.written()),
    Declaration::text("psk_file", Repeat::Replaces)
        .scope(Security)
        .reload(Yes)
        .value("file")
        .examples(&["/etc/mosquitto/pskfile"])
        .help("File of identities and keys for TLS-PSK.")
        .manual(
            "The file has one identity a line, and its key in hex digits, with a colon between them. Lines that begin with \
             `#` do not count. A key with anything but hex digits in it is an error; of other lines that cannot be used, the \
             log says that they have no effect. A key has 512 bytes at most. The file may be no symbolic link, unless the \
             environment allows it (see `mosquitto(8)`).\n\n\
             With SIGHUP the file is read again, and connections made from then on go by it; those that are there stay. Where \
             it cannot be read, nothing changes: Mosquitto 2.1 would stop.\n\n\
             The option may not stand below the `certfile` of a listener.",
        )
        .store(Store::ByHand(by_hand::psk_file))
        .security_shows(Effect::LaterConnections, |s| s.psk_file.written()),
];
