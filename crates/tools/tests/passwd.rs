//! `mosquitto_passwd`.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a helper fails the test that it serves")]

use mosquitto_auth::password::{PasswordFile, Scheme, Verdict};
use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// A directory of its own, gone at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("mosquitto-passwd-test-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn users(&self, name: &str) -> PasswordFile {
        PasswordFile::parse(&fs::read(self.path(name)).unwrap()).unwrap()
    }

    /// Runs the program here, and returns its exit status, standard output and standard error.
    fn run(&self, arguments: &[&str], input: &str) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mosquitto_passwd"));
        command.current_dir(&self.0).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // Who reads nothing may have gone already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    /// Likewise, where nothing is to be said.
    fn fails(&self, arguments: &[&str], error: &str) {
        let (status, _, stderr) = self.run(arguments, "");
        assert_eq!((status, stderr), (1, format!("{error}\n")), "{arguments:?}");
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_user_is_added_changed_and_deleted() {
    let folder = Folder::new();
    let done = |said: &str| (0, said.to_owned(), String::new());
    assert_eq!(folder.run(&["-c", "-b", "f", "anna", "a"], ""), done("Adding password for user anna\n"));
    assert_eq!(folder.run(&["-b", "f", "bert", "b"], ""), done("Adding password for user bert\n"));
    assert_eq!(folder.run(&["-b", "f", "anna", "-a"], ""), done("Updating password for user anna\n"));
    let users = folder.users("f");
    assert_eq!(
        (users.len(), users.check("anna", b"-a"), users.check("bert", b"b")),
        (2, Verdict::Right, Verdict::Right)
    );
    assert_eq!(folder.run(&["-D", "f", "anna"], ""), done(""));
    assert!(folder.users("f").user("anna").is_none());
    folder.fails(&["-D", "f", "anna"], "Warning: User anna not found in password file.");
    assert_eq!(folder.users("f").check("bert", b"b"), Verdict::Right);
}

#[test]
fn the_password_is_asked_for_twice() {
    let folder = Folder::new();
    let (status, said, _) = folder.run(&["-c", "f", "anna"], "a b\na b\n");
    assert_eq!((status, &*said), (0, "Password: \nReenter password: \nAdding password for user anna\n"));
    assert_eq!(folder.users("f").check("anna", b"a b"), Verdict::Right);
    let (status, _, stderr) = folder.run(&["f", "anna"], "not\nmatching\n");
    assert_eq!((status, &*stderr), (2, "Error: Passwords do not match.\n"));
    let (status, _, stderr) = folder.run(&["f", "anna"], "\n\n");
    assert_eq!((status, &*stderr), (1, "Error: Empty password.\n"));
    assert_eq!(folder.users("f").check("anna", b"a b"), Verdict::Right);
}

#[test]
fn a_mismatch_leaves_no_new_file_behind() {
    let folder = Folder::new();
    assert_eq!(folder.run(&["-c", "f", "anna"], "not\nmatching\n").0, 2);
    assert!(!folder.path("f").exists());
}

#[test]
fn a_new_file_is_for_its_owner_alone_and_takes_no_others_place() {
    let folder = Folder::new();
    folder.run(&["-c", "-b", "f", "anna", "a"], "");
    assert_eq!(fs::metadata(folder.path("f")).unwrap().mode() & 0o777, 0o600);
    let before = fs::read(folder.path("f")).unwrap();
    folder.fails(&["-c", "-b", "f", "bert", "b"], "Error: Unable to open file f for writing. File exists.");
    assert_eq!(fs::read(folder.path("f")).unwrap(), before);
}

#[test]
fn a_file_is_replaced_as_a_whole_and_keeps_its_mode() {
    let folder = Folder::new();
    folder.run(&["-c", "-b", "f", "anna", "a"], "");
    fs::set_permissions(folder.path("f"), fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink("f", folder.path("link")).unwrap();
    // Whoever has it open goes on reading what it was.
    let (before, opened) = (fs::read(folder.path("f")).unwrap(), fs::File::open(folder.path("f")).unwrap());
    assert_eq!(folder.run(&["-b", "link", "bert", "b"], "").0, 0);
    assert_eq!(std::io::read_to_string(opened).unwrap().into_bytes(), before);
    assert_eq!(fs::metadata(folder.path("f")).unwrap().mode() & 0o777, 0o640);
    assert!(fs::symlink_metadata(folder.path("link")).unwrap().is_symlink());
    assert_eq!(folder.users("f").len(), 2);
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 2, "nothing else is left");
}

#[test]
fn a_hash_is_of_the_kind_that_was_asked_for() {
    let folder = Folder::new();
    let iterations = |number: u32| Scheme::Pbkdf2 { iterations: number.try_into().unwrap() };
    for (options, expected) in [
        (&[][..], iterations(1000)),
        (&["-H", "sha512-pbkdf2"], iterations(1000)),
        (&["-I", "7"], iterations(7)),
        (&["-H", "sha512"], Scheme::Sha512),
        (&["-H", "argon2id"], Scheme::ARGON2ID),
    ] {
        let (status, said, _) = folder.run(&[options, &["-c", "-b", "-", "anna", "a"]].concat(), "");
        let users = PasswordFile::parse(said.as_bytes()).unwrap();
        assert_eq!((status, users.user("anna").unwrap().hash().scheme()), (0, expected), "{said}");
        assert_eq!(users.check("anna", b"a"), Verdict::Right);
    }
}

#[test]
fn standard_output_gets_the_line_and_nothing_else() {
    let folder = Folder::new();
    let (_, said, _) = folder.run(&["-b", "-c", "-", "anna", "a"], "");
    assert!(said.starts_with("anna:$7$1000$") && said.ends_with("==\n") && said.lines().count() == 1, "{said}");
    let (_, said, _) = folder.run(&["-c", "-", "anna"], "a\na\n");
    assert!(said.starts_with("Password: \nReenter password: \nanna:$7$1000$"), "{said}");
}

#[test]
fn plain_passwords_are_hashed_once() {
    let folder = Folder::new();
    fs::write(folder.path("f"), "# users\nanna:a\nbert:b\n").unwrap();
    assert_eq!(folder.run(&["-U", "f"], "").0, 0);
    let (once, users) = (fs::read(folder.path("f")).unwrap(), folder.users("f"));
    assert_eq!((users.check("anna", b"a"), users.check("bert", b"b")), (Verdict::Right, Verdict::Right));
    assert_eq!(folder.run(&["-U", "f"], "").0, 0);
    assert_eq!(fs::read(folder.path("f")).unwrap(), once);
}

#[test]
fn arguments_that_are_wrong_are_answered_in_mosquittos_words() {
    let folder = Folder::new();
    let long = "a".repeat(65_536);
    for (arguments, error) in [
        (&["-H"][..], "Error: -H argument given but not enough other arguments."),
        (&["-H", "nohash"], "Error: Unknown hash type 'nohash'"),
        (&["-I"], "Error: -I argument given but not enough other arguments."),
        (&["-I", "0"], "Error: Number of iterations must be > 0."),
        (&["-I", "10000001"], "Error: Number of iterations must be <= 10000000."),
        (&["-c", "-D"], "Error: -c and -D cannot be used together."),
        (&["-c", "-U"], "Error: -c and -U cannot be used together."),
        (&["-U", "-D"], "Error: -D and -U cannot be used together."),
        (&["-b", "-D"], "Error: -b and -D cannot be used together."),
        (&["-c", "-b"], "Error: -c argument given but password file, username, or password missing."),
        (&["-b", "f", "u"], "Error: -b argument given but password file, username, or password missing."),
        (&["-c"], "Error: -c argument given but password file or username missing."),
        (&["-D"], "Error: -D argument given but password file or username missing."),
        (&["-U"], "Error: -U argument given but password file missing."),
        (&["f"], "Error: Password file or username missing."),
        (&["-x"], "Error: Unknown option '-x'."),
        (&["f", "u", "-b"], "Error: Unknown option '-b'."),
        (&["-D", "f", "bad-username:"], "Error: Username must not contain the ':' character."),
        (&["-D", "f", "bad-username\n"], "Error: Username must not contain control characters."),
        (&["-D", "f", &long], "Error: Username must be less than 65536 characters long."),
        (&["-b", "-c", "f", "u", &long], "Error: Password must be less than 65536 characters long."),
        (&["-b", "-c", "f", "u", ""], "Error: Empty password."),
        (&["-b", "f", "u", "p"], "Error: Unable to open password file f. No such file or directory."),
    ] {
        folder.fails(arguments, error);
    }
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 0, "nothing was written");
}

#[test]
fn without_arguments_the_usage_is_shown() {
    let (status, said, stderr) = Folder::new().run(&[], "");
    assert!(status == 1 && said.contains("Usage: mosquitto_passwd") && stderr.is_empty());
}

#[test]
fn a_line_that_is_no_user_stops_every_change() {
    let folder = Folder::new();
    fs::write(folder.path("f"), "anna:a\nbert\n").unwrap();
    for arguments in [&["-b", "f", "anna", "x"][..], &["-D", "f", "anna"], &["-U", "f"]] {
        folder.fails(arguments, "Error: Corrupt password file at line 2.");
    }
    assert_eq!(fs::read(folder.path("f")).unwrap(), b"anna:a\nbert\n");
}
