//! What a configuration names that lies outside of it, and where it does so.

use crate::error::Location;

/// Something outside of the configuration that the broker will need. Whether it is there only the system can tell; who asks
/// it can say with this where the name stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// What the name is the name of.
    pub referent: Referent,
    /// The name.
    pub name: String,
    /// The option that names it, as it stands in the file.
    pub option: String,
    /// The line.
    pub location: Location,
}

/// A kind of thing outside of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Referent {
    /// A file that the broker appends its log to, and makes if it is missing.
    LogFile,
    /// A file that the broker writes its process id to.
    PidFile,
    /// A user of the system.
    User,
    /// A network interface.
    Interface,
    /// An address or host name to listen on.
    Host,
    /// The path of a Unix socket to listen on.
    UnixSocket,
    /// A directory of files that are served over HTTP.
    HttpDir,
    /// A hint for pre-shared keys, for which OpenSSL has to be there.
    PskHint,
    /// A bridge, by its name.
    Bridge,
}

impl Referent {
    /// Whether there is one for the whole broker, so that a later name takes the place of an earlier one.
    pub(crate) fn is_single(self) -> bool {
        matches!(self, Self::LogFile | Self::PidFile | Self::User)
    }
}
