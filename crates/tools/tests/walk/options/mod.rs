//! Each option of the original clients, in each of its forms, given to each program that has it: what it does is seen with
//! our broker, and with Debian's where that is installed.

#![allow(clippy::panic, reason = "a helper fails the test that it serves")]

mod bench;
mod connection;
mod formats;
mod messages;
mod printing;
mod properties;
mod session;
mod subscriptions;
mod tls;

use crate::harness::Whose;
use bench::Trial;
use mosquitto_tools::{Tool, option_table};
use std::collections::BTreeSet;

/// The options of Mosquitto 2.1.2, each with its forms and with the programs that have it, by the letters of their names.
const REFERENCE: &[(&[&str], &str)] = &[
    (&["-A"], "PSR"),
    (&["-c", "--disable-clean-session"], "PSR"),
    (&["-C"], "S"),
    (&["-d", "--debug"], "PSR"),
    (&["-D", "--property"], "PSR"),
    (&["-e"], "R"),
    (&["-E"], "S"),
    (&["-f", "--file"], "PR"),
    (&["-F"], "SR"),
    (&["-h", "--host"], "PSR"),
    (&["--help"], "PSR"),
    (&["-i", "--id"], "PSR"),
    (&["-I", "--id-prefix"], "PSR"),
    (&["-k", "--keepalive"], "PSR"),
    (&["-L", "--url"], "PSR"),
    (&["-l", "--stdin-line"], "P"),
    (&["-m", "--message"], "PR"),
    (&["-M"], "PSR"),
    (&["-n", "--null-message"], "PR"),
    (&["-N"], "SR"),
    (&["--latency"], "R"),
    (&["--message-rate"], "S"),
    (&["--nodelay"], "PSR"),
    (&["--no-tls"], "PSR"),
    (&["-o"], "PSR"),
    (&["-p", "--port"], "PSR"),
    (&["--pretty"], "SR"),
    (&["-P", "--pw"], "PSR"),
    (&["--proxy"], "PSR"),
    (&["--psk"], "PSR"),
    (&["--psk-identity"], "PSR"),
    (&["-q", "--qos"], "PSR"),
    (&["--quiet"], "PSR"),
    (&["-r", "--retain"], "P"),
    (&["-R"], "SR"),
    (&["--random-filter"], "S"),
    (&["--remove-retained"], "S"),
    (&["--repeat"], "P"),
    (&["--repeat-delay"], "P"),
    (&["--retain-as-published"], "SR"),
    (&["--retain-handling"], "SR"),
    (&["--retained-only"], "S"),
    (&["-s", "--stdin-file"], "PR"),
    (&["-S"], "PSR"),
    (&["-t", "--topic"], "PSR"),
    (&["-T", "--filter-out"], "S"),
    (&["-u", "--username"], "PSR"),
    (&["-U", "--unsubscribe"], "S"),
    (&["--unix"], "PSR"),
    (&["-v", "--verbose"], "SR"),
    (&["-V", "--protocol-version"], "PSR"),
    (&["--version"], "PSR"),
    (&["-w", "--watch"], "S"),
    (&["-W"], "SR"),
    (&["--will-payload"], "PSR"),
    (&["--will-qos"], "PSR"),
    (&["--will-retain"], "PSR"),
    (&["--will-topic"], "PSR"),
    (&["--ws"], "PSR"),
    (&["-x"], "PSR"),
    (&["--cafile"], "PSR"),
    (&["--capath"], "PSR"),
    (&["--cert"], "PSR"),
    (&["--ciphers"], "PSR"),
    (&["--insecure"], "PSR"),
    (&["--key"], "PSR"),
    (&["--keyform"], "PSR"),
    (&["--tls-alpn"], "PSR"),
    (&["--tls-engine"], "PSR"),
    (&["--tls-engine-kpass-sha1"], "PSR"),
    (&["--tls-keylog"], "PSR"),
    (&["--tls-use-os-certs"], "PSR"),
    (&["--tls-version"], "PSR"),
];

/// Options that the original does not have.
const OURS: &[(&[&str], &str)] = &[(&["--color"], "SR")];

/// All options there are to be.
fn all() -> impl Iterator<Item = (&'static [&'static str], &'static str)> {
    REFERENCE.iter().chain(OURS).copied()
}

const TOOLS: [(Tool, char); 3] = [(Tool::Pub, 'P'), (Tool::Sub, 'S'), (Tool::Rr, 'R')];

/// Sees the effect of an option, or that it is refused.
type Case = fn(&Trial);

/// Makes a test of each case, and a table of which options have one.
macro_rules! cases {
    ($($($option:literal),+: $module:ident::$case:ident;)*) => {
        /// The options, by their first forms, that have a case.
        const CASES: &[&str] = &[$($($option),+),*];

        $(#[test]
        fn $case() {
            for option in [$($option),+] {
                tried(option, $module::$case);
            }
        })*
    };
}

