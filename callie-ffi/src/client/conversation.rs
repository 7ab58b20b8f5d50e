//! What the texts on the wire mean: who is answered, who waits for what, what the application is told.
//!
//! No I/O: the driver brings what was received and takes away what to send.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use callie_core::{
    Content, Frame, Limits, NoticeMetadata, Payload, PayloadId, Recipient, Sender, Stamp, System, Token,
    Username,
};
use tokio::sync::oneshot;

use super::clock;
use super::error::Fault;
use super::event::{Envelope, Event};

/// What became of a ping or a command.
#[derive(Debug)]
pub(super) enum Answer {
    /// The other side lives.
    Pong,
    /// What the server said.
    Notice(Box<Said>),
}

/// A notice of the server, of this version's codes or a later one's.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) system: System,
    pub(super) metadata: NoticeMetadata,
}

impl Said {
    pub(super) fn new(system: System, payload: &Payload) -> Self {
        // What is not of the protocol's form is as good as absent.
        Self { system, metadata: payload.metadata().read().unwrap_or_default() }
    }

    /// The same as the reason of an error, with the server's own code.
    pub(super) fn refusal(&self) -> Fault {
        let at = self.metadata.path.as_ref().map(|path| format!(" (at {path})")).unwrap_or_default();
        Fault::new(self.system.code().to_string(), format!("{}{at}", self.system.description()))
    }
}

/// What follows from one received text.
#[derive(Debug, Default)]
pub(super) struct Step {
    /// For the application.
    pub(super) event: Option<Event>,
    /// For the other side.
    pub(super) reply: Option<String>,
}

/// Somebody who waits for the answer to one payload.
#[derive(Debug)]
struct Waiting {
    answer: oneshot::Sender<Answer>,
    /// Where a ping went: other clients' PONGs need not say which PING they answer.
    pinged: Option<Recipient>,
}

/// One authenticated conversation.
#[derive(Debug)]
pub(super) struct Conversation {
    user: Username,
    token: Token,
    limits: Limits,
    heartbeat: Duration,
    /// Bounded by the calls under way: each takes its entry away when it ends, however it ends.
    waiting: Mutex<HashMap<PayloadId, Waiting>>,
}

impl Conversation {
    pub(super) fn new(user: Username, token: Token, limits: Limits, heartbeat: Duration) -> Self {
        Self { user, token, limits, heartbeat, waiting: Mutex::default() }
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(super) fn heartbeat(&self) -> Duration {
        self.heartbeat
    }

    /// A payload of this user, as text.
    ///
    /// One over the server's limit is refused here: sent, it would cost the connection.
    pub(super) fn encode(&self, stamp: Stamp, to: Recipient, content: Content) -> Result<String, Fault> {
        self.finish(self.payload(stamp, to, content))
    }

    fn payload(&self, stamp: Stamp, to: Recipient, content: Content) -> Payload {
        Payload::new(stamp, Sender::User(self.user.clone()), to, content).with_token(self.token.clone())
    }

    fn finish(&self, payload: Payload) -> Result<String, Fault> {
        let text = payload.encode();
        if text.len() > self.limits.max_payload_bytes {
            return Err(Fault::too_large(self.limits.max_payload_bytes));
        }
        Ok(text)
    }

    /// The question whether the server is still there; its answer is of use to nobody but by its coming.
    pub(super) fn heartbeat_ping(&self) -> Result<String, Fault> {
        self.encode(clock::stamp()?, Recipient::Server, Content::Ping)
    }

    /// Registers who waits for the answer to the payload `id`, before it is sent.
    pub(super) fn expect(&self, id: PayloadId, pinged: Option<Recipient>) -> Expected<'_> {
        let (sender, answer) = oneshot::channel();
        self.waiting().insert(id.clone(), Waiting { answer: sender, pinged });
        Expected { conversation: self, id, answer }
    }

    /// The link is gone: whoever waits hears so at once.
    pub(super) fn abandon(&self) {
        self.waiting().clear();
    }

    /// Takes one received text.
    pub(super) fn receive(&self, text: &str) -> Step {
        let frame = match Frame::from_server(text) {
            Ok(frame) => frame,
            Err(fault) => return Step { event: Some(Event::Unreadable(fault)), reply: None },
        };
        let Some(payload) = frame.to_payload() else { return Step::default() };
        let in_reply_to = payload.in_reply_to();
        let envelope = Envelope {
            payload_id: payload.payload_id().clone(),
            sender: payload.sender().clone(),
            recipient: payload.recipient().clone(),
            timestamp: payload.timestamp(),
            metadata: payload.metadata().clone(),
        };
        let event = match payload.content().clone() {
            Content::Ping => return Step { event: None, reply: self.pong(envelope).ok() },
            Content::Pong => {
                self.pong_came(in_reply_to.as_ref(), envelope.sender);
                return Step::default();
            }
            Content::Sys(system) => {
                if let Some(waiting) = in_reply_to.as_ref().and_then(|id| self.waiting().remove(id)) {
                    // Who gave up waiting meanwhile was told so.
                    let _ = waiting.answer.send(Answer::Notice(Box::new(Said::new(system, &payload))));
                    return Step::default();
                }
                Event::Notice { envelope, system, in_reply_to }
            }
            Content::Msg(message) => Event::Message { envelope, message },
            Content::Cmd(call) => Event::Command { envelope, call },
        };
        Step { event: Some(event), reply: None }
    }

    fn pong(&self, ping: Envelope) -> Result<String, Fault> {
        let to = match ping.sender {
            Sender::Server => Recipient::Server,
            Sender::User(name) => Recipient::User(name),
        };
        let pong = self.payload(clock::stamp()?, to, Content::Pong).with_in_reply_to(&ping.payload_id);
        self.finish(pong.map_err(Fault::internal)?)
    }

    fn pong_came(&self, in_reply_to: Option<&PayloadId>, from: Sender) {
        let from = match from {
            Sender::Server => Recipient::Server,
            Sender::User(name) => Recipient::User(name),
        };
        let mut waiting = self.waiting();
        let id = match in_reply_to {
            Some(id) => Some(id.clone()),
            None => waiting.iter().find(|(_, w)| w.pinged.as_ref() == Some(&from)).map(|(id, _)| id.clone()),
        };
        // A PONG answers a ping only, and only from where the ping went.
        if let Some(id) = id
            && waiting.get(&id).is_some_and(|w| w.pinged.as_ref() == Some(&from))
            && let Some(found) = waiting.remove(&id)
        {
            let _ = found.answer.send(Answer::Pong);
        }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<PayloadId, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place among those who wait; given up when dropped.
#[derive(Debug)]
pub(super) struct Expected<'a> {
    conversation: &'a Conversation,
    id: PayloadId,
    answer: oneshot::Receiver<Answer>,
}

impl Expected<'_> {
    /// The answer, or none when the link is gone.
    pub(super) async fn answer(mut self) -> Option<Answer> {
        (&mut self.answer).await.ok()
    }
}

impl Drop for Expected<'_> {
    fn drop(&mut self) {
        self.conversation.waiting().remove(&self.id);
    }
}
