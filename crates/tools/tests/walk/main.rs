//! The programs against the broker of this workspace, all as real processes.

mod certificates;
mod ends;
mod harness;
mod lost_connection;
mod messages;
mod proxy;
mod requests;
mod standard_input;
mod terminal;
mod tls;
mod websockets;
