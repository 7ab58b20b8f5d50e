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
use crate::payload::{Payload, Stamp};

/// A command from the server to a client. A client ignores one about a message it does not know.
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
    /// Drop a message.
    DeleteMessage {
        /// The message.
        #[serde(rename = "messageID")]
        message_id: MessageId,
        /// Its author.
        sender: Username,
        /// Where it went.
        recipient: Conversation,
        /// Who deleted it.
        #[serde(rename = "deletedBy")]
        deleted_by: Username,
    },
    /// Show another text for a message.
    EditMessage {
        /// The message.
        #[serde(rename = "messageID")]
        message_id: MessageId,
        /// Its author.
        sender: Username,
        /// Where it went.
        recipient: Conversation,
        /// Its new text.
        text: MessageText,
    },
    /// Somebody says something fleeting.
    Signal {
        /// Who.
        from: Username,
        /// To whom.
        recipient: Conversation,
        /// What it is about.
        kind: SignalKind,
        /// What goes with it.
        #[serde(skip_serializing_if = "Option::is_none")]
        data: Option<SignalData>,
    },
}

const DELETE_MESSAGE: &str = "DELETE_MESSAGE";
const EDIT_MESSAGE: &str = "EDIT_MESSAGE";
const SIGNAL: &str = "SIGNAL";

impl Push {
    /// The names of all of them.
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

    /// Reads what a client received: the name and parameters of a CMD.
    ///
    /// # Errors
    /// [`CommandFault`] when it is none of these, or for the first parameter that is missing, wrong or unknown.
    pub fn read(name: &str, parameters: &str) -> Result<Self, CommandFault> {
        // The server's limits are for the server to keep.
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

    /// The payload that carries it to `recipient`.
    #[must_use]
    pub fn to_payload(&self, recipient: Recipient, stamp: Stamp) -> Payload {
        // Names, IDs and texts only, which can always be written.
        let parameters = JsonObject::from_serialize(self).unwrap_or_default();
        let call = CommandCall::new(CodeName::known(self.name()), parameters);
        Payload::new(stamp, Sender::Server, recipient, Content::Cmd(call))
    }
}
