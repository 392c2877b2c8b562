//! `mosquitto.conf` and the broker's command line, as typed values.
//!
//! Every option is declared once, in [`options`]: its name, argument, range, default, scope and help. The parser, its
//! error messages, its suggestions and the documentation all come from that table. The flags of the command line are
//! one table likewise, in `command_line`.
//!
//! The way of a line: `reader` takes a file apart into lines, `words` a line into words and values, `apply` looks the
//! name up in the table and stores the value in a [`Config`]. What one row of the table cannot say is in `by_hand`.
//!
//! Invariant: this room reads configuration files and does nothing else with the outside. It resolves no host names,
//! opens no log and prints nothing: what there is to say is returned as [`Notice`]s and [`ConfigErrors`].

mod apply;
mod bridge;
mod by_hand;
mod changes;
mod command_line;
mod config;
mod endpoint;
mod error;
mod log;
pub mod options;
mod persistence;
mod reader;
mod reference;
mod settings;
mod suggestion;
mod tls;
mod words;
mod written;

pub use bridge::{
    Bridge, BridgeAddress, BridgeProtocol, BridgeTls, BridgeTlsVersion, BridgeTopic, Direction, ReloadType,
    RestartTimeout, StartType, TcpKeepalive,
};
pub use changes::{Change, Effect};
pub use command_line::{Command, CommandLineError, FLAGS, Flag, parse_command_line, usage};
pub use config::{Config, Global, Listener, Origin, Protocol, ProtocolVersions, Security, SocketDomain};
pub use endpoint::{Endpoint, Place};
pub use error::{ConfigError, ConfigErrors, Location, Notice};
pub use log::{Destinations, Log, LogType, LogTypes};
pub use persistence::{Persistence, PersistenceSync};
pub use reference::{Reference, Referent};
pub use settings::{Settings, Verbosity};
pub use tls::Tls;
