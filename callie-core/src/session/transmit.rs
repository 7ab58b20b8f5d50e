//! The transmission of queued payloads, confirmations and heartbeats.

use super::event::Failure;
use super::link::{BARRIER_TIMEOUT, Barrier, Link};
use super::machine::{Now, Session};
use super::outgoing::refusal;
use super::ticket::Ticket;
use super::tickets::Expects;
use crate::command::Command;
use crate::content::Content;
use crate::name::PayloadId;
use crate::party::Recipient;
use crate::payload::Payload;

impl Session {
    /// Transmits queued payloads, as far as the server's rates permit.
    pub(super) fn pump(&mut self, now: Now) {
        let Link::Online(online) = &self.link else { return };
        let token = online.token.clone();
        self.paced_until = None;
        let mut broadcasts_at = None;
        while let Some(ticket) = self.tickets.front(broadcasts_at.is_none()) {
            let Some(waiting) = self.tickets.get(ticket) else { return };
            if !waiting.may_be_sent(now.elapsed) {
                self.give_up_on(ticket, Failure::Expired);
                continue;
            }
            let broadcast = waiting.is_broadcast();
            if let Err(at) = self.pacing.check(now.elapsed) {
                self.paced_until = Some(at);
                break;
            }
            if broadcast && let Err(at) = self.pacing.check_broadcast(now.elapsed) {
                broadcasts_at = Some(at);
                continue;
            }
            self.renew_if_repeatable(now, ticket);
            let Some(waiting) = self.tickets.get(ticket) else { return };
            let text = waiting.payload.with_token(&token);
            self.pacing.take(broadcast);
            self.tickets.transmitted(ticket, now.elapsed);
            self.store_sent(now, ticket);
            self.transmit(text);
        }
        self.paced_until = self.paced_until.into_iter().chain(broadcasts_at).min();
        self.raise_barrier(now);
    }

    /// Ends payloads that exceed the limits of a new connection.
    pub(super) fn refuse_too_large(&mut self) {
        let Link::Online(online) = &self.link else { return };
        let token = online.token.clone();
        for ticket in self.tickets.those(|_| true) {
            let Some(waiting) = self.tickets.get(ticket) else { continue };
            if let Err(error) = waiting.payload.check(&self.limits, &token) {
                self.give_up_on(ticket, refusal(&error));
            }
        }
    }

    /// Sends a command that may be executed twice with a new ID, because a duplicate would be answered without the
    /// result.
    fn renew_if_repeatable(&mut self, now: Now, ticket: Ticket) {
        let Some(waiting) = self.tickets.get(ticket) else { return };
        if waiting.may_be_taken() && waiting.expects == (Expects::Result { repeatable: true }) {
            self.renew(now, ticket, false);
        }
    }

    /// Gives a payload a new ID, so that the server handles it again. `failed` means that it failed the last time.
    pub(super) fn renew(&mut self, now: Now, ticket: Ticket, failed: bool) {
        let payload_id = PayloadId::from_uuid(self.uuid(now));
        self.tickets.rename(ticket, payload_id, failed);
    }

    /// Sends a PING after payloads without an answer, unless one is in transit. Confirmations are such payloads only if
    /// the connection can be resumed: otherwise, they are lost with it.
    pub(super) fn raise_barrier(&mut self, now: Now) {
        let Link::Online(online) = &self.link else { return };
        let many_acks = self.resumption.is_some() && self.inbox.asks_for_proof();
        if online.barrier.is_some() || !(many_acks || self.tickets.any_unanswerable()) {
            return;
        }
        let after = self.tickets.transmissions();
        let ping = self.ping_server(now);
        let again_at = now.elapsed.saturating_add(BARRIER_TIMEOUT);
        let after_batch = self.inbox.last_batch();
        let barrier = Barrier { payload_id: ping.payload_id().clone(), again_at, after, after_batch };
        if let Link::Online(online) = &mut self.link {
            online.barrier = Some(barrier);
        }
        self.transmit(ping.encode());
    }

    /// Sends the confirmations that are due, with the number of taken texts, or that number alone.
    pub(super) fn flush(&mut self, now: Now) {
        let Link::Online(online) = &self.link else { return };
        let token = online.token.clone();
        loop {
            let payloads = self.inbox.due(now.elapsed).unwrap_or_default();
            let early = !payloads.is_empty();
            let received = self.resumption.as_mut().and_then(|open| open.state(now.elapsed, early));
            if payloads.is_empty() && received.is_none() {
                break;
            }
            let ack = Command::Ack { payloads, received };
            let payload = self.payload(now, Recipient::Server, ack.to_content()).with_token(token.clone());
            self.transmit(payload.encode());
            // A number that is lost is contained in the next one.
            if let Command::Ack { payloads, .. } = ack
                && !payloads.is_empty()
            {
                self.inbox.confirmed(payload.payload_id().clone(), payloads);
            }
        }
        self.raise_barrier(now);
    }

    /// Handles the connection's deadline: it was silent for too long, or a PING after payloads was lost.
    pub(super) fn look_after(&mut self, now: Now) {
        let Link::Online(online) = &mut self.link else { return };
        if online.barrier_is_late(now.elapsed) {
            online.barrier = None;
            self.raise_barrier(now);
        }
        let Link::Online(online) = &self.link else { return };
        if online.answer_by.is_none() && now.elapsed >= online.heard_at.saturating_add(online.quiet) {
            self.ask_for_sign_of_life(now);
        }
    }

    /// Sends a PING to the server. Any text that arrives in time counts as an answer.
    pub(super) fn ask_for_sign_of_life(&mut self, now: Now) {
        let ping = self.ping_server(now);
        let answer_by = now.elapsed.saturating_add(self.config.heartbeat_timeout);
        if let Link::Online(online) = &mut self.link {
            online.answer_by.get_or_insert(answer_by);
            self.transmit(ping.encode());
        }
    }

    /// Records that the connection is alive.
    pub(super) fn heard(&mut self, now: Now) {
        if let Link::Online(online) = &mut self.link {
            online.heard_at = now.elapsed;
            online.answer_by = None;
        }
    }

    fn ping_server(&mut self, now: Now) -> Payload {
        let ping = self.payload(now, Recipient::Server, Content::Ping);
        match &self.link {
            Link::Online(online) => ping.with_token(online.token.clone()),
            _ => ping,
        }
    }
}
