//! A chat server on tokio-tungstenite and callie-core alone: messages to users and to everyone, with confirmations.
//! cargo run -p callie-testbed --example server -- 127.0.0.1:8090 ada=TOKEN bob=TOKEN

#![allow(clippy::expect_used, reason = "constants of the form that they are parsed to")]
#![allow(clippy::result_large_err, reason = "the answer to an upgrade is tungstenite's")]

use std::collections::HashMap;
use std::hash::RandomState;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use callie_core::server::*;
use callie_core::{EnvelopeIds, PayloadId, SessionId, SysCode, Timestamp, Username, account};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::handshake::server::{Request as Upgrade, Response};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, http::HeaderValue};

type Socket = tokio_tungstenite::WebSocketStream<TcpStream>;

/// How many messages may wait to be written to one socket.
const QUEUE: usize = 1_000;

/// What all connections share: the protocol's side of them, and what waits to be written to their sockets.
struct Server {
    started: Instant,
    tokens: HashMap<String, Identity>,
    hub: Hub,
    queues: HashMap<ConnectionId, mpsc::Sender<Message>>,
}

type Shared = Arc<Mutex<Server>>;

fn lock(shared: &Shared) -> MutexGuard<'_, Server> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The clock, and an ID that was not given before.
fn envelope_ids() -> EnvelopeIds {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_millis();
    let id = format!("{now}-{}", LAST.fetch_add(1, Ordering::Relaxed));
    let timestamp = Timestamp::from_unix_millis(now as i64).expect("a year of four digits");
    EnvelopeIds { payload_id: PayloadId::parse(&id).expect("digits"), timestamp }
}

impl Server {
    fn new(config: ServerConfig, users: Vec<(Username, String)>) -> Self {
        let session_id = SessionId::parse("example").expect("letters");
        let expires_at = Timestamp::parse("9999-12-31T23:59:59.999Z").expect("an instant");
        let identity = |username| Identity::new(username, session_id.clone(), expires_at);
        let tokens = users.into_iter().map(|(name, token)| (token, identity(name))).collect();
        let hub = Hub::new(Arc::new(config), envelope_ids);
        Self { started: Instant::now(), tokens, hub, queues: HashMap::new() }
    }

    fn accept(&mut self) -> (ConnectionId, mpsc::Receiver<Message>) {
        let (queue, queued) = mpsc::channel(QUEUE);
        let id = self.hub.accept(self.started.elapsed());
        self.queues.insert(id, queue);
        (id, queued)
    }

    /// How long a connection may wait; none once it is closed and only has to write what is queued.
    fn wait(&self, id: ConnectionId) -> Option<Duration> {
        Some(self.hub.deadline(id)?.saturating_sub(self.started.elapsed()))
    }

    fn receive(&mut self, id: ConnectionId, text: &str) {
        let (now, tokens) = (self.started.elapsed(), &self.tokens);
        if let Some(request) = self.hub.receive(now, id, text, |token| tokens.get(token).cloned()) {
            // A server with groups and profiles looks up the members, and carries out the commands.
            let is_group = matches!(request, Request::ToGroup(..));
            let code = if is_group { SysCode::RecipientUnknown } else { SysCode::Forbidden };
            self.hub.refuse(now, request.requester(), code);
        }
    }

    /// Changes the hub, and queues what it has to write. A client that leaves too much unread is closed.
    fn change(&mut self, change: impl FnOnce(&mut Self, Duration)) {
        let now = self.started.elapsed();
        change(self, now);
        while let Some(output) = self.hub.poll() {
            let (id, message) = match output {
                Output::Write(id, text) => (id, Message::text(text)),
                Output::Close(id, code) => (id, close_frame(code)),
            };
            let is_last = message.is_close();
            if self.queues.get(&id).is_some_and(|queue| queue.try_send(message).is_err()) {
                self.hub.close(now, id, CloseReason::slow_consumer());
            }
            if is_last {
                self.queues.remove(&id);
            }
        }
    }
}

fn close_frame(code: u16) -> Message {
    Message::Close(Some(CloseFrame { code: code.into(), reason: Default::default() }))
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

/// Serves one connection to its end.
async fn serve_connection(shared: &Shared, mut socket: Socket) {
    let (id, mut queued) = lock(shared).accept();
    loop {
        let wait = lock(shared).wait(id);
        tokio::select! {
            message = queued.recv() => {
                let Some(message) = message else { break };
                if socket.send(message).await.is_err() {
                    break;
                }
            }
            text = read(&mut socket), if wait.is_some() => match text {
                Some(Ok(text)) => lock(shared).change(|server, _| server.receive(id, &text)),
                Some(Err(reason)) => lock(shared).change(|server, now| server.hub.close(now, id, reason)),
                None => break,
            },
            () = tokio::time::sleep(wait.unwrap_or_default()), if wait.is_some() => {
                lock(shared).change(|server, now| server.hub.wake(now, id));
            }
        }
    }
    lock(shared).change(|server, now| {
        server.hub.lost(now, id);
        server.queues.remove(&id);
    });
}

/// Serves the connections of a listener, for users with these names and tokens.
pub(crate) async fn serve(listener: TcpListener, users: Vec<(Username, String)>) -> std::io::Result<()> {
    let config = ServerConfig::new(PayloadKeys::new(RandomState::new()));
    let limits = WebSocketConfig::default().max_message_size(Some(config.limits.max_payload_bytes));
    let shared = Arc::new(Mutex::new(Server::new(config, users)));
    loop {
        let (stream, _) = listener.accept().await?;
        let shared = shared.clone();
        tokio::spawn(async move {
            let upgrade = |request: &Upgrade, mut response: Response| {
                if request.headers().contains_key("sec-websocket-protocol") {
                    let name = HeaderValue::from_static(account::SUBPROTOCOL);
                    response.headers_mut().insert("sec-websocket-protocol", name);
                }
                Ok(response)
            };
            let accept = tokio_tungstenite::accept_hdr_async_with_config(stream, upgrade, Some(limits));
            if let Ok(socket) = accept.await {
                serve_connection(&shared, socket).await;
            }
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
