//! What was sent, and its outcome.

use std::sync::Arc;

use callie_core::MessageId;
use callie_core::session::{self, Failure as Cause};
use serde::Serialize;
use tokio::sync::Notify;

use crate::error::code;
use crate::process::Process;
use crate::sync::Lock;

/// How a send ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum SendOutcome {
    /// The recipient's client, or some of the group's, confirmed it.
    Delivered {
        /// How many did; none where the server's answer was lost with a connection.
        confirmed: Option<u64>,
        /// How many were sent it and did not; none as above.
        unconfirmed: Option<u64>,
        /// How many were offline; none as above.
        offline: Option<u64>,
    },
    /// The server took it; no confirmation was asked for.
    Sent,
    /// The recipient is offline, or nobody in the group is online: it did not arrive.
    Offline,
    /// It did not arrive.
    Failed(Failure),
    /// It was sent and may or may not have arrived.
    Unconfirmed,
}

/// Why a message did not arrive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[non_exhaustive]
pub struct Failure {
    /// For programs: the server's, such as `RECIPIENT_UNKNOWN`, else [`EXPIRED`](code::EXPIRED) or
    /// [`DISCONNECTED`](code::DISCONNECTED).
    pub code: String,
    /// For people.
    pub reason: String,
    /// Where in the payload the fault is, a JSON Pointer; empty where it is nowhere in particular.
    pub path: String,
}

impl From<Cause> for Failure {
    fn from(cause: Cause) -> Self {
        let own =
            |code: &str, reason: &str| Self { code: code.into(), reason: reason.into(), path: String::new() };
        match cause {
            Cause::Refused { code, description, path } => {
                Self { code: code.to_string(), reason: description, path }
            }
            Cause::Disconnected => {
                own(code::DISCONNECTED, "the client ended before the message could be sent")
            }
            // What a later core may tell is over as well.
            _ => own(
                code::EXPIRED,
                "the message was not sent in time: the client was not connected, or too much was waiting to be sent",
            ),
        }
    }
}

impl From<session::TicketOutcome> for SendOutcome {
    fn from(ending: session::TicketOutcome) -> Self {
        match ending {
            session::TicketOutcome::Delivered { confirmed, unconfirmed, offline } => {
                Self::Delivered { confirmed, unconfirmed, offline }
            }
            session::TicketOutcome::Sent
            | session::TicketOutcome::Done { .. }
            | session::TicketOutcome::Pong { .. } => Self::Sent,
            session::TicketOutcome::Offline => Self::Offline,
            session::TicketOutcome::Failed(cause) => Self::Failed(cause.into()),
            // What a later core may tell is not known to have arrived.
            _ => Self::Unconfirmed,
        }
    }
}

/// A place for a value that comes once and stays.
#[derive(Debug)]
pub(crate) struct Slot<T> {
    value: Lock<Option<T>>,
    filled: Notify,
}

impl<T: Clone> Slot<T> {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { value: Lock::new(None), filled: Notify::new() })
    }

    /// Puts the value there, unless one is there already.
    pub(crate) fn fill(&self, value: T) {
        self.value.lock().get_or_insert(value);
        self.filled.notify_waiters();
    }

    /// The value, as soon as it is there.
    pub(crate) async fn get(&self) -> T {
        loop {
            let filled = self.filled.notified();
            tokio::pin!(filled);
            // Who fills it after this line wakes this one.
            filled.as_mut().enable();
            if let Some(value) = self.value.lock().clone() {
                return value;
            }
            filled.await;
        }
    }
}

/// A message that was taken for sending. It can be dropped: an [`Event::Ended`](crate::Event::Ended) comes anyway.
#[derive(Debug, Clone)]
pub struct Ticket {
    pub(crate) number: u64,
    pub(crate) message_id: MessageId,
    pub(crate) slot: Arc<Slot<session::TicketOutcome>>,
    pub(crate) home: Process,
}

impl Ticket {
    /// Its number: tickets of one client count up, with those of its commands between them.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The message's ID: edits and deletions name it.
    #[must_use]
    pub fn message_id(&self) -> &MessageId {
        &self.message_id
    }

    /// Waits for the outcome of the message, at its deadline at the latest. It may be asked for any number of times.
    ///
    /// In a child of the process that sent it, the outcome is [`SendOutcome::Unconfirmed`].
    pub async fn outcome(&self) -> SendOutcome {
        if self.home.is_left() {
            return SendOutcome::Unconfirmed;
        }
        self.slot.get().await.into()
    }
}
