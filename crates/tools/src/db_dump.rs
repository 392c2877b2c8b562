//! `mosquitto_db_dump`: what stands in a `mosquitto.db`.

mod counts;
mod json;
mod plain;

use crate::program_table::{self, Program, Rest, Switch};
use crate::report::FAILURE;
use counts::{ClientCounts, TypeCounts};
use json::Json;
use mosquitto_storage::{Chunk, Entry, Error, ErrorKind, MAGIC, Reader};
use plain::Plain;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::process::ExitCode;

/// How a file is shown.
struct Shown(fn() -> Box<dyn View>);

/// The ways to look at a file; without any of them it is shown as it stands.
const OPTIONS: &[Switch<Shown>] = &[
    Switch {
        names: &["--stats"],
        value: None,
        help: "show how many chunks there are of each type",
        effect: Shown(|| Box::new(TypeCounts::default())),
    },
    Switch {
        names: &["--client-stats"],
        value: None,
        help: "show for each client how many subscriptions and messages it has, and how many bytes they take",
        effect: Shown(|| Box::new(ClientCounts::default())),
    },
    Switch {
        names: &["--json"],
        value: None,
        help: "show all of it as one JSON document",
        effect: Shown(|| Box::new(Json::default())),
    },
];

/// The way to call it: what stands behind its name.
fn form() -> String {
    let names: Vec<_> = OPTIONS.iter().flat_map(|switch| switch.names).copied().collect();
    format!("[{}] <mosquitto db filename>", names.join(" | "))
}

/// As its user sees it.
pub(crate) fn program() -> Program {
    Program {
        name: "mosquitto_db_dump",
        forms: vec![form()],
        options: program_table::entries(OPTIONS),
        rest: Rest::File,
    }
}

/// Something that is made of the chunks of a file, and how it is written. What is written as it is read is also there for a
/// file that is damaged further on.
trait View {
    /// The file is a database.
    fn begin(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    /// It has this checksum and version.
    fn head(&mut self, _checksum: u32, _version: u32, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    /// A chunk, of a type that is known.
    fn entry(&mut self, entry: &Entry<'_>, out: &mut dyn Write) -> io::Result<()>;

    /// The file is damaged here, and nothing else will come.
    fn damaged(&mut self, _error: &Error, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    /// The file has ended.
    fn end(&mut self, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

/// Carries out these arguments (without the program's name). The exit status is that of Mosquitto's program: 1 for wrong
/// arguments and for what is no database or a damaged one, 0 otherwise, also where the file cannot be opened.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<_> = arguments.into_iter().collect();
    let (mut view, path): (Box<dyn View>, _) = match arguments.as_slice() {
        [path] => (Box::new(Plain::default()), path),
        [view, path] => match program_table::find(OPTIONS, view) {
            Some(switch) => ((switch.effect.0)(), path),
            None => return wrong_arguments(),
        },
        _ => return wrong_arguments(),
    };
    dump(path, view.as_mut())
}

fn wrong_arguments() -> ExitCode {
    // In the words of the original, which calls itself so.
    complain(&format!("Usage: db_dump {}\n", form()));
    ExitCode::from(FAILURE)
}

fn dump(path: &OsStr, view: &mut dyn View) -> ExitCode {
    let Ok(file) = File::open(path) else {
        complain(&format!("Error: Unable to open {}\n", path.display()));
        return ExitCode::SUCCESS;
    };
    let mut out = BufWriter::new(io::stdout().lock());
    let (code, written) = match show(BufReader::new(file), view, &mut out) {
        Ok(Ok(())) => (ExitCode::SUCCESS, Ok(())),
        Ok(Err(error)) => {
            let written = view.damaged(&error, &mut out);
            complain(&complaint(&error));
            (ExitCode::from(FAILURE), written)
        }
        Err(error) => (ExitCode::from(FAILURE), Err(error)),
    };
    match written.and_then(|()| out.flush()) {
        Ok(()) => code,
        // A reader that has gone away does not want the rest.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => code,
        Err(error) => {
            complain(&format!("Error: Unable to write: {}.\n", mosquitto_transport::error_text(&error)));
            ExitCode::from(FAILURE)
        }
    }
}

/// The outer error is one of writing.
fn show(input: impl io::Read, view: &mut dyn View, out: &mut dyn Write) -> io::Result<Result<(), Error>> {
    let mut reader = match Reader::of_any_version(input) {
        Ok(reader) => reader,
        Err(error) => {
            if error.offset >= MAGIC.len() as u64 {
                view.begin(out)?;
            }
            // The original counts what is no database as an empty one, too.
            if matches!(error.kind, ErrorKind::Magic) {
                view.end(out)?;
            }
            return Ok(Err(error));
        }
    };
    view.begin(out)?;
    view.head(reader.checksum(), reader.version(), out)?;
    loop {
        match reader.next_entry() {
            Ok(Some(Entry { chunk: Chunk::Unknown(number), length, offset })) => complain(&format!(
                "Warning: Unsupported chunk \"{}\" of length {length} in persistent database file at position {offset}. \
                 Ignoring.\n",
                number.cast_signed()
            )),
            Ok(Some(entry)) => view.entry(&entry, out)?,
            // The original takes a rest that is no chunk for the end.
            Ok(None) | Err(Error { chunk: None, kind: ErrorKind::FileEnds { .. }, .. }) => {
                view.end(out)?;
                return Ok(Ok(()));
            }
            Err(error) => return Ok(Err(error)),
        }
    }
}

/// What standard error says; nothing where the file ends before its first chunk, as with the original.
fn complaint(error: &Error) -> String {
    match &error.kind {
        ErrorKind::Magic => "Error: Unrecognised file format.\n".to_owned(),
        ErrorKind::FileEnds { .. } if error.chunk.is_none() => String::new(),
        ErrorKind::Io(error) => {
            format!("Error: Unable to read the file: {}.\n", mosquitto_transport::error_text(error))
        }
        ErrorKind::IdSize { found, .. } => {
            format!("Error: Incompatible database configuration (dbid size is {found} bytes, expected 8)")
        }
        _ => "Error: Corrupt persistent database.\n".to_owned(),
    }
}

fn complain(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}
