//! Another token, after the server has refused the one that the session has.

use super::event::{Event, Output};
use super::machine::{Now, Session};
use super::state::{ClosedBy, Refresh, Refusal, State};
use crate::close::CloseCode;
use crate::token::Token;

impl Session {
    /// Sets whether the driver can fetch another token. Default false: a refusal closes the session. It has no effect on a
    /// token that is being fetched.
    pub fn set_refreshable(&mut self, refreshable: bool) {
        self.refreshable = refreshable;
    }

    /// Handles the token that [`Output::RefreshToken`] asked for. The session connects with it, immediately or when it is
    /// resumed. If the server refuses this token too, the session is closed.
    ///
    /// It has no effect if the session does not await a token, because this one comes too late.
    pub fn token_refreshed(&mut self, now: Now, token: Token) {
        if self.refresh.take().is_none() {
            return;
        }
        self.config.token = token;
        self.is_token_new = true;
        // It is the token of another login session, which cannot resume the connections of this one.
        self.resumption = None;
        if self.desired.is_to_connect() {
            self.approach(now);
        }
    }

    /// Handles that there is no other token, and why: closes the session, even a suspended one.
    ///
    /// It has no effect if the session does not await a token.
    pub fn token_refresh_failed(&mut self, now: Now, error: String) {
        if let Some(Refresh { refusal, .. }) = self.refresh.take() {
            self.close(now, ClosedBy::NoToken { refusal, error });
        }
    }

    /// Handles a refusal: asks for another token if the token is the reason and was not fetched after a refusal itself,
    /// otherwise closes the session.
    pub(super) fn refused(&mut self, now: Now, refusal: Refusal) {
        let helps = refusal.code == CloseCode::Authentication.as_u16();
        if !helps || !self.refreshable || self.is_token_new {
            return self.close(now, ClosedBy::Server(refusal));
        }
        let deadline = now.elapsed.saturating_add(self.config.refresh_timeout);
        self.refresh = Some(Refresh { refusal: refusal.clone(), deadline });
        self.tell(Event::State(State::RefreshingToken(refusal.clone())));
        self.output(Output::RefreshToken(refusal));
    }

    /// Closes the session if the token is late.
    pub(super) fn check_refresh(&mut self, now: Now) {
        if self.refresh.as_ref().is_some_and(|refresh| now.elapsed >= refresh.deadline) {
            self.token_refresh_failed(now, "no new token came in time".to_owned());
        }
    }
}
