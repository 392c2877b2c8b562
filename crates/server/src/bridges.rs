//! Bridges beside the workers: what the configuration makes of each, and the threads that look up names for them.
//!
//! The bridges themselves live on the workers (`worker::bridges`), each on the one where its local session is at home.

mod lookup;
mod setup;

pub(crate) use lookup::{Found, Lookups, Target, Ticket};
pub(crate) use setup::{Setup, Setups, changes, prepare};
