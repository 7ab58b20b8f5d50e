//! One authenticated connection, as everyone but its own task sees it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use callie_core::{Notice, Recipient, SessionId, Username};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::farewell::Farewell;
use super::outbox::{Item, Outbox};
use super::receipt::Receipt;
use crate::gateway::stamp;

/// A connection's name, its session and its outbox.
pub(crate) struct Link {
    /// The user it authenticated as.
    pub(crate) user: Username,
    /// The session it authenticated with.
    pub(crate) session: SessionId,
    /// The address it came from.
    pub(crate) address: IpAddr,
    /// What waits to be written to it.
    pub(crate) outbox: Outbox,
}

impl Link {
    /// A connection of `user` whose outbox holds `capacity` bytes.
    pub(crate) fn new(user: Username, session: SessionId, address: IpAddr, capacity: usize) -> Arc<Self> {
        Arc::new(Self { user, session, address, outbox: Outbox::new(capacity) })
    }

    /// Queues an encoded payload; true if it was taken.
    pub(crate) fn send(&self, text: &Utf8Bytes) -> bool {
        self.pass(text.clone(), None)
    }

    /// Queues an encoded payload of a user; `timed` is when it came in, if its way is timed.
    pub(crate) fn pass(&self, text: Utf8Bytes, timed: Option<Instant>) -> bool {
        self.outbox.push(Item { text, receipt: None, timed }).is_ok()
    }

    /// Queues an encoded payload whose fate somebody waits for; a receipt that is not taken says so by being dropped.
    pub(crate) fn send_with(&self, text: &Utf8Bytes, receipt: Receipt) -> bool {
        self.outbox.push(Item { text: text.clone(), receipt: Some(receipt), timed: None }).is_ok()
    }

    /// Queues a SYS of the server.
    pub(crate) fn notify(&self, notice: &Notice) -> bool {
        let text = notice.to_payload(Recipient::User(self.user.clone()), stamp()).encode();
        self.send(&Utf8Bytes::from(text))
    }

    /// Asks the connection to end.
    pub(crate) fn end(&self, farewell: Farewell) {
        self.outbox.end(farewell);
    }
}
