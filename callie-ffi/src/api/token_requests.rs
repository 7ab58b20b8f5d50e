//! New tokens for a language whose threads fetch the request and answer it: Python.

use std::collections::HashMap;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use callie_core::Token;

use super::client::Client;
use super::wakeups;
use callie_client as client;

/// A client's request for a new token.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct TokenRequest {
    /// The value that the client's source was set with.
    pub source: u64,
    /// The user.
    pub username: String,
    /// The server's code, such as `SESSION_EXPIRED`.
    pub reason_code: String,
}

struct Pending {
    request: TokenRequest,
    answer: SyncSender<Result<String, String>>,
}

static PENDING: Mutex<(u64, Option<HashMap<u64, Pending>>)> = Mutex::new((0, None));

fn pending() -> MutexGuard<'static, (u64, Option<HashMap<u64, Pending>>)> {
    PENDING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A source that queues each request and waits for its answer.
struct QueuedSource {
    source: u64,
}

impl client::TokenSource for QueuedSource {
    fn token(&self, username: &str, reason: &str) -> Result<Token, client::BoxError> {
        let (answer, answered) = sync_channel(1);
        let request = TokenRequest {
            source: self.source,
            username: username.to_owned(),
            reason_code: reason.to_owned(),
        };
        let number = {
            let mut pending = pending();
            pending.0 += 1;
            let number = pending.0;
            pending.1.get_or_insert_default().insert(number, Pending { request, answer });
            number
        };
        wakeups::push_token_request(number);
        Ok(Token::parse(&answered.recv()??)?)
    }
}

#[uniffi::export]
impl Client {
    /// Makes the client queue its requests for a new token, with `source` in them, instead of any previous source.
    /// Without one, the client ends when the server has ended the session.
    pub fn queue_token_requests(&self, source: Option<u64>) {
        let source =
            source.map(|source| -> Arc<dyn client::TokenSource> { Arc::new(QueuedSource { source }) });
        self.inner.set_token_source(source);
    }
}

/// The queued request of a wake-up; none if it was already answered.
#[uniffi::export]
pub fn token_request(number: u64) -> Option<TokenRequest> {
    pending().1.as_ref()?.get(&number).map(|pending| pending.request.clone())
}

/// Answers a queued request with a token, or with the reason why there is none.
#[uniffi::export]
pub fn answer_token_request(number: u64, token: Option<String>, reason: String) {
    let answered = pending().1.as_mut().and_then(|pending| pending.remove(&number));
    if let Some(answered) = answered {
        // If the request no longer waits, the client has ended.
        let _ = answered.answer.send(token.ok_or(reason));
    }
}
