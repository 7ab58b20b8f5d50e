//! The WebSocket of one connection, set up for many connections that are mostly idle.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use callie_core::Limits;
use futures_util::{Sink as _, Stream as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use callie_core::server::CloseReason;

use super::readahead::ReadAhead;
use super::timing::LINGER;
use crate::net::Stream;

/// The size of the read buffer, which exists as long as the connection. Most connections are idle, and most payloads
/// fit.
const READ_BUFFER: usize = 1024;
/// The bytes that are collected before they are written. This buffer grows only while a connection is busy.
const WRITE_BUFFER: usize = 16 * 1024;
/// The most bytes that are read and discarded after a close.
const LINGER_BYTES: usize = 1024 * 1024;

/// A received item.
pub(crate) enum Incoming {
    /// A text, which may be a payload.
    Text(Utf8Bytes),
    /// A control frame, which the WebSocket has answered.
    Control,
    /// The client's close frame, with its code.
    Closed(Option<u16>),
    /// The client shut down its writing side without a close frame. It may still read.
    Ended,
    /// The connection was lost.
    Lost,
    /// A violation, for which the server closes the connection.
    Fatal(CloseReason),
}

/// A WebSocket.
pub(crate) struct Socket {
    inner: WebSocketStream<ReadAhead<Stream>>,
    /// Whether there is data that was written and not flushed.
    dirty: bool,
}

impl Socket {
    /// Creates the server's end of an upgraded connection. `read` is what was received after the request.
    pub(crate) async fn new(stream: Stream, read: Bytes, limits: &Limits) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .write_buffer_size(WRITE_BUFFER)
            .max_write_buffer_size(usize::MAX)
            .max_message_size(Some(limits.max_payload_bytes))
            .max_frame_size(Some(limits.max_payload_bytes));
        let stream = ReadAhead::new(stream);
        let inner = if read.is_empty() {
            WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await
        } else {
            WebSocketStream::from_partially_read(stream, read.into(), Role::Server, Some(config)).await
        };
        Self { inner, dirty: false }
    }

    /// Polls for the next item.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Incoming> {
        let next = match Pin::new(&mut self.inner).poll_next(cx) {
            Poll::Pending if self.inner.get_ref().has_ended() => return Poll::Ready(Incoming::Ended),
            Poll::Pending => return Poll::Pending,
            Poll::Ready(next) => next,
        };
        Poll::Ready(match next {
            Some(Ok(Message::Text(text))) => Incoming::Text(text),
            Some(Ok(Message::Binary(_))) => Incoming::Fatal(CloseReason::unsupported_frame()),
            Some(Ok(Message::Ping(_))) => {
                // The WebSocket has queued the answer; the next flush sends it.
                self.dirty = true;
                Incoming::Control
            }
            Some(Ok(Message::Pong(_) | Message::Frame(_))) => Incoming::Control,
            Some(Ok(Message::Close(frame))) => {
                self.dirty = true;
                Incoming::Closed(frame.map(|frame| frame.code.into()))
            }
            Some(Err(error)) => fatal(&error),
            None => Incoming::Lost,
        })
    }

    /// Waits for the next item.
    pub(crate) async fn read(&mut self) -> Incoming {
        std::future::poll_fn(|cx| self.poll_read(cx)).await
    }

    /// Polls until [`Socket::feed`] may be called.
    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Pin::new(&mut self.inner).poll_ready(cx)
    }

    /// Writes a payload to the buffer. [`Socket::poll_ready`] must have returned ready.
    pub(crate) fn feed(&mut self, text: Utf8Bytes) -> Result<(), Error> {
        self.dirty = true;
        Pin::new(&mut self.inner).start_send(Message::Text(text))
    }

    /// Flushes everything that was written.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if !self.dirty {
            return Poll::Ready(Ok(()));
        }
        let flushed = Pin::new(&mut self.inner).poll_flush(cx);
        if flushed.is_ready() {
            self.dirty = false;
        }
        flushed
    }

    /// Writes a payload and flushes it.
    pub(crate) async fn send(&mut self, text: Utf8Bytes) -> Result<(), Error> {
        std::future::poll_fn(|cx| self.poll_ready(cx)).await?;
        self.feed(text)?;
        std::future::poll_fn(|cx| self.poll_flush(cx)).await
    }

    /// Writes a close frame and flushes it.
    pub(crate) async fn send_close(&mut self, code: u16) -> Result<(), Error> {
        let frame = CloseFrame { code: code.into(), reason: Utf8Bytes::default() };
        std::future::poll_fn(|cx| self.poll_ready(cx)).await?;
        Pin::new(&mut self.inner).start_send(Message::Close(Some(frame)))?;
        std::future::poll_fn(|cx| Pin::new(&mut self.inner).poll_flush(cx)).await
    }

    /// Flushes the answer to the client's close frame.
    pub(crate) async fn answer_close(&mut self) -> Result<(), Error> {
        std::future::poll_fn(|cx| Pin::new(&mut self.inner).poll_flush(cx)).await
    }

    /// Shuts down the stream, and reads and discards remaining data for up to [`LINGER`].
    pub(crate) async fn shut_down(mut self) {
        let stream = self.inner.get_mut().get_mut();
        let lingered = async {
            stream.shutdown().await?;
            let mut rest = [0; 512];
            let mut read = 0;
            while read < LINGER_BYTES {
                match stream.read(&mut rest).await? {
                    0 => break,
                    n => read += n,
                }
            }
            Ok::<(), std::io::Error>(())
        };
        // An error or a timeout changes nothing: the connection is dropped in any case.
        let _ = tokio::time::timeout(LINGER, lingered).await;
    }
}

/// Returns how a connection ends after `error`.
fn fatal(error: &Error) -> Incoming {
    match error {
        Error::Capacity(CapacityError::MessageTooLong { .. }) => {
            Incoming::Fatal(CloseReason::payload_too_large())
        }
        Error::Utf8(_) => Incoming::Fatal(CloseReason::not_utf8()),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Incoming::Lost,
        Error::Protocol(_) => Incoming::Fatal(CloseReason::protocol_error()),
        _ => Incoming::Lost,
    }
}
