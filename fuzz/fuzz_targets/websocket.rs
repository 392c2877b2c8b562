#![no_main]

#[global_allocator]
static ALLOCATOR: cap::Cap<std::alloc::System> = cap::Cap::new(std::alloc::System, usize::MAX);

libfuzzer_sys::fuzz_target!(
    init: mosquitto_fuzz_targets::watch_memory(|| ALLOCATOR.allocated()),
    |bytes: &[u8]| mosquitto_fuzz_targets::run("websocket", bytes)
);
