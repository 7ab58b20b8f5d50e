//! A minimal server for comparison: accepts WebSockets and forwards texts to a partner or to all, without reading them.
//!
//! The first text of a connection is its number. Connections are set up as in the server.
//!
//! A floor that reads does the least that the protocol requires of any server: it parses the JSON and detects
//! duplicates. It checks no rules, has no timers and forgets nothing.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher as _, RandomState};
use std::io::Write as _;
use std::pin::Pin;
use std::sync::{Arc, RwLock};
use std::task::{Context, Poll};

use futures_util::{Sink as _, SinkExt as _, Stream as _, StreamExt as _};
use serde::Deserialize;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use crate::outbox::Outbox;
use crate::process::until_told_to_end;

/// The prefix of the first text of a connection whose texts go to all others instead of its partner.
pub(crate) const TO_ALL: char = '*';
const READS: usize = 64;
const FEEDS: usize = 64;

type Outboxes = Arc<RwLock<Vec<Option<Arc<Outbox>>>>>;

/// Serves until stdin is closed. With `reads`, it reads what it forwards.
pub(crate) async fn run(reads: bool) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    std::io::stdout().flush().unwrap();
    let outboxes = Outboxes::default();
    let accepting = async {
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            tcp.set_nodelay(true).unwrap();
            let known = reads.then(Known::default);
            tokio::spawn(Box::pin(serve(tcp, outboxes.clone(), known)));
        }
    };
    tokio::select! {
        () = accepting => {}
        () = until_told_to_end() => {}
    }
}

async fn serve(tcp: TcpStream, outboxes: Outboxes, known: Option<Known>) {
    let config = WebSocketConfig::default()
        .read_buffer_size(2 * 1024)
        .write_buffer_size(16 * 1024)
        .max_message_size(Some(65_536))
        .max_frame_size(Some(65_536));
    let accepted = tokio_tungstenite::accept_async_with_config(tcp, Some(config));
    let Ok(mut ws) = accepted.await else { return };
    let Some(Ok(Message::Text(first))) = ws.next().await else { return };
    let to_all = first.starts_with(TO_ALL);
    let number: usize = first.trim_start_matches(TO_ALL).parse().unwrap();
    let own = Arc::new(Outbox::default());
    {
        let mut all = outboxes.write().unwrap();
        if all.len() <= number {
            all.resize(number + 1, None);
        }
        all[number] = Some(own.clone());
    }
    if ws.send(Message::text("welcome")).await.is_err() {
        return;
    }
    let mut connection =
        Connection { ws, own, outboxes: outboxes.clone(), number, to_all, known, batch: VecDeque::new() };
    std::future::poll_fn(|cx| connection.poll(cx)).await;
    outboxes.write().unwrap()[number] = None;
}

/// The payload IDs of a connection, as hashes.
#[derive(Default)]
struct Known {
    hasher: RandomState,
    ids: HashSet<u64>,
}

impl Known {
    fn take(&mut self, text: &str) -> bool {
        #[derive(Deserialize)]
        struct Payload<'a> {
            #[serde(rename = "payloadID")]
            id: &'a str,
        }
        let payload: Payload<'_> = serde_json::from_str(text).unwrap();
        self.ids.insert(self.hasher.hash_one(payload.id))
    }
}

struct Connection {
    ws: WebSocketStream<TcpStream>,
    own: Arc<Outbox>,
    outboxes: Outboxes,
    number: usize,
    to_all: bool,
    /// The received payloads, if it reads.
    known: Option<Known>,
    batch: VecDeque<Utf8Bytes>,
}

impl Connection {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let mut more = true;
            for _ in 0..READS {
                match Pin::new(&mut self.ws).poll_next(cx) {
                    Poll::Ready(Some(Ok(Message::Text(text)))) => self.forward(&text),
                    Poll::Ready(Some(Ok(_))) => {}
                    Poll::Ready(_) => return Poll::Ready(()),
                    Poll::Pending => {
                        more = false;
                        break;
                    }
                }
            }
            match self.write(cx) {
                Poll::Ready(true) => {}
                Poll::Ready(false) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
            if more {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if self.own.park(cx) {
                return Poll::Pending;
            }
        }
    }

    fn forward(&mut self, text: &Utf8Bytes) {
        if self.known.as_mut().is_some_and(|known| !known.take(text)) {
            return;
        }
        // A copy, because a slice would keep the read buffer in memory.
        let text = Utf8Bytes::from(text.as_str());
        let all = self.outboxes.read().unwrap();
        if self.to_all {
            for (number, other) in all.iter().enumerate() {
                if let Some(other) = other.as_ref().filter(|_| number != self.number) {
                    other.push(text.clone());
                }
            }
        } else if let Some(Some(partner)) = all.get(self.number ^ 1) {
            partner.push(text);
        }
    }

    fn write(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        let mut ws = Pin::new(&mut self.ws);
        while !self.batch.is_empty() || self.own.take(&mut self.batch) {
            for _ in 0..FEEDS {
                if std::task::ready!(ws.as_mut().poll_ready(cx)).is_err() {
                    return Poll::Ready(false);
                }
                let Some(text) = self.batch.pop_front() else { break };
                if ws.as_mut().start_send(Message::Text(text)).is_err() {
                    return Poll::Ready(false);
                }
            }
            if std::task::ready!(ws.as_mut().poll_flush(cx)).is_err() {
                return Poll::Ready(false);
            }
        }
        Poll::Ready(true)
    }
}
