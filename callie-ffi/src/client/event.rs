//! What arrives.

use callie_core::{CommandCall, Fault, JsonObject, Message, PayloadId, Recipient, Sender, System, Timestamp};

/// What every payload has around its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The payload's ID.
    pub payload_id: PayloadId,
    /// Who it comes from.
    pub sender: Sender,
    /// Where it was sent: to this user, a group or everyone.
    pub recipient: Recipient,
    /// When the sender says it was sent; nothing in the protocol depends on it.
    pub timestamp: Timestamp,
    /// Extensions of the sender, or the members of a notice.
    pub metadata: JsonObject,
}

/// Something for the application. PINGs are answered without it, and answers go to who asked.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A chat message.
    Message {
        /// Who, where to, when.
        envelope: Envelope,
        /// What.
        message: Message,
    },
    /// A notice of the server: what became of a message, who came and went, and codes of later versions.
    Notice {
        /// Who, where to, when; the members of the notice are its metadata.
        envelope: Envelope,
        /// Code and description.
        system: System,
        /// The payload that it is about, where it is about one.
        in_reply_to: Option<PayloadId>,
    },
    /// A command of the server: a message was edited or deleted, somebody is typing.
    Command {
        /// Who, where to, when.
        envelope: Envelope,
        /// Name and parameters.
        call: CommandCall,
    },
    /// The server sent a text that is not a valid payload; nothing acted on it.
    Unreadable(Fault),
    /// The last event: the connection is gone.
    Closed(Closed),
}

/// Why a connection is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// The WebSocket close code; 1000 when the application asked for it, 1006 when the link was lost without a close.
    pub code: u16,
    /// In words.
    pub reason: String,
    /// Whether it is worth to connect again, after a while, without asking anybody.
    pub comes_back: bool,
}
