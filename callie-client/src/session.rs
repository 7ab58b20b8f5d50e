//! Who is logged in where.

use callie_core::{Token, Username};

use crate::config::Config;
use crate::error::{ConnectError, Fault};

/// A user's session on one server: what a [`Client`](crate::Client) connects with.
///
/// `Debug` hides the token.
#[derive(Debug, Clone)]
pub struct Session {
    config: Config,
    username: Username,
    token: Token,
}

impl Session {
    pub(crate) fn new(config: Config, username: Username, token: Token) -> Self {
        Self { config, username, token }
    }

    /// A session kept from an earlier login.
    ///
    /// # Errors
    /// [`ConnectError::InvalidArgument`] when the name or the token has not the form of one. Whether the token is alive
    /// shows when connecting.
    pub fn resume(config: Config, username: &str, token: &str) -> Result<Self, ConnectError> {
        let invalid = |name, e| ConnectError::InvalidArgument(Fault::argument(name, e));
        Ok(Self {
            config,
            username: Username::parse(username).map_err(|e| invalid("the username", e))?,
            token: Token::parse(token).map_err(|e| invalid("the token", e))?,
        })
    }

    /// Where the server is and how long to wait for it.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The user.
    #[must_use]
    pub fn username(&self) -> &Username {
        &self.username
    }

    /// The token, to keep in a safe place: who has it is the user.
    #[must_use]
    pub fn token(&self) -> &Token {
        &self.token
    }
}
