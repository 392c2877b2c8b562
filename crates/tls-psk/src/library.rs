//! OpenSSL, found and loaded.
#![allow(unsafe_code, reason = "loading a library runs its code")]

use crate::ffi::Functions;
use libloading::Library;
use std::error::Error;
use std::ffi::{CStr, c_char, c_int};
use std::fmt;
use std::path::Path;
use std::sync::OnceLock;

/// What the libraries are called, libssl and libcrypto of the same release, the newest first.
#[cfg(target_os = "macos")]
const NAMES: &[[&str; 2]] = &[["libssl.3.dylib", "libcrypto.3.dylib"], ["libssl.1.1.dylib", "libcrypto.1.1.dylib"]];
#[cfg(windows)]
const NAMES: &[[&str; 2]] =
    &[["libssl-3-x64.dll", "libcrypto-3-x64.dll"], ["libssl-1_1-x64.dll", "libcrypto-1_1-x64.dll"]];
#[cfg(target_os = "freebsd")]
const NAMES: &[[&str; 2]] = &[
    ["libssl.so.35", "libcrypto.so.35"],
    ["libssl.so.30", "libcrypto.so.30"],
    ["libssl.so.3", "libcrypto.so.3"],
    ["libssl.so.111", "libcrypto.so.111"],
];
#[cfg(not(any(target_os = "macos", target_os = "freebsd", windows)))]
const NAMES: &[[&str; 2]] = &[["libssl.so.3", "libcrypto.so.3"], ["libssl.so.1.1", "libcrypto.so.1.1"]];

/// `OPENSSL_VERSION`.
const VERSION: c_int = 0;

/// OpenSSL, loaded. It stays loaded for as long as the process runs.
#[derive(Debug)]
pub struct OpenSsl {
    pub(crate) functions: Functions,
}

/// Why OpenSSL cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadError {
    /// What was looked for, in order.
    pub looked_for: Vec<String>,
    /// Why the last that was not there for another reason than that could not be used; the system's words.
    pub why: String,
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpenSSL was not found; looked for {}: {}", self.looked_for.join(", "), self.why)
    }
}

impl Error for LoadError {}

/// The one of this process.
static LOADED: OnceLock<OpenSsl> = OnceLock::new();

impl OpenSsl {
    /// Finds OpenSSL, 3 or 1.1: in `directory`, or where the system looks for libraries. What was found once is what all
    /// later calls return.
    pub fn load(directory: Option<&Path>) -> Result<&'static Self, LoadError> {
        match LOADED.get() {
            Some(loaded) => Ok(loaded),
            None => find(directory, NAMES).map(|found| LOADED.get_or_init(|| found)),
        }
    }

    /// If it was loaded.
    pub(crate) fn loaded() -> Option<&'static Self> {
        LOADED.get()
    }

    /// What it calls itself: `OpenSSL 3.0.15 3 Sep 2024`.
    pub fn version(&'static self) -> &'static str {
        // SAFETY: any number is good; what comes back is a string of the library's own.
        let text = unsafe { (self.functions.OpenSSL_version)(VERSION) };
        // SAFETY: it is a constant.
        unsafe { constant(text) }.unwrap_or_default()
    }
}

/// A string that OpenSSL has for ever; none where there is none.
///
/// # Safety
///
/// `text` must be null or a constant of OpenSSL's that ends with NUL: the library stays loaded.
pub(crate) unsafe fn constant(text: *const c_char) -> Option<&'static str> {
    if text.is_null() {
        return None;
    }
    // SAFETY: as the caller says.
    unsafe { CStr::from_ptr(text) }.to_str().ok()
}

fn find(directory: Option<&Path>, names: &[[&str; 2]]) -> Result<OpenSsl, LoadError> {
    let (mut looked_for, mut why) = (Vec::new(), "there is no name to look for".to_owned());
    for pair in names {
        let [ssl, crypto] = pair.map(|name| match directory {
            Some(directory) => directory.join(name),
            None => name.into(),
        });
        looked_for.push(ssl.display().to_string());
        match load(&ssl, &crypto) {
            Ok(found) => return Ok(found),
            Err(error) => why = error,
        }
    }
    Err(LoadError { looked_for, why })
}

fn load(ssl: &Path, crypto: &Path) -> Result<OpenSsl, String> {
    // SAFETY: libcrypto of this name is OpenSSL's; what it does when it is loaded is known to be harmless.
    let crypto_library = unsafe { Library::new(crypto) }.map_err(|error| words(&error))?;
    // SAFETY: likewise libssl.
    let ssl_library = unsafe { Library::new(ssl) }.map_err(|error| words(&error))?;
    // OpenSSL has handlers that run when the process ends: it must stay where it is.
    let (crypto_library, ssl_library) = (Box::leak(Box::new(crypto_library)), Box::leak(Box::new(ssl_library)));
    // SAFETY: the names are those of OpenSSL 1.1 and later, and they were just made to stay for ever.
    let functions = unsafe { Functions::find(crypto_library, ssl_library) };
    let missing = |name| format!("{} has no function {name}", ssl.display());
    functions.map(|functions| OpenSsl { functions }).map_err(missing)
}

/// The system's words, which stand behind those of the crate.
fn words(error: &libloading::Error) -> String {
    error.source().map_or_else(|| error.to_string(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_named_with_all_that_was_looked_for() {
        let error = find(Some(Path::new("/nowhere")), NAMES).unwrap_err();
        assert_eq!(error.looked_for.len(), NAMES.len());
        let text = error.to_string();
        assert!(text.starts_with("OpenSSL was not found; looked for /nowhere/libssl"), "{text}");
        assert!(text.contains("No such file") || text.contains("no such file"), "{text}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_library_that_is_another_one_is_refused_by_the_function_that_it_lacks() {
        let error = find(None, &[["libm.so.6", "libm.so.6"]]).unwrap_err();
        assert!(error.why.contains("has no function"), "{error}");
    }
}
