//! The commands that the server sends to clients.

use serde::Serialize;

use super::parameter::{CommandFault, Members};
use super::values::{Conversation, MessageText, SignalData, SignalKind};
use crate::code::CodeName;
use crate::content::{CommandCall, Content};
use crate::json::JsonObject;
use crate::limits::Limits;
use crate::name::{MessageId, Username};
use crate::party::{Recipient, Sender};
use crate::payload::{EnvelopeIds, Payload};

/// A command from the server to a client. A client ignores a command about a message that it does not know.
///
/// ```
/// use callie_core::command::Push;
///
/// let push = Push::read("SIGNAL", r#"{"from":"bob","recipient":"ada","kind":"typing"}"#)?;
/// let Push::Signal { from, kind, data: None, .. } = push else { unreachable!() };
/// assert_eq!((from.as_str(), kind.as_str()), ("bob", "typing"));
/// # Ok::<(), callie_core::command::CommandFault>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Push {
    /// A message was deleted.
    DeleteMessage {
        /// The message's ID.
        #[serde(rename = "messageID")]
        message_id: MessageId,
        /// The author of the message.
        sender: Username,
        /// The recipient of the message.
        recipient: Conversation,
        /// The user who deleted it.
        #[serde(rename = "deletedBy")]
        deleted_by: Username,
    },
    /// A message was edited.
    EditMessage {
        /// The message's ID.
        #[serde(rename = "messageID")]
        message_id: MessageId,
        /// The author of the message.
        sender: Username,
        /// The recipient of the message.
        recipient: Conversation,
        /// The new text.
        text: MessageText,
    },
    /// A user sent a signal.
    Signal {
        /// The sender.
        from: Username,
        /// The recipient.
        recipient: Conversation,
        /// The kind.
        kind: SignalKind,
        /// The data, if there is any.
        #[serde(skip_serializing_if = "Option::is_none")]
        data: Option<SignalData>,
    },
}

const DELETE_MESSAGE: &str = "DELETE_MESSAGE";
const EDIT_MESSAGE: &str = "EDIT_MESSAGE";
pub(crate) const SIGNAL: &str = "SIGNAL";

impl Push {
    /// The names of all pushes.
    pub const NAMES: [&'static str; 3] = [DELETE_MESSAGE, EDIT_MESSAGE, SIGNAL];

    /// The command's name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::DeleteMessage { .. } => DELETE_MESSAGE,
            Self::EditMessage { .. } => EDIT_MESSAGE,
            Self::Signal { .. } => SIGNAL,
        }
    }

    /// Reads the name and parameters of a CMD that a client received.
    ///
    /// # Errors
    /// [`CommandFault`] when the name is unknown, or for the first parameter that is missing, wrong or unknown.
    pub fn read(name: &str, parameters: &str) -> Result<Self, CommandFault> {
        // Only clients are bound by the server's limits.
        let limits = Limits { max_text_bytes: usize::MAX, ..Limits::default() };
        if !Self::NAMES.contains(&name) {
            return Err(CommandFault::unknown_command());
        }
        let mut members = Members::of_command(parameters, &limits)?;
        let push = match name {
            DELETE_MESSAGE => Self::DeleteMessage {
                message_id: members.take("messageID")?,
                sender: members.take("sender")?,
                recipient: members.take("recipient")?,
                deleted_by: members.take("deletedBy")?,
            },
            EDIT_MESSAGE => Self::EditMessage {
                message_id: members.take("messageID")?,
                sender: members.take("sender")?,
                recipient: members.take("recipient")?,
                text: members.take("text")?,
            },
            _ => Self::Signal {
                from: members.take("from")?,
                recipient: members.take("recipient")?,
                kind: members.take("kind")?,
                data: members.take("data")?,
            },
        };
        members.finish()?;
        Ok(push)
    }

    /// Returns the payload with this push to `recipient`.
    #[must_use]
    pub fn to_payload(&self, recipient: Recipient, ids: EnvelopeIds) -> Payload {
        // Names, IDs and texts always serialise.
        let parameters = JsonObject::from_serialize(self).unwrap_or_default();
        let call = CommandCall::new(CodeName::known(self.name()), parameters);
        Payload::new(ids, Sender::Server, recipient, Content::Cmd(call))
    }
}
