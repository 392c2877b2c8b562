//! A server that name servers know.

use super::connection::Target;
use mosquitto_dns::{LookupError, Resolvers};
use mosquitto_transport::{ClientLayers, ClientSecurity};
use std::collections::VecDeque;
use std::io;

/// Where to ask which server to connect to: [`Client::connect_service`](super::Client::connect_service).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// The domain whose service it is.
    pub domain: String,
    /// Whether `_secure-mqtt._tcp` of the domain is asked for, and not `_mqtt._tcp`.
    pub is_secure: bool,
    /// Whether the server's certificate is to be for the host that the answer names, and not for what the
    /// [layers](super::Client::set_layers) say. Answers of the DNS can be forged: only who trusts no authority that would
    /// give a certificate to just anybody is safe with that.
    pub names_certificate: bool,
    /// Host and port of a SOCKS5 proxy, where the layers have one.
    pub proxy: Option<(String, u16)>,
    /// The name servers; none: those of the system, as they are at the time of each look-up.
    pub resolvers: Option<Resolvers>,
}

impl Service {
    /// The service of a domain without a proxy, with the name servers of the system.
    pub fn new(domain: impl Into<String>, is_secure: bool) -> Self {
        Self { domain: domain.into(), is_secure, names_certificate: false, proxy: None, resolvers: None }
    }

    /// What is asked for.
    pub fn name(&self) -> String {
        let service = if self.is_secure { "_secure-mqtt" } else { "_mqtt" };
        format!("{service}._tcp.{}", self.domain)
    }

    /// Asks. An error of the look-up has a [`LookupError`] inside.
    pub(super) fn targets(&self, layers: &ClientLayers) -> io::Result<VecDeque<Target>> {
        let found = match &self.resolvers {
            Some(resolvers) => mosquitto_dns::services(resolvers, &self.name()),
            None => mosquitto_dns::services(&Resolvers::of_system(), &self.name()),
        };
        let found = found.map_err(|error| {
            let kind =
                if matches!(error, LookupError::TimedOut) { io::ErrorKind::TimedOut } else { io::ErrorKind::Other };
            io::Error::new(kind, error)
        })?;
        let targets = found.into_iter().map(|target| {
            let layers = Box::new(self.layers(layers, &target));
            let (host, port) = self.proxy.clone().unwrap_or((target.host, target.port));
            Target::Named { host, port, layers }
        });
        Ok(targets.collect())
    }

    /// The layers with what the answer says.
    fn layers(&self, layers: &ClientLayers, target: &mosquitto_dns::Target) -> ClientLayers {
        let mut layers = layers.clone();
        if let Some(socks) = &mut layers.socks {
            (socks.host, socks.port) = (target.host.clone(), target.port);
        }
        if let Some(ClientSecurity::Tls { host, .. }) = &mut layers.tls
            && self.names_certificate
        {
            host.clone_from(&target.host);
        }
        if let Some(websocket) = &mut layers.websocket {
            websocket.host = format!("{}:{}", target.host, target.port);
        }
        layers
    }
}
