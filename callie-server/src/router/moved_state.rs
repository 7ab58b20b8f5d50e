//! A connection as it is handed to another node.

use callie_core::server::{MovedConnection, PayloadKey};
use callie_core::{MessageId, PayloadId, Username};
use serde::{Deserialize, Serialize};

use super::node::RequestId;

/// A connection as it is handed to another node.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct MovedState {
    /// The protocol's state.
    pub(crate) connection: MovedConnection<String>,
    /// The payloads that were written, and that the client may still confirm.
    pub(crate) receipts: Vec<(PayloadKey, RequestId)>,
    /// Messages of the store that were written, and that the client has not confirmed.
    pub(crate) kept: Vec<MovedKept>,
    /// The place in the store of the last message that was written.
    pub(crate) last_kept: i64,
    /// The payloads that were not written.
    pub(crate) queue: Vec<MovedItem>,
    /// How long the connection may stay away, in milliseconds.
    pub(crate) left_ms: u64,
}

/// A message of the store, see [`KeptItem`](super::KeptItem). Its recipient is the user of the connection.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct MovedKept {
    pub(crate) key: PayloadKey,
    pub(crate) place: i64,
    pub(crate) sender: Username,
    pub(crate) payload_id: PayloadId,
    pub(crate) message_id: MessageId,
}

/// A queued payload.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct MovedItem {
    /// The text.
    pub(crate) text: String,
    /// The request by which the outcome is reported, with the key if the client may confirm the payload.
    pub(crate) receipt: Option<(RequestId, Option<PayloadKey>)>,
}
