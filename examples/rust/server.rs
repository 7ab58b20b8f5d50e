//! A chat server on tokio-tungstenite and callie-core alone: messages to users and to everyone, with confirmations.
//! cargo run -p callie-testbed --example server -- 127.0.0.1:8090 ada=TOKEN bob=TOKEN

#![allow(clippy::expect_used, reason = "constants of the form that they are parsed to")]
#![allow(clippy::result_large_err, reason = "the answer to an upgrade is tungstenite's")]

use std::collections::{BTreeMap, HashMap};
use std::hash::RandomState;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use callie_core::server::*;
use callie_core::{PayloadId, RecipientRef, SessionId, Stamp, SysCode, Timestamp, Username, account};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, http::HeaderValue};

type Socket = tokio_tungstenite::WebSocketStream<TcpStream>;
/// The number of a delivery, and the connection's part in it.
type Receipt = (u64, Part);
/// A connection, and what waits to be written to its socket. A client that leaves too much unread misses the rest.
type Peer = (Connection<Receipt>, mpsc::Sender<Message>);

/// What all connections share: who is connected, by number, and which confirmations are awaited.
struct Hub {
    started: Instant,
    tokens: HashMap<String, Identity>,
    /// One hasher for all users: what one of them confirms is another's payload.
    hasher: RandomState,
    users: HashMap<Username, UserState<RandomState>>,
    peers: BTreeMap<u64, Peer>,
    awaited: HashMap<u64, (u64, Reply, Delivery)>,
}

/// A number that was not given before.
fn next() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed)
}

fn stamp() -> Stamp {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
    let timestamp = Timestamp::from_unix_millis(now as i64).expect("a year of four digits");
    Stamp { payload_id: PayloadId::parse(&format!("{now}-{}", next())).expect("digits"), timestamp }
}

impl Hub {
    fn new(tokens: HashMap<String, Identity>) -> Self {
        let (hasher, users, peers, awaited) = Default::default();
        Self { started: Instant::now(), tokens, hasher, users, peers, awaited }
    }

    /// Notes what became of a payload, and answers it.
    fn answer(&mut self, to: u64, reply: &Reply, answer: Answer) {
        if let (Some(key), Some(user)) = (reply.key(), self.users.get_mut(reply.username())) {
            user.settle(key, answer.outcome());
        }
        self.change(to, |connection, now| connection.answer(now, answer));
    }

    /// Changes a connection, and queues what it has to say.
    fn change<T>(
        &mut self,
        number: u64,
        change: impl FnOnce(&mut Connection<Receipt>, Duration) -> T,
    ) -> Option<T> {
        let now = self.started.elapsed();
        let (connection, socket) = self.peers.get_mut(&number)?;
        let changed = change(connection, now);
        std::iter::from_fn(|| connection.poll(now))
            .for_each(|text| drop(socket.try_send(Message::text(text))));
        Some(changed)
    }

    /// Changes a delivery, and answers its sender where that settles it.
    fn settle(&mut self, number: u64, change: impl FnOnce(&mut Delivery) -> Option<DeliveryCounts>) {
        let counts = self.awaited.get_mut(&number).and_then(|(.., delivery)| change(delivery));
        if let Some(counts) = counts
            && let Some((from, reply, _)) = self.awaited.remove(&number)
        {
            self.answer(from, &reply, reply.delivery(&counts, stamp()));
        }
    }

