//! The handling of received payloads.

use std::time::Duration;

use super::config::SUPPORTED;
use super::desired::DesiredState;
use super::event::{Event, Failure, TicketOutcome};
use super::link::{Link, Online};
use super::machine::{Now, Session};
use super::resumption::Resumption;
use super::state::State;
use super::ticket::Ticket;
use super::tickets::{Expects, Found};
use crate::code::{CodeKind, CodeName, SysCode};
use crate::command::{AckEntry, Push};
use crate::content::Content;
use crate::frame::{ContentRef, PayloadRef};
use crate::name::{PayloadId, Username};
use crate::notice::{Notice, NoticeMetadata, PriorOutcome};
use crate::party::{Recipient, RecipientRef, Sender};
use crate::times;

/// How much longer than the server's heartbeat the session waits before it sends a PING itself.
const HEARTBEAT_GRACE: Duration = Duration::from_secs(5);

/// The reason for a command that was refused, if the answer was lost.
const ANSWER_LOST: &str = "the server refused the command, and its answer was lost with a connection";
/// A message whose recipient is offline, and that was written within [`times::RECONNECTION`] after a reconnection, is
/// sent again after this time plus a random part of the spread.
const FIRST_RETRY: Duration = Duration::from_secs(2);
const RETRY_SPREAD_MS: u64 = 2_001;
/// The most such retries.
const MOST_RETRIES: u32 = 2;

impl Session {
    pub(super) fn read(&mut self, now: Now, text: &str) {
        let frame = match PayloadRef::from_server(text) {
            Ok(frame) => frame,
            Err(fault) => {
                self.tell(Event::Unreadable(fault));
                if matches!(self.link, Link::Authenticating { .. }) {
                    self.give_up(now);
                }
                return;
            }
        };
        let from_server = Sender::parse(frame.sender()) == Ok(Sender::Server);
        match frame.content() {
            ContentRef::Sys(_) if from_server => self.read_notice(now, &frame),
            // Before the authentication, only the server itself is a valid sender.
            _ if matches!(self.link, Link::Authenticating { .. }) => {}
            ContentRef::Ping => self.answer_ping(now, &frame),
            ContentRef::Pong => self.read_pong(now, &frame),
            ContentRef::Msg(_) => self.read_message(now, &frame),
            ContentRef::Cmd(call) if from_server => match Push::read(call.name(), call.parameters()) {
                Ok(push) => self.tell(Event::Push(push)),
                Err(_) => self.tell_unknown(&frame),
            },
            // Only the server may send these.
            ContentRef::Sys(_) | ContentRef::Cmd(_) => {}
        }
    }

    fn tell_unknown(&mut self, frame: &PayloadRef<'_>) {
        if let Some(payload) = frame.to_payload() {
            self.tell(Event::Unknown(payload));
        }
    }

    fn answer_ping(&mut self, now: Now, frame: &PayloadRef<'_>) {
        let Link::Online(online) = &self.link else { return };
        let token = online.token.clone();
        let recipient = match Sender::parse(frame.sender()) {
            Ok(Sender::Server) => Recipient::Server,
            Ok(Sender::User(name)) => Recipient::User(name),
            Err(_) => return,
        };
        let Ok(payload_id) = PayloadId::parse(frame.payload_id()) else { return };
        let pong = self.payload(now, recipient, Content::Pong).with_token(token);
        // Empty metadata has room for one ID.
        if let Ok(pong) = pong.with_in_reply_to(&payload_id) {
            // The user who sent the PING may be offline by now, which needs no handling.
            self.tickets.remember(pong.payload_id().clone());
            self.transmit(pong.encode());
        }
    }

    fn read_pong(&mut self, now: Now, frame: &PayloadRef<'_>) {
        let Some(answered) = frame.in_reply_to() else { return };
        if let Link::Online(online) = &mut self.link
            && online.barrier.as_ref().is_some_and(|barrier| barrier.payload_id == *answered)
        {
            let Some(barrier) = online.barrier.take() else { return };
            self.inbox.proven(barrier.after_batch);
            for ticket in self.tickets.taken_until(barrier.after) {
                self.end(ticket, TicketOutcome::Sent);
            }
            self.raise_barrier(now);
        }
        if let Some(Found { ticket, .. }) = self.tickets.find(answered)
            && let Some(waiting) = self.tickets.get(ticket)
            && waiting.expects == Expects::Pong
        {
            let round_trip = now.elapsed.saturating_sub(waiting.last_sent);
            self.end(ticket, TicketOutcome::Pong { round_trip });
        }
    }

