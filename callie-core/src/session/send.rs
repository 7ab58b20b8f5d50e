//! What the application sends.

use std::time::Duration;

use super::config::SendOptions;
use super::event::Ticket;
use super::machine::{Now, Session};
use super::tickets::Expects;
use crate::command::Command;
use crate::content::{CommandCall, Content, Message};
use crate::name::MessageId;
use crate::party::Recipient;
use crate::payload::{Payload, PayloadError};
use crate::route::{Route, route};

/// Why something cannot be sent at all. It has no ticket, since it never began.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// Too much waits already.
    #[error("{max} payloads wait for their end already; let some end first")]
    QueueFull {
        /// The limit.
        max: usize,
    },
    /// Nothing of this type goes there.
    #[error("a payload of this type cannot go to that recipient")]
    InvalidRecipient,
    /// The session sends this command by itself, and nobody else may.
    #[error("the session sends this command by itself")]
    OwnCommand,
    /// The payload as a whole is over the server's limit.
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
    /// [`SendError`], at once and without a ticket.
    pub fn send(
        &mut self,
        now: Now,
        recipient: Recipient,
        message: Message,
        options: &SendOptions,
    ) -> Result<Ticket, SendError> {
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
    /// [`SendError`], at once and without a ticket.
    pub fn command(&mut self, now: Now, command: &Command) -> Result<Ticket, SendError> {
        let expects = match command {
            Command::Authenticate {} | Command::Ack { .. } => return Err(SendError::OwnCommand),
            Command::Signal { .. } => Expects::Nothing,
            _ => Expects::Result { repeatable: command.is_repeatable() },
        };
        let payload = self.payload(now, Recipient::Server, command.to_content());
        self.submit(now, payload, expects, None)
    }

    /// Sends a command that need not be one of this version: whether it is good is for the server to say.
    ///
    /// # Errors
    /// [`SendError`], at once and without a ticket.
    pub fn call(&mut self, now: Now, call: CommandCall) -> Result<Ticket, SendError> {
        if let Ok(command) = Command::read(call.command().as_str(), call.parameters().as_str(), &self.limits)
        {
            return self.command(now, &command);
        }
        let payload = self.payload(now, Recipient::Server, Content::Cmd(call));
        self.submit(now, payload, Expects::Result { repeatable: false }, None)
    }

    /// Asks the server or a user for a sign of life.
    ///
    /// # Errors
    /// [`SendError`], at once and without a ticket.
    pub fn ping(&mut self, now: Now, recipient: Recipient) -> Result<Ticket, SendError> {
        let payload = self.payload(now, recipient, Content::Ping);
        self.submit(now, payload, Expects::Pong, None)
    }

    /// A new, unique message ID.
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
        let routed = payload.recipient().kind().map(|kind| route(payload.content().payload_type(), kind));
        if routed.is_none_or(|route| matches!(route, Route::Refuse(_))) {
            return Err(SendError::InvalidRecipient);
        }
        let bytes = payload.encode().len() + self.config.token.expose().len();
        if bytes > self.limits.max_payload_bytes {
            return Err(SendError::TooLarge { max_bytes: self.limits.max_payload_bytes });
        }
        let deadline = now.elapsed + timeout.unwrap_or(self.config.send_timeout);
        let ticket = self.tickets.add(payload, expects, deadline);
        self.pump(now);
        Ok(ticket)
    }
}
