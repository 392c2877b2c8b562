//! What is served by which listener, and to whom.

use super::api;
use super::directories::Directories;
use crate::auth_files::AuthFiles;
use mosquitto_auth::acl::AccessList;
use mosquitto_auth::password::PasswordFile;
use mosquitto_config::{Endpoint, Protocol};
use mosquitto_transport::Security;
use std::path::Path;
use std::sync::Arc;

/// All of it, as the configuration says.
#[derive(Debug, Default)]
pub(crate) struct Sites {
    /// By the number of the listener; none where nothing is served.
    numbered: Vec<Option<Site>>,
    /// What is said about the broker's listeners.
    pub(super) listeners: String,
}

/// One listener.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) kind: Kind,
    /// Where its files are.
    pub(super) directory: Option<Arc<Path>>,
    /// What its connections need for TLS.
    pub(super) tls: Option<Security>,
}

#[derive(Debug)]
pub(super) enum Kind {
    /// Files, for everybody: a listener for WebSockets.
    Files,
    /// The endpoints, and files, for those who may ask for them.
    Api(Door),
}

/// Who is let in.
#[derive(Debug)]
pub(super) struct Door {
    pub(super) allow_anonymous: bool,
    /// None: there is no password file.
    pub(super) users: Option<Arc<PasswordFile>>,
    /// None: everybody may ask for everything.
    pub(super) access_list: Option<Arc<AccessList>>,
}

impl Sites {
    /// `endpoints` are those of the listeners by number, none for one that is gone; `tls` has what their connections need.
    pub(crate) fn new<'e>(
        endpoints: impl Iterator<Item = Option<&'e Endpoint>> + Clone,
        tls: &[Option<Security>],
        auth_files: &AuthFiles,
        directories: &Directories,
    ) -> Self {
        let listeners = api::listeners(endpoints.clone().flatten());
        let site = |endpoint: &Endpoint, tls: Option<&Security>| {
            let kind = match endpoint.protocol {
                Protocol::HttpApi => Kind::Api(Door {
                    allow_anonymous: endpoint.allow_anonymous,
                    users: auth_files.passwords.of(endpoint),
                    access_list: auth_files.acl.in_force(endpoint),
                }),
                Protocol::WebSockets if endpoint.http_dir.is_some() => Kind::Files,
                _ => return None,
            };
            Some(Site { kind, directory: directories.of(endpoint), tls: tls.cloned() })
        };
        let tls = tls.iter().map(Option::as_ref).chain(std::iter::repeat(None));
        let numbered = endpoints.zip(tls).map(|(endpoint, tls)| site(endpoint?, tls)).collect();
        Self { numbered, listeners }
    }

    /// What the listener of this number serves.
    pub(super) fn of(&self, number: u16) -> Option<&Site> {
        self.numbered.get(usize::from(number))?.as_ref()
    }
}
