//! The reports of the driver about the connection.

use std::time::Duration;

use super::config::SUPPORTED;
use super::desired::DesiredState;
use super::event::{AttemptFailure, Event, Output, TicketOutcome};
use super::link::Link;
use super::machine::{MOST_PATIENCE, Now, Session};
use super::state::{Refusal, State};
use super::ticket::Receipt;
use super::tickets::Expects;
use crate::close::{CloseCode, LINK_LOST, is_resumable, should_reconnect};
use crate::command::Command;
use crate::party::Recipient;

impl Session {
    /// Handles that the WebSocket is open.
    pub fn opened(&mut self, now: Now) {
        if !matches!(self.link, Link::Opening { .. }) {
            return;
        }
        let token = self.config.token.clone();
        let features = Some(self.config.features.and(SUPPORTED).names());
        let resume = self.resumption.as_ref().and_then(|lost| lost.request(now.elapsed));
        let resuming = resume.is_some();
        let greeting = Command::Authenticate { client: self.config.client.clone(), features, resume };
        let payload = self.payload(now, Recipient::Server, greeting.to_content());
        let payload_id = payload.payload_id().clone();
        let deadline = now.elapsed.saturating_add(self.config.authentication_timeout);
        self.transmit(payload.with_token(token.clone()).encode());
        self.link = Link::Authenticating { deadline, payload_id, token, resuming };
    }

    /// Handles a text message.
    pub fn received(&mut self, now: Now, text: &str) {
        match (&self.link, &mut self.resumption) {
            (Link::Online(_), Some(resumption)) => resumption.arrived(),
            (Link::Authenticating { .. } | Link::Online(_), _) => {}
            _ => return,
        }
        self.heard(now);
        // The one before the close is the last text.
        self.closing_notice = None;
        self.read(now, text);
        self.texts_taken(now);
        self.flush(now);
    }

    /// Records that the application has taken the messages up to and including the one with this receipt.
    ///
    /// Those with a request for confirmation are confirmed within [`SessionConfig::ack_delay`], if the connection on
    /// which they arrived still exists or is resumed. A smaller receipt than an earlier one has no effect. A session that
    /// stores records does so with the memory of these messages before it confirms them.
    ///
    /// [`SessionConfig::ack_delay`]: super::SessionConfig::ack_delay
    pub fn taken(&mut self, now: Now, receipt: Receipt) {
        let taken = self.inbox.taken(now.elapsed, self.config.ack_delay, receipt);
        self.store_received(now, &taken);
        self.texts_taken(now);
        self.flush(now);
    }

    /// Counts the texts that are taken by now.
    fn texts_taken(&mut self, now: Now) {
        if let (Link::Online(_), Some(resumption)) = (&self.link, &mut self.resumption) {
            resumption.taken(now.elapsed, self.inbox.last_taken());
        }
    }

    /// Handles that the WebSocket could not be opened, or is closed with this code; `None` if it was lost.
    ///
    /// `retry_after` is the `Retry-After` of a 429 or 503 that answered the upgrade. The session already knows the wait
    /// that a SYS before the close asked for.
    pub fn closed(&mut self, now: Now, code: Option<u16>, retry_after: Option<Duration>) {
        if matches!(self.link, Link::Down | Link::Waiting { .. }) {
            return;
        }
        let closing_notice = self.closing_notice.take();
        // If the close frame was lost, the SYS before it determines the code.
        let stated =
            closing_notice.as_ref().and_then(|notice| notice.code().closes()).map(|code| code.as_u16());
        let code = code.filter(|code| *code != LINK_LOST).or(stated).unwrap_or(LINK_LOST);
        if !is_resumable(code) {
            self.resumption = None;
        }
        self.link_lost(now);
        if !should_reconnect(code) {
            let reason = closing_notice.as_ref().map(|notice| notice.code().into());
            let description =
                closing_notice.map(|notice| notice.description().to_owned()).unwrap_or_default();
            return self.refused(now, Refusal { code, reason, description });
        }
        let asked =
            closing_notice.and_then(|notice| notice.metadata().retry_after_ms).map(Duration::from_millis);
        let flooding = code == CloseCode::Flooding.as_u16();
        let limited = flooding.then(|| self.pacing.paused_until().saturating_sub(now.elapsed));
        self.fail(now, code, asked.max(retry_after).max(limited).unwrap_or_default().min(MOST_PATIENCE));
    }

