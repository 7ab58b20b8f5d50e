//! Where a connection takes what it writes: first what is kept for its user, and then its outbox.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use callie_core::server::{Connection, PayloadKey};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::background::database_unavailable;
use super::backlog::Backlog;
use super::shared::Gateway;
use crate::base::telemetry::Line;
use crate::router::{Item, KeptItem, Link, Receipt};

/// Where a connection takes what it writes.
pub(super) struct Source {
    /// What is kept for the user, if messages are kept.
    pub(super) backlog: Option<Box<Backlog>>,
    /// Whether the last batch is from the backlog, and not from the outbox.
    pub(super) is_kept: bool,
}

impl Source {
    pub(super) fn new(gateway: &Gateway, link: &Arc<Link>) -> Self {
        let backlog = gateway
            .keeper
            .as_ref()
            .map(|keeper| Box::new(Backlog::new(keeper.clone(), gateway.hub.keys.clone(), link.clone())));
        Self { backlog, is_kept: false }
    }

    /// Fills the batch, if it is empty. Returns `true` if there is something to write.
    pub(super) fn fill(
        &mut self,
        cx: &mut Context<'_>,
        batch: &mut VecDeque<Item>,
        gateway: &Gateway,
        link: &Link,
    ) -> bool {
        if !batch.is_empty() {
            return true;
        }
        self.is_kept = false;
        if let Some(backlog) = &mut self.backlog {
            match backlog.poll(cx, batch) {
                Poll::Pending => return false,
                Poll::Ready(Ok(())) if batch.is_empty() => {}
                Poll::Ready(Ok(())) => {
                    self.is_kept = true;
                    return true;
                }
                Poll::Ready(Err(error)) => {
                    if gateway.telemetry.lines.admit(Line::Unavailable) {
                        tracing::error!(%error, "cannot read kept messages");
                    }
                    self.backlog = None;
                    link.end(database_unavailable());
                }
            }
        }
        link.outbox.take(batch)
    }

    /// Stops, because the connection moves to another node. Removes messages of the store from the batch, and returns the
    /// place of the last one that was written.
    pub(super) fn stop(&mut self, batch: &mut VecDeque<Item>) -> i64 {
        let Some(backlog) = self.backlog.take() else { return 0 };
        if !self.is_kept {
            return backlog.last();
        }
        let unwritten = std::mem::take(batch);
        let mut kept = unwritten.iter().filter_map(|item| item.receipt.as_ref()?.kept());
        kept.next().map_or(backlog.last(), |item| item.place - 1)
    }

    /// Continues after a message of the store that another node has written, and that the client may confirm.
    pub(super) fn continue_after(
        &mut self,
        key: PayloadKey,
        item: KeptItem,
        connection: &mut Connection<Receipt, Utf8Bytes>,
        link: &Link,
    ) {
        let Some(backlog) = &self.backlog else { return };
        if link.has_offline() {
            drop(connection.written_kept(key, backlog.receipt(key, item)));
        }
    }

    /// Continues after the message at this place of the store.
    pub(super) fn skip_to(&mut self, place: i64) {
        if let Some(backlog) = &mut self.backlog {
            backlog.skip_to(place);
        }
    }

    /// Notes that a payload with a receipt is about to be written. A receipt that the connection does not keep is dropped,
    /// which settles it.
    pub(super) fn note_written(
        &mut self,
        receipt: Receipt,
        connection: &mut Connection<Receipt, Utf8Bytes>,
        link: &Link,
        now: Duration,
    ) {
        receipt.written();
        let Some(key) = receipt.key() else { return };
        match (receipt.kept(), &mut self.backlog) {
            (Some(_), _) if link.has_offline() => drop(connection.written_kept(key, receipt)),
            (Some(item), Some(backlog)) => {
                backlog.written(item.clone());
                drop(connection.written(now, key, receipt));
            }
            _ => drop(connection.written(now, key, receipt)),
        }
    }
}
