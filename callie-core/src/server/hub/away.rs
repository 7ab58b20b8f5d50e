//! Connections that were lost and can be resumed (protocol, "Resumption").

use std::collections::VecDeque;
use std::time::Duration;

use super::request::{ConnectionId, Output};
use super::{Hub, Open, Peer, Receipt};
use crate::server::close::CloseReason;
use crate::server::recent::PayloadKey;
use crate::server::resuming::Resuming;
use crate::server::written::TEXT_COST;

/// What is kept for a connection that is away.
pub(super) struct Away {
    /// When the connection is gone.
    pub(super) until: Duration,
    queue: VecDeque<Kept>,
    /// The cost of the queue, in bytes.
    bytes: usize,
}

/// A payload for a connection that is away.
pub(super) struct Kept {
    pub(super) text: String,
    /// The delivery that waits for it, if there is one.
    pub(super) receipt: Option<Receipt>,
    /// The key by which the client confirms it, if the sender requested confirmation.
    pub(super) asks: Option<PayloadKey>,
}

impl Hub {
    /// Handles that the WebSocket of a connection is closed or lost: the connection is away if it can be resumed, and
    /// gone otherwise.
    pub(super) fn go_away(&mut self, now: Duration, id: ConnectionId, reason: Option<&CloseReason>) {
        let until = now.saturating_add(self.config.times.resumption);
        let Some(Peer::Open(open)) = self.peers.get_mut(&id) else { return };
        if open.away.is_some() || open.connection.connection_id().is_none() {
            return self.leave(now, id);
        }
        let closing = open.connection.go_away(reason);
        open.away = Some(Away { until, queue: VecDeque::new(), bytes: 0 });
        self.away.push_back((until, id));
        for (number, part) in open.connection.receipts_mut() {
            if let Some(pending) = self.pending.get_mut(number) {
                pending.delivery.went_away(*part);
            }
        }
        if let Some(closing) = closing {
            self.end(id, closing);
        }
    }

    /// Returns the connection that a client asks to resume, if that can be resumed.
    pub(super) fn resumable(&self, resuming: &Resuming) -> Option<ConnectionId> {
        let user = self.users.get(&resuming.identity().username)?;
        user.connections.iter().copied().find(|id| match self.peers.get(id) {
            Some(Peer::Open(open)) => open.connection.can_resume(resuming),
            _ => false,
        })
    }

    /// Continues the connection `old` on the WebSocket of `new`.
    pub(super) fn resume(&mut self, now: Duration, old: ConnectionId, new: ConnectionId, resuming: Resuming) {
        let Some(Peer::Open(open)) = self.peers.get(&old) else { return };
        if open.away.is_none() {
            self.go_away(now, old, Some(&CloseReason::heartbeat_missed()));
        }
        let Some(Peer::Open(mut open)) = self.peers.remove(&old) else { return };
        open.connection.resume(now, resuming);
        let deadline = self.confirmation_deadline(now);
        for (number, part) in open.connection.receipts_mut() {
            if let Some(pending) = self.pending.get_mut(number) {
                pending.delivery.came_back(*part, deadline);
                self.deadlines.push_back((deadline, *number));
            }
        }
        if let Some(user) = self.users.get_mut(open.connection.username()) {
            user.connections.iter_mut().filter(|id| **id == old).for_each(|id| *id = new);
        }
        let kept = open.away.take().map(|away| away.queue).unwrap_or_default();
        self.peers.insert(new, Peer::Open(open));
        self.flush(now, new);
        for Kept { text, receipt, asks } in kept {
            self.keep_or_write(now, new, Kept { text, receipt: None, asks: None });
            if let Some(receipt) = receipt {
                self.written(now, new, receipt, asks);
            }
        }
    }

    /// Records that a payload that was kept is written.
    fn written(
        &mut self,
        now: Duration,
        id: ConnectionId,
        (number, part): Receipt,
        asks: Option<PayloadKey>,
    ) {
        let Some(key) = asks else { return self.settle(now, number, |delivery| delivery.confirmed(part)) };
        let deadline = self.confirmation_deadline(now);
        if let Some(pending) = self.pending.get_mut(&number) {
            pending.delivery.written(part);
            pending.delivery.came_back(part, deadline);
            self.deadlines.push_back((deadline, number));
        }
        if let Some(Peer::Open(open)) = self.peers.get_mut(&id)
            && let Some((number, part)) = open.connection.written(now, key, (number, part))
        {
            self.settle(now, number, |delivery| delivery.returned(part));
        }
    }

    /// Writes a payload, or keeps it if the connection is away.
    pub(super) fn keep_or_write(&mut self, now: Duration, id: ConnectionId, kept: Kept) {
        let Some(Peer::Open(open)) = self.peers.get_mut(&id) else { return };
        let written = open.connection.written_texts().map_or(0, |texts| texts.bytes());
        let Some(away) = &mut open.away else {
            open.connection.count_written(&kept.text);
            self.out.push_back(Output::Write(id, kept.text));
            return;
        };
        away.bytes += kept.text.len() + TEXT_COST;
        away.queue.push_back(kept);
        if away.bytes + written > self.config.max_kept_bytes {
            self.leave(now, id);
        }
    }

    /// Ends a connection, which can no longer confirm payloads.
    pub(super) fn leave(&mut self, now: Duration, id: ConnectionId) {
        let Some(Peer::Open(open)) = self.peers.remove(&id) else { return };
        let Open { mut connection, away, .. } = *open;
        if let Some(user) = self.users.get_mut(connection.username()) {
            user.connections.retain(|other| *other != id);
        }
        let is_away = away.is_some();
        let kept = away.map(|away| away.queue).unwrap_or_default().into_iter();
        for (number, part) in
            connection.input_ended(now).into_iter().chain(kept.filter_map(|kept| kept.receipt))
        {
            self.settle(
                now,
                number,
                |delivery| {
                    if is_away { delivery.gone(part) } else { delivery.returned(part) }
                },
            );
        }
    }

    /// Ends the connections that were away for too long.
    pub(super) fn end_away(&mut self, now: Duration) {
        while let Some((until, id)) = self.away.front().copied().filter(|(until, _)| *until <= now) {
            self.away.pop_front();
            let is_same = match self.peers.get(&id) {
                Some(Peer::Open(open)) => open.away.as_ref().is_some_and(|away| away.until == until),
                _ => false,
            };
            if is_same {
                self.leave(now, id);
            }
        }
    }
}
