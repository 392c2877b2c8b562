//! Client ids: which a client has, which it may have, and those that the broker makes up.

use crate::{ConnectionId, ListenerSettings, Settings, Shard};
use mosquitto_mqtt::ProtocolVersion;
use mosquitto_mqtt::packet::Connect;
use rand_chacha::rand_core::RngCore;
use std::fmt::Write;

impl ListenerSettings {
    /// The client id under which a client is known; empty where the broker has to make one up, or there can be none.
    pub(crate) fn client_id<'a>(&self, connect: &Connect<'a>) -> &'a str {
        if self.use_username_as_clientid { connect.username.unwrap_or_default() } else { connect.client_id }
    }

    /// Whether a client that has sent none may be given one `[MQTT-3.1.3-6]`: MQTT 5 always lets the server choose, 3.1.1
    /// with a clean session only `[MQTT-3.1.3-7]`, 3.1 never.
    pub(crate) fn may_assign_client_id(&self, connect: &Connect<'_>) -> bool {
        self.allow_zero_length_clientid
            && match connect.version {
                ProtocolVersion::V31 => false,
                ProtocolVersion::V311 => connect.clean_start,
                ProtocolVersion::V5 => true,
            }
    }
}

impl Settings {
    /// Whether a client id is one that clients may have. It is the one that the client has sent that counts; of one that the
    /// broker makes up, what the listener lets it begin with.
    pub(crate) fn allows_client_id(&self, listener: &ListenerSettings, sent: &str) -> bool {
        let client_id = if sent.is_empty() { &listener.auto_id_prefix } else { sent };
        self.clientid_prefixes.as_deref().is_none_or(|prefix| client_id.starts_with(prefix))
    }
}

impl Shard {
    /// The listener's prefix and 16 random bytes in the layout of a UUID, drawn until it is one that is at home here.
    pub(crate) fn assign_client_id(&mut self, id: ConnectionId) -> String {
        let prefix = self.listener(id).map(|listener| listener.auto_id_prefix.clone()).unwrap_or_default();
        loop {
            let mut bytes = [0; 16];
            self.random.fill_bytes(&mut bytes);
            let mut id = String::from(prefix.as_ref());
            for (at, byte) in bytes.iter().enumerate() {
                if matches!(at, 4 | 6 | 8 | 10) {
                    id.push('-');
                }
                // Writing into a String cannot fail.
                let _ = write!(id, "{byte:02X}");
            }
            if self.shared.home_of(&id) == self.id && self.home.sessions.find(&id).is_none() {
                return id;
            }
        }
    }
}
