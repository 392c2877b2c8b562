//! Whether a client is who it says.
//!
//! To look at a password takes milliseconds and more, on purpose. So the shard does not do it: it gives a check away as an
//! effect, and the CONNECT waits, unhandled, until the answer has come. Then it is looked at from its beginning again, by
//! the settings that hold by then, and only now it may take over a session.

use crate::{ConnectionId, ListenerSettings, Shard};
use mosquitto_auth::password::{PasswordFile, User, Verdict};
use mosquitto_mqtt::packet::Connect;
use std::fmt;
use std::sync::Arc;

/// A password to be looked at, somewhere where that may take its time. The answer goes back to the shard that it came
/// from: [`Shard::password_checked`].
pub struct PasswordCheck {
    connection: ConnectionId,
    ticket: u64,
    file: Arc<PasswordFile>,
    username: Box<str>,
    password: Box<[u8]>,
}

/// What came of a [`PasswordCheck`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordAnswer {
    connection: ConnectionId,
    ticket: u64,
    verdict: Verdict,
}

/// How far it is proved that a connection's client is who it says.
#[derive(Debug, Default)]
pub(crate) enum Proof {
    /// Not at all.
    #[default]
    None,
    /// The check with this ticket is under way.
    Checking { ticket: u64, user: Option<User> },
    /// It was checked against what the password file said about the user then.
    Checked { verdict: Verdict, user: Option<User> },
}

/// What there is to say about a client's claim to be somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Claim {
    /// It is let in.
    Proven,
    /// That is being looked at.
    Checking,
    /// It is not let in.
    Refused,
    /// There was no room to look at it.
    Busy,
}

impl PasswordCheck {
    /// Looks at the password.
    pub fn carry_out(&self) -> PasswordAnswer {
        self.answer(self.file.check(&self.username, &self.password))
    }

    /// The answer where nobody has time for it: the client is told that the server is busy.
    pub fn give_up(&self) -> PasswordAnswer {
        self.answer(Verdict::Busy)
    }

    fn answer(&self, verdict: Verdict) -> PasswordAnswer {
        PasswordAnswer { connection: self.connection, ticket: self.ticket, verdict }
    }
}

/// Without the password.
impl fmt::Debug for PasswordCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordCheck").field("connection", &self.connection).finish_non_exhaustive()
    }
}

impl PasswordAnswer {
    /// The connection that waits for it.
    pub fn connection(&self) -> ConnectionId {
        self.connection
    }
}

impl Shard {
    /// The passwords to be looked at, into `list`. Their connections say [`Then::Checking`](crate::Then::Checking) until
    /// the answers have come.
    pub fn password_checks(&mut self, list: &mut Vec<PasswordCheck>) {
        list.append(&mut self.checks);
    }

    /// A password was looked at. True where its connection still waits for that: what was kept of its bytes is to be
    /// presented again. An answer that comes too late is ignored, also where the connection's number has become another's.
    pub fn password_checked(&mut self, answer: PasswordAnswer) -> bool {
        let Some(connection) = self.home.connections.get_mut(answer.connection) else { return false };
        match &mut connection.proof {
            Proof::Checking { ticket, user } if *ticket == answer.ticket => {
                connection.proof = Proof::Checked { verdict: answer.verdict, user: user.take() };
                true
            }
            _ => false,
        }
    }

    /// Decides about the client of a CONNECT, or has its password looked at.
    pub(crate) fn authenticate(&mut self, id: ConnectionId, connect: &Connect<'_>) -> Claim {
        let Some(connection) = self.home.connections.get_mut(id) else { return Claim::Refused };
        // Where nobody can tell what is allowed, nothing is.
        let Some(listener) = self.home.settings.listener(connection.listener) else {
            return Claim::Refused;
        };
        let (Some(username), Some(file)) = (connect.username, &listener.passwords) else {
            // Without a password file a username is no proof, and none is asked for.
            return if listener.allow_anonymous { Claim::Proven } else { Claim::Refused };
        };
        // An empty password proves nothing, also where the file has its hash, as in Mosquitto 2.1.
        let Some(password) = connect.password.filter(|password| !password.is_empty()) else { return Claim::Refused };
        let user = file.user(username);
        match &connection.proof {
            Proof::Checking { .. } => return Claim::Checking,
            Proof::Checked { verdict: Verdict::Wrong, .. } => return Claim::Refused,
            Proof::Checked { verdict: Verdict::Busy, .. } => return Claim::Busy,
            Proof::Checked { verdict: Verdict::Right, user: checked } if user.is_some() && user == checked.as_ref() => {
                return Claim::Proven;
            }
            // The file says something else about the user than it did when the password was looked at.
            Proof::Checked { verdict: Verdict::Right, .. } | Proof::None => {}
        }
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        connection.proof = Proof::Checking { ticket, user: user.cloned() };
        self.checks.push(PasswordCheck {
            connection: id,
            ticket,
            file: Arc::clone(file),
            username: username.into(),
            password: password.into(),
        });
        Claim::Checking
    }

    /// Whether a client that was let in would be let in now, with the username that it came with. The password itself is
    /// not kept: it is still right where the file says the same about the user as it did when it was looked at.
    pub(crate) fn is_still_let_in(
        &self,
        id: ConnectionId,
        username: Option<&str>,
        listener: &ListenerSettings,
    ) -> bool {
        let (Some(username), Some(file)) = (username, &listener.passwords) else { return listener.allow_anonymous };
        match self.home.connections.get(id).map(|connection| &connection.proof) {
            Some(Proof::Checked { verdict: Verdict::Right, user: Some(user) }) => file.user(username) == Some(user),
            _ => false,
        }
    }
}
