//! A new token for a session that has ended.

use std::fmt;
use std::sync::Arc;

use callie_core::Token;
use tokio::task::JoinHandle;

use crate::error::BoxError;

/// Gives a client the token of a new login when the server has ended its session.
///
/// It is called once for each refusal, on a thread that it may block, for at most
/// [`request_timeout`](crate::Config::request_timeout). If it returns none, or one that the server refuses too, the
/// client ends.
pub trait TokenSource: Send + Sync {
    /// Returns a valid token of the same user. `reason` is the server's code, such as `SESSION_EXPIRED`.
    ///
    /// # Errors
    /// Why it could not get one.
    fn token(&self, username: &str, reason: &str) -> Result<Token, BoxError>;
}

/// The application's source.
#[derive(Clone)]
pub(crate) struct Source(pub(crate) Arc<dyn TokenSource>);

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source")
    }
}

impl Source {
    /// Requests a token, on a new thread. The error is for people.
    pub(crate) async fn ask(self, username: String, reason: String) -> Result<Token, String> {
        let asked: JoinHandle<_> = tokio::task::spawn_blocking(move || self.0.token(&username, &reason));
        match asked.await {
            Ok(given) => given.map_err(|e| format!("no new token: {e}")),
            Err(panic) => Err(format!("no new token: {panic}")),
        }
    }
}
