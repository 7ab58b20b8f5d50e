//! Outcomes of messages.

use std::ffi::c_char;

use callie_core::MAX_PATH_BYTES;

use super::text::fixed;
use callie_client::{Failure, SendOutcome};

/// The kind of an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub enum CallieOutcomeKind {
    /// No outcome yet.
    None = 0,
    /// Confirmed by the recipient's client, or by at least one member of the group: see the counts.
    Delivered = 1,
    /// Accepted by the server; no confirmation was requested.
    Sent = 2,
    /// Not delivered: the recipient, or every other member of the group, is offline.
    Offline = 3,
    /// Not delivered: see code and reason.
    Failed = 4,
    /// Sent, but it is not known whether it was delivered.
    Unconfirmed = 5,
    /// Kept by the server, because the recipient, or every other member of the group, is offline. It is delivered later, if
    /// the recipient takes messages from this user; a `DELIVERED_LATE` event reports that.
    Stored = 6,
    /// No outcome yet: the client has ended, and its state keeps the message. The next client with this state continues
    /// with it, and reports its outcome.
    Pending = 7,
}

/// The size of a code with its NUL.
pub const CALLIE_CODE_SIZE: usize = 65;
/// The size of a reason with its NUL; a longer reason is truncated.
pub const CALLIE_REASON_SIZE: usize = 256;
/// The size of a path with its NUL.
pub const CALLIE_PATH_SIZE: usize = 513;
const _: () = assert!(CALLIE_PATH_SIZE == MAX_PATH_BYTES + 1);

/// The value of an unknown count.
pub const CALLIE_COUNT_UNKNOWN: u64 = u64::MAX;

/// The outcome of a message. Its texts end in NUL.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct CallieSendOutcome {
    /// The kind.
    pub kind: CallieOutcomeKind,
    /// The number of recipients who confirmed it; `CALLIE_COUNT_UNKNOWN` if the server's answer was lost with the
    /// connection.
    pub confirmed: u64,
    /// The number of recipients it was sent to who did not confirm it, or `CALLIE_COUNT_UNKNOWN`.
    pub unconfirmed: u64,
    /// The number of recipients who were offline, or `CALLIE_COUNT_UNKNOWN`.
    pub offline: u64,
    /// The number of offline recipients for whom the server keeps it, or `CALLIE_COUNT_UNKNOWN`.
    pub stored: u64,
    /// Why it failed, for programs: the server's code, such as `RECIPIENT_UNKNOWN`, else `EXPIRED` or `DISCONNECTED`.
    pub code: [c_char; CALLIE_CODE_SIZE],
    /// Why it failed, for people.
    pub reason: [c_char; CALLIE_REASON_SIZE],
    /// The faulty place in the payload, a JSON Pointer; empty if there is none.
    pub path: [c_char; CALLIE_PATH_SIZE],
}

impl CallieSendOutcome {
    /// None yet.
    pub(super) const NONE: Self = Self {
        kind: CallieOutcomeKind::None,
        confirmed: 0,
        unconfirmed: 0,
        offline: 0,
        stored: 0,
        code: [0; CALLIE_CODE_SIZE],
        reason: [0; CALLIE_REASON_SIZE],
        path: [0; CALLIE_PATH_SIZE],
    };
}

impl From<SendOutcome> for CallieSendOutcome {
    fn from(outcome: SendOutcome) -> Self {
        let of = |kind| Self { kind, ..Self::NONE };
        match outcome {
            SendOutcome::Delivered { confirmed, unconfirmed, offline, stored } => Self {
                confirmed: confirmed.unwrap_or(CALLIE_COUNT_UNKNOWN),
                unconfirmed: unconfirmed.unwrap_or(CALLIE_COUNT_UNKNOWN),
                offline: offline.unwrap_or(CALLIE_COUNT_UNKNOWN),
                stored: stored.unwrap_or(CALLIE_COUNT_UNKNOWN),
                ..of(CallieOutcomeKind::Delivered)
            },
            SendOutcome::Sent => of(CallieOutcomeKind::Sent),
            SendOutcome::Stored => of(CallieOutcomeKind::Stored),
            SendOutcome::Pending => of(CallieOutcomeKind::Pending),
            SendOutcome::Offline => of(CallieOutcomeKind::Offline),
            SendOutcome::Failed(Failure { code, reason, path, .. }) => Self {
                code: fixed(&code),
                reason: fixed(&reason),
                path: fixed(&path),
                ..of(CallieOutcomeKind::Failed)
            },
            // `Unconfirmed`, and variants that a later version adds.
            _ => of(CallieOutcomeKind::Unconfirmed),
        }
    }
}