    fn read_message(&mut self, now: Now, frame: &PayloadRef<'_>) {
        let (Ok(sender), Ok(payload_id)) =
            (Username::parse(frame.sender()), PayloadId::parse(frame.payload_id()))
        else {
            return;
        };
        // Copies of messages from this user's other connections are not confirmed.
        let own = sender == self.config.username;
        let addressed = match frame.recipient() {
            RecipientRef::User(name) => self.config.username == *name,
            RecipientRef::Group(_) => !own,
            _ => false,
        };
        let entry = AckEntry { sender, payload_id };
        let known = self.inbox.seen(now.elapsed, &entry);
        self.store_forgotten();
        let receipt = match known {
            Some(receipt) => receipt,
            None => {
                let Some(payload) = frame.to_payload() else { return };
                let receipt = self.inbox.hand_on(now.elapsed, entry.clone());
                self.tell(Event::Message(payload, receipt));
                receipt
            }
        };
        if let Some(resumption) = &mut self.resumption {
            resumption.awaits(receipt);
        }
        // The server keeps a message that it kept before until it is confirmed, whether its sender asked for that or not.
        if self.inbox.was_kept() || (frame.wants_ack() && addressed) {
            self.inbox.confirm(now.elapsed, self.config.ack_delay, receipt, entry);
        }
    }

    /// Handles that the server delivered a message late, which it had kept.
    fn delivered_late(&mut self, notice: Notice) {
        let metadata = notice.metadata();
        match (&metadata.in_reply_to, &metadata.message_id) {
            (Some(payload_id), Some(message_id)) => self.tell(Event::DeliveredLate {
                payload_id: payload_id.clone(),
                message_id: message_id.clone(),
            }),
            _ => self.tell(Event::Notice(Box::new(notice))),
        }
    }

    fn read_notice(&mut self, now: Now, frame: &PayloadRef<'_>) {
        let answers = frame.in_reply_to().and_then(|id| self.tickets.find(id));
        // Unknown metadata of a later version must not hide the notice.
        let Some(notice) = Notice::read(frame).or_else(|| self.read_partly(frame, answers.is_some())) else {
            if !self.end_by_unknown(frame) {
                self.tell_unknown(frame);
            }
            return;
        };
        if notice.code().kind() == CodeKind::Closing {
            self.closing_notice = Some(notice.clone());
            return self.tell(Event::Notice(Box::new(notice)));
        }
        match (notice.code(), answers) {
            (SysCode::Authenticated, _) => self.authenticated(now, &notice),
            (SysCode::RateLimited, _) => self.rate_limited(now, &notice),
            (SysCode::Delivered, _) if notice.metadata().late == Some(true) => self.delivered_late(notice),
            (_, Some(Found { ticket, current: true })) => self.answered(now, ticket, notice),
            (_, Some(Found { ticket, current: false })) => self.answered_before(now, ticket, notice),
            (_, None) if frame.in_reply_to().is_some_and(|id| self.tickets.has_ended(id)) => {}
            (code, None) => {
                if let (SysCode::Backlog, Link::Online(_)) = (code, &self.link) {
                    self.inbox.expect_backlog(notice.metadata().count.unwrap_or_default());
                }
                self.tell(Event::Notice(Box::new(notice)));
            }
        }
    }

    fn read_partly(&self, frame: &PayloadRef<'_>, answers: bool) -> Option<Notice> {
        let notice = Notice::read_partly(frame)?;
        let code = notice.code();
        let own = code.kind() == CodeKind::Closing
            || matches!(code, SysCode::Authenticated | SysCode::RateLimited)
            || answers;
        own.then_some(notice)
    }

