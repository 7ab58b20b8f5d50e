//! A new token for a session that has ended.

use std::sync::Arc;
use std::time::Duration;

use callie_core::Token;
use tokio::task::JoinHandle;

use crate::error::BoxError;

/// Gives a client the token of a new login when the server has ended its session.
///
/// It is asked once for each refusal, on a thread that may block, and for at most
/// [`exchange_timeout`](crate::Config::request_timeout). If it gives none, or one that the server refuses too, the client
/// ends.
pub trait TokenSource: Send + Sync {
    /// A live token of the same user. `reason` is the server's code, such as `SESSION_EXPIRED`.
    ///
    /// # Errors
    /// Whatever kept it from getting one.
    fn token(&self, username: &str, reason: &str) -> Result<Token, BoxError>;
}

/// Asks the source, on a thread of its own.
pub(crate) async fn ask(
    source: Arc<dyn TokenSource>,
    username: String,
    reason: String,
    patience: Duration,
) -> Result<Token, String> {
    let asked: JoinHandle<_> = tokio::task::spawn_blocking(move || source.token(&username, &reason));
    match tokio::time::timeout(patience, asked).await {
        Ok(Ok(given)) => given.map_err(|e| format!("no new token: {e}")),
        Ok(Err(panic)) => Err(format!("no new token: {panic}")),
        Err(_) => Err("no new token came in time".to_owned()),
    }
}
