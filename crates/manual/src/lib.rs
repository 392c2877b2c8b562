//! The documents that are made from the tables: `mosquitto.conf(5)`, `mosquitto(8)` and the sample `mosquitto.conf`; for
//! each other program a manual page, a page in `docs/`, and what shells complete its command lines with.
//!
//! What there is to say about an option stands in its row (`mosquitto_config::options`), about a flag in
//! `mosquitto_config::FLAGS`, about signals, environment and exit statuses in `mosquitto_server::outside`. What belongs to
//! none of them stands in `pages/`, in a small markup that `markup` reads; `@WORD` on a line of its own is the place of
//! a table. `cargo run -p mosquitto-manual` writes the documents; a test compares them with what the tables say now.

mod completions;
mod described;
mod document;
mod markup;
mod pages;
mod sample;
mod tools;

use std::path::Path;
use std::{fs, io};
use tools::Subject;

/// The command that writes the documents.
pub const COMMAND: &str = "cargo run -p mosquitto-manual";

/// A file that is made from the tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Where it stands, seen from the top of the repository.
    pub path: String,
    /// What stands in it.
    pub text: String,
}

/// All documents, as the tables are now.
pub fn documents() -> Vec<Document> {
    let document = |path: String, text| Document { path, text };
    let mut documents = vec![
        document("man/mosquitto.conf.5".to_owned(), pages::mosquitto_conf()),
        document("man/mosquitto.8".to_owned(), pages::mosquitto()),
        document("examples/mosquitto.conf".to_owned(), sample::mosquitto_conf()),
    ];
    for subject in Subject::all() {
        let name = subject.name();
        documents.push(document(format!("man/{name}.1"), subject.manual()));
        documents.push(document(format!("docs/{name}.md"), subject.markdown()));
        documents.push(document(format!("completions/{name}.bash"), completions::bash(&subject)));
        documents.push(document(format!("completions/_{name}"), completions::zsh(&subject)));
        documents.push(document(format!("completions/{name}.fish"), completions::fish(&subject)));
    }
    documents
}

/// Writes all documents into a checked out repository.
pub fn write(repository: &Path) -> io::Result<()> {
    for document in documents() {
        let path = repository.join(&document.path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(path, document.text)?;
    }
    Ok(())
}
