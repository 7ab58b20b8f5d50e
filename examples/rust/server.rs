//! A chat server on tokio-tungstenite and callie-core alone: messages to users and to everyone, with confirmations,
//! signals and presence. Users and their tokens are given on the command line:
//! cargo run -p callie-testbed --example server -- 127.0.0.1:8090 ada=TOKEN bob=TOKEN

use std::collections::HashMap;
use std::hash::RandomState;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use callie_core::command::{Command, Conversation, Presence, PresenceMap, Push};
use callie_core::server::{
    Accepted, Action, Answer, CloseReason, Closing, Connection, Delivery, DeliveryCounts, Handshake, Identity,
    Part, PayloadKey, Reply, ServerConfig, SharedState, UserState,
};
use callie_core::{PayloadId, Recipient, RecipientRef, SessionId, Stamp, SysCode, Timestamp, Username, account};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::CapacityError;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

/// A client that leaves this many payloads unread is closed.
const QUEUE: usize = 1_000;

/// What waits to be written to a connection: an answer, or a payload with what its sender waits for.
enum Queued {
    Answer(Answer),
    Payload(String, Option<(PayloadKey, Receipt)>),
}

/// The number of a delivery, and the connection's part in it.
type Receipt = (u64, Part);

/// What all connections share.
pub struct Hub {
    config: Arc<ServerConfig>,
    started: Instant,
    tokens: HashMap<String, Username>,
    users: HashMap<Username, UserState<RandomState>>,
    online: Vec<(u64, Username, Sender<Queued>)>,
    awaited: HashMap<u64, (Sender<Queued>, Username, PayloadKey, Reply, Delivery)>,
    number: u64,
}

type Shared = Arc<Mutex<Hub>>;

