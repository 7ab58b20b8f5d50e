//! A reader with a large buffer for busy connections, and none for idle ones.
//!
//! The buffer of the WebSocket is small, because it exists as long as the connection. With it alone, a busy connection
//! would need a system call for every few payloads. So a busy connection gets a larger buffer while it is busy.
//!
//! The WebSocket does not see the end of the other side's data, because it would close both directions. A client that
//! has shut down its writing side still receives its answers.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

/// The most bytes that are read at once from a busy connection: about thirty payloads.
const AHEAD: usize = 16 * 1024;

/// A stream, with the bytes that were read from it and not requested yet.
#[derive(Debug)]
pub(super) struct ReadAhead<S> {
    inner: S,
    /// Bytes that were read and not requested yet. Allocated only while it contains some.
    ahead: BytesMut,
    /// Whether the last read filled its buffer.
    busy: bool,
    /// Whether the other side has shut down its writing side.
    ended: bool,
}

impl<S> ReadAhead<S> {
    pub(super) fn new(inner: S) -> Self {
        Self { inner, ahead: BytesMut::new(), busy: false, ended: false }
    }

    /// Returns the stream. Bytes that were read ahead are lost.
    pub(super) fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Whether the other side has shut down its writing side. From then on reading is pending.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Records the end, and hides it from the reader.
    fn end(&mut self) -> Poll<io::Result<()>> {
        self.ended = true;
        Poll::Pending
    }

    fn hand_out(&mut self, buf: &mut ReadBuf<'_>) {
        let some = self.ahead.len().min(buf.remaining());
        buf.put_slice(&self.ahead[..some]);
        self.ahead.advance(some);
        if self.ahead.is_empty() {
            self.ahead = BytesMut::new();
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for ReadAhead<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.ahead.is_empty() {
            this.hand_out(buf);
            return Poll::Ready(Ok(()));
        }
        let room = buf.remaining();
        if this.ended {
            return Poll::Pending;
        }
        if !this.busy || room >= AHEAD {
            let before = buf.filled().len();
            std::task::ready!(Pin::new(&mut this.inner).poll_read(cx, buf))?;
            let read = buf.filled().len() - before;
            if read == 0 && room > 0 {
                return this.end();
            }
            this.busy = read == room;
            return Poll::Ready(Ok(()));
        }
        let mut ahead = BytesMut::with_capacity(AHEAD);
        let read = std::task::ready!(pin!(this.inner.read_buf(&mut ahead)).poll(cx))?;
        if read == 0 {
            return this.end();
        }
        this.busy = read > room;
        this.ahead = ahead;
        this.hand_out(buf);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for ReadAhead<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns `bytes` in pieces of the requested size, and counts the reads.
    struct Source {
        bytes: &'static [u8],
        reads: usize,
    }

    impl AsyncRead for Source {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            self.reads += 1;
            let (some, rest) = self.bytes.split_at(self.bytes.len().min(buf.remaining()));
            self.bytes = rest;
            buf.put_slice(some);
            Poll::Ready(Ok(()))
        }
    }

    async fn read_all(bytes: &'static [u8], piece: usize) -> (Vec<u8>, ReadAhead<Source>) {
        let mut stream = ReadAhead::new(Source { bytes, reads: 0 });
        let (mut all, mut some) = (Vec::new(), vec![0; piece]);
        loop {
            let read = std::future::poll_fn(|cx| {
                let read = pin!(stream.read(&mut some)).poll(cx);
                if stream.has_ended() { Poll::Ready(Ok(0)) } else { read }
            });
            match read.await.unwrap() {
                0 => return (all, stream),
                read => all.extend_from_slice(&some[..read]),
            }
        }
    }

    fn bytes(count: usize) -> &'static [u8] {
        (0..count).map(|n| n as u8).collect::<Vec<_>>().leak()
    }

    #[tokio::test]
    async fn busy_stream_is_read_in_few_large_pieces() {
        let sent = bytes(3 * AHEAD);
        let (read, stream) = read_all(sent, 1_000).await;
        assert_eq!(read, sent);
        // One small read, up to four large ones, and the end.
        assert!(stream.inner.reads <= 6, "{} reads", stream.inner.reads);
        assert_eq!(stream.ahead.capacity(), 0);
    }

    #[tokio::test]
    async fn small_read_allocates_no_buffer() {
        let (read, stream) = read_all(bytes(999), 1_000).await;
        assert_eq!((read.len(), stream.inner.reads, stream.busy), (999, 2, false));
    }
}
