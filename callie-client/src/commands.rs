//! The commands of the protocol, one method each, and the ping. The protocol says what each does and who may use it
//! ("Commands"); a refusal carries the server's code, such as `FORBIDDEN` or `GROUP_NOT_FOUND`.

use std::fmt;
use std::time::Duration;

use callie_core::account::SessionList;
use callie_core::command::{
    self, BlockedPage, Command, CommandRequest, Conversation, Cursor, DirectMessages, DisplayName, Empty,
    Group, GroupDetails, GroupName, GroupPage, MessageText, PageLimit, PresenceAudience, PresenceMap,
    Profile, RemovalReason, Role, Settings, SignalData, SignalKind, Visibility,
};
use callie_core::session::{self, Failure, Now, TicketOutcome};
use callie_core::{
    CodeName, CommandCall, GroupId, JsonObject, MessageId, Recipient, SessionId, SysCode, Timestamp, Username,
};
use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind, code};
use crate::handle::Client;
use crate::ticket::Slot;

/// The result of a command that has none.
const EMPTY: &str = "{}";

impl Client {
    /// Sends a PING to the server ([`Recipient::Server`]) or a user, and returns the round-trip time.
    ///
    /// # Errors
    /// [`Error`]; refused with `RECIPIENT_OFFLINE` or `RECIPIENT_UNKNOWN` when the user is not there.
    pub async fn ping<R>(&self, recipient: R) -> Result<Duration, Error>
    where
        R: TryInto<Recipient>,
        R::Error: fmt::Display,
    {
        self.ping_recipient(recipient.try_into().map_err(|e| Error::argument("the recipient", e))?).await
    }

    async fn ping_recipient(&self, recipient: Recipient) -> Result<Duration, Error> {
        match self.answer(|session, now| session.ping(now, recipient)).await? {
            TicketOutcome::Pong { round_trip } => Ok(round_trip),
            other => Err(self.unanswered(other)),
        }
    }

    /// Sends a command by name; parameters and result are JSON objects. It need not be one that this version knows.
    ///
    /// # Errors
    /// [`Error`]; refused with the server's code, such as `UNKNOWN_COMMAND` or `INVALID_PARAMETERS`.
    pub async fn command(&self, name: &str, parameters: &str) -> Result<String, Error> {
        let name = CodeName::parse(name).map_err(|e| Error::argument("the command", e))?;
        let parameters = JsonObject::parse(parameters).map_err(|e| Error::argument("the parameters", e))?;
        let call = CommandCall::new(name, parameters);
        let reply = self.reply(|session, now| session.call(now, call)).await?;
        Ok(reply.0.unwrap_or_else(|| EMPTY.to_owned()))
    }

    /// Sends a command and returns its result, in the type that belongs to the command.
    ///
    /// ```no_run
    /// # async fn run(client: callie_client::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// use callie_client::request::CreateGroup;
    ///
    /// let group = client.execute(CreateGroup::new("Tea".parse()?).members(vec!["bob".parse()?])).await?;
    /// client.send(group.group_id, "Welcome").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Error`]; with the code [`RESULT_LOST`](code::RESULT_LOST) when it was carried out but its result is not known.
    pub async fn execute<C: CommandRequest>(&self, command: C) -> Result<C::Response, Error> {
        self.request(&command.into()).await?.read().map(|(result, _)| result)
    }

    /// Sends a command and returns its result unread. All commands share this one future.
    ///
    /// # Errors
    /// As [`execute`](Self::execute).
    pub async fn request(&self, command: &Command) -> Result<Reply, Error> {
        self.reply(|session, now| session.command(now, command)).await
    }

    async fn reply(
        &self,
        what: impl FnOnce(&mut session::Session, Now) -> Result<session::Ticket, session::SendError>,
    ) -> Result<Reply, Error> {
        match self.answer(what).await? {
            TicketOutcome::Done { result } => Ok(Reply(result)),
            TicketOutcome::Sent => Ok(Reply(None)),
            other => Err(self.unanswered(other)),
        }
    }

    async fn answer(
        &self,
        what: impl FnOnce(&mut session::Session, Now) -> Result<session::Ticket, session::SendError>,
    ) -> Result<TicketOutcome, Error> {
        let slot = self.submit(|core, now| {
            let ticket = what(&mut core.session, now)?;
            Ok(core.expect(ticket, None))
        })?;
        answered(&slot).await
    }

