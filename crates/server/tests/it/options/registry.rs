//! Which tests see the effect of which option.

use super::{access, client_ids, delivery, limits, listeners, logging, overload, queues, sessions, whole};
use mosquitto_config::options::{Declaration, Status, options};
use std::collections::BTreeSet;
use std::process::Command;

/// An option, and a test that sees its effect: what it is called, and that it is there.
type Effect = (&'static str, &'static str, fn());

macro_rules! effects {
    ($($option:ident: $($test:path),+;)*) => {
        &[$($((stringify!($option), stringify!($test), $test as fn()),)+)*]
    };
}

/// Every option that is supported, and those that are accepted without effect and say so.
const EFFECTS: &[Effect] = effects! {
    // The broker as a whole
    allow_duplicate_messages: delivery::allow_duplicate_messages_decides_about_overlapping_subscriptions_of_mqtt_3;
    check_retain_source: crate::access_lists::check_retain_source_holds_back_what_its_publisher_could_not_publish_now;
    clientid_prefixes: client_ids::clientid_prefixes_refuses_other_ids;
    connection_messages: crate::logging::connection_messages_false_hides_them,
        logging::connection_messages_false_hides_who_is_turned_away_too;
    enable_control_api: whole::enable_control_api_answers_requests;
    global_max_clients: sessions::global_max_clients_counts_connected_and_stored_sessions,
        sessions::global_max_clients_is_unlimited_at_0_and_below;
    global_max_connections: crate::max_connections::global_max_connections_counts_those_of_all_listeners,
        listeners::max_connections_and_global_max_connections_are_unlimited_at_0_and_below;
    http_dir: crate::http::files::files_are_served_with_their_types;
    include_dir: whole::include_dir_reads_all_files_of_a_directory;
    max_inflight_bytes: limits::max_inflight_bytes_bounds_what_is_under_way_to_a_client,
        overload::who_takes_nothing_costs_only_himself_at_each_limit_of_his_queue;
    max_inflight_messages: limits::max_inflight_messages_bounds_what_is_under_way_to_a_client,
        limits::max_inflight_messages_is_announced_and_bounds_what_a_client_may_have_under_way;
    max_keepalive: limits::max_keepalive_is_told_to_clients_of_mqtt_5_and_refuses_others;
    max_packet_size: limits::max_packet_size_is_announced_and_closes_who_sends_more;
    max_queued_bytes: queues::max_queued_bytes_bounds_what_waits_for_a_client_that_is_away,
        queues::max_queued_messages_and_max_queued_bytes_bound_what_waits_for_a_client_that_is_slow,
        overload::who_takes_nothing_costs_only_himself_at_each_limit_of_his_queue;
    max_queued_messages: queues::max_queued_messages_bounds_what_waits_for_a_client_that_is_away,
        queues::max_queued_messages_and_max_queued_bytes_bound_what_waits_for_a_client_that_is_slow,
        overload::who_takes_nothing_costs_only_himself_at_each_limit_of_his_queue,
        overload::who_reads_nothing_costs_only_himself_at_qos_0;
    max_unauthenticated_connections: crate::admission::silent_connections_beyond_the_bound_give_way_the_oldest_first,
        listeners::max_unauthenticated_connections_is_at_least_1;
    memory_limit: crate::memory_limit::a_heap_at_its_limit_takes_nothing_new_until_it_falls;
    message_size_limit: limits::message_size_limit_drops_longer_messages_and_keeps_their_sender,
        limits::message_size_limit_refuses_clients_with_a_longer_will,
        overload::messages_over_message_size_limit_cost_only_their_sender;
    packet_buffer_size: crate::websockets::packet_buffer_size_bounds_the_head_of_the_request;
    per_listener_settings: access::per_listener_settings_leaves_security_options_to_the_listener_above_them,
        client_ids::per_listener_settings_leaves_ids_to_the_listener_above_them;
    pid_file: crate::pid_file::it_has_the_number_of_the_process_and_is_gone_at_the_end;
    queue_qos0_messages: queues::queue_qos0_messages_keeps_them_too_for_clients_that_are_away;
    retain_available: limits::retain_available_false_is_announced_and_keeps_nothing,
        limits::retain_available_false_keeps_no_sys_topics_either;
    retry_interval: delivery::retry_interval_sends_again_what_nobody_acknowledges;
    set_tcp_nodelay: whole::set_tcp_nodelay_sets_it_on_every_connection;
    store_clean_interval: whole::options_without_effect_are_said_to_be_so_and_the_broker_runs;
    sys_interval: crate::sys_topics::the_topics_follow_what_happens_on_all_workers,
        crate::sys_topics::with_an_interval_of_0_there_are_no_topics;
    upgrade_outgoing_qos: delivery::upgrade_outgoing_qos_delivers_as_the_subscription_says;
    user: crate::privileges::root_becomes_the_user_of_the_configuration_for_all_threads_and_files,
        crate::privileges::user_root_stays_root_and_is_warned, crate::privileges::who_does_not_exist_is_named_and_exits_with_3;
    worker_threads: whole::worker_threads_is_the_number_of_workers;
    workers_together: crate::threads::workers_stay_apart_where_they_are_told_to;
    // Who is let in
    acl_file: crate::access_lists::acl_file_decides_who_publishes_and_who_gets_what,
        crate::access_lists::acl_file_is_the_listeners_own_with_per_listener_settings;
    allow_anonymous: access::allow_anonymous_decides_about_clients_without_a_name,
        access::allow_anonymous_false_holds_in_local_only_mode_too;
    allow_zero_length_clientid: client_ids::allow_zero_length_clientid_decides_about_clients_without_one;
    auto_id_prefix: client_ids::auto_id_prefix_begins_the_ids_that_are_made_up,
        client_ids::auto_id_prefix_has_no_effect_in_local_only_mode;
    password_file: crate::passwords::only_who_knows_the_password_of_a_user_is_let_in,
        crate::passwords::each_listener_has_its_own_file_with_per_listener_settings;
    psk_file: crate::psk::identities::use_identity_as_username_takes_the_identity_and_asks_for_nothing_else,
        crate::psk::files::each_listener_has_its_own_file_with_per_listener_settings,
        crate::psk::files::a_file_of_no_use_is_named_and_the_broker_does_not_start;
    listener_allow_anonymous: access::listener_allow_anonymous_comes_before_allow_anonymous;
    listener_auto_id_prefix: client_ids::listener_auto_id_prefix_is_for_its_listener_alone;
    // Listeners
    accept_protocol_versions: listeners::accept_protocol_versions_is_a_list_of_those_that_are_let_in;
    bind_address: listeners::port_opens_the_default_listener_and_bind_address_tells_where;
    bind_interface: crate::listeners::bind_interface_listens_on_all_addresses_of_the_interface_and_nowhere_else;
    enable_proxy_protocol: crate::proxy_protocol::the_log_names_the_client_and_not_the_proxy;
    listener: listeners::a_listener_listens_at_its_address_and_port,
        crate::unix_sockets::clients_at_a_path_and_over_tcp_talk_with_each_other_and_the_log_names_the_path;
    max_connections: crate::max_connections::the_one_too_many_is_closed_and_the_others_go_on,
        listeners::max_connections_and_global_max_connections_are_unlimited_at_0_and_below;
    max_qos: limits::max_qos_is_announced_and_bounds_publishes_subscriptions_and_wills;
    max_topic_alias: limits::max_topic_alias_is_announced_and_bounds_what_a_client_may_use;
    max_topic_alias_broker: limits::max_topic_alias_broker_bounds_what_the_broker_uses;
    mount_point: delivery::mount_point_stands_before_all_topics_of_its_listeners_clients;
    port: listeners::port_opens_the_default_listener_and_bind_address_tells_where;
    protocol: listeners::protocol_is_mqtt_or_something_that_there_is, crate::http::api::the_version_is_plain_text,
        crate::websockets::clients_in_websockets_and_others_talk_with_each_other;
    proxy_protocol_v2_require_tls: crate::proxy_protocol::proxy_protocol_v2_require_tls_refuses_clients_without_it;
    socket_domain: crate::listeners::socket_domain_leaves_one_version_of_ip;
    use_username_as_clientid: client_ids::use_username_as_clientid_takes_the_one_for_the_other,
        client_ids::use_username_as_clientid_is_for_its_listener_alone;
    websockets_origin: crate::websockets::websockets_origin_lets_in_pages_of_these_origins_only;
    websockets_log_level: whole::options_without_effect_are_said_to_be_so_and_the_broker_runs;
    // TLS
    cafile: crate::tls::client_certificates::require_certificate_lets_in_whom_an_authority_of_cafile_has_signed;
    capath: crate::tls::client_certificates::capath_is_a_directory_of_files_named_by_hash;
    certfile: crate::tls::connections::a_listener_with_certificate_and_key_speaks_tls_1_2_and_1_3,
        crate::tls::files::a_file_of_no_use_is_named_and_the_broker_does_not_start;
    ciphers: crate::tls::ciphers::ciphers_and_ciphers_tls_1_3_choose_in_their_order;
    crlfile: crate::tls::client_certificates::crlfile_names_those_that_are_good_no_more;
    disable_client_cert_date_checks:
        crate::tls::client_certificates::disable_client_cert_date_checks_takes_certificates_out_of_their_time;
    keyfile: crate::tls::connections::a_listener_with_certificate_and_key_speaks_tls_1_2_and_1_3,
        crate::tls::files::a_file_of_no_use_is_named_and_the_broker_does_not_start;
    psk_hint: crate::psk::connections::a_listener_with_a_hint_lets_in_whoever_has_the_key_of_his_identity;
    keyfile_passphrase_command: crate::tls::encrypted_keys::keyfile_passphrase_command_opens_an_encrypted_key,
        crate::tls::encrypted_keys::a_key_that_a_command_does_not_open_is_named_and_the_broker_does_not_start;
    require_certificate:
        crate::tls::client_certificates::require_certificate_lets_in_whom_an_authority_of_cafile_has_signed;
    tls_version: crate::tls::ciphers::tls_version_is_the_lowest_one_that_is_spoken;
    use_identity_as_username:
        crate::tls::identities::use_identity_as_username_takes_the_common_name_and_asks_for_nothing_else;
    use_subject_as_username: crate::tls::identities::use_subject_as_username_takes_all_of_it_the_last_part_first;
    dhparamfile: whole::options_without_effect_are_said_to_be_so_and_the_broker_runs;
    // Persistence
    persistence: sessions::persistence_false_keeps_nothing,
        crate::persistence::restart::sessions_with_subscriptions_and_queues_are_there_again;
    persistence_file: crate::persistence::saving::persistence_location_and_persistence_file_say_where_it_is;
    persistence_location: crate::persistence::saving::persistence_location_and_persistence_file_say_where_it_is;
    persistence_sync: crate::persistence::saving::persistence_sync_decides_whether_the_disk_is_waited_for;
    autosave_interval:
        crate::persistence::saving::autosave_interval_is_the_time_between_two_savings_and_a_reload_changes_it;
    autosave_on_changes: crate::persistence::saving::autosave_on_changes_counts_changes_and_not_seconds;
    persistent_client_expiration: sessions::persistent_client_expiration_ends_sessions_whose_clients_stay_away;
    // Bridges
    connection: crate::bridges::messages::topic_lines_say_what_crosses_and_what_it_is_called;
    address: crate::bridges::connecting::of_several_addresses_the_next_is_tried_and_the_first_is_come_back_to;
    topic: crate::bridges::messages::topic_lines_say_what_crosses_and_what_it_is_called;
    bridge_attempt_unsubscribe: crate::bridges::connecting::bridge_attempt_unsubscribe_takes_back_what_only_goes_out;
    bridge_bind_address: crate::bridges::connecting::bridge_bind_address_is_where_it_connects_from;
    bridge_protocol_version: crate::bridges::connecting::bridge_protocol_version_is_what_is_spoken;
    bridge_max_packet_size: crate::bridges::messages::bridge_max_packet_size_drops_what_is_larger;
    bridge_max_topic_alias: crate::bridges::connecting::limits_of_mqtt_5_are_announced;
    bridge_receive_maximum: crate::bridges::connecting::limits_of_mqtt_5_are_announced;
    bridge_session_expiry_interval: crate::bridges::connecting::limits_of_mqtt_5_are_announced;
    bridge_outgoing_retain: crate::bridges::messages::bridge_outgoing_retain_false_takes_the_flag_off;
    bridge_reload_type: crate::bridges::reloading::bridges_come_change_and_go_without_touching_the_others;
    cleansession: crate::bridges::messages::cleansession_and_local_cleansession_decide_what_waits;
    local_cleansession: crate::bridges::messages::cleansession_and_local_cleansession_decide_what_waits;
    remote_clientid: crate::bridges::connecting::who_a_bridge_is_and_what_it_says_about_itself_are_options;
    local_clientid: crate::bridges::connecting::local_clientid_is_its_name_at_this_broker;
    remote_username: crate::bridges::connecting::who_a_bridge_is_and_what_it_says_about_itself_are_options;
    remote_password: crate::bridges::connecting::who_a_bridge_is_and_what_it_says_about_itself_are_options;
    keepalive_interval: crate::bridges::connecting::who_a_bridge_is_and_what_it_says_about_itself_are_options;
    idle_timeout:
        crate::bridges::connecting::a_lazy_bridge_leaves_when_idle_and_comes_for_as_many_messages_as_threshold_says;
    threshold:
        crate::bridges::connecting::a_lazy_bridge_leaves_when_idle_and_comes_for_as_many_messages_as_threshold_says;
    start_type:
        crate::bridges::connecting::a_lazy_bridge_leaves_when_idle_and_comes_for_as_many_messages_as_threshold_says,
        crate::bridges::connecting::a_bridge_that_starts_once_does_not_come_again;
    restart_timeout: crate::bridges::connecting::restart_timeout_is_the_pause_before_the_next_attempt;
    round_robin: crate::bridges::connecting::with_round_robin_all_addresses_are_alike;
    notifications: crate::bridges::connecting::who_a_bridge_is_and_what_it_says_about_itself_are_options;
    notifications_local_only: crate::bridges::connecting::the_state_is_published_at_both_brokers_or_at_this_one_only;
    notification_topic: crate::bridges::connecting::who_a_bridge_is_and_what_it_says_about_itself_are_options;
    try_private: crate::bridges::connecting::who_a_bridge_is_and_what_it_says_about_itself_are_options;
    bridge_cafile: crate::bridges::secured::bridge_cafile_names_whom_to_trust;
    bridge_capath: crate::bridges::secured::bridge_capath_is_a_directory_of_files_named_by_hash;
    bridge_certfile: crate::bridges::secured::bridge_certfile_and_bridge_keyfile_are_shown;
    bridge_keyfile: crate::bridges::secured::bridge_certfile_and_bridge_keyfile_are_shown;
    bridge_insecure: crate::bridges::secured::bridge_insecure_does_not_look_at_the_name;
    bridge_ciphers: crate::bridges::secured::bridge_tls_version_and_ciphers_are_held_to;
    bridge_tls_version: crate::bridges::secured::bridge_tls_version_and_ciphers_are_held_to;
    bridge_require_ocsp: crate::bridges::secured::options_of_tls_that_are_of_no_use_are_refused_by_name;
    bridge_identity: crate::bridges::guide::over_tls_with_a_shared_key;
    bridge_psk: crate::bridges::guide::over_tls_with_a_shared_key;
    // Logging
    log_dest: crate::logging::log_dest_none_logs_nothing, crate::logging::log_dest_stdout_logs_there_and_not_to_stderr,
        crate::logging::several_destinations_get_the_same_lines,
        crate::log_topics::lines_are_published_by_level_and_debug_lines_are_not,
        logging::log_facility_is_that_of_every_line_in_the_system_log;
    log_facility: logging::log_facility_is_that_of_every_line_in_the_system_log;
    log_timestamp: crate::logging::lines_begin_with_seconds_since_1970_with_a_format_or_with_nothing;
    log_timestamp_format: crate::logging::lines_begin_with_seconds_since_1970_with_a_format_or_with_nothing;
    log_type: logging::log_type_names_what_is_logged;
};

