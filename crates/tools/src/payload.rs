//! The message that `mosquitto_pub` and `mosquitto_rr` publish.

use crate::progress::{self, Progress};
use crate::report::{FAILURE, Report};
use crate::settings::Source;
use mosquitto_transport::error_text;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The most bytes of a message: what MQTT can express.
pub(crate) const PAYLOAD_BYTES_MAX: usize = 268_435_455;

/// Bytes that are read at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// Reads what is to be published as one message, and shows how far that is. An error is the exit status, and has been shown.
pub(crate) fn load(source: Source, report: Report, progress: &mut Progress) -> Result<Vec<u8>, u8> {
    match source {
        Source::Argument(payload) => Ok(payload),
        Source::Null => Ok(Vec::new()),
        Source::File(path) => load_file(&path, report, progress),
        Source::Stdin | Source::StdinLines => load_stdin(report, progress),
    }
}

fn load_file(path: &Path, report: Report, progress: &mut Progress) -> Result<Vec<u8>, u8> {
    let name = path.display();
    let first = match File::open(path).and_then(|file| read_payload(file, progress)) {
        Ok(Some(payload)) => return Ok(payload),
        Ok(None) => format!("Error: File must be less than {PAYLOAD_BYTES_MAX} bytes.\n"),
        Err(error) => format!("Error: Unable to read file \"{name}\": {}.", error_text(&error)),
    };
    report.error(&first);
    report.error(&format!("Error loading input file \"{name}\"."));
    Err(FAILURE)
}

fn load_stdin(report: Report, progress: &mut Progress) -> Result<Vec<u8>, u8> {
    let first = match read_payload(io::stdin().lock(), progress) {
        Ok(Some(payload)) if !payload.is_empty() => return Ok(payload),
        Ok(Some(_)) => "Error: Zero length input.".to_owned(),
        Ok(None) => format!("Error: Message length must be less than {PAYLOAD_BYTES_MAX} bytes.\n"),
        Err(error) => format!("Error: {}.", error_text(&error)),
    };
    report.error(&first);
    report.error("Error loading input from stdin.");
    Err(FAILURE)
}

/// All that can be read, unless it is more than a message can hold.
fn read_payload(input: impl Read, progress: &mut Progress) -> io::Result<Option<Vec<u8>>> {
    let mut payload = Vec::new();
    let mut input = input.take(PAYLOAD_BYTES_MAX as u64 + 1);
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        match input.read(&mut chunk) {
            Ok(0) => break,
            Ok(len) => payload.extend_from_slice(chunk.get(..len).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        progress.show(|| format!("{} read", progress::bytes(payload.len())));
    }
    Ok(Some(payload).filter(|payload| payload.len() <= PAYLOAD_BYTES_MAX))
}