cases! {
    // The connection
    "-A": connection::the_connection_comes_from_the_address;
    "-h": connection::the_host_is_connected_to;
    "-L": connection::a_url_says_host_port_user_and_topic;
    "--nodelay": connection::small_packets_are_sent_at_once;
    "-o": connection::a_file_has_options_that_come_before_the_arguments;
    "-p": connection::the_port_is_connected_to;
    "--proxy": connection::a_proxy_connects_to_the_host;
    "-S": connection::the_server_is_looked_up_by_its_service;
    "--unix": connection::a_socket_takes_the_place_of_host_and_port;
    "--ws": connection::packets_go_over_websockets;
    // Who one is, and what is kept
    "-c": session::a_session_is_kept_and_needs_a_client_id;
    "-D": session::a_property_chooses_mqtt_5_and_is_sent;
    "-i": session::the_client_has_this_id;
    "-I": session::the_client_has_this_id_and_the_number_of_the_process;
    "-k": session::the_keep_alive_is_told_to_the_broker;
    "-M": session::so_many_messages_are_under_way;
    "-P": session::a_user_is_let_in_by_his_password;
    "-u": session::a_user_is_told_to_the_broker;
    "-V": session::the_version_is_that_of_the_connection;
    "--will-payload", "--will-qos", "--will-retain", "--will-topic": session::a_will_is_published_with_all_that_is_said_of_it;
    "-x": session::the_session_is_kept_for_so_long_with_mqtt_5;
    // What is published
    "-e": messages::the_answer_is_on_this_topic;
    "-f": messages::what_is_in_a_file_is_published;
    "-l": messages::each_line_is_a_message;
    "-m": messages::this_is_published;
    "-n": messages::an_empty_message_is_published;
    "-q": messages::the_quality_of_service_is_that_of_messages_and_subscriptions;
    "-r": messages::the_message_is_kept_for_later_subscribers;
    "--repeat", "--repeat-delay": messages::a_message_is_published_so_many_times_with_pauses;
    "-s": messages::all_of_standard_input_is_published;
    "-t": messages::the_topic_is_that_of_messages_or_of_a_subscription;
    // What is subscribed to
    "-C": subscriptions::it_ends_after_so_many_messages;
    "-E": subscriptions::it_ends_once_it_has_subscribed;
    "-R": subscriptions::retained_messages_are_left_out;
    "--random-filter": subscriptions::messages_are_printed_by_chance;
    "--remove-retained": subscriptions::retained_messages_are_removed;
    "--retain-as-published": subscriptions::the_retain_flag_is_that_of_the_publisher;
    "--retain-handling": subscriptions::retained_messages_are_sent_always_or_for_new_subscriptions_or_never;
    "--retained-only": subscriptions::it_ends_at_the_first_message_that_is_not_retained;
    "-T": subscriptions::messages_on_these_topics_are_left_out;
    "-U": subscriptions::a_subscription_is_ended;
    "-W": subscriptions::it_ends_after_so_long;
    // What is printed
    "--color": printing::the_topic_is_not_coloured_where_nobody_looks;
    "-d": printing::a_line_is_printed_for_each_packet;
    "-F": printing::messages_are_printed_in_this_form;
    "--help": printing::the_usage_is_printed;
    "--latency": printing::the_time_to_the_answer_is_printed;
    "--message-rate": printing::the_number_of_messages_in_each_second_is_printed;
    "-N": printing::no_new_line_ends_a_message;
    "--pretty": printing::json_is_indented;
    "--quiet": printing::errors_of_the_work_are_not_printed;
    "-v": printing::the_topic_is_printed_too;
    "--version": printing::the_version_is_printed;
    "-w": printing::each_topic_has_a_line_of_its_own;
    // TLS
    "--cafile": tls::an_authority_in_a_file_is_trusted;
    "--capath": tls::an_authority_in_a_directory_is_trusted;
    "--cert", "--key": tls::the_own_certificate_is_shown_to_who_asks_for_it;
    "--ciphers": tls::these_cipher_suites_are_offered;
    "--insecure": tls::a_certificate_of_another_host_is_taken;
    "--keyform": tls::the_key_is_in_a_file_and_not_in_an_engine;
    "--tls-engine", "--tls-engine-kpass-sha1": tls::engines_are_refused_by_name;
    "--no-tls": tls::nothing_is_encrypted_whatever_else_is_said;
    "--psk", "--psk-identity": tls::who_has_a_key_in_common_with_the_server_needs_no_certificate;
    "--tls-alpn": tls::the_application_protocol_is_asked_for;
    "--tls-keylog": tls::the_keys_are_written_down;
    "--tls-use-os-certs": tls::who_is_trusted_by_the_machine_is_trusted;
    "--tls-version": tls::this_is_the_lowest_version;
}

/// Gives each program that has an option each of its forms, with both brokers.
fn tried(option: &str, case: Case) {
    let Some((forms, tools)) = all().find(|(forms, _)| forms.first() == Some(&option)) else {
        panic!("there is no {option}");
    };
    for whose in [Whose::Ours, Whose::Debians] {
        let Some(broker) = bench::broker(whose, "") else { continue };
        for (tool, letter) in TOOLS.into_iter().filter(|(_, letter)| tools.contains(*letter)) {
            for (number, &form) in forms.iter().enumerate() {
                let id = format!("trial{letter}{number}");
                case(&Trial { whose, broker: &broker, tool, form, id });
            }
        }
    }
}

#[test]
fn every_option_has_a_case_and_no_other() {
    let reference: BTreeSet<_> = all().filter_map(|(forms, _)| forms.first()).copied().collect();
    let cases: BTreeSet<_> = CASES.iter().copied().collect();
    let missing: Vec<_> = reference.difference(&cases).collect();
    let superfluous: Vec<_> = cases.difference(&reference).collect();
    assert!(missing.is_empty() && superfluous.is_empty(), "missing: {missing:?}, superfluous: {superfluous:?}");
}

#[test]
fn the_programs_know_these_options_in_all_forms_and_no_other() {
    for (tool, letter) in TOOLS {
        let of_tool = all().filter(|(_, tools)| tools.contains(letter));
        let original: BTreeSet<_> = of_tool.flat_map(|(forms, _)| forms.iter().copied()).collect();
        let supported = option_table::entries(tool).into_iter().flat_map(|entry| entry.names);
        let ours: BTreeSet<_> = supported.chain(option_table::not_supported_yet(tool)).collect();
        assert_eq!(ours, original, "{tool:?}");
    }
}