    /// Handles a late answer to a payload that was sent under another ID since.
    fn answered_before(&mut self, now: Now, ticket: Ticket, notice: Notice) {
        let repeatable = self
            .tickets
            .get(ticket)
            .is_some_and(|waiting| waiting.expects == Expects::Result { repeatable: true });
        // For a command that may be executed twice, either answer is correct. For any other payload, the old outcome is
        // known.
        if repeatable && notice.code() != SysCode::DuplicatePayload {
            self.answered(now, ticket, notice);
        }
    }

    /// Handles an answer with a code that this version does not know, as a failure.
    fn end_by_unknown(&mut self, frame: &PayloadRef<'_>) -> bool {
        let ContentRef::Sys(system) = frame.content() else { return false };
        let (Some(ticket), Ok(code)) =
            (frame.in_reply_to().and_then(|id| self.tickets.find(id)), CodeName::parse(system.code()))
        else {
            return frame.in_reply_to().is_some_and(|id| self.tickets.has_ended(id));
        };
        let Found { ticket, .. } = ticket;
        let description = system.description().decode().into_owned();
        self.end(ticket, TicketOutcome::Failed(Failure::Refused { code, description, path: String::new() }));
        true
    }

    fn authenticated(&mut self, now: Now, notice: &Notice) {
        let Link::Authenticating { payload_id, token, resuming, .. } = &self.link else { return };
        let metadata = notice.metadata();
        if metadata.in_reply_to.as_ref() != Some(payload_id) {
            return;
        }
        let resumed = *resuming && metadata.resumed == Some(true);
        let heartbeat = metadata
            .heartbeat_seconds
            .map_or(times::HEARTBEAT, |seconds| Duration::from_secs(u64::from(seconds)));
        self.link = Link::Online(Online {
            token: token.clone(),
            since: now.elapsed,
            returned: std::mem::take(&mut self.lost),
            quiet: heartbeat.saturating_add(HEARTBEAT_GRACE),
            heard_at: now.elapsed,
            answer_by: None,
            barrier: None,
        });
        self.desired = DesiredState::Connected;
        self.is_token_new = false;
        if let Some(limits) = metadata.limits {
            self.limits = limits;
            self.pacing.set_limits(&limits);
        }
        self.agree_on_resumption(now, metadata, resumed);
        self.tell(Event::State(State::Online {
            expires_at: metadata.expires_at,
            limits: self.limits,
            resumed,
        }));
        self.answer_attempt(Ok(()));
        self.refuse_too_large();
        self.pump(now);
    }

    /// Handles whether the connection continues the one before, and whether it can be resumed itself.
    fn agree_on_resumption(&mut self, now: Now, metadata: &NoticeMetadata, resumed: bool) {
        let before = self.resumption.take().filter(|_| resumed);
        let wanted = self.config.features.and(SUPPORTED);
        self.resumption = Resumption::agreed(wanted, metadata).map(|open| match before {
            Some(before) => open.continuing(before),
            None => open,
        });
        if resumed {
            self.inbox.resumed(now.elapsed);
        } else {
            self.inbox.forget_connection();
            self.tickets.new_connection();
        }
    }

