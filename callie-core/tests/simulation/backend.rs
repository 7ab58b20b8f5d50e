//! What a run needs of its server.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use callie_core::{ContentRef, EnvelopeIds, PayloadId, PayloadRef, Timestamp, Username};

/// The token of the first login of each user.
pub(super) const FIRST_TOKEN: &str = "token0";

/// The ID of a connection, which is never reused.
pub(super) type Connection = usize;

/// An action of the server on a connection.
pub(super) enum Action {
    Write(Connection, String),
    Close(Connection, u16),
}

/// A server in one process.
pub(super) trait Server {
    fn accept(&mut self, now: Duration, connection: Connection);

    fn received(&mut self, now: Duration, connection: Connection, text: &str);

    /// Handles that a connection ended; `left` if the client closed it.
    fn ended(&mut self, now: Duration, connection: Connection, left: bool);

    /// Closes a connection, like a server that is unavailable for a moment.
    fn send_away(&mut self, now: Duration, connection: Connection);

    /// Returns the token of the user's live login.
    fn token(&self, user: &Username) -> String;

    /// Ends the login of all devices of a user.
    fn end_logins(&mut self, now: Duration, user: &Username);

    /// Restarts without its memory.
    fn restart(&mut self, now: Duration);

    fn tick(&mut self, now: Duration);

    fn take_actions(&mut self) -> Vec<Action>;

    fn records(&self) -> &Records;

    /// Checks a text that arrived at a client, the one with this number after the last `AUTHENTICATED` that resumed nothing.
    fn check_arrival(&self, _connection: Connection, _number: u64, _text: &str) {}
}

/// What a server did.
#[derive(Default)]
pub(super) struct Records {
    /// How often each command was executed, by its unique part.
    pub(super) carried_out: HashMap<String, usize>,
    /// The texts of delivered messages.
    pub(super) passed_on: HashSet<String>,
    /// The texts of messages that were answered with `RECIPIENT_OFFLINE`.
    pub(super) discarded: HashSet<String>,
    /// The arrivals of each message, on a server whose connections can be resumed.
    pub(super) arrivals: HashMap<String, Arrivals>,
}

/// The arrivals of one message.
pub(super) struct Arrivals {
    pub(super) first: Duration,
    /// Their number without those that were reported as dropped.
    pub(super) taken: i64,
}

/// The logins of all users.
#[derive(Default)]
pub(super) struct Logins(HashMap<Username, u64>);

impl Logins {
    pub(super) fn token(&self, user: &Username) -> String {
        format!("token{}", self.0.get(user).copied().unwrap_or_default())
    }

    pub(super) fn end(&mut self, user: &Username) {
        *self.0.entry(user.clone()).or_default() += 1;
    }
}

pub(super) fn envelope_ids(ids: &AtomicU64) -> EnvelopeIds {
    let id = ids.fetch_add(1, Ordering::Relaxed);
    EnvelopeIds {
        payload_id: PayloadId::parse(&format!("server-{id}")).unwrap(),
        timestamp: Timestamp::UNIX_EPOCH,
    }
}

pub(super) fn text_of(frame: &PayloadRef<'_>) -> String {
    let ContentRef::Msg(message) = frame.content() else { panic!("not a message") };
    message.text().decode().into_owned()
}
