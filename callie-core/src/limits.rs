//! The limits of the protocol, as one value with the protocol's defaults.

use serde::{Deserialize, Serialize};

use crate::setters::with_setters;

/// Levels of nesting in a payload, the payload itself being the first. Deeper texts are not read.
pub const MAX_DEPTH: u8 = 32;
/// Levels of nesting in `metadata` and `parameters`, the object itself being the first.
pub const MAX_OPEN_DEPTH: u8 = 16;
/// Bytes of a client's `metadata`, the payload's or an attachment's, as sent.
pub const MAX_METADATA_BYTES: usize = 4_096;
/// Bytes of an attachment's URL.
pub const MAX_URL_BYTES: usize = 2_048;
/// Bytes of an attachment's `filename`, decoded.
pub const MAX_FILENAME_BYTES: usize = 255;
/// The largest `size` of an attachment: 2^53 − 1, the last whole number that every JSON reader keeps.
pub const MAX_ATTACHMENT_SIZE: u64 = (1 << 53) - 1;
/// Bytes of the `path` in a SYS error.
pub const MAX_PATH_BYTES: usize = 512;
/// Confirmations in one `ACK`.
pub const MAX_ACKS: usize = 256;
/// Names in one presence command.
pub const MAX_PRESENCE_NAMES: usize = 256;
/// Bytes of a `SIGNAL`'s `data`, as sent.
pub const MAX_SIGNAL_DATA_BYTES: usize = 1_024;
/// Entries in one page of a list.
pub const MAX_PAGE: u16 = 200;
/// Entries in one page of a list, where the command names no `limit`.
pub const DEFAULT_PAGE: u16 = 100;
/// Names of missed members in one `PARTIALLY_DELIVERED`.
pub const MAX_OFFLINE_NAMES: usize = 50;
/// Payload IDs in one `RATE_LIMITED`.
pub const MAX_DROPPED_NAMES: usize = 200;
/// Invalid payloads within [`times::INVALID_WINDOW`](crate::times::INVALID_WINDOW) that close a connection: the last of
/// them is answered first.
pub const MAX_INVALID: usize = 20;
/// How much wider than the other buckets the one for `ACK`, PONG and PING to `SERVER` is, in rate and in burst.
pub const UPKEEP_FACTOR: u32 = 10;

/// What one server allows: it tells its clients in `AUTHENTICATED`.
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
    /// The largest payload, in bytes.
    pub max_payload_bytes: usize,
    /// The longest text of a message, in bytes of decoded UTF-8.
    pub max_text_bytes: usize,
    /// The most attachments of one message.
    pub max_attachments: usize,
    /// The most members of one group.
    pub max_group_members: usize,
    /// Payloads a user may send in a second, on average.
    pub messages_per_second: u32,
    /// Payloads a user may send at once.
    pub burst: u32,
    /// Messages to `BROADCAST` a user may send in a minute, on average.
    pub broadcasts_per_minute: u32,
    /// Messages to `BROADCAST` a user may send at once.
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
