//! The options that need more than their row in the table can say.

mod bridges;
mod broker;
mod include_dir;
mod listeners;
mod logging;
mod security;

pub(crate) use bridges::*;
pub(crate) use broker::*;
pub(crate) use include_dir::*;
pub(crate) use listeners::*;
pub(crate) use logging::*;
pub(crate) use security::*;
