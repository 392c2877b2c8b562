//! Connections inside TLS: what the broker makes of it.

use crate::{ConnectionId, Shard};

/// What is known of a connection inside TLS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Secured {
    /// The version, as the log has it: `TLSv1.3`. Empty where the TLS is that of a proxy, which has a line of its own.
    pub protocol: &'static str,
    /// The cipher, as the log has it.
    pub cipher: &'static str,
    /// The first common name of the client's certificate, if it has shown one that has one; or the identity whose pre-shared key
    /// it has.
    pub common_name: Option<Box<str>>,
    /// The whole subject of the client's certificate, if it has shown one.
    pub subject: Option<Box<str>>,
}

/// What of a client's certificate is its username. Who has a pre-shared key instead has an identity in the place of a common
/// name, and no subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateUsername {
    /// The first common name.
    CommonName,
    /// The whole subject.
    Subject,
}

/// Who a certificate says a client is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Certified {
    /// It does not matter for this listener.
    NotAsked,
    /// It matters, and nothing says so.
    Missing,
    As(Box<str>),
}

impl Shard {
    /// A connection is inside TLS, and the handshake is done. To be told before anything that was [received] over it, also
    /// after it was handed over.
    ///
    /// [received]: Self::received
    pub fn secured(&mut self, id: ConnectionId, secured: Secured) {
        if let Some(connection) = self.home.connections.get_mut(id) {
            connection.secured = Some(Box::new(secured));
        }
    }

    pub(crate) fn certified(&self, id: ConnectionId) -> Certified {
        let Some(wanted) = self.listener(id).and_then(|listener| listener.certificate_username) else {
            return Certified::NotAsked;
        };
        let secured = self.home.connections.get(id).and_then(|connection| connection.secured.as_deref());
        let name = secured.and_then(|secured| match wanted {
            CertificateUsername::CommonName => secured.common_name.clone(),
            CertificateUsername::Subject => secured.subject.clone(),
        });
        name.map_or(Certified::Missing, Certified::As)
    }
}
