//! What a received payload means for the session.

use std::time::Duration;

use super::event::{Ending, Event, Failure, State, Ticket};
use super::link::{Link, Online};
use super::machine::{Now, Session};
use super::tickets::Expects;
use crate::code::{CodeKind, CodeName, SysCode};
use crate::command::{AckEntry, Push};
use crate::content::Content;
use crate::frame::{ContentRef, Frame};
use crate::name::{PayloadId, Username};
use crate::notice::{Notice, Outcome};
use crate::party::{Recipient, RecipientRef, Sender};

/// The server asks for a sign of life after its heartbeat; so much later the session asks itself.
const HEARTBEAT_GRACE: Duration = Duration::from_secs(5);
/// The heartbeat where the server announces none: the protocol's.
const HEARTBEAT: Duration = Duration::from_secs(30);
/// While the server does not know the outcome of a payload that was sent again, it is asked so often.
const POLL: Duration = Duration::from_secs(2);

impl Session {
    pub(super) fn read(&mut self, now: Now, text: &str) {
        let frame = match Frame::from_server(text) {
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
            // Before authentication the server speaks for nobody but itself.
            _ if matches!(self.link, Link::Authenticating { .. }) => {}
            ContentRef::Ping => self.answer_ping(now, &frame),
            ContentRef::Pong => self.read_pong(now, &frame),
            ContentRef::Msg(_) => self.read_message(now, &frame),
            ContentRef::Cmd(call) if from_server => match Push::read(call.name(), call.parameters()) {
                Ok(push) => self.tell(Event::Push(push)),
                Err(_) => self.tell_unknown(&frame),
            },
            // Only the server sends these.
            ContentRef::Sys(_) | ContentRef::Cmd(_) => {}
        }
    }

    fn tell_unknown(&mut self, frame: &Frame<'_>) {
        if let Some(payload) = frame.to_payload() {
            self.tell(Event::Unknown(payload));
        }
    }

    fn answer_ping(&mut self, now: Now, frame: &Frame<'_>) {
        let Link::Online(online) = &self.link else { return };
        let token = online.token.clone();
        let recipient = match Sender::parse(frame.sender()) {
            Ok(Sender::Server) => Recipient::Server,
            Ok(Sender::User(name)) => Recipient::User(name),
            Err(_) => return,
        };
        let Ok(payload_id) = PayloadId::parse(frame.payload_id()) else { return };
        let pong = self.payload(now, recipient, Content::Pong).with_token(token);
        // Metadata that was empty has room for one ID.
        if let Ok(pong) = pong.with_in_reply_to(&payload_id) {
            self.transmit(pong.encode());
        }
    }

    fn read_pong(&mut self, now: Now, frame: &Frame<'_>) {
        let Some(answered) = frame.in_reply_to() else { return };
        if let Link::Online(online) = &mut self.link
            && online.barrier.as_ref().is_some_and(|barrier| barrier.payload_id == *answered)
        {
            let taken = online.barrier.take().map_or(0, |barrier| barrier.after);
            for ticket in self.tickets.taken_until(taken) {
                self.end(ticket, Ending::Sent);
            }
            self.raise_barrier(now);
        }
        if let Some(ticket) = self.tickets.find(answered)
            && let Some(waiting) = self.tickets.get(ticket)
            && waiting.expects == Expects::Pong
        {
            let round_trip = now.elapsed.saturating_sub(waiting.last_sent);
            self.end(ticket, Ending::Pong { round_trip });
        }
    }

    fn read_message(&mut self, now: Now, frame: &Frame<'_>) {
        let (Ok(sender), Ok(payload_id)) =
            (Username::parse(frame.sender()), PayloadId::parse(frame.payload_id()))
        else {
            return;
        };
        // A copy of what this user sent from elsewhere is not the recipient's to confirm.
        let own = sender == self.config.username;
        let addressed = match frame.recipient() {
            RecipientRef::User(name) => self.config.username == *name,
            RecipientRef::Group(_) => !own,
            _ => false,
        };
        let entry = AckEntry { sender, payload_id };
        let receipt = match self.inbox.seen(now.elapsed, &entry) {
            Some(receipt) => receipt,
            None => {
                let Some(payload) = frame.to_payload() else { return };
                let receipt = self.inbox.hand_on(now.elapsed, entry.clone());
                self.tell(Event::Message(payload, receipt));
                receipt
            }
        };
        if frame.wants_ack() && addressed {
            self.inbox.confirm(now.elapsed, self.config.ack_delay, receipt, entry);
        }
    }

