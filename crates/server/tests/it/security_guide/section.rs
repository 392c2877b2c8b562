//! A section of the guide, and a place where what it says can be done.

use crate::foreign::{Proxy, are_there};
use crate::harness::{Broker, Program, Scratch, Setup};
use std::cell::Cell;
use std::collections::VecDeque;
use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

const GUIDE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/security.md"));

/// What is typed where the guide's programs ask for a password.
pub(super) const PASSWORD: &str = "secret";

/// Directories of the guide, and what they are called in the scratch directory.
const DIRECTORIES: [(&str, &str); 5] = [
    ("/etc/mosquitto", "files"),
    ("/etc/haproxy", "proxy"),
    ("/run/mosquitto", "state"),
    ("/var/log/mosquitto", "logs"),
    ("/var/www/mosquitto", "www"),
];

/// The client in the guide's shell lines.
const CLIENT: &str = "mosquitto_pub";

/// Programs of the guide's shell lines that may not be installed.
const PROGRAMS: [&str; 3] = ["mosquitto_passwd", CLIENT, "openssl"];

thread_local! {
    /// Whether a client is this project's rather than the one that is installed. The guide is for both.
    static OWN_CLIENT: Cell<bool> = const { Cell::new(false) };
}

/// Does something with this project's client.
pub(super) fn with_own_client(what: impl FnOnce()) {
    let place = beside_broker(CLIENT);
    if !place.is_file() {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--package", "mosquitto-tools", "--bin", CLIENT]);
        if !cfg!(debug_assertions) {
            cargo.arg("--release");
        }
        assert!(cargo.status().unwrap().success(), "the client does not build");
    }
    OWN_CLIENT.set(true);
    what();
    OWN_CLIENT.set(false);
}

/// Whether a client is run in this section.
pub(super) fn runs_client(heading: &str) -> bool {
    blocks(heading).iter().any(|block| uses(block, CLIENT))
}

/// For tests to look at.
const LOG: &str = "log_dest stderr\nlog_type all\nlog_timestamp false\nworker_threads 1\n";

/// What stands between two fences.
#[derive(Debug, Clone)]
struct Block {
    language: String,
    /// Of the file that this is, if it is one.
    path: Option<String>,
    text: String,
}

/// A section whose blocks are used from the first to the last one. Dropped, all of them must have been.
#[derive(Debug)]
pub(super) struct Section {
    blocks: VecDeque<Block>,
    scratch: Scratch,
}

/// What the sections are called.
pub(super) fn headings() -> Vec<String> {
    GUIDE.lines().filter_map(|line| line.strip_prefix("## ")).map(str::to_owned).collect()
}

fn blocks(heading: &str) -> Vec<Block> {
    let text = GUIDE.split("\n## ").find_map(|section| section.strip_prefix(heading)?.strip_prefix('\n'));
    let parts = text.unwrap_or_else(|| panic!("a section {heading}")).split("```");
    let fenced = parts.skip(1).step_by(2).map(|block| {
        let (info, text) = block.split_once('\n').unwrap();
        let (language, path) = info.split_once(' ').map_or((info, None), |(language, path)| (language, Some(path)));
        Block { language: language.to_owned(), path: path.map(str::to_owned), text: text.to_owned() }
    });
    fenced.collect()
}

impl Section {
    /// This section, after those that it builds on: their files are there, and what their first shell lines make. None if
    /// that needs a program that is missing.
    pub(super) fn open(heading: &str, after: &[&str]) -> Option<Self> {
        let blocks_of_this = blocks(heading);
        let before: Vec<_> = after.iter().map(|heading| blocks(heading)).collect();
        if !before.iter().flatten().chain(&blocks_of_this).all(can_be_used) {
            return None;
        }
        let section = Self { blocks: blocks_of_this.into(), scratch: Scratch::new() };
        for (_, name) in DIRECTORIES {
            let path = section.scratch.path().join(name);
            fs::create_dir(&path).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
        }
        section.put_own_programs_first();
        for blocks in before {
            for file in blocks.iter().filter(|block| block.path.is_some()) {
                section.write(file);
            }
            if let Some(shell) = blocks.iter().find(|block| block.language == "sh") {
                section.run_all(&shell.text);
            }
        }
        Some(section)
    }

    /// Where this project has a program that the guide names, that one is meant.
    fn put_own_programs_first(&self) {
        let bin = self.scratch.path().join("bin");
        fs::create_dir(&bin).unwrap();
        for program in PROGRAMS {
            if let Some(place) = own(program) {
                symlink(place, bin.join(program)).unwrap();
            }
        }
    }

    /// The text of the next block, which must be in this language, with the paths of this place.
    pub(super) fn take(&mut self, language: &str) -> String {
        let block = self.next(language);
        self.filled(&block.text)
    }

    fn next(&mut self, language: &str) -> Block {
        let block = self.blocks.pop_front().expect("another block");
        assert_eq!(block.language, language, "{}", block.text);
        block
    }