/// Options whose names are no names in Rust.
const MORE_EFFECTS: &[Effect] = &[
    (
        "ciphers_tls1.3",
        "crate::tls::ciphers::ciphers_and_ciphers_tls_1_3_choose_in_their_order",
        crate::tls::ciphers::ciphers_and_ciphers_tls_1_3_choose_in_their_order,
    ),
    (
        "bridge_ciphers_tls1.3",
        "crate::bridges::secured::bridge_tls_version_and_ciphers_are_held_to",
        crate::bridges::secured::bridge_tls_version_and_ciphers_are_held_to,
    ),
];

/// Options whose effect no test of the whole program sees, with the reason and where it is seen instead.
const SEEN_ELSEWHERE: &[(&str, &str)] = &[
    (
        "retain_expiry_interval",
        "counts in minutes: crates/broker/tests/scenarios/message_expiry.rs, where time is invented, and, that it gets there, \
     crates/server/src/settings.rs",
    ),
    (
        "bridge_tcp_keepalive",
        "nobody is silent for so long here: crates/transport/src/stream.rs, and, that it gets there, \
     crates/server/src/worker/bridges/dial.rs",
    ),
    (
        "bridge_tcp_user_timeout",
        "nobody is silent for so long here: crates/transport/src/stream.rs, and, that it gets there, \
     crates/server/src/worker/bridges/dial.rs",
    ),
    (
        "bridge_alpn",
        "no listener here looks at it: crates/transport/src/tls/tests.rs, and, that it gets there, \
     crates/server/src/bridges/setup.rs",
    ),
    (
        "bridge_tls_use_os_certs",
        "what this machine trusts is not for tests to change: crates/transport/src/tls/tests.rs, and, that it gets there, \
     crates/server/src/bridges/setup.rs",
    ),
    ("local_username", "nothing at this broker asks a bridge for it: crates/bridge/tests/behaviour/link.rs"),
    ("local_password", "nothing at this broker asks a bridge for it: crates/bridge/tests/behaviour/link.rs"),
];