    /// Why there is no answer.
    fn unanswered(&self, outcome: TicketOutcome) -> Error {
        let has_ended = self.shared().core().session.is_closed();
        let queued = self.shared().queue.fill();
        match outcome {
            _ if has_ended => self.end_error(),
            // The answer may be behind them.
            TicketOutcome::Unconfirmed | TicketOutcome::Failed(_) if queued.is_full => {
                Error::untaken(queued.events)
            }
            TicketOutcome::Failed(_) => Error::timed_out(
                "it was not sent in time: the client was not connected, or too much was waiting to be sent",
            ),
            TicketOutcome::Unconfirmed => {
                Error::timed_out("there was no answer in time; it may or may not have been carried out")
            }
            other => Error::bad_answer(format_args!("{other:?}")),
        }
    }

    /// Sends something fleeting, such as that the user is typing. It is taken at once; nothing reports that it arrived.
    ///
    /// # Errors
    /// As [`SendRequest::submit`](crate::SendRequest::submit).
    pub fn signal(
        &self,
        recipient: Conversation,
        kind: SignalKind,
        data: Option<SignalData>,
    ) -> Result<(), Error> {
        let command = Command::Signal { recipient, kind, data };
        self.submit(|core, now| {
            let ticket = core.session.command(now, &command)?;
            core.expect(ticket, None);
            Ok(())
        })
    }
}

/// Waits for the end of a request; a refusal is an error.
async fn answered(slot: &Slot<TicketOutcome>) -> Result<TicketOutcome, Error> {
    match slot.get().await {
        TicketOutcome::Failed(Failure::Refused { code, description, path }) => {
            let at = if path.is_empty() { path } else { format!(" (at {path})") };
            Err(Error::refused(code.to_string(), format!("{description}{at}")))
        }
        TicketOutcome::Offline => {
            let code = SysCode::RecipientOffline;
            Err(Error::refused(code.as_str(), code.description()))
        }
        outcome => Ok(outcome),
    }
}

/// The result of a command that was carried out, not read yet.
#[derive(Debug)]
pub struct Reply(Option<String>);

impl Reply {
    /// Reads the result as a `T`; the second value is the JSON object that it was read from.
    ///
    /// # Errors
    /// [`BadAnswer`](ErrorKind::BadAnswer) when it is no `T`, with the code [`RESULT_LOST`](code::RESULT_LOST) when it was
    /// lost with a connection.
    pub fn read<T: DeserializeOwned>(self) -> Result<(T, String), Error> {
        let known = self.0.is_some();
        let json = self.0.unwrap_or_else(|| EMPTY.to_owned());
        match serde_json::from_str(&json) {
            Ok(result) => Ok((result, json)),
            Err(e) if known => Err(Error::bad_answer(e)),
            Err(_) => Err(Error::new(
                ErrorKind::BadAnswer,
                code::RESULT_LOST,
                "it was carried out, but the result was lost with a connection",
            )),
        }
    }
}

/// Writes the method of a command that has a result.
macro_rules! method {
    ([] $($rest:tt)*) => {};
    ([$result:ty] $(#[$doc:meta])* $method:ident $variant:ident ($($parameter:ident: $type:ty,)*)) => {
        impl Client {
            $(#[$doc])*
            ///
            /// # Errors
            /// As [`execute`](Self::execute).
            pub async fn $method(&self, $($parameter: $type),*) -> Result<$result, Error> {
                self.request(&Command::$variant { $($parameter),* }).await?.read().map(|(result, _)| result)
            }
        }
    };
}

/// Writes a method for each command that has a result, from the table of commands.
macro_rules! methods {
    ($(
        $(#[$doc:meta])*
        $variant:ident $method:ident = $text:literal, $permission:ident $(-> $result:ty)?,
        {$($(#[$field_doc:meta])* $field:ident: $type:ty = $name:literal by $reader:path,)*},
        {$($(#[$opt_doc:meta])* $opt:ident: $opt_type:ty = $opt_name:literal by $opt_reader:path,)*}
    )*) => {
        $(method! { [$($result)?] $(#[$doc])* $method $variant ($($field: $type,)* $($opt: $opt_type,)*) })*
    };
}

callie_core::command_table!(methods);
