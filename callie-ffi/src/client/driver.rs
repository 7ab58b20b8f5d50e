//! The one loop between the socket and the application: it moves texts and decides nothing about them.
//!
//! Reading and writing run side by side in one task, so that neither waits for the other. Events go through a bounded
//! queue; while that is full the socket is not read, the server sees a slow reader, and nothing is lost or piled up here.

use std::sync::Arc;
use std::time::Duration;

use callie_core::{CloseCode, LINK_LOST, comes_back};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{self, Message};

use super::conversation::Conversation;
use super::event::{Closed, Event};
use super::transport::Stream;

/// Payloads that wait for the socket. When so many wait, `send` waits too.
pub(super) const OUTGOING_QUEUE: usize = 256;
/// The most payloads written at one go: enough to fill a segment, few enough to keep the first from waiting.
const WRITE_BATCH: usize = 64;
/// Writing a batch: a peer that takes nothing for this long is gone or stuck.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// The farewell: the other side has this long to answer a close before the socket is dropped.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);
/// What is added to the server's heartbeat before silence is asked about: one slow round trip on a mobile network.
const HEARTBEAT_GRACE: Duration = Duration::from_secs(15);
/// The close code that ends a conversation by agreement (RFC 6455).
const NORMAL: u16 = 1000;
const DISCONNECTED: &str = "disconnected";

/// What the handle asks of the driver.
#[derive(Debug)]
pub(super) enum Outgoing {
    /// A payload to write.
    Payload(String),
    /// Say goodbye and end.
    Close,
}

/// The driver's ends of its queues.
pub(super) struct Ends {
    pub(super) mailbox: mpsc::Receiver<Outgoing>,
    /// For answers to the server's and others' pings; weak, so that dropping the handle ends the driver.
    pub(super) replies: mpsc::WeakSender<Outgoing>,
    pub(super) events: async_channel::Sender<Event>,
    pub(super) closed: watch::Sender<Option<Closed>>,
    /// The application wants the end, however the socket stands.
    pub(super) stop: Arc<Notify>,
}

/// Runs until the link is gone or the handle is, then says why.
pub(super) async fn drive(socket: WebSocketStream<Stream>, conversation: Arc<Conversation>, ends: Ends) {
    let Ends { mailbox, replies, events, closed: told, stop } = ends;
    let (sink, stream) = socket.split();
    let end = tokio::select! {
        end = read(stream, &conversation, replies, &events) => end,
        end = write(sink, mailbox) => end,
        end = stopped(&stop) => end,
    };
    // First the reason, then the end of the queue: who sees the end finds the reason.
    told.send_replace(Some(end));
    conversation.abandon();
    events.close();
}

/// A reader who waits for the application and a writer who waits for the peer see no goodbye: this is their end.
async fn stopped(stop: &Notify) -> Closed {
    stop.notified().await;
    tokio::time::sleep(CLOSE_TIMEOUT).await;
    closed(NORMAL, DISCONNECTED)
}

async fn read(
    mut stream: SplitStream<WebSocketStream<Stream>>,
    conversation: &Conversation,
    replies: mpsc::WeakSender<Outgoing>,
    events: &async_channel::Sender<Event>,
) -> Closed {
    let quiet = conversation.heartbeat() + HEARTBEAT_GRACE;
    let mut asked = false;
    let mut farewell = None;
    loop {
        let received = match timeout(quiet, stream.next()).await {
            Ok(received) => received,
            // The server pings only a silent client, so a busy one has to ask for itself.
            Err(_) if !asked => {
                asked = true;
                if let Ok(ping) = conversation.heartbeat_ping() {
                    reply(&replies, ping).await;
                }
                continue;
            }
            Err(_) => return closed(LINK_LOST, "nothing came from the server for too long"),
        };
        asked = false;
        let text = match received {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Close(frame))) => {
                farewell = Some(said(frame));
                continue;
            }
            Some(Ok(Message::Binary(_))) => {
                return closed(CloseCode::UnsupportedFrame.as_u16(), "the server sent a binary message");
            }
            Some(Ok(_)) => continue,
            Some(Err(error)) => return farewell.unwrap_or_else(|| broken(&error)),
            None => return farewell.unwrap_or_else(|| closed(LINK_LOST, "the link ended without a close")),
        };
        let step = conversation.receive(text.as_str());
        if let Some(payload) = step.reply {
            reply(&replies, payload).await;
        }
        if let Some(event) = step.event
            && events.send(event).await.is_err()
        {
            return closed(NORMAL, "nobody takes the events any more");
        }
    }
}

/// Hands a payload to the writer, waiting for room; without a handle there is nobody to write for.
async fn reply(replies: &mpsc::WeakSender<Outgoing>, payload: String) {
    if let Some(replies) = replies.upgrade() {
        // A send fails only when the writer has ended, and then so has everything.
        let _ = replies.send(Outgoing::Payload(payload)).await;
    }
}

async fn write(
    mut sink: SplitSink<WebSocketStream<Stream>, Message>,
    mut mailbox: mpsc::Receiver<Outgoing>,
) -> Closed {
    loop {
        let mut next = mailbox.recv().await;
        let batch = async {
            let mut room = WRITE_BATCH;
            while let Some(Outgoing::Payload(text)) = next {
                sink.feed(Message::text(text)).await?;
                room -= 1;
                match mailbox.try_recv() {
                    Ok(more) if room > 0 => next = Some(more),
                    Ok(more) => {
                        sink.flush().await?;
                        room = WRITE_BATCH;
                        next = Some(more);
                    }
                    Err(mpsc::error::TryRecvError::Empty) => return sink.flush().await.map(|()| false),
                    Err(mpsc::error::TryRecvError::Disconnected) => break,
                }
            }
            sink.flush().await.map(|()| true)
        };
        match timeout(WRITE_TIMEOUT, batch).await {
            Ok(Ok(false)) => {}
            Ok(Ok(true)) => break,
            Ok(Err(error)) => return broken(&error),
            Err(_) => return closed(LINK_LOST, "the server took nothing for too long"),
        }
    }
    let goodbye = CloseFrame { code: NORMAL.into(), reason: "".into() };
    let farewell = async {
        if sink.send(Message::Close(Some(goodbye))).await.is_ok() {
            // The reader sees the other side's answer and ends first.
            std::future::pending::<()>().await;
        }
    };
    // However the farewell goes, the application wanted this end.
    let _ = timeout(CLOSE_TIMEOUT, farewell).await;
    closed(NORMAL, DISCONNECTED)
}

fn closed(code: u16, reason: &str) -> Closed {
    Closed { code, reason: reason.to_owned(), comes_back: comes_back(code) }
}

fn said(frame: Option<CloseFrame>) -> Closed {
    /// What RFC 6455 calls a close that names no code.
    const NO_CODE: u16 = 1005;
    match frame {
        // The answer to one's own goodbye.
        Some(frame) if u16::from(frame.code) == NORMAL => closed(NORMAL, DISCONNECTED),
        Some(frame) if frame.reason.is_empty() => {
            closed(frame.code.into(), "the server closed the connection")
        }
        Some(frame) => closed(frame.code.into(), frame.reason.as_str()),
        None => closed(NO_CODE, "the server closed without a code"),
    }
}

fn broken(error: &tungstenite::Error) -> Closed {
    match error {
        tungstenite::Error::Capacity(_) => {
            closed(CloseCode::PayloadTooLarge.as_u16(), "the server sent more than a payload may hold")
        }
        other => closed(LINK_LOST, &format!("the link broke: {other}")),
    }
}
