//! The options of TLS: which belong together, and where they end up.

use crate::folder::{complaint, config, refusal};
use mosquitto_config::Tls;

const BOTH: &str = "listener 8883\ncertfile server.crt\nkeyfile server.key\n";

fn tls(lines: &str) -> Tls {
    config(format!("{BOTH}{lines}")).endpoints(&[]).remove(0).tls
}

#[test]
fn certificate_and_key_turn_it_on_for_their_listener_alone() {
    let config = config(format!("listener 1883\n{BOTH}listener 1884\n"));
    let on: Vec<_> = config.endpoints(&[]).iter().map(|endpoint| endpoint.tls.is_on()).collect();
    assert_eq!(on, [false, true, false]);
}

#[test]
fn one_of_certificate_and_key_without_the_other_is_an_error_that_names_the_listener() {
    for line in ["certfile x", "keyfile x"] {
        assert_eq!(
            refusal(format!("listener 1884\nlistener 8883\n{line}\n")),
            "Error: Both certfile and keyfile must be provided to enable a TLS listener.\n\
             Expected: both below the listener with port 8883."
        );
    }
}

#[test]
fn authorities_without_a_certificate_are_an_error() {
    for name in ["cafile", "capath"] {
        assert_eq!(
            refusal(format!("listener 8883\n{name} x\n")),
            format!(
                "Error: {name} specified without certfile and keyfile.\n\
                 Expected: both below the listener with port 8883, or no {name}."
            )
        );
    }
}

#[test]
fn every_option_has_its_place() {
    let lines = "keyfile_passphrase_command /bin/say some thing\ncafile a\ncapath b\ncrlfile c\nciphers d\nciphers_tls1.3 e\ntls_version tlsv1.3\nrequire_certificate true\n\
                 disable_client_cert_date_checks true\nuse_identity_as_username true\nuse_subject_as_username true\n";
    let text = |text: &str| Some(text.to_owned());
    let expected = Tls {
        certfile: text("server.crt"),
        keyfile: text("server.key"),
        keyfile_passphrase_command: text("/bin/say some thing"),
        cafile: text("a"),
        capath: text("b"),
        crlfile: text("c"),
        ciphers: text("d"),
        ciphers_tls13: text("e"),
        version: text("tlsv1.3"),
        require_certificate: true,
        disable_client_cert_date_checks: true,
        psk_hint: None,
        use_identity_as_username: true,
        use_subject_as_username: true,
    };
    assert_eq!(tls(lines), expected);
    let plain = Tls { certfile: text("server.crt"), keyfile: text("server.key"), ..Tls::default() };
    assert_eq!(tls(""), plain);
    // The latest word counts, where Mosquitto lets it.
    assert_eq!(tls("cafile a\ncafile b\n").cafile, text("b"));
    assert_eq!(
        complaint(format!("{BOTH}tls_version tlsv1.2\ntls_version tlsv1.3\n")),
        "Error: Duplicate 'tls_version' value in configuration."
    );
}

#[test]
fn what_a_proxy_has_done_already_is_not_done_again() {
    for (lines, named) in [
        ("use_subject_as_username true", "use_subject_as_username"),
        ("certfile x\nkeyfile x", "certfile and keyfile"),
        ("keyfile x", "certfile and keyfile"),
    ] {
        let listener = |version| format!("listener 8883\nenable_proxy_protocol {version}\n{lines}\n");
        assert_eq!(
            refusal(listener(2)),
            format!(
                "Error: {named} cannot be used with `enable_proxy_protocol 2`.\n\
                 Expected: one of them below the listener with port 8883."
            )
        );
    }
    config(format!("{BOTH}enable_proxy_protocol 1\n"));
}
