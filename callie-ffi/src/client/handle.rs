//! The handle that the application holds.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use callie_core::command::{Command, Cursor, GroupCreated, GroupList, GroupName, PageLimit, Visibility};
use callie_core::{
    Attachment, CodeName, CommandCall, Content, GroupId, JsonObject, LINK_LOST, Limits, Message, MessageId,
    PayloadId, Recipient, SysCode, Username, comes_back,
};
use serde::de::DeserializeOwned;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::timeout;

use super::clock;
use super::connect;
use super::conversation::{Answer, Conversation};
use super::driver::{self, Ends, OUTGOING_QUEUE, Outgoing};
use super::error::{ConnectError, Fault, ReceiveError, RequestError, SendError, code};
use super::event::{Closed, Event};
use super::session::Session;

/// The result of a command that gave none.
const EMPTY: &str = "{}";

/// The identifiers of a message that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The payload's: notices about it name it as what they reply to.
    pub payload_id: PayloadId,
    /// The message's: edits and deletions name it.
    pub message_id: MessageId,
}

/// An authenticated connection.
///
/// Every method takes `&self` and may be called from several tasks at once. Dropping it says goodbye in the background.
/// It needs a tokio runtime with time and I/O enabled.
#[derive(Debug)]
pub struct Client {
    username: Username,
    answer_timeout: Duration,
    conversation: Arc<Conversation>,
    outgoing: mpsc::Sender<Outgoing>,
    events: async_channel::Receiver<Event>,
    closed: watch::Receiver<Option<Closed>>,
    stop: Arc<Notify>,
    end_was_told: AtomicBool,
}

impl Client {
    /// Connects and authenticates.
    ///
    /// # Errors
    /// [`ConnectError`]; refused with `AUTH_FAILED` when the session has ended.
    pub async fn connect(session: &Session) -> Result<Self, ConnectError> {
        let config = session.config();
        if config.event_queue == 0 {
            return Err(ConnectError::InvalidArgument(Fault::argument("the event queue", "at least 1")));
        }
        let (socket, conversation) = connect::connect(session).await?;
        let conversation = Arc::new(conversation);
        let (outgoing, mailbox) = mpsc::channel(OUTGOING_QUEUE);
        let (events_in, events) = async_channel::bounded(config.event_queue);
        let (closed_in, closed) = watch::channel(None);
        let stop = Arc::new(Notify::new());
        let ends = Ends {
            mailbox,
            replies: outgoing.downgrade(),
            events: events_in,
            closed: closed_in,
            stop: Arc::clone(&stop),
        };
        tokio::spawn(driver::drive(socket, Arc::clone(&conversation), ends));
        Ok(Self {
            username: session.username().clone(),
            answer_timeout: config.answer_timeout,
            conversation,
            outgoing,
            events,
            closed,
            stop,
            end_was_told: AtomicBool::new(false),
        })
    }

    /// Who this connection is.
    #[must_use]
    pub fn username(&self) -> &Username {
        &self.username
    }

