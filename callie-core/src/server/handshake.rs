//! The first payload of a connection (protocol, "Authentication").

use std::sync::Arc;
use std::time::Duration;

use super::close::CloseReason;
use super::config::ServerConfig;
use super::reply::PayloadNames;
use crate::code::SysCode;
use crate::command::{ClientInfo, Command, Features, ResumeRequest};
use crate::fault::Fault;
use crate::frame::PayloadRef;
use crate::name::{ConnectionId, SessionId, Username};
use crate::notice::Notice;
use crate::party::RecipientRef;
use crate::timestamp::Timestamp;

/// A connection that has not sent its first payload.
#[derive(Debug)]
pub struct Handshake {
    config: Arc<ServerConfig>,
    deadline: Duration,
}

/// A first payload, whose token must be looked up.
#[derive(Debug)]
pub struct Authentication<'t> {
    config: Arc<ServerConfig>,
    payload: PayloadRef<'t>,
    greeting: Option<Greeting>,
}

/// The parameters of `AUTHENTICATE`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Greeting {
    /// The client program.
    pub client: Option<ClientInfo>,
    /// The features that the client supports; `None` if it names none at all.
    pub features: Option<Features>,
    /// The connection to resume.
    pub resume: Option<ResumeRequest>,
}

impl Greeting {
    /// Returns the parameters, if the payload is a valid `AUTHENTICATE`.
    fn read(payload: &PayloadRef<'_>, config: &ServerConfig) -> Option<Self> {
        if payload.recipient() != RecipientRef::Server {
            return None;
        }
        match payload.command(&config.limits)? {
            Ok(Command::Authenticate { client, features, resume }) => {
                Some(Self { client, features: features.as_deref().map(Features::named), resume })
            }
            _ => None,
        }
    }
}

/// The session that a token belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Identity {
    /// The user.
    pub username: Username,
    /// Returns the session.
    pub session_id: SessionId,
    /// When the session ends if it is not used.
    pub expires_at: Timestamp,
}

impl Identity {
    /// The session of a user.
    #[must_use]
    pub fn new(username: Username, session_id: SessionId, expires_at: Timestamp) -> Self {
        Self { username, session_id, expires_at }
    }
}

/// A first payload with a valid token and sender, which opens a [`Connection`](super::Connection).
#[derive(Debug)]
pub struct Verified<'t> {
    pub(super) config: Arc<ServerConfig>,
    pub(super) payload: PayloadRef<'t>,
    /// `None` if the payload is not a valid `AUTHENTICATE`.
    pub(super) greeting: Option<Greeting>,
    pub(super) identity: Identity,
    /// The name under which the connection can be resumed.
    pub(super) connection_id: Option<ConnectionId>,
}

impl Handshake {
    /// Starts with a connection after its upgrade.
    #[must_use]
    pub fn new(now: Duration, config: Arc<ServerConfig>) -> Self {
        let deadline = now.saturating_add(config.times.authentication);
        Self { config, deadline }
    }

    /// Returns the deadline of the first payload.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        self.deadline
    }

    /// Returns the reason to close the connection, if the [`deadline`](Self::deadline) has passed.
    #[must_use]
    pub fn wake(&self, now: Duration) -> Option<CloseReason> {
        (now >= self.deadline).then(CloseReason::auth_timeout)
    }

    /// Handles the first text message.
    ///
    /// # Errors
    /// `AUTH_FAILED` if it is not a valid payload.
    pub fn receive(self, text: &str) -> Result<Authentication<'_>, CloseReason> {
        match PayloadRef::from_client(text, &self.config.limits) {
            Ok(payload) => {
                let greeting = Greeting::read(&payload, &self.config);
                Ok(Authentication { config: self.config, payload, greeting })
            }
            Err(fault) => Err(invalid(&fault)),
        }
    }
}

/// Returns the answer to an invalid first payload: the fault, with the code of a failed authentication.
fn invalid(fault: &Fault) -> CloseReason {
    let notice = Notice::builder(SysCode::AuthFailed).describe(fault.reason().to_owned()).path(fault.path());
    let notice = notice.in_reply_to_any(fault.payload_id());
    // The log gets only the code, because the path can contain any text of the client.
    CloseReason::auth_failed(notice, fault.code().as_str())
}

impl<'t> Authentication<'t> {
    /// Returns the token to look up.
    #[must_use]
    pub fn token(&self) -> &str {
        self.payload.token()
    }

    /// Returns the sender that the client claims to be; any string.
    #[must_use]
    pub fn sender(&self) -> &str {
        self.payload.sender()
    }

    /// Verifies the sender against the session that the token belongs to, or `None` if there is no live session.
    ///
    /// # Errors
    /// `AUTH_FAILED` if there is no such session, or it is another user's.
    pub fn verify(self, identity: Option<Identity>) -> Result<Verified<'t>, CloseReason> {
        let Self { config, payload, greeting } = self;
        match identity {
            None => Err(failed(&payload, "the token belongs to no live session")),
            Some(identity) if identity.username != *payload.sender() => {
                Err(failed(&payload, "the sender is not the user of the token"))
            }
            Some(identity) => Ok(Verified { config, payload, greeting, identity, connection_id: None }),
        }
    }
}

impl Verified<'_> {
    /// Returns the session.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Returns the parameters of `AUTHENTICATE`, if the payload is one.
    #[must_use]
    pub fn greeting(&self) -> Option<&Greeting> {
        self.greeting.as_ref()
    }

    /// Lets the client resume the connection by `id`, which must have at least 128 random bits, if the feature is in
    /// force. Without an ID, it is not.
    #[must_use]
    pub fn with_connection_id(self, id: ConnectionId) -> Self {
        Self { connection_id: Some(id), ..self }
    }

    /// Returns the features that both sides name; `None` if the client names none at all.
    #[must_use]
    pub fn features(&self) -> Option<Features> {
        Some(self.greeting.as_ref()?.features?.and(self.config.features))
    }
}

fn failed(payload: &PayloadRef<'_>, detail: &'static str) -> CloseReason {
    CloseReason::auth_failed(PayloadNames::of(payload).complete(Notice::builder(SysCode::AuthFailed)), detail)
}
