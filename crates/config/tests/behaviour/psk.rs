//! TLS with pre-shared keys: what belongs to whom, and what does not go together.

use crate::folder::{Folder, complaint, config};
use mosquitto_config::{Referent, Tls};

const NOT_BOTH: &str = "Error: Cannot use both certificate and psk encryption in a single listener.";

#[test]
fn a_hint_turns_it_on_for_its_listener_alone() {
    let config = config("listener 1883\nlistener 1884\npsk_hint the hint\nlistener 1885\ncertfile a\nkeyfile b\n");
    let listeners = config.endpoints(&[]);
    let is = |tls: &Tls| (tls.is_on(), tls.is_psk());
    assert_eq!(
        listeners.iter().map(|listener| is(&listener.tls)).collect::<Vec<_>>(),
        [(false, false), (true, true), (true, false)]
    );
    assert_eq!(listeners[1].tls.psk_hint.as_deref(), Some("the hint"));
    let twice = complaint("listener 1884\npsk_hint a\npsk_hint b\n");
    assert_eq!(twice, "Error: Duplicate 'psk_hint' value in configuration.");
    assert_eq!(complaint("listener 1884\npsk_hint\n"), "Error: Empty 'psk_hint' value in configuration.");
}

#[test]
fn a_hint_by_itself_opens_no_listener() {
    assert!(config("psk_hint a\n").endpoints(&[]).iter().all(|endpoint| !endpoint.tls.is_on()));
}

#[test]
fn the_file_is_the_brokers_or_the_listeners_and_the_last_line_counts() {
    let files = |text: &str| -> Vec<Option<String>> {
        config(text).endpoints(&[]).into_iter().map(|endpoint| endpoint.psk_file).collect()
    };
    let file = |name: &str| Some(name.to_owned());
    let listeners = "listener 1884\npsk_file a\nlistener 1885\n";
    assert_eq!(files(listeners), [file("a"), file("a")]);
    assert_eq!(files(&format!("{listeners}psk_file b\n")), [file("b"), file("b")]);
    assert_eq!(files(&format!("per_listener_settings true\n{listeners}")), [file("a"), None]);
}

#[test]
fn a_listener_has_a_certificate_or_keys_and_not_both() {
    for lines in [
        "psk_hint a\ncertfile b",
        "psk_hint a\ncafile b",
        "certfile a\nkeyfile b\npsk_hint c",
        "certfile a\nkeyfile b\npsk_file c",
        "certfile a\npsk_file c",
    ] {
        let text = format!("listener 1884\n{lines}\n");
        let folder = Folder::new().with("x", &text);
        let error = folder.read("x").unwrap_err();
        let (shown, last) = (folder.shown(&error), text.lines().count());
        assert!(shown.starts_with(NOT_BOTH), "{lines}: {shown}");
        assert!(shown.contains(&format!("Error found at DIR/x:{last}.")), "{lines}: {shown}");
    }
    // As in Mosquitto, something else is said first.
    let key = "Error: Both certfile and keyfile must be provided to enable a TLS listener.";
    for lines in ["psk_hint a\nkeyfile b", "keyfile b\npsk_hint a", "certfile b\npsk_hint a"] {
        assert_eq!(complaint(format!("listener 1884\n{lines}\n")), key, "{lines}");
    }
    let path = "Error: capath specified without certfile and keyfile.";
    assert_eq!(complaint("listener 1884\npsk_hint a\ncapath b\n"), path);
    // Each on a listener of its own.
    config("listener 1884\npsk_hint a\npsk_file b\nlistener 1885\ncertfile c\nkeyfile d\n");
    config("listener 1885\ncertfile c\nkeyfile d\nlistener 1884\npsk_hint a\npsk_file b\n");
}

#[test]
fn the_line_of_a_hint_can_be_told() {
    let folder = Folder::new().with("x", "listener 1884\n\npsk_hint a b\n");
    let config = folder.config("x");
    let [reference] = config.references.as_slice() else { panic!("{:?}", config.references) };
    assert_eq!((reference.referent, reference.name.as_str()), (Referent::PskHint, "a b"));
    assert_eq!((reference.option.as_str(), reference.location.line), ("psk_hint", 3));
}
