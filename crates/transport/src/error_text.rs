//! System errors as Mosquitto shows them.

use std::io;

/// The text of the system for an error, without Rust's addition of its number.
pub fn error_text(error: &io::Error) -> String {
    let text = error.to_string();
    match text.rfind(" (os error ") {
        Some(end) => text.get(..end).unwrap_or(&text).to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_the_error_is_left_out() {
        assert_eq!(error_text(&io::Error::from_raw_os_error(libc::EADDRINUSE)), "Address already in use");
        assert_eq!(error_text(&io::Error::other("plain")), "plain");
    }
}
