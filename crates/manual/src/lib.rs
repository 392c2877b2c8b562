//! The documents that are made from the tables: `mosquitto.conf(5)`, `mosquitto(8)` and the sample `mosquitto.conf`.
//!
//! What there is to say about an option stands in its row (`mosquitto_config::options`), about a flag in
//! `mosquitto_config::FLAGS`, about signals, environment and exit statuses in `mosquitto_server::outside`. What belongs to
//! none of them stands in `pages/`, in a small markup that `markup` reads; `@WORD` on a line of its own is the place of
//! a table. `cargo run -p mosquitto-manual` writes the documents; a test compares them with what the tables say now.

mod described;
mod markup;
mod pages;
mod sample;

use std::path::Path;
use std::{fs, io};

/// The command that writes the documents.
pub const COMMAND: &str = "cargo run -p mosquitto-manual";

/// A file that is made from the tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Where it stands, seen from the top of the repository.
    pub path: &'static str,
    /// What stands in it.
    pub text: String,
}

/// All documents, as the tables are now.
pub fn documents() -> [Document; 3] {
    [
        Document { path: "man/mosquitto.conf.5", text: pages::mosquitto_conf() },
        Document { path: "man/mosquitto.8", text: pages::mosquitto() },
        Document { path: "examples/mosquitto.conf", text: sample::mosquitto_conf() },
    ]
}

/// Writes all documents into a checked out repository.
pub fn write(repository: &Path) -> io::Result<()> {
    for document in documents() {
        let path = repository.join(document.path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, document.text)?;
    }
    Ok(())
}