    /// Writes the file that the next block is.
    pub(super) fn file(&mut self, language: &str) {
        let block = self.next(language);
        self.write(&block);
    }

    fn write(&self, block: &Block) {
        let path = block.path.as_ref().expect("a block that is a file");
        fs::write(self.filled(path), self.filled(&block.text)).unwrap();
    }

    /// Runs the next block, which must succeed.
    pub(super) fn shell(&mut self) {
        let text = self.take("sh");
        self.run_all(&text);
    }

    /// Runs one command after the other. All must succeed.
    pub(super) fn run_all(&self, text: &str) {
        for command in text.replace("\\\n", " ").lines() {
            self.run(command).succeed();
        }
    }

    /// Runs this, in which the paths are those of the guide or of this place. Each question is answered by the password.
    pub(super) fn run(&self, command: &str) -> Program {
        let answers = self.scratch.file("answers", &format!("{PASSWORD}\n{PASSWORD}\n"));
        let path = std::env::var("PATH").unwrap();
        let mut shell = Command::new("/bin/sh");
        shell.args(["-euc", &self.filled(command)]).stdin(File::open(answers).unwrap());
        shell.env("PATH", format!("{}:{path}", self.scratch.path().join("bin").display()));
        shell.current_dir(self.scratch.path());
        Program::spawn(shell)
    }

    /// Runs the next block, which sends SIGHUP to the broker, and waits until that is done. Returns what the log says.
    pub(super) fn shell_until_reloaded(&mut self, broker: &Broker) -> Vec<String> {
        let before = broker.log.len();
        self.shell();
        broker.log.until(before, &["Configuration reloaded: ", "Configuration not reloaded: "])
    }

    /// Starts a broker with the configuration that is the next block.
    pub(super) fn start(&mut self) -> Broker {
        Setup::config(&self.config()).start()
    }

    /// The next block, a configuration for [`Setup`].
    pub(super) fn config(&mut self) -> String {
        with_free_ports(&self.take("conf"))
    }

    /// Starts HAProxy with the configuration that was written before, in front of this broker.
    pub(super) fn proxy(&self, broker: &Broker) -> Proxy {
        let path = self.path("/etc/haproxy/haproxy.cfg");
        let text = line_by_line(&fs::read_to_string(&path).unwrap(), |line| {
            let instead = match line.split_whitespace().next() {
                Some("bind") => "fd@0".to_owned(),
                Some("server") => broker.address().to_string(),
                _ => return line.to_owned(),
            };
            match line.split(' ').find(|word| word.contains(':')) {
                Some(place) => line.replace(place, &instead),
                // It has been replaced already.
                None => line.to_owned(),
            }
        });
        fs::write(&path, text).unwrap();
        Proxy::start(&path)
    }

    /// Where a path of the guide is here.
    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.filled(path).into()
    }

    pub(super) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    /// A text of the guide for this place and this machine.
    fn filled(&self, text: &str) -> String {
        let mut filled = text.replace("broker.example.org", "localhost");
        for (directory, name) in DIRECTORIES {
            filled = filled.replace(directory, self.scratch.path().join(name).to_str().unwrap());
        }
        filled
    }
}

impl Drop for Section {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(self.blocks.is_empty(), "never used: {:#?}", self.blocks);
        }
    }
}

/// Whether what a block needs is installed.
fn can_be_used(block: &Block) -> bool {
    match &*block.language {
        "haproxy" => are_there(&["haproxy"]),
        "sh" => {
            let mut used = PROGRAMS.iter().filter(|program| uses(block, program));
            used.all(|program| own(program).is_some() || are_there(&[program]))
        }
        _ => true,
    }
}

fn uses(block: &Block, program: &str) -> bool {
    block.language == "sh" && block.text.contains(&format!("{program} "))
}

/// A program of this project, if it is meant and was built together with the broker.
fn own(program: &str) -> Option<PathBuf> {
    let is_meant = program == "mosquitto_passwd" || program == CLIENT && OWN_CLIENT.get();
    Some(beside_broker(program)).filter(|place| is_meant && place.is_file())
}

fn beside_broker(program: &str) -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_mosquitto")).with_file_name(program)
}

/// A configuration that listens on this machine only, at ports that are free.
fn with_free_ports(config: &str) -> String {
    let mut ports = ["PORT", "SECOND"].into_iter();
    let text = line_by_line(config, |line| match line.strip_prefix("listener ") {
        Some(place) if !place.starts_with("0 ") => {
            format!("listener {} 127.0.0.1", ports.next().expect("two listeners at most"))
        }
        _ => line.to_owned(),
    });
    LOG.to_owned() + &text
}

fn line_by_line(text: &str, mut change: impl FnMut(&str) -> String) -> String {
    text.lines().map(|line| change(line) + "\n").collect()
}
