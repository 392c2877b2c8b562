//! The command line clients. Each program is a `main` of a few lines over one of the modules here.
//!
//! The way of a command line: `options` declares every option once; [`arguments`] reads the arguments with it into
//! [`settings`], which [`publish`], [`subscribe`] or [`request`] then carries out. What a program says besides messages, and with
//! which status it exits, is in `report`. [`signal`], [`passwd`] and [`db_dump`] are
//! programs that are no clients; [`program_table`] says what each of them takes.

mod advice;
pub mod arguments;
mod connecting;
pub mod db_dump;
pub mod format;
mod layers;
mod number;
pub mod option_table;
mod options;
mod options_file;
mod output;
pub mod passwd;
mod payload;
pub mod program;
pub mod program_table;
mod progress;
pub mod publish;
mod report;
pub mod request;
pub mod settings;
pub mod signal;
mod signals;
mod stdin_lines;
pub mod subscribe;
mod usage;

/// One of the programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// `mosquitto_pub`
    Pub,
    /// `mosquitto_sub`
    Sub,
    /// `mosquitto_rr`
    Rr,
}

impl Tool {
    /// The program's name.
    pub fn name(self) -> &'static str {
        match self {
            Tool::Pub => "mosquitto_pub",
            Tool::Sub => "mosquitto_sub",
            Tool::Rr => "mosquitto_rr",
        }
    }
}