    fn read_notice(&mut self, now: Now, frame: &Frame<'_>) {
        let Some(notice) = Notice::read(frame) else {
            if !self.end_by_unknown(frame) {
                self.tell_unknown(frame);
            }
            return;
        };
        if notice.code().kind() == CodeKind::Closing {
            self.farewell = Some(notice.clone());
            return self.tell(Event::Notice(Box::new(notice)));
        }
        if notice.code() == SysCode::Authenticated {
            return self.authenticated(now, &notice);
        }
        let ticket = notice.metadata().in_reply_to.as_ref().and_then(|id| self.tickets.find(id.as_str()));
        match ticket {
            Some(ticket) => self.answered(now, ticket, notice),
            None => self.tell(Event::Notice(Box::new(notice))),
        }
    }

    /// A code that this version does not know, in answer to something: it failed, for all that can be told.
    fn end_by_unknown(&mut self, frame: &Frame<'_>) -> bool {
        let ContentRef::Sys(system) = frame.content() else { return false };
        let (Some(ticket), Ok(code)) =
            (frame.in_reply_to().and_then(|id| self.tickets.find(id)), CodeName::parse(system.code()))
        else {
            return false;
        };
        let description = system.description().decode().into_owned();
        self.end(ticket, Ending::Failed(Failure::Refused { code, description, path: String::new() }));
        true
    }

    fn authenticated(&mut self, now: Now, notice: &Notice) {
        let Link::Authenticating { payload_id, token, .. } = &self.link else { return };
        let metadata = notice.metadata();
        if metadata.in_reply_to.as_ref() != Some(payload_id) {
            return;
        }
        let heartbeat =
            metadata.heartbeat_seconds.map_or(HEARTBEAT, |seconds| Duration::from_secs(u64::from(seconds)));
        self.link = Link::Online(Online {
            token: token.clone(),
            since: now.elapsed,
            quiet: heartbeat + HEARTBEAT_GRACE,
            heard_at: now.elapsed,
            answer_by: None,
            barrier: None,
        });
        if let Some(limits) = metadata.limits {
            self.limits = limits;
            self.pacing.set_limits(&limits);
        }
        self.tell(Event::State(State::Online { expires_at: metadata.expires_at, limits: self.limits }));
        self.pump(now);
    }

    /// The answer to something that was sent with a ticket.
    fn answered(&mut self, now: Now, ticket: Ticket, notice: Notice) {
        let metadata = notice.metadata();
        let expects = self.tickets.get(ticket).map(|waiting| waiting.expects);
        let ending = match notice.code() {
            SysCode::Delivered => Ending::Delivered {
                confirmed: metadata.delivered.unwrap_or(1),
                unconfirmed: metadata.unconfirmed.unwrap_or(0),
                offline: metadata.offline_count.unwrap_or(0),
            },
            SysCode::DeliveryUnconfirmed => Ending::Unconfirmed,
            SysCode::RecipientOffline => Ending::Offline,
            SysCode::CommandOk => {
                Ending::Done { result: metadata.result.as_ref().map(|raw| raw.get().to_owned()) }
            }
            SysCode::PartiallyDelivered => {
                self.tell(Event::Notice(Box::new(notice)));
                Ending::Sent
            }
            SysCode::RateLimited => {
                let wait = Duration::from_millis(metadata.retry_after_ms.unwrap_or(1_000));
                self.pacing.pause(now.elapsed + wait);
                self.tickets.resend_at(ticket, now.elapsed + wait);
                return;
            }
            SysCode::DuplicatePayload => match metadata.outcome {
                Some(Outcome::Delivered) => Ending::Delivered { confirmed: 1, unconfirmed: 0, offline: 0 },
                Some(Outcome::Unconfirmed) => Ending::Unconfirmed,
                Some(Outcome::Sent) if matches!(expects, Some(Expects::Result { .. })) => {
                    Ending::Done { result: None }
                }
                Some(Outcome::Sent) => Ending::Sent,
                Some(Outcome::Failed) => refused(&notice),
                Some(Outcome::Pending) | None => return self.tickets.resend_at(ticket, now.elapsed + POLL),
            },
            _ => refused(&notice),
        };
        self.end(ticket, ending);
    }
}

fn refused(notice: &Notice) -> Ending {
    Ending::Failed(Failure::Refused {
        code: notice.code().into(),
        description: notice.description().to_owned(),
        path: notice.metadata().path.clone().unwrap_or_default(),
    })
}
