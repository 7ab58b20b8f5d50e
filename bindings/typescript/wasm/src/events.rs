//! What the driver and the application receive, as JSON.

use callie_core::command::{Conversation, Push, SignalData, SignalKind};
use callie_core::session::{Failure, TicketOutcome};
use callie_core::{
    CodeName, Fault, Limits, MessageId, Notice, NoticeMetadata, Payload, PayloadId, SysCode, Username,
};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::error::{Closed, Error};

/// An output for the driver.
#[derive(Serialize)]
#[serde(tag = "do", rename_all = "camelCase")]
pub(crate) enum Output<'a> {
    /// Open a WebSocket.
    Open,
    /// Send this text.
    Transmit { text: &'a str },
    /// Close the WebSocket with the code 1000.
    Close,
    /// Give up the WebSocket, which counts as lost.
    Abort,
    /// Fetch another token; the code is the server's.
    RefreshToken { code: &'a str },
    /// Settle the attempts to connect.
    Attempted { error: Option<Error> },
    /// Settle a command or a ping.
    Answered { ticket: u64, answer: Answer },
    /// Queue the message that is the received text with this number: texts are counted from 0 since the last fetch of outputs.
    /// The driver has the text, so nothing of it is written again.
    Deliver { text: usize, receipt: u64 },
    /// Queue an event for the application.
    Tell { event: Event<'a> },
}

/// The answer to a command or a ping.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Answer {
    /// The result of a command.
    Ok(Option<Box<RawValue>>),
    /// The time from PING to PONG, in microseconds.
    RoundTripUs(u64),
    /// There is none: it was not sent, or nobody answered.
    Error(Error),
}

/// An event for the application. `events.ts` documents each.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum Event<'a> {
    ConnectionChanged {
        state: ConnectionState,
    },
    Ended {
        ticket: u64,
        message_id: MessageId,
        outcome: SendOutcome,
    },
    DeliveredLate {
        payload_id: &'a PayloadId,
        message_id: &'a MessageId,
    },
    Notice {
        code: SysCode,
        description: &'a str,
        sent_at: Option<i64>,
        metadata: &'a NoticeMetadata,
    },
    Edited {
        message_id: &'a MessageId,
        sender: &'a Username,
        recipient: &'a Conversation,
        text: &'a str,
    },
    Deleted {
        message_id: &'a MessageId,
        sender: &'a Username,
        recipient: &'a Conversation,
        deleted_by: &'a Username,
    },
    Signal {
        sender: &'a Username,
        recipient: &'a Conversation,
        kind: &'a SignalKind,
        #[serde(skip_serializing_if = "Option::is_none")]
        data: &'a Option<SignalData>,
    },
    Unknown {
        payload: &'a Payload,
    },
    Unreadable {
        code: SysCode,
        path: String,
        reason: &'a str,
    },
    Closed(Closed),
}

/// The state of the connection, as the application sees it.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum ConnectionState {
    Suspended,
    Connecting,
    Online {
        #[serde(skip_serializing_if = "Option::is_none")]
        expires_at: Option<i64>,
        limits: Limits,
        resumed: bool,
    },
    Waiting {
        retry_in_ms: u64,
        close_code: u16,
        reason: String,
    },
    Closed,
}

/// The outcome of a message.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub(crate) enum SendOutcome {
    Delivered { confirmed: Option<u64>, unconfirmed: Option<u64>, offline: Option<u64>, stored: Option<u64> },
    Stored,
    Sent,
    Offline,
    Failed { code: String, reason: String, path: String },
    Unconfirmed,
}

impl From<TicketOutcome> for SendOutcome {
    fn from(outcome: TicketOutcome) -> Self {
        match outcome {
            TicketOutcome::Delivered { confirmed, unconfirmed, offline, stored } => {
                Self::Delivered { confirmed, unconfirmed, offline, stored }
            }
            TicketOutcome::Stored => Self::Stored,
            TicketOutcome::Sent | TicketOutcome::Done { .. } | TicketOutcome::Pong { .. } => Self::Sent,
            TicketOutcome::Offline => Self::Offline,
            TicketOutcome::Failed(failure) => failed(failure),
            // Of an outcome that a later core adds, nothing is known.
            _ => Self::Unconfirmed,
        }
    }
}

fn failed(failure: Failure) -> SendOutcome {
    let own = |code: &str, reason: &str| SendOutcome::Failed {
        code: code.to_owned(),
        reason: reason.to_owned(),
        path: String::new(),
    };
    match failure {
        Failure::Refused { code, description, path } => {
            SendOutcome::Failed { code: code.to_string(), reason: description, path }
        }
        Failure::Disconnected => own("DISCONNECTED", "the client ended before the message could be sent"),
        _ => own(
            "EXPIRED",
            "the message was not sent in time: the client was not connected, or too much was waiting to be sent",
        ),
    }
}

impl<'a> Event<'a> {
    pub(crate) fn notice(notice: &'a Notice) -> Self {
        Self::Notice {
            code: notice.code(),
            description: notice.description(),
            sent_at: notice.timestamp().map(|sent_at| sent_at.unix_millis()),
            metadata: notice.metadata(),
        }
    }

    /// Returns the event for a push; `None` for one that a later core adds.
    pub(crate) fn push(push: &'a Push) -> Option<Self> {
        Some(match push {
            Push::EditMessage { message_id, sender, recipient, text } => {
                Self::Edited { message_id, sender, recipient, text: text.as_str() }
            }
            Push::DeleteMessage { message_id, sender, recipient, deleted_by } => {
                Self::Deleted { message_id, sender, recipient, deleted_by }
            }
            Push::Signal { from, recipient, kind, data } => {
                Self::Signal { sender: from, recipient, kind, data }
            }
            _ => return None,
        })
    }

    pub(crate) fn unreadable(fault: &'a Fault) -> Self {
        Self::Unreadable { code: fault.code(), path: fault.path(), reason: fault.reason() }
    }
}

/// Returns "reason (at path)", or the reason alone.
pub(crate) fn refusal(code: CodeName, description: &str, path: &str) -> Error {
    let at = if path.is_empty() { String::new() } else { format!(" (at {path})") };
    Error::refused(code.to_string(), format_args!("{description}{at}"))
}