/// That the table has all options of Mosquitto, and which of them are left for later, is tested beside it, in
/// `crates/config/tests/behaviour/mosquitto_options.rs`.
#[test]
fn every_supported_option_has_a_test_that_sees_its_effect() {
    let seen: BTreeSet<_> = EFFECTS.iter().chain(MORE_EFFECTS).map(|(option, ..)| *option).collect();
    let elsewhere: BTreeSet<_> = SEEN_ELSEWHERE.iter().map(|(option, _)| *option).collect();
    assert_eq!(seen.intersection(&elsewhere).collect::<Vec<_>>(), [&""; 0]);
    let shown: BTreeSet<_> = seen.union(&elsewhere).copied().collect();
    let is_accepted = |option: &&Declaration| matches!(option.status(), Status::Supported | Status::Removed(_));
    let accepted: BTreeSet<_> = options().filter(is_accepted).map(|option| option.name).collect();
    let missing: Vec<_> = accepted.difference(&shown).collect();
    let superfluous: Vec<_> = shown.difference(&accepted).collect();
    assert!(missing.is_empty() && superfluous.is_empty(), "missing: {missing:?}, superfluous: {superfluous:?}");
}

/// Whoever takes the attribute off leaves a function behind that nobody runs.
#[test]
fn what_sees_an_effect_is_run_as_a_test() {
    let this = std::env::current_exe().unwrap();
    let listed = Command::new(this).args(["--list", "--format", "terse"]).output().unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let tests: BTreeSet<_> = listed.lines().filter_map(|line| line.strip_suffix(": test")).collect();
    for (option, test, _) in EFFECTS.iter().chain(MORE_EFFECTS) {
        let path = test.strip_prefix("crate::").map_or_else(|| format!("options::{test}"), str::to_owned);
        assert!(tests.contains(&*path), "{test} of {option}");
    }
}
