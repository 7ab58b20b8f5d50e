//! Credentials: a user and the token of a login on a server.

use callie_core::{Token, Username};

use crate::config::Config;
use crate::endpoint::Endpoint;
use crate::error::Error;

/// A username and the token of a login on one server: what a [`Client`](crate::Client) connects with.
///
/// `Debug` hides the token.
#[derive(Debug, Clone)]
pub struct Credentials {
    endpoint: Endpoint,
    username: Username,
    token: Token,
}

impl Credentials {
    /// Credentials from an earlier login. Whether the token is still valid is checked when connecting.
    ///
    /// # Errors
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) when the name or the token is malformed, and as
    /// [`Server::with_config`](crate::Server::with_config).
    pub fn new(config: Config, username: &str, token: &str) -> Result<Self, Error> {
        let username = Username::parse(username).map_err(|e| Error::argument("the username", e))?;
        let token = Token::parse(token).map_err(|e| Error::argument("the token", e))?;
        Ok(Self::of(Endpoint::new(config)?, username, token))
    }

    pub(crate) fn of(endpoint: Endpoint, username: Username, token: Token) -> Self {
        Self { endpoint, username, token }
    }

    /// The configuration of clients that are made with these credentials.
    #[must_use]
    pub fn config(&self) -> &Config {
        self.endpoint.config()
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The user.
    #[must_use]
    pub fn username(&self) -> &Username {
        &self.username
    }

    /// The token. Keep it secret: it gives access to the user's account.
    #[must_use]
    pub fn token(&self) -> &Token {
        &self.token
    }
}
