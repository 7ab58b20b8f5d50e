//! The request of a client to resume a connection (protocol, "Resumption").

use std::sync::Arc;

use super::config::ServerConfig;
use super::handshake::{Identity, Verified};
use super::reply::Reply;
use crate::command::{Feature, ResumeRequest};
use crate::name::ConnectionId;

/// A verified request to resume a connection. It owns what it needs, so it can be handed to the owner of the connection.
#[derive(Debug, Clone)]
pub struct Resuming {
    pub(super) config: Arc<ServerConfig>,
    pub(super) request: ResumeRequest,
    pub(super) identity: Identity,
    pub(super) token: Box<str>,
    pub(super) reply: Reply,
}

impl Resuming {
    pub(super) fn read(verified: &Verified<'_>) -> Option<Self> {
        verified.features().filter(|features| features.contains(Feature::Resume))?;
        let Verified { config, payload, greeting, identity, .. } = verified;
        Some(Self {
            config: config.clone(),
            request: greeting.as_ref()?.resume.clone()?,
            identity: identity.clone(),
            token: payload.token().into(),
            reply: Reply::new(payload, 0, None, identity.username.clone()),
        })
    }

    /// Returns the ID of the connection to resume.
    #[must_use]
    pub fn connection_id(&self) -> &ConnectionId {
        &self.request.connection_id
    }

    /// Returns the number of texts that the client has received.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.request.received.get()
    }

    /// Returns the session of the client.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }
}

impl Verified<'_> {
    /// Returns the client's request to resume a connection, if the feature is in force. If it cannot be fulfilled, the
    /// payload opens a new connection.
    #[must_use]
    pub fn resuming(&self) -> Option<Resuming> {
        Resuming::read(self)
    }
}
