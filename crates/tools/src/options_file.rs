//! The file that holds options which a user always wants.

use crate::Tool;
use crate::arguments::ArgumentError;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

/// The lines of the file that `arguments` name with `-o`, or else of the program's own file in the user's configuration
/// directory. A file that cannot be read is none.
pub(crate) fn read(tool: Tool, arguments: &[OsString]) -> Result<Vec<Vec<OsString>>, ArgumentError> {
    let path = named(arguments)?.or_else(|| usual(tool, |name| std::env::var_os(name)));
    Ok(path.and_then(|path| std::fs::read(path).ok()).map(|text| lines(&text)).unwrap_or_default())
}

/// The file after `-o`. The arguments are not understood here: any `-o` counts, as in the original.
fn named(arguments: &[OsString]) -> Result<Option<PathBuf>, ArgumentError> {
    let mut files = arguments.iter().enumerate().filter(|(_, argument)| *argument == "-o");
    let Some((at, _)) = files.next() else { return Ok(None) };
    let Some(file) = arguments.get(at + 1) else { return Ok(None) };
    if files.next().is_some() {
        return Err(ArgumentError::spaced("Error: Duplicate -o argument given."));
    }
    Ok(Some(PathBuf::from(file)))
}

fn usual(tool: Tool, variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let directory = match variable("XDG_CONFIG_HOME") {
        Some(directory) => PathBuf::from(directory),
        None => PathBuf::from(variable("HOME")?).join(".config"),
    };
    Some(directory.join(tool.name()))
}

/// The option and the value of each line; the value is the rest of the line, with spaces and all.
fn lines(text: &[u8]) -> Vec<Vec<OsString>> {
    text.split(|&byte| byte == b'\n')
        .filter(|line| !line.starts_with(b"#"))
        .filter_map(|line| {
            let end = line.iter().rposition(|&byte| byte != b'\r').map_or(0, |last| last + 1);
            let line = line.get(..end)?;
            let start = line.iter().position(|&byte| byte != b' ')?;
            let mut words = line.get(start..)?.splitn(2, |&byte| byte == b' ').filter(|word| !word.is_empty());
            let option = OsString::from_vec(words.next()?.to_vec());
            Some(std::iter::once(option).chain(words.map(|value| OsStr::from_bytes(value).to_owned())).collect())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_an_option_and_the_rest() {
        let text = b"# comment\n-h server\r\n\n  -i a name \n-d\n # -x\n-u \n-m  two";
        let found: Vec<Vec<String>> = lines(text)
            .into_iter()
            .map(|line| line.into_iter().map(|word| word.into_string().unwrap()).collect())
            .collect();
        let expected: [&[&str]; 6] =
            [&["-h", "server"], &["-i", "a name "], &["-d"], &["#", "-x"], &["-u"], &["-m", " two"]];
        assert_eq!(found, expected);
    }

    #[test]
    fn the_file_is_in_the_users_configuration() {
        let path = |set: &'static [(&str, &str)]| {
            usual(Tool::Sub, |name| set.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into()))
        };
        assert_eq!(path(&[("HOME", "/h"), ("XDG_CONFIG_HOME", "/x")]), Some("/x/mosquitto_sub".into()));
        assert_eq!(path(&[("HOME", "/h")]), Some("/h/.config/mosquitto_sub".into()));
        assert_eq!(path(&[]), None);
    }

    #[test]
    fn one_file_can_be_named() {
        let named = |arguments: &[&str]| named(&arguments.iter().map(OsString::from).collect::<Vec<_>>());
        assert_eq!(named(&["-d", "-o", "f", "-t", "a"]), Ok(Some("f".into())));
        assert_eq!(named(&["-t", "a"]), Ok(None));
        assert!(named(&["-o", "f", "-o", "g"]).is_err());
    }
}