    /// Handles the answer to a payload with a ticket.
    fn answered(&mut self, now: Now, ticket: Ticket, notice: Notice) {
        let Some(waiting) = self.tickets.get(ticket) else { return };
        let (expects, message) = (waiting.expects, waiting.is_message());
        let may_have_succeeded = waiting.may_be_taken_elsewhere() && !expects.is_repeatable();
        let metadata = notice.metadata();
        let outcome = match notice.code() {
            SysCode::Delivered => delivered(metadata, waiting.payload.recipient()),
            SysCode::DeliveryUnconfirmed => TicketOutcome::Unconfirmed,
            SysCode::Stored => TicketOutcome::Stored,
            // The server does not know an earlier transmission, which may have succeeded before the server was restarted.
            code if may_have_succeeded && code.kind() == CodeKind::Refused => TicketOutcome::Unconfirmed,
            SysCode::RecipientOffline => {
                if message && self.try_again_later(now, ticket) {
                    return;
                }
                TicketOutcome::Offline
            }
            SysCode::CommandOk => {
                TicketOutcome::Done { result: metadata.result.as_ref().map(|raw| raw.get().to_owned()) }
            }
            SysCode::PartiallyDelivered => {
                self.tell(Event::Notice(Box::new(notice)));
                TicketOutcome::Sent
            }
            SysCode::DuplicatePayload => match metadata.outcome {
                Some(PriorOutcome::Delivered) => delivered(metadata, waiting.payload.recipient()),
                Some(PriorOutcome::Unconfirmed) => TicketOutcome::Unconfirmed,
                Some(PriorOutcome::Stored) => TicketOutcome::Stored,
                Some(PriorOutcome::Sent) if matches!(expects, Expects::Result { .. }) => {
                    TicketOutcome::Done { result: None }
                }
                Some(PriorOutcome::Sent) => TicketOutcome::Sent,
                // It certainly did not arrive. Only a new payload is answered with the reason.
                Some(PriorOutcome::Failed) if message && waiting.has_failed_as_duplicate() => {
                    return self.send_anew(now, ticket);
                }
                // One of several did not arrive. A server that has restarted since may have accepted an earlier one.
                Some(PriorOutcome::Failed) if message && waiting.was_sent_again() => {
                    TicketOutcome::Unconfirmed
                }
                Some(PriorOutcome::Failed) if message => refused(&notice),
                Some(PriorOutcome::Failed) => TicketOutcome::Failed(Failure::Refused {
                    code: SysCode::DuplicatePayload.into(),
                    description: ANSWER_LOST.to_owned(),
                    path: String::new(),
                }),
                Some(PriorOutcome::Pending) | None => {
                    self.tickets.poll_later(ticket, now.elapsed);
                    return;
                }
            },
            _ => refused(&notice),
        };
        self.end(ticket, outcome);
        if self.tickets.front(true).is_some() {
            self.pump(now);
        }
    }

    /// Handles that the first transmission of a message failed and the answer with the reason was lost.
    fn send_anew(&mut self, now: Now, ticket: Ticket) {
        self.renew(now, ticket, true);
        self.store_renewed(ticket);
        self.tickets.requeue(ticket);
        self.pump(now);
    }

    /// Schedules a retry of a message if its recipient may still be reconnecting after a restart of the server. Returns
    /// `true` if it does.
    fn try_again_later(&mut self, now: Now, ticket: Ticket) -> bool {
        let spread = self.random();
        let (Link::Online(online), Some(waiting)) = (&self.link, self.tickets.get(ticket)) else {
            return false;
        };
        let just_back =
            online.returned && waiting.last_sent < online.since.saturating_add(times::RECONNECTION);
        if waiting.retries >= MOST_RETRIES || !(just_back || waiting.retries > 0) {
            return false;
        }
        let at = now.elapsed.saturating_add(FIRST_RETRY + Duration::from_millis(spread % RETRY_SPREAD_MS));
        // Not before an earlier message to the same recipient, whose retry is within the same time.
        let at = self.tickets.held_until(waiting.payload.recipient()).map_or(at, |held| held.max(at));
        if at >= waiting.deadline {
            return false;
        }
        self.renew(now, ticket, true);
        self.tickets.retry_at(ticket, at);
        self.store_renewed(ticket);
        true
    }
}

/// Returns the outcome of a confirmed delivery. The counts of a message to one user are known, those of a message to a
/// group are in the metadata.
fn delivered(metadata: &NoticeMetadata, recipient: &Recipient) -> TicketOutcome {
    let (confirmed, others) = match recipient {
        Recipient::User(_) => (Some(1), Some(0)),
        _ => (None, None),
    };
    TicketOutcome::Delivered {
        confirmed: metadata.delivered.or(confirmed),
        unconfirmed: metadata.unconfirmed.or(others),
        offline: metadata.offline_count.or(others),
        stored: metadata.stored.or(metadata.delivered.and(Some(0))).or(others),
    }
}

fn refused(notice: &Notice) -> TicketOutcome {
    TicketOutcome::Failed(Failure::Refused {
        code: notice.code().into(),
        description: notice.description().to_owned(),
        path: notice.metadata().path.clone().unwrap_or_default(),
    })
}
