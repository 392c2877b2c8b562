//! Files of an `http_dir`.

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The file that a path means which ends in a slash.
const INDEX: &str = "index.html";

/// How files are opened: what turns out to be none is not waited for.
const FLAGS: OFlag = OFlag::O_RDONLY.union(OFlag::O_NOFOLLOW).union(OFlag::O_NONBLOCK).union(OFlag::O_NOCTTY);

/// Types by the ending of a name. Text is taken for UTF-8.
const TYPES: [(&str, &str); 31] = [
    ("html", "text/html; charset=utf-8"),
    ("htm", "text/html; charset=utf-8"),
    ("css", "text/css; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("mjs", "text/javascript; charset=utf-8"),
    ("txt", "text/plain; charset=utf-8"),
    ("md", "text/markdown; charset=utf-8"),
    ("csv", "text/csv; charset=utf-8"),
    ("xml", "application/xml"),
    ("json", "application/json"),
    ("map", "application/json"),
    ("webmanifest", "application/manifest+json"),
    ("wasm", "application/wasm"),
    ("pdf", "application/pdf"),
    ("zip", "application/zip"),
    ("gz", "application/gzip"),
    ("svg", "image/svg+xml"),
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("gif", "image/gif"),
    ("webp", "image/webp"),
    ("avif", "image/avif"),
    ("ico", "image/x-icon"),
    ("woff", "font/woff"),
    ("woff2", "font/woff2"),
    ("ttf", "font/ttf"),
    ("otf", "font/otf"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("webm", "video/webm"),
];

/// The type of everything else.
const UNKNOWN: &str = "application/octet-stream";

/// What is still to be sent of a file.
#[derive(Debug)]
pub(super) struct Body {
    file: File,
    at: u64,
    len: u64,
}

/// The file that a path means, and its type; none: there is no such file, or none that may be served. `directory` is a real
/// path.
pub(super) fn find(directory: &Path, path: &[u8]) -> Option<(Body, &'static str)> {
    let name = name(path)?;
    let real = directory.join(&name).canonicalize().ok()?;
    // Also where symbolic links lead out of it.
    let inside = real.strip_prefix(directory).ok()?;
    if !fs::metadata(&real).ok()?.is_file() {
        return None;
    }
    let file = open(directory, inside).ok()?;
    // It may have become another since.
    let metadata = file.metadata().ok().filter(fs::Metadata::is_file)?;
    Some((Body { file, at: 0, len: metadata.len() }, content_type(&name)))
}

/// The name of the file below the directory. A path that could be written in several ways is that of a file in one of them
/// only: access is by path, and nothing is to be had by another name.
fn name(path: &[u8]) -> Option<PathBuf> {
    let relative = path.strip_prefix(b"/")?;
    let (relative, is_directory) = match relative.strip_suffix(b"/") {
        Some(directory) => (directory, true),
        None => (relative, relative.is_empty()),
    };
    let is_plain = |part: &[u8]| !part.is_empty() && part != b"." && part != b".." && !part.contains(&0);
    if (!relative.is_empty() || path.len() > 1) && !relative.split(|byte| *byte == b'/').all(is_plain) {
        return None;
    }
    let name = PathBuf::from(OsStr::from_bytes(relative));
    Some(if is_directory { name.join(INDEX) } else { name })
}

/// Opens a real path. The system sees to it that it still leads nowhere else.
fn open(directory: &Path, inside: &Path) -> io::Result<File> {
    let from = File::open(directory)?;
    let resolve = ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS;
    match openat2(&from, inside, OpenHow::new().flags(FLAGS | OFlag::O_CLOEXEC).resolve(resolve)) {
        Ok(file) => Ok(file.into()),
        // Systems before Linux 5.6, and some containers, do not have it.
        Err(Errno::ENOSYS | Errno::EPERM) => {
            OpenOptions::new().read(true).custom_flags(FLAGS.bits()).open(directory.join(inside))
        }
        Err(error) => Err(error.into()),
    }
}

fn content_type(name: &Path) -> &'static str {
    let ending = name.extension().and_then(OsStr::to_str).unwrap_or_default();
    let known = TYPES.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(ending));
    known.map_or(UNKNOWN, |(_, content_type)| content_type)
}

impl Body {
    /// Bytes that are still to be sent.
    pub(super) fn len(&self) -> u64 {
        self.len - self.at
    }

    /// Reads what comes next, as much as there is room for. 0: nothing comes, although there may be something to be sent: the
    /// file has become shorter.
    pub(super) fn peek(&self, room: &mut [u8]) -> io::Result<usize> {
        let len = usize::try_from(self.len()).unwrap_or(usize::MAX).min(room.len());
        self.file.read_at(room.get_mut(..len).unwrap_or_default(), self.at)
    }

    /// So many bytes were sent.
    pub(super) fn advance(&mut self, len: usize) {
        self.at = self.len.min(self.at + len as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_that_of_a_file_in_one_way_only() {
        for (path, expected) in [
            ("/", Some("index.html")),
            ("/a", Some("a")),
            ("/a/", Some("a/index.html")),
            ("/a/b.c", Some("a/b.c")),
            ("/...", Some("...")),
            ("/.hidden", Some(".hidden")),
            ("", None),
            ("a", None),
            ("//", None),
            ("//a", None),
            ("/a//b", None),
            ("/a//", None),
            ("/..", None),
            ("/../", None),
            ("/.", None),
            ("/./a", None),
            ("/a/../b", None),
            ("/a/..", None),
            ("/a\0b", None),
        ] {
            assert_eq!(name(path.as_bytes()), expected.map(PathBuf::from), "{path:?}");
        }
    }

    #[test]
    fn types_are_told_by_the_ending() {
        for (name, expected) in [
            ("index.html", "text/html; charset=utf-8"),
            ("A.PNG", "image/png"),
            ("a.min.js", "text/javascript; charset=utf-8"),
            ("a.unheard-of", UNKNOWN),
            ("html", UNKNOWN),
            (".html", UNKNOWN),
        ] {
            assert_eq!(content_type(Path::new(name)), expected, "{name}");
        }
    }
}
