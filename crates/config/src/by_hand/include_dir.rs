//! `include_dir`, and the order in which it reads files.

use crate::error::{ConfigError, reason_text};
use crate::reader::{OpenFile, Reader};
use crate::words::Statement;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

/// `include_dir`: all of its files, here and now.
pub(crate) fn include_dir(
    reader: &mut Reader,
    file: &mut OpenFile,
    statement: &mut Statement<'_>,
) -> Result<(), ConfigError> {
    if !file.may_include {
        return Err(ConfigError::new("The include_dir option is only valid in the main configuration file."));
    }
    let directory = PathBuf::from(statement.text(false)?);
    let names = configuration_files(&directory).map_err(|reason| {
        ConfigError::new(format_args!("Unable to open include_dir '{}'.", directory.display()))
            .expected(format!("a directory that can be read ({})", reason_text(&reason)))
    })?;
    for name in names {
        reader.read_included(&directory.join(name), &file.at);
    }
    Ok(())
}

/// The names in a directory that end in `.conf`, in the order in which they are read: compared letter by letter, first
/// without regard to case, upper before lower where that does not decide.
fn configuration_files(directory: &Path) -> io::Result<Vec<OsString>> {
    let mut names = std::fs::read_dir(directory)?
        .map(|entry| entry.map(|entry| entry.file_name()))
        .filter(|name| name.as_deref().map_or(true, is_configuration))
        .collect::<io::Result<Vec<_>>>()?;
    names.sort_by(|a, b| reading_order(a).cmp(reading_order(b)));
    Ok(names)
}

fn is_configuration(name: &OsStr) -> bool {
    const SUFFIX: &[u8] = b".conf";
    let name = name.as_encoded_bytes();
    name.len() > SUFFIX.len() && name.ends_with(SUFFIX)
}

fn reading_order(name: &OsStr) -> impl Iterator<Item = (u8, u8)> {
    name.as_encoded_bytes().iter().map(|byte| (byte.to_ascii_uppercase(), *byte))
}

#[cfg(test)]
mod tests {
    use super::{is_configuration, reading_order};
    use std::ffi::OsStr;

    /// The order in which Mosquitto 2.1 reads files of these names.
    const IN_ORDER: &[&str] = &[
        "00.conf",
        "01.conf",
        "A.conf",
        "AB.conf",
        "Ab.conf",
        "a b.conf",
        "a-.conf",
        "a.b.conf",
        "a.conf",
        "aa.conf",
        "aB.conf",
        "ab.conf",
        "a_.conf",
        "B.conf",
        "b.conf",
        "Z1.conf",
        "z.conf",
        "zz.conf.conf",
        "[.conf",
        "é.conf",
    ];

    #[test]
    fn files_are_read_in_order_of_letters_upper_before_lower() {
        let mut names = IN_ORDER.to_vec();
        names.reverse();
        names.sort_by(|a, b| reading_order(OsStr::new(a)).cmp(reading_order(OsStr::new(b))));
        assert_eq!(names, IN_ORDER);
    }

    #[test]
    fn only_names_that_end_in_conf_are_read() {
        for name in ["a.conf", ".a.conf", "a b.conf", "conf.conf"] {
            assert!(is_configuration(OsStr::new(name)), "{name}");
        }
        for name in [".conf", "a.CONF", "a.conf~", "a.conf.bak", "aconf", ""] {
            assert!(!is_configuration(OsStr::new(name)), "{name}");
        }
    }
}
