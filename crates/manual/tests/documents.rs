//! The documents in the repository are those of the tables, and the sample file is what it says it is.
#![allow(clippy::unwrap_used, clippy::panic, reason = "the helpers of tests fail as tests do")]

use mosquitto_config::options::{Declaration, Scope, Status, THEMES, find, options};
use mosquitto_config::{Config, FLAGS, Notice};
use mosquitto_manual::{COMMAND, documents};
use std::path::{Path, PathBuf};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn document(path: &str) -> String {
    documents().into_iter().find(|document| document.path == path).unwrap().text
}

fn sample() -> String {
    document("examples/mosquitto.conf")
}

/// What a file says, read where no other file is looked at.
fn read(text: &str) -> Config {
    let config = Config::parse(Path::new("sample"), text.as_bytes());
    config.unwrap_or_else(|error| panic!("{error}\nin:\n{text}"))
}

/// The lines that become options if their `#` is taken away, with their numbers. Comments have a space behind it.
fn option_lines(sample: &str) -> Vec<(usize, &str)> {
    let lines = sample.lines().enumerate();
    lines.filter_map(|(at, line)| Some((at, line.strip_prefix('#')?))).filter(|(_, line)| is_option(line)).collect()
}

fn is_option(line: &str) -> bool {
    line.starts_with(|first: char| first.is_ascii_alphabetic())
}

fn declaration(line: &str) -> &'static Declaration {
    find(line.split(' ').next().unwrap().as_bytes()).unwrap_or_else(|| panic!("{line}"))
}

/// The sample with these lines uncommented.
fn uncommented(sample: &str, lines: &[usize]) -> String {
    let line = |(at, line): (usize, &str)| {
        let line = if lines.contains(&at) { line.strip_prefix('#').unwrap() } else { line };
        format!("{line}\n")
    };
    sample.lines().enumerate().map(line).collect()
}

#[test]
fn the_documents_in_the_repository_are_those_of_the_tables() {
    for document in documents() {
        let there = std::fs::read_to_string(repository().join(&document.path)).unwrap_or_default();
        assert!(there == document.text, "{} is out of date; this renews it: {COMMAND}", document.path);
    }
}

#[test]
fn the_sample_as_it_stands_says_nothing() {
    assert_eq!(read(&sample()), Config::default());
}

#[test]
fn every_line_of_the_sample_can_be_uncommented() {
    let sample = sample();
    let lines = option_lines(&sample);
    let of_name = |name: &str| lines.iter().find(|(_, line)| declaration(line).name == name).map(|(at, _)| *at);
    for (at, line) in &lines {
        let option = declaration(line);
        if option.name == "include_dir" {
            // Whether the directory is there is not for the sample to say.
            continue;
        }
        let needed = match option.scope {
            Scope::Listener | Scope::ExplicitListener => of_name("listener"),
            Scope::Bridge => of_name("connection"),
            Scope::Plugin => of_name("plugin"),
            Scope::Global | Scope::Security | Scope::DefaultListener => None,
        };
        // Those that TLS needs, both of them.
        let of_tls =
            THEMES.iter().any(|theme| theme.title == "TLS" && theme.options.iter().any(|o| o.name == option.name));
        // Pre-shared keys take their place.
        let of_tls = of_tls && option.name != "psk_hint";
        let tls = if of_tls { [of_name("certfile"), of_name("keyfile")] } else { [None; 2] };
        // A bridge is nothing without these, nor a key without its owner.
        let of_bridge = if option.scope == Scope::Bridge { [of_name("address"), of_name("topic")] } else { [None; 2] };
        let partner = match option.name {
            "bridge_identity" => of_name("bridge_psk"),
            "bridge_psk" => of_name("bridge_identity"),
            "bridge_certfile" => of_name("bridge_keyfile"),
            "bridge_keyfile" => of_name("bridge_certfile"),
            _ => None,
        };
        let needed = [needed, Some(*at), partner].into_iter().chain(tls).chain(of_bridge).flatten();
        read(&uncommented(&sample, &needed.collect::<Vec<_>>()));
    }
}

