//! The sends of the application.

use std::time::Duration;

use super::config::SendOptions;
use super::event::{Failure, Ticket};
use super::machine::{Now, Session};
use super::tickets::Expects;
use crate::code::SysCode;
use crate::command::Command;
use crate::content::{CommandCall, Content, Message, MessageError};
use crate::limits::Limits;
use crate::name::MessageId;
use crate::party::Recipient;
use crate::payload::{Payload, PayloadError};
use crate::payload_type::PayloadType;
use crate::route::{RecipientKind, Route, route};

/// Why a send was not accepted. It has no ticket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
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
    /// Only the session itself sends this command.
    #[error("the session sends this command by itself")]
    OwnCommand,
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

impl Session {
    /// Sends a message to a user, a group or everyone.
    ///
    /// # Errors
    /// [`SendError`], immediately and without a ticket.
    pub fn send(
        &mut self,
        now: Now,
        recipient: Recipient,
        message: Message,
        options: &SendOptions,
    ) -> Result<Ticket, SendError> {
        check_route(PayloadType::Msg, &recipient)?;
        let confirm = options.confirm && recipient != Recipient::Broadcast;
        let mut payload = self.payload(now, recipient, Content::Msg(message));
        if !options.metadata.is_empty() {
            payload = payload.with_metadata(options.metadata.clone())?;
        }
        if confirm {
            payload = payload.with_ack()?;
        }
        let expects = if confirm { Expects::Confirmation } else { Expects::Nothing };
        self.submit(now, payload, expects, options.timeout)
    }

    /// Sends a command to the server.
    ///
    /// # Errors
    /// [`SendError`], immediately and without a ticket.
    pub fn command(&mut self, now: Now, command: &Command) -> Result<Ticket, SendError> {
        self.call(now, command.to_call())
    }

    /// Sends a command by name, which this version need not know. Only the server checks its parameters.
    ///
    /// # Errors
    /// [`SendError`], immediately and without a ticket.
    pub fn call(&mut self, now: Now, call: CommandCall) -> Result<Ticket, SendError> {
        let expects = match call.command().as_str() {
            "AUTHENTICATE" | "ACK" => return Err(SendError::OwnCommand),
            "SIGNAL" => Expects::Nothing,
            name => Expects::Result { repeatable: Command::is_repeatable(name) },
        };
        let payload = self.payload(now, Recipient::Server, Content::Cmd(call));
        self.submit(now, payload, expects, None)
    }

    /// Sends a PING to the server or a user.
    ///
    /// # Errors
    /// [`SendError`], immediately and without a ticket.
    pub fn ping(&mut self, now: Now, recipient: Recipient) -> Result<Ticket, SendError> {
        check_route(PayloadType::Ping, &recipient)?;
        let payload = self.payload(now, recipient, Content::Ping);
        self.submit(now, payload, Expects::Pong, None)
    }

    /// Returns a new, unique message ID.
    pub fn message_id(&mut self, now: Now) -> MessageId {
        MessageId::from_uuid(self.uuid(now))
    }

    fn submit(
        &mut self,
        now: Now,
        payload: Payload,
        expects: Expects,
        timeout: Option<Duration>,
    ) -> Result<Ticket, SendError> {
        if self.tickets.len() >= self.config.max_waiting {
            return Err(SendError::QueueFull { max: self.config.max_waiting });
        }
        let bytes = payload.encode().len() + self.config.token.expose().len();
        if bytes > self.limits.max_payload_bytes {
            return Err(SendError::TooLarge { max_bytes: self.limits.max_payload_bytes });
        }
        let deadline = now.elapsed.saturating_add(timeout.unwrap_or(self.config.send_timeout));
        let ticket = self.tickets.add(payload, expects, deadline);
        self.pump(now);
        Ok(ticket)
    }
}

fn check_route(payload: PayloadType, recipient: &Recipient) -> Result<(), SendError> {
    let kind = recipient.kind();
    if kind.is_some_and(|kind| !matches!(route(payload, kind), Route::Refuse(_))) {
        return Ok(());
    }
    Err(SendError::InvalidRecipient {
        payload: match payload {
            PayloadType::Msg => "message",
            PayloadType::Cmd => "command",
            other => other.as_str(),
        },
        recipient: match kind {
            Some(RecipientKind::Server) => "SERVER",
            Some(RecipientKind::User) => "a user",
            Some(RecipientKind::Group) => "a group",
            Some(RecipientKind::Broadcast) => "BROADCAST",
            None => "nobody",
        },
    })
}

/// Returns why a payload exceeds limits that the server announced after the send was accepted, if it does.
pub(super) fn over_limits(limits: &Limits, payload: &Payload, bytes: usize) -> Option<Failure> {
    let (description, path) = match payload.content() {
        Content::Msg(message) if message.text().len() > limits.max_text_bytes => {
            (MessageError::TextTooLong { max_bytes: limits.max_text_bytes }.to_string(), "/content/text")
        }
        Content::Msg(message) if message.attachments().len() > limits.max_attachments => {
            let error = MessageError::TooManyAttachments { max: limits.max_attachments };
            (error.to_string(), "/content/attachments")
        }
        _ if bytes > limits.max_payload_bytes => {
            (SendError::TooLarge { max_bytes: limits.max_payload_bytes }.to_string(), "")
        }
        _ => return None,
    };
    Some(Failure::Refused { code: SysCode::PayloadTooLarge.into(), description, path: path.to_owned() })
}
