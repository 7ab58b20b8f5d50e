//! How a send ended.

use std::ffi::c_char;

use callie_core::MAX_PATH_BYTES;

use super::text::fixed;
use callie_client::{Failure, SendOutcome};

/// How a send ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C)]
pub enum CallieOutcomeKind {
    /// It has not.
    None = 0,
    /// The recipient's client, or some of the group's, confirmed it: see the counts.
    Delivered = 1,
    /// The server took it; no confirmation was asked for.
    Sent = 2,
    /// The recipient is offline, or nobody in the group is online: it did not arrive.
    Offline = 3,
    /// It did not arrive: see code and reason.
    Failed = 4,
    /// It was sent and may or may not have arrived.
    Unconfirmed = 5,
}

/// The size of a code with its NUL.
pub const CALLIE_CODE_SIZE: usize = 65;
/// The size of a reason with its NUL; a longer one is cut.
pub const CALLIE_REASON_SIZE: usize = 256;
/// The size of a path with its NUL.
pub const CALLIE_PATH_SIZE: usize = 513;
const _: () = assert!(CALLIE_PATH_SIZE == MAX_PATH_BYTES + 1);

/// A count that is not known.
pub const CALLIE_COUNT_UNKNOWN: u64 = u64::MAX;

/// The outcome of a send. Its texts end in NUL.
#[derive(Debug, Clone, Copy)]
#[repr(C)]
pub struct CallieSendOutcome {
    /// How.
    pub kind: CallieOutcomeKind,
    /// How many confirmed it; `CALLIE_COUNT_UNKNOWN` where the server's answer was lost with a connection.
    pub confirmed: u64,
    /// How many were sent it and did not, or `CALLIE_COUNT_UNKNOWN`.
    pub unconfirmed: u64,
    /// How many were offline, or `CALLIE_COUNT_UNKNOWN`.
    pub offline: u64,
    /// Why it failed, for programs: the server's code, such as `RECIPIENT_UNKNOWN`, else `EXPIRED` or `DISCONNECTED`.
    pub code: [c_char; CALLIE_CODE_SIZE],
    /// Why it failed, for people.
    pub reason: [c_char; CALLIE_REASON_SIZE],
    /// Where in the payload the fault is, a JSON Pointer; empty where it is nowhere in particular.
    pub path: [c_char; CALLIE_PATH_SIZE],
}

impl CallieSendOutcome {
    /// None yet.
    pub(super) const NONE: Self = Self {
        kind: CallieOutcomeKind::None,
        confirmed: 0,
        unconfirmed: 0,
        offline: 0,
        code: [0; CALLIE_CODE_SIZE],
        reason: [0; CALLIE_REASON_SIZE],
        path: [0; CALLIE_PATH_SIZE],
    };
}

impl From<SendOutcome> for CallieSendOutcome {
    fn from(outcome: SendOutcome) -> Self {
        let of = |kind| Self { kind, ..Self::NONE };
        match outcome {
            SendOutcome::Delivered { confirmed, unconfirmed, offline } => Self {
                confirmed: confirmed.unwrap_or(CALLIE_COUNT_UNKNOWN),
                unconfirmed: unconfirmed.unwrap_or(CALLIE_COUNT_UNKNOWN),
                offline: offline.unwrap_or(CALLIE_COUNT_UNKNOWN),
                ..of(CallieOutcomeKind::Delivered)
            },
            SendOutcome::Sent => of(CallieOutcomeKind::Sent),
            SendOutcome::Offline => of(CallieOutcomeKind::Offline),
            SendOutcome::Failed(Failure { code, reason, path, .. }) => Self {
                code: fixed(&code),
                reason: fixed(&reason),
                path: fixed(&path),
                ..of(CallieOutcomeKind::Failed)
            },
            // `Unconfirmed`, and what a later client may add.
            _ => of(CallieOutcomeKind::Unconfirmed),
        }
    }
}
