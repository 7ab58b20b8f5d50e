//! Messages taken for sending and their outcomes.

use std::sync::Arc;

use callie_core::MessageId;
use callie_core::session::{self, Failure as Cause};
use serde::Serialize;
use tokio::sync::Notify;

use crate::error::code;
use crate::process::Process;
use crate::sync::Lock;

/// The outcome of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum SendOutcome {
    /// Confirmed by the recipient's client, or by at least one member of the group.
    Delivered {
        /// The number of recipients who confirmed it; `None` if the server's answer was lost with the connection.
        confirmed: Option<u64>,
        /// The number of recipients it was sent to who did not confirm it; `None` as above.
        unconfirmed: Option<u64>,
        /// The number of recipients who were offline; `None` as above.
        offline: Option<u64>,
        /// The number of offline recipients for whom the server keeps it; `None` as above.
        stored: Option<u64>,
    },
    /// Kept by the server, because the recipient, or every other member of the group, is offline. It is delivered later,
    /// if the recipient takes messages from this user; [`Event::DeliveredLate`](crate::Event::DeliveredLate) reports that.
    Stored,
    /// Accepted by the server; no confirmation was requested.
    Sent,
    /// Not delivered: the recipient, or every other member of the group, is offline.
    Offline,
    /// Not delivered, for the reason given.
    Failed(Failure),
    /// Sent, but it is not known whether it was delivered.
    Unconfirmed,
    /// No outcome yet: the client has ended, and its state keeps the message. The next client with this state continues
    /// with it, and reports its outcome.
    Pending,
}

/// Why a message was not delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[non_exhaustive]
pub struct Failure {
    /// The reason, for programs: the server's code, such as `RECIPIENT_UNKNOWN`, else [`EXPIRED`](code::EXPIRED) or
    /// [`DISCONNECTED`](code::DISCONNECTED).
    pub code: String,
    /// The reason, for people.
    pub reason: String,
    /// The faulty place in the payload, a JSON Pointer; empty if there is none.
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
            // A cause that a later core adds: the message was not delivered either.
            _ => own(
                code::EXPIRED,
                "the message was not sent in time: the client was not connected, or too much was waiting to be sent",
            ),
        }
    }
}

impl From<session::TicketOutcome> for SendOutcome {
    fn from(outcome: session::TicketOutcome) -> Self {
        match outcome {
            session::TicketOutcome::Delivered { confirmed, unconfirmed, offline, stored } => {
                Self::Delivered { confirmed, unconfirmed, offline, stored }
            }
            session::TicketOutcome::Stored => Self::Stored,
            session::TicketOutcome::Sent
            | session::TicketOutcome::Done { .. }
            | session::TicketOutcome::Pong { .. } => Self::Sent,
            session::TicketOutcome::Offline => Self::Offline,
            session::TicketOutcome::Failed(cause) => Self::Failed(cause.into()),
            session::TicketOutcome::Pending => Self::Pending,
            // An outcome that a later core adds: it is not known whether the message was delivered.
            _ => Self::Unconfirmed,
        }
    }
}

/// A value that is set once and can be waited for.
#[derive(Debug)]
pub(crate) struct Slot<T> {
    value: Lock<Option<T>>,
    filled: Notify,
}

impl<T: Clone> Slot<T> {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { value: Lock::new(None), filled: Notify::new() })
    }

    /// Sets the value, unless it is set already.
    pub(crate) fn fill(&self, value: T) {
        self.value.lock().get_or_insert(value);
        self.filled.notify_waiters();
    }

    /// Waits for the value.
    pub(crate) async fn get(&self) -> T {
        loop {
            let filled = self.filled.notified();
            tokio::pin!(filled);
            // A `fill` after this line wakes this task.
            filled.as_mut().enable();
            if let Some(value) = self.value.lock().clone() {
                return value;
            }
            filled.await;
        }
    }
}

/// A message taken for sending. It may be dropped: [`Event::Ended`](crate::Event::Ended) reports the outcome too.
#[derive(Debug, Clone)]
pub struct Ticket {
    pub(crate) number: u64,
    pub(crate) message_id: MessageId,
    pub(crate) slot: Arc<Slot<session::TicketOutcome>>,
    pub(crate) home: Process,
}

impl Ticket {
    /// The ticket's number. The tickets and commands of a client share one ascending sequence.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The message's ID, which edits and deletions refer to.
    #[must_use]
    pub fn message_id(&self) -> &MessageId {
        &self.message_id
    }

    /// Waits for the outcome of the message. It is known by the message's deadline. May be called repeatedly.
    ///
    /// In a child of the process that sent it, the outcome is [`SendOutcome::Unconfirmed`].
    pub async fn outcome(&self) -> SendOutcome {
        if self.home.is_left() {
            return SendOutcome::Unconfirmed;
        }
        self.slot.get().await.into()
    }
}
