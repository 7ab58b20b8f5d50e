//! What the session sends by itself and when: the queue, confirmations, heartbeats.

use super::event::{Ending, Failure};
use super::link::{Barrier, Link};
use super::machine::{Now, Session};
use super::tickets::Expects;
use crate::command::Command;
use crate::content::Content;
use crate::party::Recipient;
use crate::payload::Payload;

impl Session {
    /// Transmits what is queued, as far as the server's rate allows.
    pub(super) fn pump(&mut self, now: Now) {
        let Link::Online(online) = &self.link else { return };
        let token = online.token.clone();
        self.paced_until = None;
        while let Some(ticket) = self.tickets.front() {
            let Some(waiting) = self.tickets.get(ticket) else { return };
            if !waiting.may_be_sent(now.elapsed) {
                let sent = waiting.first_sent.is_some();
                self.end(ticket, if sent { Ending::Unconfirmed } else { Ending::Failed(Failure::Expired) });
                continue;
            }
            if let Err(at) = self.pacing.take(now.elapsed) {
                self.paced_until = Some(at);
                break;
            }
            self.renew_if_repeatable(now, ticket);
            let Some(waiting) = self.tickets.transmitted(ticket, now.elapsed) else { return };
            waiting.payload.set_token(token.clone());
            let text = waiting.payload.encode();
            self.transmit(text);
        }
        self.raise_barrier(now);
    }

    /// A command that may be carried out twice asks anew: the answer to the first time would be only that it was done.
    fn renew_if_repeatable(&mut self, now: Now, ticket: super::Ticket) {
        let Some(waiting) = self.tickets.get(ticket) else { return };
        if waiting.first_sent.is_some() && waiting.expects == (Expects::Result { repeatable: true }) {
            let (recipient, content) =
                (waiting.payload.recipient().clone(), waiting.payload.content().clone());
            let renewed = self.payload(now, recipient, content);
            self.tickets.rename(ticket, renewed);
        }
    }

    /// Sends a PING behind payloads that have no answer of their own, unless one is on its way.
    pub(super) fn raise_barrier(&mut self, now: Now) {
        let Link::Online(online) = &self.link else { return };
        if online.barrier.is_some() || !self.tickets.any_unanswerable() {
            return;
        }
        let after = self.tickets.transmissions();
        let ping = self.ping_server(now);
        let barrier = Barrier { payload_id: ping.payload_id().clone(), sent_at: now.elapsed, after };
        if let Link::Online(online) = &mut self.link {
            online.barrier = Some(barrier);
        }
        self.transmit(ping.encode());
    }

    /// Sends the confirmations that are due.
    pub(super) fn flush(&mut self, now: Now) {
        let Link::Online(online) = &self.link else { return };
        let token = online.token.clone();
        while let Some(payloads) = self.inbox.due(now.elapsed) {
            let ack = Command::Ack { payloads }.to_content();
            let payload = self.payload(now, Recipient::Server, ack).with_token(token.clone());
            self.transmit(payload.encode());
        }
    }

    /// The link's own deadline passed: it was quiet for too long, or a PING behind payloads got lost.
    pub(super) fn look_after(&mut self, now: Now) {
        let Link::Online(online) = &mut self.link else { return };
        if online.barrier_is_late(now.elapsed) {
            online.barrier = None;
            self.raise_barrier(now);
        }
        let Link::Online(online) = &self.link else { return };
        if online.answer_by.is_none() && now.elapsed >= online.heard_at + online.quiet {
            self.ask_for_sign_of_life(now);
        }
    }

    /// Sends a PING to the server; anything that is heard in time is an answer.
    pub(super) fn ask_for_sign_of_life(&mut self, now: Now) {
        let ping = self.ping_server(now);
        let answer_by = now.elapsed + self.config.heartbeat_timeout;
        if let Link::Online(online) = &mut self.link {
            online.answer_by.get_or_insert(answer_by);
            self.transmit(ping.encode());
        }
    }

    /// Notes that the link is alive.
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
