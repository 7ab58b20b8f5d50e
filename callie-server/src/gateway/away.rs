//! A connection whose WebSocket is closed or lost, until it is resumed or gone (protocol, "Resumption").

use std::collections::VecDeque;
use std::net::IpAddr;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use callie_core::server::{CloseReason, Resuming};

use super::closing;
use super::end::End;
use super::pump::Pump;
use super::resumption::{Arrived, Ask, Handover};
use crate::base::clock;
use crate::base::telemetry::{CloseLabel, Resumption};
use crate::router::Pausable as _;
use crate::store::Session;

impl Pump {
    /// Lets a connection wait for its resumption, if it can be resumed after `end`. Otherwise returns `end`.
    pub(super) fn go_away(&mut self, end: End) -> Option<End> {
        if self.resumable.is_none() || !self.gateway.keeps_lost_connections() {
            return Some(end);
        }
        let reason = match &end {
            End::Close(reason) if reason.is_resumable() => Some(reason),
            End::Gone(CloseLabel::Lost | CloseLabel::Client) => None,
            _ => return Some(end),
        };
        let Some(Arrived { socket, permit }) = self.arrived.take() else { return Some(end) };
        self.report(&end);
        let now = Instant::now();
        let closing = self.handler.connection.go_away(reason);
        self.wait_for_resumption(now, now + self.gateway.resume_window());
        self.gateway.tasks.spawn(async move {
            match closing {
                Some(closing) => closing::close(socket, closing, VecDeque::new()).await,
                None => closing::finish_close(socket).await,
            }
            drop(permit);
        });
        None
    }

    /// Keeps what is sent to the connection, which has no WebSocket, up to `until`.
    pub(super) fn wait_for_resumption(&mut self, now: Instant, until: Instant) {
        let connection = &mut self.handler.connection;
        let written = connection.written_texts().map_or(0, |texts| texts.bytes());
        self.link.outbox.go_away(written);
        let queued = self.batch.iter_mut().filter_map(|item| item.receipt.as_mut());
        queued.chain(connection.receipts_mut()).for_each(|receipt| receipt.pause());
        self.gateway.resumables.went_away();
        self.away_until = Some(until);
        self.set_away_timer(now, until);
    }

    /// Runs the connection while it has no WebSocket.
    pub(super) fn poll_away(&mut self, cx: &mut Context<'_>, until: Instant) -> Poll<End> {
        if let Some(reason) = self.link.outbox.close_reason() {
            return Poll::Ready(End::Close(reason));
        }
        // There is no WebSocket to close.
        drop(self.link.outbox.socket_close_reason());
        while self.timer.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            if now >= until {
                return Poll::Ready(End::Expired);
            }
            if self.handler.session.expires <= clock::now() {
                return Poll::Ready(End::Close(CloseReason::session_expired()));
            }
            self.set_away_timer(now, until);
        }
        if !self.link.outbox.park_blocked(cx)
            || self.resumable.as_ref().is_some_and(|resumable| resumable.is_asked())
        {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    fn set_away_timer(&mut self, now: Instant, until: Instant) {
        let left = (self.handler.session.expires - clock::now()).max(1).unsigned_abs();
        self.timer.as_mut().reset(until.min(now + Duration::from_millis(left)).into());
    }

    /// Does what other tasks ask for. A WebSocket that arrives takes the place of the one before.
    pub(super) fn take_asked(&mut self) {
        let Some(resumable) = &self.resumable else { return };
        for ask in resumable.take() {
            match ask {
                Ask::Continue(handover) => self.resume(*handover),
                Ask::Export { node, received, reply } => {
                    // Without a receiver the server is stopping.
                    drop(reply.send(self.export(node, received)));
                }
            }
        }
    }

    /// Continues a connection that was taken over from another node. Returns the WebSocket if that is not possible.
    pub(super) async fn resume_pulled(
        &mut self,
        resuming: Resuming,
        session: Session,
        address: IpAddr,
        arrived: Arrived,
    ) -> Result<(), Arrived> {
        let (handover, refused) = Handover::new(resuming, session, address, arrived);
        self.resume(handover);
        match refused.await {
            Ok(arrived) => Err(arrived),
            // The connection has kept the WebSocket.
            Err(_) => Ok(()),
        }
    }

    fn resume(&mut self, handover: Handover) {
        if self.gateway.is_stopping()
            || self.moved.is_some()
            || !self.handler.connection.can_resume(&handover.resuming)
        {
            return handover.refuse();
        }
        if self.arrived.is_some() && self.go_away(End::Close(CloseReason::heartbeat_missed())).is_some() {
            return handover.refuse();
        }
        let Handover { resuming, session, address, arrived, .. } = handover;
        let now = Instant::now();
        let connection = &mut self.handler.connection;
        connection.resume(clock::elapsed(now), resuming);
        let deadline = now + self.gateway.timing.protocol.confirmation;
        let hub = &self.gateway.hub;
        self.link.outbox.come_back(|receipt| hub.resume_confirmation(receipt, deadline));
        let queued = self.batch.iter_mut().filter_map(|item| item.receipt.as_mut());
        queued
            .chain(connection.receipts_mut())
            .for_each(|receipt| hub.resume_confirmation(receipt, deadline));
        self.link.set_address(address);
        *self.handler.session = session;
        self.arrived = Some(arrived);
        self.away_until = None;
        self.touched = now;
        self.gateway.resumables.is_not_away();
        self.gateway.telemetry.metrics.resumption(Resumption::Resumed);
        self.set_timer(now);
    }
}
