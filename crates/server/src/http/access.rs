//! Who may ask for what: as a client called `http-api` that logs in, and reads from a topic called as the path.

use super::connections::Key;
use super::desk::Desk;
use super::request::{Credentials, Request};
use super::sites::Door;
use mosquitto_auth::acl::Subject;
use mosquitto_auth::password::PasswordFile;
use mosquitto_mqtt::TopicName;
use std::fmt;
use std::sync::Arc;

pub(super) use mosquitto_auth::password::Verdict;

/// The client id of whoever asks.
const CLIENT_ID: &str = "http-api";

/// A password to be looked at, where that may take its time.
pub(crate) struct Login {
    pub(super) desk: Arc<Desk>,
    pub(super) key: Key,
    pub(super) file: Arc<PasswordFile>,
    pub(super) credentials: Credentials,
}

/// Without the password.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("key", &self.key).finish_non_exhaustive()
    }
}

impl Login {
    /// Looks at the password. The HTTP thread gets the answer.
    pub(crate) fn carry_out(self) {
        let Credentials { username, password } = &self.credentials;
        let verdict = match password {
            Some(password) => self.file.check(username, password),
            None => Verdict::Wrong,
        };
        self.desk.answer(self.key, verdict);
    }
}

/// What there is to say about who asks.
#[derive(Debug)]
pub(super) enum Claim {
    /// It is let in.
    Proven,
    /// It is not.
    Refused,
    /// That depends on a password, and on this file.
    Unproven(Arc<PasswordFile>),
}

/// Decides about who asks, as about a client that connects.
pub(super) fn claim(door: &Door, request: &Request) -> Claim {
    let (Some(credentials), Some(users)) = (&request.credentials, &door.users) else {
        // Without a password file a username is no proof, and none is asked for.
        return if door.allow_anonymous { Claim::Proven } else { Claim::Refused };
    };
    match credentials.password {
        Some(_) => Claim::Unproven(Arc::clone(users)),
        None => Claim::Refused,
    }
}

/// Whether somebody who was let in may have what the request is for. What could be no topic is nobody's.
pub(super) fn may_read(door: &Door, request: &Request) -> bool {
    let Some(list) = &door.access_list else { return true };
    let topic = str::from_utf8(&request.path).ok().filter(|path| !path.contains('\0'));
    let username = request.credentials.as_ref().map(|credentials| credentials.username.as_str());
    let subject = Subject { client_id: CLIENT_ID, username };
    topic.is_some_and(|topic| TopicName::new(topic).is_ok() && list.rights(subject, topic.as_bytes()).read)
}
