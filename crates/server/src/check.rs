//! `--test-config`: whether what the configuration names is there, without changing anything.

use crate::auth_files::AuthFiles;
use crate::bridges;
use crate::http::Directories;
use crate::psk::PskFiles;
use crate::sensitive::links_are_allowed;
use crate::{interface, privileges, tls};
use mosquitto_config::{Endpoint, Place, Protocol, Settings};
use mosquitto_transport::error_text;
use nix::unistd::{AccessFlags, eaccess};
use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

/// The bytes of `sun_path`, without the one that ends it (unix(7)).
const UNIX_PATH_BYTES_MAX: usize = 107;

/// All that would go wrong, a line for each. The process becomes the user of the configuration, so that files are looked
/// at with the rights that the broker will have.
pub(crate) fn problems(settings: &Settings) -> Vec<String> {
    let global = &settings.config.global;
    let mut problems = Vec::new();
    let identity = privileges::identity(global.user.as_deref(), &mut Vec::new());
    for outcome in [identity.and_then(|identity| identity.assume()), privileges::set_umask()] {
        problems.extend(outcome.err().map(|failure| failure.text));
    }
    if let Some(path) = &settings.config.log.destinations.file {
        problems.extend(written_file("Log file", path, links_are_allowed()));
    }
    if let Some(path) = &global.pid_file {
        problems.extend(written_file("pid file", path, false));
    }
    if global.persistence.on {
        let path = global.persistence.path();
        problems.extend(
            written_file("Persistence file", &path, links_are_allowed()).or_else(|| not_made("Journal of", &path)),
        );
    }
    let auth_files = AuthFiles::read(settings, &AuthFiles::default(), &mut Vec::new());
    let psk = match auth_files {
        Ok(files) => files.psk,
        Err(failure) => {
            problems.push(failure.text);
            PskFiles::default()
        }
    };
    problems.extend(Directories::find(settings).err().map(|failure| failure.text));
    let endpoints = settings.endpoints();
    problems.extend(endpoints.iter().filter_map(|endpoint| unix_socket(endpoint.unix_path.as_deref()?.as_ref())));
    let mut places: Vec<Place> = Vec::new();
    for place in endpoints.iter().map(Endpoint::place) {
        let is_taken = places.iter().any(|other| other.excludes(&place));
        places.push(place.clone());
        if is_taken {
            problems.push(format!("Error: Two listeners at {place}: only one of them can be opened."));
        }
    }
    if endpoints.iter().all(|endpoint| endpoint.protocol == Protocol::HttpApi) {
        problems.push("Error: Unable to start any listening sockets: all listeners are for HTTP.".to_owned());
    }
    for endpoint in &endpoints {
        problems.extend(tls::check(endpoint, &psk).err().into_iter().flatten());
    }
    problems.extend(bridges::prepare(settings, None).err().into_iter().flatten());
    let over_tcp = endpoints.iter().filter(|endpoint| endpoint.unix_path.is_none());
    for name in over_tcp.filter_map(|endpoint| endpoint.bind_interface.as_deref()) {
        match interface::addresses(name) {
            Ok(Some(_)) => {}
            Ok(None) => problems.push(format!("Error: Interface {name} does not exist.")),
            Err(error) => problems.push(format!("Error: Unable to look up interface {name}: {}.", error_text(&error))),
        }
    }
    problems
}

/// What is wrong with the place of a Unix socket. One that is there already may be that of the broker that runs.
fn unix_socket(path: &Path) -> Option<String> {
    let shown = path.display();
    match fs::symlink_metadata(path) {
        Ok(metadata) if !metadata.file_type().is_socket() => Some(format!("Error: {shown} is not a Unix socket.")),
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Some(format!("Error: Unix socket {shown} cannot be looked at: {}.", error_text(&error)))
        }
        _ if path.as_os_str().len() > UNIX_PATH_BYTES_MAX => {
            Some(format!("Error: The path {shown} is too long for a Unix socket: {UNIX_PATH_BYTES_MAX} bytes at most."))
        }
        _ => not_made("Unix socket", path),
    }
}

/// Why something cannot be made in its directory.
fn not_made(what: &str, path: &Path) -> Option<String> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let refused = eaccess(directory, AccessFlags::W_OK | AccessFlags::X_OK).err()?;
    Some(format!("Error: {what} {} cannot be made in {}: {}.", path.display(), directory.display(), refused.desc()))
}

/// What is wrong with a file that is to be written, or to be made.
fn written_file(what: &str, path: &Path, links_are_allowed: bool) -> Option<String> {
    let metadata = if links_are_allowed { fs::metadata(path) } else { fs::symlink_metadata(path) };
    let shown = path.display();
    match metadata {
        Ok(metadata) if metadata.is_symlink() => Some(format!("Error: {what} {shown} is a symbolic link.")),
        Ok(metadata) if !metadata.is_file() => Some(format!("Error: {what} {shown} is not a file.")),
        Ok(_) => {
            let refused = eaccess(path, AccessFlags::W_OK).err()?;
            Some(format!("Error: {what} {shown} cannot be written: {}.", refused.desc()))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => not_made(what, path),
        Err(error) => Some(format!("Error: {what} {shown} cannot be looked at: {}.", error_text(&error))),
    }
}
