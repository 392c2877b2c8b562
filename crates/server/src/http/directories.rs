//! The directories that the configuration has served.

use crate::failure::Failure;
use mosquitto_config::{Endpoint, Referent, Settings};
use mosquitto_transport::error_text;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// The real paths of all `http_dir`s, by how they are called in the configuration.
#[derive(Debug, Default)]
pub(crate) struct Directories(BTreeMap<String, Arc<Path>>);

impl Directories {
    /// Looks them up. Each has to be there.
    pub(crate) fn find(settings: &Settings) -> Result<Self, Failure> {
        let mut found = BTreeMap::new();
        for name in settings.endpoints().into_iter().filter_map(|endpoint| endpoint.http_dir) {
            let path = real(Path::new(&name)).map_err(|error| {
                let references = &settings.config.references;
                let named = references.iter().find(|r| r.referent == Referent::HttpDir && r.name == name);
                let place = named.map(|reference| format!("\n{}", reference.location)).unwrap_or_default();
                Failure::invalid(format!("Error: Unable to use http_dir '{name}': {}.{place}", error_text(&error)))
            })?;
            found.insert(name, path);
        }
        Ok(Self(found))
    }

    /// That of a listener, if it has one.
    pub(crate) fn of(&self, endpoint: &Endpoint) -> Option<Arc<Path>> {
        self.0.get(endpoint.http_dir.as_ref()?).cloned()
    }
}

fn real(path: &Path) -> io::Result<Arc<Path>> {
    let real = path.canonicalize()?;
    if real.is_dir() { Ok(real.into()) } else { Err(io::Error::from_raw_os_error(libc::ENOTDIR)) }
}
