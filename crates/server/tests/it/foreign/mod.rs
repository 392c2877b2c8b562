//! Clients that others wrote, and a proxy.

mod browser;
mod haproxy;
mod mosquitto_clients;
mod mosquitto_over_tls;
mod mqttjs;
mod openssl;
mod paho;
mod rumqttc_v4;
mod rumqttc_v5;
mod rust_clients;

pub(crate) use haproxy::Proxy;

use crate::harness::report_skipped;
use std::path::PathBuf;

/// Whether all of these programs are installed. If not, says which one is missing.
pub(crate) fn are_there(programs: &[&str]) -> bool {
    let missing = programs.iter().find(|program| place_of(program).is_none());
    if let Some(program) = missing {
        report_skipped(program);
    }
    missing.is_none()
}

/// Where a program is. Some of them are for administrators and not in everybody's `PATH`.
pub(crate) fn place_of(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    places.map(|place| place.join(program)).find(|place| place.is_file())
}
