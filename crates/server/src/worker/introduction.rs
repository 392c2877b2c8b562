//! Connections that a proxy passes on.

use super::Worker;
use crate::lobby::Source;
use mosquitto_broker::{ConnectionId, LogLevel};
use mosquitto_transport::{Introduction, Peer, ProxyTls};

impl Worker {
    /// The PROXY header has come. False if that was the end of the connection.
    pub(super) fn introduce(&mut self, id: ConnectionId) -> bool {
        let Some(socket) = self.sockets.get_mut(id) else { return false };
        match socket.stream.introduction() {
            Some(Introduction::Client { peer, tls }) => {
                socket.peer = peer.clone();
                if let Some(pass) = &mut socket.pass {
                    pass.pass = self.lobby.regroup(pass.pass, Source::of(&peer));
                    pass.common_name = tls.as_ref().and_then(|tls| tls.common_name.as_deref()).map(Into::into);
                }
                self.shard.introduce(id, Some(&peer.to_string()));
                self.log_tls(&peer, tls.as_ref());
                true
            }
            Some(Introduction::Unknown) => {
                self.shard.introduce(id, None);
                true
            }
            Some(Introduction::Refused(refusal)) => {
                self.log_connection(refusal.to_string());
                self.forget(id);
                false
            }
            Some(Introduction::Probe) | None => {
                self.forget(id);
                false
            }
        }
    }

    fn log_tls(&mut self, peer: &Peer, tls: Option<&ProxyTls>) {
        if let Some(ProxyTls { version: Some(version), cipher: Some(cipher), .. }) = tls {
            self.log_connection(format!("Connection from {peer} negotiated {version} cipher {cipher}"));
        }
    }

    /// A line that belongs to those about connections.
    pub(super) fn log_connection(&mut self, text: String) {
        if self.shard.settings().connection_messages {
            self.logger.log(LogLevel::Notice, text);
        }
    }

    /// Ends a connection of which nothing more is to be said.
    fn forget(&mut self, id: ConnectionId) {
        self.shard.release(id);
        self.take_out(id);
    }
}
