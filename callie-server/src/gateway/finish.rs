//! The end of a connection: what its task releases, counts and logs.

use std::collections::VecDeque;
use std::pin::Pin;
use std::time::Instant;

use callie_core::CloseCode;
use callie_core::server::CloseReason;

use super::close_log::{Closed, closed};
use super::closing;
use super::end::End;
use super::pump::Pump;
use super::resumption::Arrived;
use crate::base::clock;
use crate::base::telemetry::{CloseLabel, Discarded};

impl Pump {
    /// Releases what the connection held, then closes it.
    pub(super) fn finish(self: Box<Self>, end: End) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        if self.away_until.is_some() {
            self.gateway.resumables.is_not_away();
        } else {
            self.report(&end);
        }
        let Self { gateway, link, arrived, resumable, mut handler, mut batch, source, work, .. } = *self;
        if let Some(work) = work {
            let link = link.clone();
            // The work is finished, so that a retry of its payload receives the true outcome.
            tokio::spawn(async move {
                work.await;
                link.remove_pending();
            });
        }
        let was_held = link.outbox.held();
        if let Some(holds) = was_held {
            link.outbox.release(holds);
        }
        if source.is_kept {
            // What is kept for the user stays in the store.
            batch.clear();
        }
        link.outbox.seal();
        let mut queued = VecDeque::new();
        link.outbox.take(&mut queued);
        batch.append(&mut queued);
        if let Some(discarded) = end.discards().or(arrived.is_none().then_some(Discarded::LinkLost)) {
            // The payload that did not fit into the outbox is lost as well.
            let refused = u64::from(discarded == Discarded::SlowConsumer);
            gateway.telemetry.metrics.discarded(discarded, batch.len() as u64 + refused);
        }
        let now = clock::elapsed(Instant::now());
        let closing = match end {
            End::Close(reason) => Some(handler.connection.close(now, reason)),
            End::HalfClosed => Some(handler.connection.close(now, CloseReason::normal())),
            End::Gone(_) | End::Left | End::Expired | End::Moved => None,
        };
        // One that has moved was removed then.
        if let Some(id) = handler.connection.connection_id() {
            gateway.resumables.remove(id);
        }
        // While the outbox is held, it would be written before what is kept for the user.
        if was_held.is_some() || !closing.as_ref().is_some_and(|closing| closing.write_queued) {
            handler.leave_unwritten(std::mem::take(&mut batch));
        }
        // Removes the connection from the hub before the close, which may take seconds.
        drop(handler);
        if let Some(resumable) = resumable {
            resumable.end();
        }
        let Some(Arrived { socket, permit }) = arrived else { return Box::pin(std::future::ready(())) };
        Box::pin(async move {
            match closing {
                Some(closing) => closing::close(socket, closing, batch).await,
                None => closing::finish_close(socket).await,
            }
            drop(permit);
        })
    }

    /// Counts and logs the end of the WebSocket.
    pub(super) fn report(&self, end: &End) {
        let (gateway, link) = (&self.gateway, &self.link);
        match end {
            End::Close(reason) => {
                let waiting = (reason.code() == CloseCode::SlowConsumer.as_u16())
                    .then(|| format!("{} bytes are waiting to be read", link.outbox.waiting()));
                let about = Closed {
                    user: Some(&link.user),
                    address: link.address(),
                    client: link.client.as_deref(),
                    reason: waiting.as_deref(),
                };
                closed(gateway, reason, &about);
            }
            End::Gone(how) => gateway.telemetry.metrics.closed(*how),
            End::HalfClosed => gateway.telemetry.metrics.closed(CloseLabel::HalfClosed),
            End::Left => gateway.telemetry.metrics.closed(CloseLabel::Client),
            End::Expired | End::Moved => {}
        }
    }
}