fn lock(hub: &Shared) -> MutexGuard<'_, Hub> {
    hub.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hub {
    fn next(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    fn stamp(&mut self) -> Stamp {
        let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let millis = i64::try_from(unix.as_millis()).unwrap_or_default();
        Stamp {
            payload_id: PayloadId::parse(&format!("s{millis}-{}", self.next())).expect("letters and digits"),
            timestamp: Timestamp::from_unix_millis(millis).unwrap_or(Timestamp::UNIX_EPOCH),
        }
    }

    fn connections_of(&self, name: &str) -> Vec<Sender<Queued>> {
        self.online.iter().filter(|(_, user, _)| user == name).map(|(_, _, queue)| queue.clone()).collect()
    }

    /// Notes what became of a payload, and answers it.
    fn answer(&mut self, to: &Sender<Queued>, user: &Username, key: Option<PayloadKey>, answer: Answer) {
        if let (Some(key), Some(user)) = (key, self.users.get_mut(user)) {
            user.settle(key, answer.outcome());
        }
        let _ = to.try_send(Queued::Answer(answer));
    }

    /// Changes a delivery, and answers its sender where that settles it.
    fn settle(&mut self, number: u64, change: impl FnOnce(&mut Delivery) -> Option<DeliveryCounts>) {
        let Some((_, _, _, _, delivery)) = self.awaited.get_mut(&number) else { return };
        let Some(counts) = change(delivery) else { return };
        let Some((to, user, key, reply, _)) = self.awaited.remove(&number) else { return };
        let answer = reply.delivery(&counts, self.stamp());
        self.answer(&to, &user, Some(key), answer);
    }
}

/// Passes a message, PING or PONG on, or tells its sender why not.
fn deliver(hub: &Shared, me: u64, from: &Sender<Queued>, user: &Username, accepted: &Accepted<'_>, reply: Reply) {
    let mut locked = lock(hub);
    let (payload, text) = (accepted.payload(), accepted.payload().pass_on());
    let recipients = match payload.recipient() {
        RecipientRef::User(name) => locked.connections_of(name),
        RecipientRef::Broadcast => {
            for (_, _, other) in locked.online.iter().filter(|(number, ..)| *number != me) {
                let _ = other.try_send(Queued::Payload(text.clone(), None));
            }
            return;
        }
        _ => {
            let answer = reply.refuse(SysCode::RecipientUnknown, locked.stamp());
            return locked.answer(from, user, accepted.key(), answer);
        }
    };
    if recipients.is_empty() {
        let answer = reply.refuse(SysCode::RecipientOffline, locked.stamp());
        return locked.answer(from, user, accepted.key(), answer);
    }
    let to_self = payload.recipient() == RecipientRef::User(user.as_str());
    if accepted.key().is_some() && !to_self {
        for (_, _, other) in locked.online.iter().filter(|(number, name, _)| *number != me && name == user) {
            let _ = other.try_send(Queued::Payload(text.clone(), None));
        }
    }
    let (number, mut delivery) = (locked.next(), Delivery::to_user());
    let part = delivery.begin(1, recipients.len());
    let receipt = accepted.key().filter(|_| payload.wants_ack()).map(|key| (key, (number, part)));
    if let Some((key, _)) = receipt {
        let _ = delivery.handed_out(0);
        locked.awaited.insert(number, (from.clone(), user.clone(), key, reply, delivery));
        let (hub, time) = (hub.clone(), locked.config.times.confirmation);
        tokio::spawn(async move {
            tokio::time::sleep(time).await;
            lock(&hub).settle(number, Delivery::expire);
        });
    }
    for to in recipients {
        if to.try_send(Queued::Payload(text.clone(), receipt)).is_err() && receipt.is_some() {
            locked.settle(number, |delivery| delivery.returned(part));
        }
    }
}

fn execute(hub: &Shared, from: &Sender<Queued>, user: &Username, command: Command, key: Option<PayloadKey>, reply: &Reply) {
    let mut hub = lock(hub);
    let stamp = hub.stamp();
    let answer = match command {
        Command::GetPresence { usernames } => {
            let is_online = |name: &Username| match hub.connections_of(name.as_str()).is_empty() {
                true => Presence::Offline,
                false => Presence::Online,
            };
            let presence = usernames.into_iter().map(|name| (name.clone(), is_online(&name))).collect();
            reply.result(&PresenceMap { presence }, stamp)
        }
        Command::Signal { recipient: Conversation::User(name), kind, data } => {
            let recipient = Conversation::User(name.clone());
            let signal = Push::Signal { from: user.clone(), recipient, kind, data };
            let text = signal.to_payload(Recipient::User(name.clone()), stamp).encode();
            for to in hub.connections_of(name.as_str()) {
                let _ = to.try_send(Queued::Payload(text.clone(), None));
            }
            return;
        }
        _ => reply.refuse(SysCode::Forbidden, stamp),
    };
    hub.answer(from, user, key, answer);
}

/// Reads the next text message, or why the connection ends; none if the client is gone.
async fn read(socket: &mut WebSocketStream<TcpStream>) -> Option<Result<String, CloseReason>> {
    loop {
        return Some(match socket.next().await? {
            Ok(Message::Text(text)) => Ok(text.as_str().to_owned()),
            Ok(Message::Binary(_)) => Err(CloseReason::unsupported_frame()),
            Ok(Message::Close(_)) => return None,
            Ok(_) => continue,
            Err(Error::Capacity(CapacityError::MessageTooLong { .. })) => Err(CloseReason::payload_too_large()),
            Err(Error::Utf8(_)) => Err(CloseReason::not_utf8()),
            Err(_) => return None,
        });
    }
}

async fn close(mut socket: WebSocketStream<TcpStream>, closing: Closing) -> Option<()> {
    for text in closing.texts {
        socket.send(Message::Text(text.into())).await.ok()?;
    }
    let frame = CloseFrame { code: closing.code.into(), reason: Default::default() };
    socket.close(Some(frame)).await.ok()
}
