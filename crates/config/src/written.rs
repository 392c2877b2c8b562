//! Values as a file could say them.

use crate::config::{Protocol, ProtocolVersions, SocketDomain};
use crate::log::{Destinations, LogType, LogTypes};
use std::num::{NonZeroU16, NonZeroU32};
use std::path::PathBuf;

/// A value as a file could say it.
pub(crate) trait Written {
    /// The text; `None` if the file would say nothing.
    fn written(&self) -> Option<String>;
}

macro_rules! written_as_shown {
    ($($kind:ty),*) => {
        $(impl Written for $kind {
            fn written(&self) -> Option<String> {
                Some(self.to_string())
            }
        })*
    };
}

written_as_shown!(bool, u8, u16, u32, u64, NonZeroU16, NonZeroU32, String);

impl<T: Written> Written for Option<T> {
    fn written(&self) -> Option<String> {
        self.as_ref().and_then(T::written)
    }
}

impl Written for PathBuf {
    fn written(&self) -> Option<String> {
        Some(self.display().to_string())
    }
}

impl Written for SocketDomain {
    fn written(&self) -> Option<String> {
        let name = match self {
            SocketDomain::Ipv4 => "ipv4",
            SocketDomain::Ipv6 => "ipv6",
        };
        Some(name.to_owned())
    }
}

impl Written for Protocol {
    fn written(&self) -> Option<String> {
        let name = match self {
            Protocol::Mqtt => "mqtt",
            Protocol::WebSockets => "websockets",
            Protocol::HttpApi => "http_api",
        };
        Some(name.to_owned())
    }
}

impl Written for ProtocolVersions {
    fn written(&self) -> Option<String> {
        let versions = [(self.v31, "3"), (self.v311, "4"), (self.v5, "5")];
        Some(list(versions.into_iter().filter_map(|(spoken, name)| spoken.then_some(name))))
    }
}

impl Written for LogTypes {
    fn written(&self) -> Option<String> {
        Some(list(LogType::ALL.into_iter().filter(|kind| self.contains(*kind)).map(LogType::name)))
    }
}

impl Written for Destinations {
    fn written(&self) -> Option<String> {
        let places = [(self.stdout, "stdout"), (self.stderr, "stderr"), (self.syslog, "syslog"), (self.topic, "topic")];
        let file = self.file.written().map(|path| format!("file {path}"));
        Some(list(places.into_iter().filter_map(|(on, name)| on.then_some(name)).chain(file.as_deref())))
    }
}

/// `a,b`, or `none`.
fn list<'w>(words: impl Iterator<Item = &'w str>) -> String {
    let words: Vec<_> = words.collect();
    if words.is_empty() { "none".to_owned() } else { words.join(",") }
}