    /// What the server allows, as it said when connecting.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        self.conversation.limits()
    }

    /// Sends a text in Markdown, with attachments, under a new message ID. The recipient is a username, a group's ID or `BROADCAST`.
    ///
    /// Returns when the message is in the connection's queue; an [`Event::Notice`] tells if it could not be delivered.
    ///
    /// # Errors
    /// [`SendError`]
    pub async fn send_text(
        &self,
        to: &str,
        text: &str,
        attachments: Vec<Attachment>,
    ) -> Result<Sent, SendError> {
        let to = Recipient::parse(to)
            .map_err(|e| SendError::InvalidArgument(Fault::argument("the recipient", e)))?;
        let message_id = clock::message_id().map_err(SendError::Internal)?;
        let builder = attachments
            .into_iter()
            .fold(Message::builder(message_id.clone()).text(text), |builder, a| builder.attachment(a));
        let message = builder
            .build_within(self.limits())
            .map_err(|e| SendError::InvalidArgument(Fault::new(code::INVALID_ARGUMENT, e.to_string())))?;
        let payload_id = self.send(to, message).await?;
        Ok(Sent { payload_id, message_id })
    }

    /// Sends a message.
    ///
    /// # Errors
    /// [`SendError`]
    pub async fn send(&self, to: Recipient, message: Message) -> Result<PayloadId, SendError> {
        let stamp = clock::stamp().map_err(SendError::Internal)?;
        let id = stamp.payload_id.clone();
        let text =
            self.conversation.encode(stamp, to, Content::Msg(message)).map_err(SendError::InvalidArgument)?;
        self.outgoing
            .send(Outgoing::Payload(text))
            .await
            .map_err(|_| SendError::Closed(closed_fault(&self.end())))?;
        Ok(id)
    }

    /// Asks the server (`SERVER`) or a user for a sign of life, and tells how long it took.
    ///
    /// # Errors
    /// [`RequestError`]; refused with `RECIPIENT_OFFLINE` or `RECIPIENT_UNKNOWN` when the user is not there.
    pub async fn ping(&self, to: &str) -> Result<Duration, RequestError> {
        let to = Recipient::parse(to)
            .map_err(|e| RequestError::InvalidArgument(Fault::argument("the recipient", e)))?;
        let begun = Instant::now();
        match self.ask(to.clone(), Content::Ping, Some(to)).await? {
            Answer::Pong => Ok(begun.elapsed()),
            Answer::Notice(said) => Err(RequestError::Refused(said.refusal())),
        }
    }

    /// Carries out a command by name; parameters and result are JSON objects.
    ///
    /// # Errors
    /// [`RequestError`]; refused with the server's code, such as `FORBIDDEN` or `INVALID_PARAMETERS`.
    pub async fn command(&self, name: &str, parameters: &str) -> Result<String, RequestError> {
        let invalid =
            |name, e: &dyn std::fmt::Display| RequestError::InvalidArgument(Fault::argument(name, e));
        let name = CodeName::parse(name).map_err(|e| invalid("the command", &e))?;
        let parameters = JsonObject::parse(parameters).map_err(|e| invalid("the parameters", &e))?;
        self.call(Content::Cmd(CommandCall::new(name, parameters))).await
    }

    /// Makes a group of this user and `members`.
    ///
    /// # Errors
    /// [`RequestError`]
    pub async fn create_group(
        &self,
        name: GroupName,
        members: Vec<Username>,
        visibility: Visibility,
    ) -> Result<GroupCreated, RequestError> {
        self.execute(Command::CreateGroup { name, members, visibility }).await
    }

    /// Leaves a group.
    ///
    /// # Errors
    /// [`RequestError`]
    pub async fn leave_group(&self, group_id: GroupId) -> Result<(), RequestError> {
        self.call(Command::LeaveGroup { group_id }.to_content()).await.map(drop)
    }

    /// One page of the groups that this user is in.
    ///
    /// # Errors
    /// [`RequestError`]
    pub async fn list_groups(&self, after: Option<Cursor>) -> Result<GroupList, RequestError> {
        self.execute(Command::ListGroups { limit: PageLimit::default(), after }).await
    }

    /// Takes up to `max` events, waiting at most `wait` for the first; an empty batch when none came.
    ///
    /// The last event is [`Event::Closed`]. Dropping the call loses nothing.
    ///
    /// # Errors
    /// [`ReceiveError::Closed`] after the last event.
    pub async fn next_events(&self, max: usize, wait: Duration) -> Result<Vec<Event>, ReceiveError> {
        if max == 0 {
            return Err(ReceiveError::InvalidArgument(Fault::argument("the size of a batch", "at least 1")));
        }
        let first = match timeout(wait, self.events.recv()).await {
            Err(_) => return Ok(Vec::new()),
            Ok(Ok(first)) => first,
            Ok(Err(_)) if self.end_was_told.swap(true, Ordering::AcqRel) => {
                return Err(ReceiveError::Closed(closed_fault(&self.end())));
            }
            Ok(Err(_)) => Event::Closed(self.end()),
        };
        let mut batch = Vec::with_capacity(max.min(self.events.len() + 1));
        batch.push(first);
        while batch.len() < max
            && let Ok(next) = self.events.try_recv()
        {
            batch.push(next);
        }
        Ok(batch)
    }

    /// Writes what was sent, says goodbye and ends the connection. What has arrived can still be taken.
    pub async fn disconnect(&self) {
        self.stop.notify_one();
        // A closed mailbox means that the end has come already.
        let _ = self.outgoing.send(Outgoing::Close).await;
        let mut closed = self.closed.clone();
        let _ = closed.wait_for(Option::is_some).await;
    }

    async fn execute<T: DeserializeOwned>(&self, command: Command) -> Result<T, RequestError> {
        let result = self.call(command.to_content()).await?;
        serde_json::from_str(&result).map_err(|e| RequestError::BadAnswer(Fault::bad_answer(e)))
    }

    async fn call(&self, command: Content) -> Result<String, RequestError> {
        match self.ask(Recipient::Server, command, None).await? {
            Answer::Notice(said) if said.system.code().sys_code() == Some(SysCode::CommandOk) => {
                Ok(said.metadata.result.map_or_else(|| EMPTY.to_owned(), |result| result.get().to_owned()))
            }
            Answer::Notice(said) => Err(RequestError::Refused(said.refusal())),
            Answer::Pong => Err(RequestError::BadAnswer(Fault::bad_answer("a PONG to a command"))),
        }
    }

    async fn ask(
        &self,
        to: Recipient,
        content: Content,
        pinged: Option<Recipient>,
    ) -> Result<Answer, RequestError> {
        let stamp = clock::stamp().map_err(RequestError::Internal)?;
        let expected = self.conversation.expect(stamp.payload_id.clone(), pinged);
        let text = self.conversation.encode(stamp, to, content).map_err(RequestError::InvalidArgument)?;
        let exchange = async {
            self.outgoing.send(Outgoing::Payload(text)).await.ok()?;
            expected.answer().await
        };
        timeout(self.answer_timeout, exchange)
            .await
            .map_err(|_| RequestError::TimedOut(Fault::timed_out("the answer")))?
            .ok_or_else(|| RequestError::Closed(closed_fault(&self.end())))
    }

    /// Why the connection is gone.
    fn end(&self) -> Closed {
        self.closed.borrow().clone().unwrap_or_else(|| Closed {
            code: LINK_LOST,
            reason: "the connection ended".to_owned(),
            comes_back: comes_back(LINK_LOST),
        })
    }
}

fn closed_fault(closed: &Closed) -> Fault {
    Fault::new(code::CLOSED, format!("the connection is gone: {} ({})", closed.reason, closed.code))
}
