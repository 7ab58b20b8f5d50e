//! The requests of the application about the connection.

use super::desired::DesiredState;
use super::event::{Attempt, AttemptFailure, Event, Failure};
use super::link::Link;
use super::machine::{Now, Session};
use super::state::{ClosedBy, SessionClosed, State};

impl Session {
    /// Connects, and connects again after every loss until [`suspend`](Self::suspend), [`disconnect`](Self::disconnect) or a
    /// refusal. A session that waits tries immediately.
    ///
    /// # Errors
    /// [`SessionClosed`].
    pub fn start(&mut self, now: Now) -> Result<(), SessionClosed> {
        self.check_open()?;
        self.desired = DesiredState::Connected;
        self.approach(now);
        Ok(())
    }

    /// Makes one attempt to connect. [`Event::Attempted`] reports its outcome. After a success, the session is in the state
    /// that [`start`](Self::start) leads to. After a failure, a started session keeps trying, and any other is suspended.
    ///
    /// While an attempt is in progress, a further call returns the same one. An attempt includes the fetching of another
    /// token. On a session that is online, it succeeds immediately.
    ///
    /// # Errors
    /// [`SessionClosed`].
    pub fn connect(&mut self, now: Now) -> Result<Attempt, SessionClosed> {
        self.check_open()?;
        let attempt = self.attempt.unwrap_or_else(|| {
            self.last_attempt += 1;
            Attempt(self.last_attempt)
        });
        self.attempt = Some(attempt);
        if matches!(self.link, Link::Online(_)) {
            self.answer_attempt(Ok(()));
            return Ok(attempt);
        }
        if self.desired != DesiredState::Connected {
            self.desired = DesiredState::Once;
        }
        self.approach(now);
        Ok(attempt)
    }

    /// Closes the connection until [`resume`](Self::resume), as for an app in the background. Tickets continue to wait. An
    /// attempt to connect fails. The session still awaits a token that is being fetched, and keeps it for the next connection.
    ///
    /// It has no effect on a session that was not started, or is suspended.
    ///
    /// # Errors
    /// [`SessionClosed`].
    pub fn suspend(&mut self, now: Now) -> Result<(), SessionClosed> {
        self.check_open()?;
        if self.desired.is_to_connect() {
            self.desired = DesiredState::Suspended;
            self.leave(now);
            self.tell(Event::State(State::Suspended));
            self.answer_attempt(Err(AttemptFailure::Suspended));
        }
        Ok(())
    }

    /// Connects again, as [`start`](Self::start) does, after [`suspend`](Self::suspend) or a failed
    /// [`connect`](Self::connect). It has no effect on any other session.
    ///
    /// # Errors
    /// [`SessionClosed`].
    pub fn resume(&mut self, now: Now) -> Result<(), SessionClosed> {
        self.check_open()?;
        if self.desired == DesiredState::Suspended { self.start(now) } else { Ok(()) }
    }

    /// Closes the session permanently. Every ticket gets its outcome: pending if it is a message that the records keep,
    /// unconfirmed if its payload was sent, otherwise failed. It has no effect on a closed session.
    pub fn disconnect(&mut self, now: Now) {
        self.close(now, ClosedBy::Application);
    }

    /// Closes the session like [`disconnect`](Self::disconnect), because the driver cannot continue.
    pub fn abandon(&mut self, now: Now) {
        self.close(now, ClosedBy::Driver);
    }

    /// Tells the session that the network has changed. A session that waits to reconnect tries immediately, unless the
    /// server asked for a longer wait. A connected one checks that its connection is alive. Others ignore it.
    pub fn network_changed(&mut self, now: Now) {
        match &self.link {
            // A change of the network does not override the server's request to wait.
            Link::Waiting { .. } if now.elapsed >= self.sent_away_until => self.open(now),
            Link::Online(_) => self.ask_for_sign_of_life(now),
            _ => {}
        }
    }

    /// Returns whether the session is closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed(_))
    }

    pub(super) fn check_open(&self) -> Result<(), SessionClosed> {
        if self.is_closed() { Err(SessionClosed) } else { Ok(()) }
    }

    /// Takes the next step towards a connection.
    pub(super) fn approach(&mut self, now: Now) {
        if let Some(refresh) = &self.refresh {
            // There is no valid token yet.
            if self.state == State::Suspended {
                let refusal = refresh.refusal.clone();
                self.tell(Event::State(State::RefreshingToken(refusal)));
            }
        } else if matches!(self.link, Link::Down | Link::Waiting { .. }) {
            self.attempts.reset();
            self.open(now);
        }
    }

    /// Reports the outcome of the attempt in progress, if there is one.
    pub(super) fn answer_attempt(&mut self, outcome: Result<(), AttemptFailure>) {
        if let Some(attempt) = self.attempt.take() {
            self.tell(Event::Attempted(attempt, outcome));
        }
    }

    /// Closes the session. The first reason remains.
    pub(super) fn close(&mut self, now: Now, by: ClosedBy) {
        if self.is_closed() {
            return;
        }
        self.desired = DesiredState::Nothing;
        self.refresh = None;
        self.leave(now);
        for ticket in self.tickets.those(|_| true) {
            if !self.keep_pending(ticket) {
                self.give_up_on(ticket, Failure::Disconnected);
            }
        }
        self.tell(Event::State(State::Closed(by)));
        self.answer_attempt(Err(AttemptFailure::Closed));
    }
}