#[test]
fn a_line_of_the_sample_that_shows_a_default_changes_nothing() {
    // A default in words, an option that makes a listener, or one that is remembered as given.
    const REMEMBERED: [&str; 5] = ["port", "auto_id_prefix", "allow_zero_length_clientid", "persistence_file", "user"];
    let sample = sample();
    let quiet = |text: &str| Config { notices: Vec::<Notice>::new(), ..read(text) };
    let lines = option_lines(&sample);
    let listener = lines.iter().find(|(_, line)| declaration(line).name == "listener").unwrap().0;
    let mut compared = 0;
    for (at, line) in &lines {
        let option = declaration(line);
        // Those of bridges stand below one.
        let is_compared = option.examples.is_empty() && option.scope != Scope::Bridge;
        if is_compared && !REMEMBERED.contains(&option.name) {
            let same = quiet(&uncommented(&sample, &[listener]));
            assert_eq!(quiet(&uncommented(&sample, &[listener, *at])), same, "{line}");
            compared += 1;
        }
    }
    assert!(compared > 15, "{compared}");
}

#[test]
fn the_sample_has_every_supported_option_and_no_other() {
    let sample = sample();
    let mut shown: Vec<_> = option_lines(&sample).iter().map(|(_, line)| declaration(line).name).collect();
    let mut supported: Vec<_> =
        options().filter(|option| option.status() == Status::Supported).map(|option| option.name).collect();
    shown.sort_unstable();
    shown.dedup();
    supported.sort_unstable();
    assert_eq!(shown, supported);
}

#[test]
fn the_pages_name_every_option_and_every_flag() {
    let typed = |name: &str| name.replace('-', "\\-");
    let page = document("man/mosquitto.conf.5");
    for name in options().flat_map(Declaration::names) {
        let name = name.strip_suffix("KEY").unwrap_or(name);
        assert!(page.contains(&format!("\\fB{}\\fR", typed(name))), "{name}");
    }
    let page = document("man/mosquitto.8");
    for name in FLAGS.iter().flat_map(mosquitto_config::Flag::names) {
        assert!(page.contains(&format!("\\fB{}\\fR", typed(name))), "{name}");
    }
}

#[test]
fn texts_name_only_options_that_there_are() {
    for option in THEMES.iter().flat_map(|theme| theme.options) {
        for paragraph in option.manual.split("\n\n").chain([option.help]) {
            let parts: Vec<_> = paragraph.split('`').collect();
            assert!(parts.len() % 2 == 1, "{}: a backquote without another: {paragraph}", option.name);
            let typed = parts.iter().skip(1).step_by(2).map(|part| part.split(' ').next().unwrap());
            for name in typed.filter(|word| word.contains('_')) {
                let program = name.starts_with("mosquitto_");
                assert!(program || find(name.as_bytes()).is_some(), "{}: {name}", option.name);
            }
        }
    }
}

#[test]
fn an_option_whose_type_does_not_tell_its_values_shows_them() {
    use mosquitto_config::options::Argument;
    for option in options() {
        let telling = !matches!(option.argument, Argument::Words(_) | Argument::Duration);
        assert!(telling || option.value.is_some() || option.name == "accept_protocol_versions", "{}", option.name);
    }
}

/// The examples of a page as its source has them: lines that begin with four spaces, up to the next that does not.
fn examples(page: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("pages").join(page);
    let text = std::fs::read_to_string(path).unwrap();
    let mut examples: Vec<String> = Vec::new();
    let mut within = false;
    for line in text.lines().filter(|line| !line.is_empty()) {
        let shown = line.strip_prefix("    ");
        match (shown, within) {
            (Some(shown), true) => examples.last_mut().unwrap().extend([shown, "\n"]),
            (Some(shown), false) => examples.push(format!("{shown}\n")),
            (None, _) => {}
        }
        within = shown.is_some();
    }
    examples
}

#[test]
fn the_examples_of_the_pages_are_accepted() {
    let (commands, files): (Vec<_>, Vec<_>) = ["mosquitto.conf.5.txt", "mosquitto.8.txt"]
        .into_iter()
        .flat_map(examples)
        .partition(|example| example.starts_with("mosquitto "));
    for file in &files {
        assert!(!read(file).local_only(), "{file}");
    }
    for flag in commands.iter().flat_map(|command| command.split_whitespace()).filter(|word| word.starts_with('-')) {
        assert!(FLAGS.iter().flat_map(mosquitto_config::Flag::names).any(|name| name == flag), "{flag}");
    }
    assert_eq!((files.len(), commands.len()), (3, 3));
}
