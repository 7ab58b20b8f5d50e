//! One open WebSocket, polled: writing, reading and closing.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use callie_core::CloseCode;
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{self, Message, Utf8Bytes};

use crate::connect::{Socket, broken};
use crate::error::Error;
use crate::shared::NORMAL;

/// If the peer reads nothing for this long, the connection counts as broken.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the peer has to answer a close frame before the socket is dropped.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);
/// If this many texts wait to be written, reading stops: it would add answers to PINGs and confirmations.
const CLOGGED: usize = 4_096;

/// The result of reading.
pub(crate) enum Received {
    Text(Utf8Bytes),
    /// A control frame of WebSocket.
    Nothing,
    /// The connection ended: the reason, and the peer's close code if it sent one.
    End(Error, Option<u16>),
}

pub(crate) struct Link {
    socket: Socket,
    out: VecDeque<String>,
    /// Something was written since the last flush.
    unflushed: bool,
    /// Since when the socket cannot be written to.
    blocked: Option<Instant>,
    close_frame: CloseFrame,
    /// The peer has closed the connection, or has sent what closes it.
    ended_by_peer: bool,
}

impl Link {
    pub(crate) fn new(socket: Socket) -> Self {
        let close_frame = CloseFrame { code: NORMAL.into(), reason: Utf8Bytes::default() };
        Self {
            socket,
            out: VecDeque::new(),
            unflushed: false,
            blocked: None,
            close_frame,
            ended_by_peer: false,
        }
    }

    /// Queues a text.
    pub(crate) fn send(&mut self, text: String) {
        self.out.push_back(text);
    }

    pub(crate) fn is_clogged(&self) -> bool {
        self.out.len() >= CLOGGED
    }

    /// When the connection counts as broken if nothing can be written until then.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.blocked.map(|since| since + WRITE_TIMEOUT)
    }

    /// Writes as much as the socket accepts.
    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        while !self.out.is_empty() {
            match Pin::new(&mut self.socket).poll_ready(cx) {
                Poll::Ready(ready) => ready.map_err(broken)?,
                Poll::Pending => {
                    self.blocked.get_or_insert_with(Instant::now);
                    return Ok(());
                }
            }
            if let Some(text) = self.out.pop_front() {
                Pin::new(&mut self.socket).start_send(Message::text(text)).map_err(broken)?;
                self.unflushed = true;
                self.blocked = None;
            }
        }
        if self.unflushed {
            match Pin::new(&mut self.socket).poll_flush(cx) {
                Poll::Ready(flushed) => {
                    flushed.map_err(broken)?;
                    self.unflushed = false;
                    self.blocked = None;
                }
                Poll::Pending => {
                    self.blocked.get_or_insert_with(Instant::now);
                }
            }
        }
        Ok(())
    }

    /// Reads one message.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Received> {
        let Poll::Ready(received) = Pin::new(&mut self.socket).poll_next(cx) else { return Poll::Pending };
        Poll::Ready(match received {
            Some(Ok(Message::Text(text))) => Received::Text(text),
            Some(Ok(Message::Close(frame))) => {
                self.ended_by_peer = true;
                closed(frame)
            }
            Some(Ok(Message::Binary(_))) => {
                self.refuse(CloseCode::UnsupportedFrame);
                Received::End(Error::bad_answer("a binary message"), None)
            }
            Some(Ok(_)) => Received::Nothing,
            Some(Err(error)) => {
                if matches!(error, tungstenite::Error::Capacity(_)) {
                    self.refuse(CloseCode::PayloadTooLarge);
                }
                Received::End(broken(error), None)
            }
            None => Received::End(Error::unreachable("the link ended without a close"), None),
        })
    }

    fn refuse(&mut self, code: CloseCode) {
        self.ended_by_peer = true;
        self.close_frame.code = code.as_u16().into();
    }

    /// Whether the peer waits for a close frame. A link that is lost must not be closed with one: it would tell the server
    /// that the connection will not be resumed.
    pub(crate) fn owes_close_frame(&self) -> bool {
        self.ended_by_peer
    }

    /// Writes what is queued, sends a close frame and waits for the answer, for at most [`CLOSE_TIMEOUT`].
    pub(crate) async fn close(mut self) {
        let closing = async {
            while let Some(text) = self.out.pop_front() {
                self.socket.feed(Message::text(text)).await?;
            }
            self.socket.send(Message::Close(Some(self.close_frame))).await?;
            // Payloads read now do not reach the session, so they are not confirmed.
            while let Some(received) = self.socket.next().await {
                received?;
            }
            Ok::<_, tungstenite::Error>(())
        };
        // Whether or not it succeeds, the socket is dropped.
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, closing).await;
    }
}

fn closed(frame: Option<CloseFrame>) -> Received {
    let Some(frame) = frame else {
        return Received::End(Error::unreachable("the server closed without a code"), None);
    };
    let code = u16::from(frame.code);
    let words = frame.reason.as_str();
    let separator = if words.is_empty() { "" } else { ": " };
    let error = Error::unreachable(format_args!("the server closed with {code}{separator}{words}"));
    Received::End(error, Some(code))
}
