//! What the configuration and the command line do, as somebody sees it who writes them: one file a behaviour.
//!
//! A test writes its files into a folder of its own, reads them, and looks at the values or at the lines of the error.
#![allow(clippy::unwrap_used, clippy::panic, reason = "the helpers of tests fail as tests do")]

mod any_bytes;
mod bridge_tls;
mod bridge_topics;
mod bridges;
mod bridges_together;
mod changes;
mod command_line;
mod errors;
mod folder;
mod general_options;
mod hostile_files;
mod include_dir;
mod integers;
mod listeners;
mod logging;
mod mosquitto_options;
mod option_table;
mod packaged_files;
mod per_listener_settings;
mod psk;
mod reading;
mod references;
mod reload;
mod text;
mod tls;
mod unsupported;