    /// Passes a payload on, or tells its sender why not. Returns the number of a delivery that is awaited.
    fn deliver(&mut self, from: u64, accepted: &Accepted<'_>, reply: Reply) -> Option<u64> {
        let (payload, now, number) = (accepted.payload(), self.started.elapsed(), next());
        let recipient = payload.recipient();
        let is_recipient = |number: u64, name: &Username| match recipient {
            RecipientRef::User(recipient) => name == recipient,
            _ => recipient == RecipientRef::Broadcast && number != from,
        };
        let recipients = self.peers.iter().filter(|(to, peer)| is_recipient(**to, peer.0.username())).count();
        if recipients == 0 && recipient != RecipientRef::Broadcast {
            let is_group = matches!(recipient, RecipientRef::Group(_));
            let code = if is_group { SysCode::RecipientUnknown } else { SysCode::RecipientOffline };
            self.answer(from, &reply, reply.refuse(code, stamp()));
            return None;
        }
        let mut delivery = Delivery::to_user();
        let part = delivery.begin(1, recipients);
        for (&to, (connection, socket)) in &mut self.peers {
            let name = connection.username();
            let is_recipient = is_recipient(to, name);
            // The sender's other devices get a copy of a message.
            if is_recipient || reply.key().is_some() && to != from && name == reply.username() {
                let taken = socket.try_send(Message::text(payload.pass_on())).is_ok();
                match reply.key().filter(|_| is_recipient && payload.wants_ack()) {
                    Some(key) if taken => {
                        delivery.written(part);
                        connection.written(now, key, (number, part));
                    }
                    Some(_) => drop(delivery.returned(part)),
                    None => {}
                }
            }
        }
        if !payload.wants_ack() {
            return None;
        }
        self.awaited.insert(number, (from, reply, delivery));
        self.settle(number, |delivery| delivery.handed_out(0));
        Some(number)
    }
}

fn lock(hub: &Arc<Mutex<Hub>>) -> MutexGuard<'_, Hub> {
    hub.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Acts on what came on a connection. Returns the reason to close it, if there is one.
fn act(shared: &Arc<Mutex<Hub>>, hub: &mut Hub, me: u64, action: Action<'_, Receipt>) -> Option<CloseReason> {
    match action {
        Action::Deliver(accepted) => {
            let reply = hub.peers.get(&me)?.0.reply(&accepted);
            let (number, shared) = (hub.deliver(me, &accepted, reply)?, shared.clone());
            tokio::spawn(async move {
                tokio::time::sleep(Times::default().confirmation).await;
                lock(&shared).settle(number, Delivery::expire);
            });
        }
        // A server with groups and profiles carries out their commands here.
        Action::Execute(_, accepted) => {
            let reply = hub.peers.get(&me)?.0.reply(&accepted);
            hub.answer(me, &reply, reply.refuse(SysCode::Forbidden, stamp()));
        }
        Action::Confirm(receipts) => receipts
            .into_iter()
            .for_each(|(number, part)| hub.settle(number, |delivery| delivery.confirmed(part))),
        Action::Answer(answer) => drop(hub.change(me, |connection, now| connection.answer(now, answer))),
        Action::Close(reason) => return Some(reason),
        Action::Taken(_) | Action::Dropped(_) | Action::Ignored => {}
    }
    hub.change(me, |_, _| None)?
}

/// Reads the next text message, or why the server closes; none if the client has closed or is gone.
async fn read(socket: &mut Socket) -> Option<Result<String, CloseReason>> {
    loop {
        return Some(match socket.next().await? {
            Ok(Message::Text(text)) => Ok(text.as_str().to_owned()),
            Ok(Message::Binary(_)) => Err(CloseReason::unsupported_frame()),
            Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => continue,
            Err(Error::Capacity(_)) => Err(CloseReason::payload_too_large()),
            Err(Error::Utf8(_)) => Err(CloseReason::not_utf8()),
            Ok(Message::Close(_)) | Err(_) => return None,
        });
    }
}

