//! An option that this broker lacks is refused by its name, so that nobody believes it does what it does not.

use crate::folder::{Folder, complaint, refusal};
use crate::mosquitto_options::later;
use crate::option_table::REFUSED;

#[test]
fn every_option_that_will_come_is_refused_with_file_line_and_exit_status_3() {
    for name in later() {
        let folder = Folder::new().with("x", format!("listener 1884\n\n{name} 1\n"));
        let error = folder.read("x").unwrap_err();
        assert_eq!(
            folder.shown(&error),
            format!("Error: The '{name}' option is not supported yet.\nError found at DIR/x:3.")
        );
        assert_eq!(error.exit_code(), 3, "{name}");
    }
}

#[test]
fn an_option_that_will_come_is_refused_whatever_its_value() {
    for value in ["", " ", " x y", " \u{1}"] {
        let expected = "Error: The 'tls_engine' option is not supported yet.";
        assert_eq!(complaint(format!("tls_engine{value}\n")), expected, "{value:?}");
    }
}

#[test]
fn an_option_of_a_plugin_is_known_by_its_beginning() {
    for name in ["plugin_opt_password_file", "auth_opt_x", "plugin_opt_"] {
        assert_eq!(complaint(format!("{name} y\n")), format!("Error: The '{name}' option is not supported yet."));
    }
    assert_eq!(complaint("plugin_op x\n"), "Error: Unknown configuration variable 'plugin_op'.");
}

#[test]
fn an_option_that_will_not_come_is_unknown_and_said_to_be_old() {
    for name in REFUSED {
        assert_eq!(
            refusal(format!("{name} 1\n")),
            format!(
                "Error: Unknown configuration variable '{name}'.\n\
                 Expected: no such option; it is an option of RSMB, which Mosquitto accepted up to 1.6 and ignored.\n\
                 Error found at DIR/x:1."
            )
        );
    }
}

#[test]
fn what_will_come_counts_as_a_suggestion() {
    assert!(refusal("pasword_file x\n").contains("Did you mean 'password_file'?"));
}
