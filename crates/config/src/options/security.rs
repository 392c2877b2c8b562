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
        .help("File of access rules for topics."),
    Declaration::bool("allow_anonymous")
        .default("false, or true in local only mode")
        .scope(Security)
        .reload(Yes)
        .help("Let clients in that give no username.")
        .store(Store::ByHand(by_hand::allow_anonymous))
        .security_shows(Effect::AtOnce, |s| s.allow_anonymous.written()),
    Declaration::bool("allow_zero_length_clientid")
        .default("true")
        .scope(Security)
        .reload(Yes)
        .help("Make up an id for clients that give none.")
        .store(Store::SecurityBool(|s, on| s.allow_zero_length_clientid = Some(on)))
        .security_shows(Effect::LaterConnections, |s| s.allow_zero_length_clientid.written()),
    Declaration::text("auto_id_prefix", Repeat::Refused)
        .default("auto-")
        .max_bytes(50)
        .refusal(Own("NAME length must be <= 50."))
        .scope(Security)
        .reload(DocumentedOnly)
        .deprecated("Please use 'listener_auto_id_prefix' instead.")
        .help("How made up client ids begin.")
        .store(Store::SecurityText(|s| &mut s.auto_id_prefix))
        .security_shows(Effect::LaterConnections, |s| s.auto_id_prefix.written()),
    Declaration::bool("listener_allow_anonymous")
        .default("the value of allow_anonymous")
        .scope(ExplicitListener)
        .reload(LaterConnections)
        .since("2.1")
        .help("As allow_anonymous, for one listener.")
        .store(Store::ListenerBool(|l, on| l.allow_anonymous = Some(on)))
        .listener_shows(Effect::AtOnce, |l| l.allow_anonymous.written()),
    Declaration::text("listener_auto_id_prefix", Repeat::Refused)
        .default("the value of auto_id_prefix")
        .max_bytes(50)
        .refusal(Own("'NAME' length must be <= 50."))
        .scope(ExplicitListener)
        .reload(LaterConnections)
        .since("2.1")
        .help("As auto_id_prefix, for one listener.")
        .store(Store::ListenerText(|l| &mut l.auto_id_prefix))
        .listener_shows(Effect::LaterConnections, |l| l.auto_id_prefix.written()),
    Declaration::text("password_file", Repeat::Replaces)
        .scope(Security)
        .reload(Yes)
        .help("File of usernames and password hashes."),
    Declaration::text("psk_file", Repeat::Replaces)
        .scope(Security)
        .reload(Yes)
        .help("File of identities and keys for TLS-PSK."),
];
