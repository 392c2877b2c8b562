//! The completions work in the shells that they are for.
#![allow(clippy::unwrap_used, clippy::panic, reason = "the helpers of tests fail as tests do")]

use std::path::{Path, PathBuf};
use std::process::Command;

const PROGRAMS: [&str; 6] =
    ["mosquitto_pub", "mosquitto_sub", "mosquitto_rr", "mosquitto_passwd", "mosquitto_signal", "mosquitto_db_dump"];

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../completions").join(name)
}

/// Runs a shell; none where it is not installed, which is said.
fn shell(name: &str, arguments: &[&str], file: &Path) -> Option<String> {
    let Ok(output) = Command::new(name).args(arguments).arg(file).output() else {
        assert!(std::env::var_os("MOSQUITTO_TESTS_SKIP_NOTHING").is_none(), "{name} IS NOT INSTALLED");
        eprintln!("SKIPPED: {name} IS NOT INSTALLED");
        return None;
    };
    assert!(output.status.success() && output.stderr.is_empty(), "{name} {}: {output:?}", file.display());
    Some(String::from_utf8(output.stdout).unwrap())
}

/// What bash offers for the last of these words.
fn offered(words: &[&str]) -> Option<Vec<String>> {
    let program = *words.first().unwrap();
    let quoted: Vec<_> = words.iter().map(|word| format!("'{word}'")).collect();
    let last = words.len() - 1;
    let script = format!(
        "source \"$0\"; COMP_WORDS=({}); COMP_CWORD={last}; _{program}; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        quoted.join(" ")
    );
    let out = shell("bash", &["-c", &script], &file(&format!("{program}.bash")))?;
    Some(out.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

#[test]
fn bash_offers_options_and_the_words_that_a_value_can_be() {
    let Some(options) = offered(&["mosquitto_pub", "--will-"]) else { return };
    assert_eq!(options, ["--will-topic", "--will-payload", "--will-qos", "--will-retain"]);
    assert_eq!(offered(&["mosquitto_sub", "-q", ""]).unwrap(), ["0", "1", "2"]);
    assert_eq!(offered(&["mosquitto_sub", "--retain-handling", "n"]).unwrap(), ["new", "never"]);
    assert_eq!(offered(&["mosquitto_rr", "-V", "mqttv31"]).unwrap(), ["mqttv311", "mqttv31"]);
    assert_eq!(offered(&["mosquitto_rr", "-t", ""]).unwrap(), [""; 0]);
}

#[test]
fn bash_offers_what_stands_behind_the_options() {
    let Some(words) = offered(&["mosquitto_signal", "-a", "s"]) else { return };
    assert_eq!(words, ["shutdown"]);
    assert_eq!(offered(&["mosquitto_signal", "-p", ""]).unwrap(), [""; 0]);
    assert_eq!(offered(&["mosquitto_passwd", "-H", "s"]).unwrap(), ["sha512-pbkdf2", "sha512"]);
    let folder = env!("CARGO_MANIFEST_DIR");
    for program in ["mosquitto_passwd", "mosquitto_db_dump"] {
        let files = offered(&[program, &format!("{folder}/Car")]).unwrap();
        assert_eq!(files, [format!("{folder}/Cargo.toml")], "{program}");
    }
    assert_eq!(offered(&["mosquitto_db_dump", "--c"]).unwrap(), ["--client-stats"]);
}

#[test]
fn bash_offers_the_files_that_are_there() {
    let folder = env!("CARGO_MANIFEST_DIR");
    let Some(files) = offered(&["mosquitto_pub", "-f", &format!("{folder}/Car")]) else { return };
    assert_eq!(files, [format!("{folder}/Cargo.toml")]);
}

#[test]
fn zsh_and_fish_can_read_theirs() {
    for tool in PROGRAMS {
        shell("zsh", &["-n"], &file(&format!("_{tool}")));
        shell("fish", &["--no-execute"], &file(&format!("{tool}.fish")));
    }
}
