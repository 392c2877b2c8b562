#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mosquitto_fuzz_targets::run("name_server", bytes));
