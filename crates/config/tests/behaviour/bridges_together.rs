//! Bridges as wholes, and all of them together.

use crate::bridges::PLAIN;
use crate::folder::{Folder, complaint, config, refusal};
use mosquitto_config::{Command, CommandLineError, Referent, parse_command_line};

#[test]
fn a_bridge_has_addresses_and_topics() {
    let invalid = |what: &str, option: &str| {
        format!("Error: Invalid bridge configuration: {what}.\nExpected: {option} below connection b.")
    };
    assert_eq!(refusal("connection b\n"), invalid("no remote addresses defined", "address"));
    assert_eq!(refusal("connection b\ntopic t\n"), invalid("no remote addresses defined", "address"));
    assert_eq!(refusal("connection b\naddress h\n"), invalid("no topics defined", "topic"));
}

#[test]
fn names_and_local_ids_are_there_once() {
    assert_eq!(complaint("connection \n"), "Error: Empty 'connection' value in configuration.");
    assert_eq!(complaint(format!("{PLAIN}{PLAIN}")), "Error: Duplicate bridge name 'b'.");
    let both =
        |line: &str| complaint(format!("{PLAIN}{line}\n{}{line}\n", PLAIN.replace("connection b", "connection c")));
    let twice = |id: &str| {
        format!(
            "Error: Bridge local_clientid '{id}' is not unique. Try changing or setting the local_clientid value for one \
             of the bridges."
        )
    };
    assert_eq!(both("local_clientid x"), twice("x"));
    assert_eq!(both("remote_clientid x"), twice("local.x"));
    assert_eq!(config(format!("{PLAIN}{}", PLAIN.replace("connection b", "connection b d"))).bridges[1].name, "b d");
}

#[test]
fn an_included_file_does_not_go_on_with_a_bridge() {
    let folder = Folder::new().with("x", format!("{PLAIN}include_dir DIR/d\n")).with("d/y.conf", "cleansession true\n");
    let text = folder.refusal("x");
    assert!(text.starts_with("Error: The 'cleansession' option requires a bridge to be defined first."), "{text}");
    let folder = Folder::new()
        .with("x", format!("{PLAIN}include_dir DIR/d\nclientid a\n"))
        .with("d/y.conf", "connection c\naddress h\ntopic t\n");
    assert_eq!(folder.config("x").bridges[0].remote_clientid.as_deref(), Some("a"));
}

#[test]
fn a_listener_above_or_below_does_not_matter() {
    let config = config(format!("{PLAIN}listener 1884\ncleansession true\nmax_connections 5\n"));
    assert!(config.bridges[0].clean_session);
    assert_eq!(config.listeners[0].max_connections, Some(5));
}

#[test]
fn bridges_are_referred_to_with_their_lines() {
    let config = config(format!("\n{PLAIN}"));
    let [bridge] = config.references.as_slice() else { panic!("{:?}", config.references) };
    assert_eq!((bridge.referent, bridge.name.as_str(), bridge.location.line), (Referent::Bridge, "b", 2));
}

#[test]
fn a_configuration_with_a_bridge_is_taken() {
    let folder = Folder::new().with("x", PLAIN);
    let file = folder.path("x").into_os_string();
    let Ok(Command::Run(settings)) = parse_command_line(["-c".into(), file]) else { panic!("refused") };
    assert_eq!(settings.config.bridges.len(), 1);
    assert_eq!(settings.reload().unwrap().config.bridges, settings.config.bridges);
}

#[test]
fn what_is_wrong_with_a_bridge_is_told_at_the_start() {
    let folder = Folder::new().with("x", format!("{PLAIN}start_type x\n"));
    let Err(CommandLineError::Config(errors)) = parse_command_line(["-c".into(), folder.path("x").into_os_string()])
    else {
        panic!("taken")
    };
    assert!(errors.to_string().starts_with("Error: Invalid 'start_type' value in configuration (x)."), "{errors}");
    assert_eq!(errors.errors().len(), 1);
}
