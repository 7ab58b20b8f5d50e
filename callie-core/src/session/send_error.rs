//! Why a send is refused.

use super::state::SessionClosed;
use crate::command::CommandFault;
use crate::content::MessageError;
use crate::name::Username;
use crate::party::Recipient;
use crate::payload::PayloadError;

/// Why a send was not accepted. It has no ticket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The session is closed.
    #[error(transparent)]
    Closed(#[from] SessionClosed),
    /// Too many payloads have no outcome yet.
    #[error("{max} payloads wait for their end already; let some end first")]
    QueueFull {
        /// The limit.
        max: usize,
    },
    /// The recipient cannot receive this type.
    #[error("a {payload} cannot go to {recipient}")]
    InvalidRecipient {
        /// What was sent: a message, a PING or a command.
        payload: &'static str,
        /// The recipient: SERVER, a user, a group or BROADCAST.
        recipient: &'static str,
    },
    /// The name of the recipient is reserved.
    #[error("no user can have the reserved name {name}{}", meant(.name))]
    ReservedName {
        /// The name.
        name: Username,
    },
    /// A parameter of the command is too long or too short.
    #[error("{}", .0.description())]
    Parameters(CommandFault),
    /// Only the session itself sends this command.
    #[error("the session sends this command by itself")]
    OwnCommand,
    /// The message exceeds the server's limits.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// The payload exceeds the server's limit.
    #[error("the payload must have at most {max_bytes} bytes")]
    TooLarge {
        /// The limit.
        max_bytes: usize,
    },
    /// The payload cannot be built.
    #[error(transparent)]
    Payload(#[from] PayloadError),
}

/// Returns a hint for a reserved name that is the name of an address in lower case.
fn meant(name: &Username) -> String {
    let upper = name.as_str().to_ascii_uppercase();
    match Recipient::parse(&upper) {
        Ok(Recipient::Server | Recipient::Broadcast) => format!("; {upper} is written in capitals"),
        _ => String::new(),
    }
}
