//! Answers: which headers stand there in which order is as in Mosquitto 2.1.

use super::files::Body;
use super::request::{Fault, Method};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;

/// What is answered.
#[derive(Debug)]
pub(super) struct Answer {
    status: &'static str,
    /// A line each, with its end.
    headers: String,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Text(String),
    File(Body),
}

impl Answer {
    /// What an endpoint says, to web pages of any origin.
    pub(super) fn of_api(text: String) -> Self {
        Self::text("200 OK", "Access-Control-Allow-Origin: *\r\n", text)
    }

    pub(super) fn file(body: Body, content_type: &'static str) -> Self {
        let headers = format!("Content-Type: {content_type}\r\n");
        Self { status: "200 OK", headers, content: Content::File(body) }
    }

    pub(super) fn not_found() -> Self {
        Self::text("404 Not Found", "", "Not found.\n")
    }

    pub(super) fn not_authorised() -> Self {
        let headers = "WWW-Authenticate: Basic realm=\"Mosquitto API\"\r\n";
        Self::text("401 Unauthorized", headers, "Not authorised\n")
    }

    pub(super) fn invalid_method() -> Self {
        Self::text("405 Method Not Allowed", "", "Invalid HTTP Method\n")
    }

    /// There was nobody who had time to look at a password.
    pub(super) fn busy() -> Self {
        Self::text("503 Service Unavailable", "", "Server busy\n")
    }

    pub(super) fn to_fault(fault: Fault) -> Self {
        let (status, text) = match fault {
            Fault::Malformed => ("400 Bad Request", "Bad request\n"),
            Fault::Version => ("505 HTTP Version Not Supported", "HTTP version not supported\n"),
            Fault::TooLong => ("431 Request Header Fields Too Large", "Request too large\n"),
            Fault::PathTooLong => ("414 URI Too Long", "Request too large\n"),
        };
        Self::text(status, "", text)
    }

    fn text(status: &'static str, headers: &str, text: impl Into<String>) -> Self {
        Self { status, headers: headers.to_owned(), content: Content::Text(text.into()) }
    }

    /// The bytes to send first, and the file to send then.
    pub(super) fn into_parts(self, method: Method) -> (Vec<u8>, Option<Body>) {
        let Self { status, headers, content } = self;
        let len = match &content {
            Content::Text(text) => text.len() as u64,
            Content::File(body) => body.len(),
        };
        let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&Timestamp::now());
        let date = date.map(|date| format!("Date: {date}\r\n")).unwrap_or_default();
        let mut first =
            format!("HTTP/1.1 {status}\r\n{date}Connection: close\r\n{headers}Content-Length: {len}\r\n\r\n");
        match content {
            _ if method == Method::Head => (first.into_bytes(), None),
            Content::File(body) => (first.into_bytes(), Some(body)),
            Content::Text(text) => {
                first.push_str(&text);
                (first.into_bytes(), None)
            }
        }
    }
}
