//! The sends of the application.

use std::time::Duration;

use super::config::SendOptions;
use super::machine::{Now, Session};
use super::outgoing::Outgoing;
use super::send_error::SendError;
use super::ticket::Ticket;
use super::tickets::Expects;
use crate::account::is_reserved;
use crate::command::Command;
use crate::command::request::{ACK, AUTHENTICATE};
use crate::content::{CommandCall, Content, Message};
use crate::name::MessageId;
use crate::party::Recipient;
use crate::payload::Payload;
use crate::payload_type::PayloadType;
use crate::route::{RecipientKind, Route, route};

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
        command.check(&self.limits).map_err(SendError::Parameters)?;
        self.call(now, command.to_call())
    }

    /// Sends a command by name, which this version need not know. Only the server checks its parameters.
    ///
    /// # Errors
    /// [`SendError`], immediately and without a ticket.
    pub fn call(&mut self, now: Now, call: CommandCall) -> Result<Ticket, SendError> {
        let expects = match call.command().as_str() {
            AUTHENTICATE | ACK => return Err(SendError::OwnCommand),
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
        self.check_open()?;
        if self.tickets.len() >= self.config.max_waiting {
            return Err(SendError::QueueFull { max: self.config.max_waiting });
        }
        let payload = Outgoing::new(&payload);
        payload.check(&self.limits, &self.config.token)?;
        let timeout = timeout.unwrap_or(self.config.send_timeout);
        let ticket = self.tickets.add(payload, expects, now.elapsed, timeout);
        self.store_message(ticket);
        self.pump(now);
        Ok(ticket)
    }
}

fn check_route(payload: PayloadType, recipient: &Recipient) -> Result<(), SendError> {
    let kind = recipient.kind();
    if kind.is_some_and(|kind| !matches!(route(payload, kind), Route::Refuse(_))) {
        return match recipient {
            Recipient::User(name) if is_reserved(name) => Err(SendError::ReservedName { name: name.clone() }),
            _ => Ok(()),
        };
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
