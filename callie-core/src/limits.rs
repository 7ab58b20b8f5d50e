//! The limits of the protocol, as one value with the protocol's defaults.

use serde::{Deserialize, Serialize};

use crate::setters::with_setters;

/// The most levels of nesting in a payload, including the payload itself. Deeper texts are not read.
pub const MAX_DEPTH: u8 = 32;
/// The most levels of nesting in `metadata` and `parameters`, including the object itself.
pub const MAX_OPEN_DEPTH: u8 = 16;
/// The most bytes of a client's `metadata`, of a payload or an attachment, as sent.
pub const MAX_METADATA_BYTES: usize = 4_096;
/// The most bytes of an attachment's URL.
pub const MAX_URL_BYTES: usize = 2_048;
/// The most bytes of an attachment's `filename`, decoded.
pub const MAX_FILENAME_BYTES: usize = 255;
/// The largest `size` of an attachment: 2^53 − 1, up to which every JSON parser represents all whole numbers exactly.
pub const MAX_ATTACHMENT_SIZE: u64 = (1 << 53) - 1;
/// The most bytes of the `path` in a SYS error.
pub const MAX_PATH_BYTES: usize = 512;
/// The most confirmations in one `ACK`.
pub const MAX_ACKS: usize = 256;
/// The most features that a client names.
pub const MAX_FEATURES: usize = 32;
/// The most names in one presence command.
pub const MAX_PRESENCE_NAMES: usize = 256;
/// The most bytes of a `SIGNAL`'s `data`, as sent.
pub const MAX_SIGNAL_DATA_BYTES: usize = 1_024;
/// The most entries in one page of a list.
pub const MAX_PAGE: u16 = 200;
/// The most entries in one page of a list, if the command has no `limit`.
pub const DEFAULT_PAGE: u16 = 100;
/// The most names of offline members in one `PARTIALLY_DELIVERED`.
pub const MAX_OFFLINE_NAMES: usize = 50;
/// The most payload IDs in one `RATE_LIMITED`.
pub const MAX_DROPPED_NAMES: usize = 200;
/// The number of invalid payloads within [`times::INVALID_WINDOW`](crate::times::INVALID_WINDOW) that closes a
/// connection. The last of them is answered before the close.
pub const MAX_INVALID: usize = 20;
/// The rate and the burst of the bucket for `ACK`, PONG and PING to `SERVER`, as a multiple of those of the other
/// buckets.
pub const UPKEEP_FACTOR: u32 = 10;

/// The limits of a server, which it announces in `AUTHENTICATED`.
///
/// Serialises as the member `limits` of that payload's metadata. A member that is missing there has its default.
///
/// ```
/// use callie_core::Limits;
///
/// let limits = Limits::default().with_max_attachments(3);
/// assert!(serde_json::to_string(&limits)?.contains(r#""maxAttachments":3"#));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Limits {
    /// The maximum size of a payload, in bytes.
    pub max_payload_bytes: usize,
    /// The maximum size of a message's text, in bytes of decoded UTF-8.
    pub max_text_bytes: usize,
    /// The maximum number of attachments of a message.
    pub max_attachments: usize,
    /// The maximum number of members of a group.
    pub max_group_members: usize,
    /// The number of payloads that a user may send in a second on average.
    pub messages_per_second: u32,
    /// The number of payloads that a user may send at once.
    pub burst: u32,
    /// The number of messages to `BROADCAST` that a user may send in a minute on average.
    pub broadcasts_per_minute: u32,
    /// The number of messages to `BROADCAST` that a user may send at once.
    pub broadcast_burst: u32,
}

with_setters!(Limits {
    with_max_payload_bytes: max_payload_bytes = usize,
    with_max_text_bytes: max_text_bytes = usize,
    with_max_attachments: max_attachments = usize,
    with_max_group_members: max_group_members = usize,
    with_messages_per_second: messages_per_second = u32,
    with_burst: burst = u32,
    with_broadcasts_per_minute: broadcasts_per_minute = u32,
    with_broadcast_burst: broadcast_burst = u32,
});

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_payload_bytes: 65_536,
            max_text_bytes: 32_768,
            max_attachments: 10,
            max_group_members: 10_000,
            messages_per_second: 50,
            burst: 100,
            broadcasts_per_minute: 30,
            broadcast_burst: 5,
        }
    }
}