/// Serves one connection until the server has a reason to close it; none if the client closes it or is gone.
async fn talk(shared: &Arc<Mutex<Hub>>, config: Arc<ServerConfig>, socket: &mut Socket) -> Option<Closing> {
    let handshake = Handshake::new(lock(shared).started.elapsed(), config.clone());
    let first = tokio::time::timeout(config.times.authentication, read(socket)).await;
    let first = first.unwrap_or_else(|_| Some(Err(CloseReason::auth_timeout())))?;
    let verified = first.as_deref().map_err(Clone::clone).and_then(|text| {
        let authentication = handshake.receive(text)?;
        let identity = lock(shared).tokens.get(authentication.token()).cloned();
        authentication.verify(identity)
    });
    let verified = match verified {
        Ok(verified) => verified,
        Err(reason) => return Some(reason.unauthenticated(stamp())),
    };
    let (queue, mut queued) = mpsc::channel(1_000);
    let me = next();
    let mut reason = {
        let mut hub = lock(shared);
        let now = hub.started.elapsed();
        let (name, hasher) = (verified.identity().username.clone(), hub.hasher.clone());
        let user = hub.users.entry(name).or_insert_with(|| UserState::new(&config.limits, hasher));
        let (connection, action) = Connection::open(now, verified, Box::new(stamp), user);
        hub.peers.insert(me, (connection, queue));
        act(shared, &mut hub, me, action)
    };
    let mut gone = false;
    while reason.is_none() && !gone {
        let deadline =
            lock(shared).change(me, |connection, now| connection.deadline().saturating_sub(now))?;
        tokio::select! {
            Some(text) = queued.recv() => gone = socket.send(text).await.is_err(),
            text = read(socket) => match text {
                None => gone = true,
                Some(Err(fatal)) => reason = Some(fatal),
                Some(Ok(text)) => {
                    let mut hub = lock(shared);
                    let Hub { started, peers, users, .. } = &mut *hub;
                    let connection = &mut peers.get_mut(&me)?.0;
                    let user = users.get_mut(connection.username())?;
                    let action = connection.receive(started.elapsed(), &text, user);
                    reason = act(shared, &mut hub, me, action);
                }
            },
            () = tokio::time::sleep(deadline) => reason = lock(shared).change(me, |c, now| c.wake(now))?,
        }
    }
    let mut hub = lock(shared);
    let (now, (mut connection, _)) = (hub.started.elapsed(), hub.peers.remove(&me)?);
    for (number, part) in connection.input_ended(now) {
        hub.settle(number, |delivery| delivery.returned(part));
    }
    reason.map(|reason| connection.close(now, reason))
}

/// Serves the connections of a listener, for users with these names and tokens.
pub(crate) async fn serve(listener: TcpListener, users: Vec<(Username, String)>) -> std::io::Result<()> {
    let session_id = SessionId::parse("example").expect("letters");
    let expires_at = Timestamp::parse("9999-12-31T23:59:59.999Z").expect("an instant");
    let identity = |username| Identity { username, session_id: session_id.clone(), expires_at };
    let tokens = users.into_iter().map(|(name, token)| (token, identity(name))).collect();
    let shared = Arc::new(Mutex::new(Hub::new(tokens)));
    let config = Arc::<ServerConfig>::default();
    let limits = WebSocketConfig::default().max_message_size(Some(config.limits.max_payload_bytes));
    loop {
        let (stream, _) = listener.accept().await?;
        let (shared, config) = (shared.clone(), config.clone());
        tokio::spawn(async move {
            let upgrade = |request: &Request, mut response: Response| {
                if request.headers().contains_key("sec-websocket-protocol") {
                    let name = HeaderValue::from_static(account::SUBPROTOCOL);
                    response.headers_mut().insert("sec-websocket-protocol", name);
                }
                Ok(response)
            };
            let accept = tokio_tungstenite::accept_hdr_async_with_config(stream, upgrade, Some(limits));
            let mut socket = accept.await.ok()?;
            let closing = talk(&shared, config, &mut socket).await?;
            let code = closing.code.into();
            for text in closing.into_texts() {
                socket.send(Message::text(text)).await.ok()?;
            }
            socket.close(Some(CloseFrame { code, reason: Default::default() })).await.ok()
        });
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let listener =
        TcpListener::bind(arguments.next().ok_or("usage: server ADDRESS USERNAME=TOKEN…")?).await?;
    let users = arguments.map(|user| {
        let (name, token) = user.split_once('=').ok_or("a user is USERNAME=TOKEN")?;
        Ok::<_, Box<dyn std::error::Error>>((Username::parse(name)?, token.to_owned()))
    });
    Ok(serve(listener, users.collect::<Result<_, _>>()?).await?)
}