    /// Records that the driver reads nothing at the moment, because the application does not take its events, so that
    /// the silence is not counted. Must be called before [`wake`](Self::wake) as long as that lasts.
    pub fn read_paused(&mut self, now: Now) {
        if let Link::Online(online) = &self.link
            && online.answer_by.is_some_and(|by| now.elapsed >= by)
        {
            self.heard(now);
        }
    }

    pub(super) fn open(&mut self, now: Now) {
        self.link = Link::Opening { deadline: now.elapsed.saturating_add(self.config.open_timeout) };
        self.closing_notice = None;
        self.tell(Event::State(State::Connecting));
        self.output(Output::Open);
    }

    /// Treats the connection as lost.
    pub(super) fn give_up(&mut self, now: Now) {
        self.output(Output::Abort);
        self.link_lost(now);
        self.fail(now, LINK_LOST, Duration::ZERO);
    }

    /// Waits for the next attempt. A session that was asked for one attempt only is suspended instead.
    fn fail(&mut self, now: Now, code: u16, at_least: Duration) {
        if self.desired == DesiredState::Once {
            self.desired = DesiredState::Suspended;
            self.tell(Event::State(State::Suspended));
        } else {
            let random = self.random();
            self.sent_away_until = now.elapsed.saturating_add(at_least);
            let retry_in = self.attempts.next_wait(&self.config.backoff, random).max(at_least);
            self.link = Link::Waiting { until: now.elapsed.saturating_add(retry_in) };
            self.tell(Event::State(State::Waiting { retry_in, code }));
        }
        self.answer_attempt(Err(AttemptFailure::Lost { code }));
    }

    /// Closes the connection, if there is one, after sending the confirmations of taken messages.
    pub(super) fn leave(&mut self, now: Now) {
        if matches!(self.link, Link::Online(_)) {
            let soon = Now { elapsed: now.elapsed.saturating_add(self.config.ack_delay), ..now };
            self.flush(soon);
        }
        self.drop_link();
    }

    fn drop_link(&mut self) {
        match self.link {
            Link::Opening { .. } | Link::Authenticating { resuming: false, .. } => self.output(Output::Close),
            Link::Authenticating { resuming: true, .. } | Link::Online(_) => {
                // The server does not keep a connection that its client closes.
                self.resumption = None;
                self.output(Output::Close);
            }
            Link::Down | Link::Waiting { .. } => {}
        }
        self.link = Link::Down;
        self.lost = false;
        self.after_link();
    }

    fn link_lost(&mut self, now: Now) {
        // A connection that was to be resumed may have been, and may have been lost only now.
        if let (Link::Online(_) | Link::Authenticating { resuming: true, .. }, Some(resumption)) =
            (&self.link, &mut self.resumption)
        {
            resumption.lost(now.elapsed);
        }
        if let Link::Online(online) = &self.link {
            self.lost = true;
            self.attempts.ended(now.elapsed.saturating_sub(online.since));
        }
        self.link = Link::Down;
        self.after_link();
    }

    /// Resets the state of the connection. Payloads that were sent on it wait for the next one. What the server would still
    /// accept after a resumption is kept.
    fn after_link(&mut self) {
        if self.resumption.is_none() {
            self.inbox.forget_connection();
        }
        self.paced_until = None;
        self.closing_notice = None;
        for ticket in self.tickets.those(|waiting| waiting.expects == Expects::Pong && waiting.may_be_taken())
        {
            self.end(ticket, TicketOutcome::Unconfirmed);
        }
        self.tickets.requeue_all();
    }
}
