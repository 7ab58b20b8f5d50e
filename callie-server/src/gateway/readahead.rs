//! Reading a busy connection in large pieces, and an idle one without a buffer of its own.
//!
//! The WebSocket reads little at a time, as its buffer is there for as long as the connection is. A connection that
//! sends much would take a system call for every few payloads; it gets a larger buffer for as long as that lasts.
//!
//! The end of what the other side sends is kept from the WebSocket, which would take it for the end of both directions: a
//! client that shut down its writing side still reads its answers.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

/// What is read at once from a busy connection: some thirty payloads.
const AHEAD: usize = 16 * 1024;

/// A stream, and what was read of it beyond what was asked for.
#[derive(Debug)]
pub(super) struct ReadAhead<S> {
    inner: S,
    /// Read and not asked for yet. It has room only while there is something in it.
    ahead: BytesMut,
    /// Whether the last read brought as much as it had room for.
    busy: bool,
    /// Whether the other side has ended what it sends.
    ended: bool,
}

impl<S> ReadAhead<S> {
    pub(super) fn new(inner: S) -> Self {
        Self { inner, ahead: BytesMut::new(), busy: false, ended: false }
    }

    /// The stream below. What was read ahead of it is left out.
    pub(super) fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Whether the other side has ended what it sends. From then on reading is pending.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Notes the end and keeps it from whoever reads.
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

    /// Gives `bytes` in pieces of what it is asked for, and counts how often it is asked.
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
    async fn much_is_read_in_few_pieces_and_comes_out_as_it_was() {
        let sent = bytes(3 * AHEAD);
        let (read, stream) = read_all(sent, 1_000).await;
        assert_eq!(read, sent);
        // A small one, three and a bit large ones, and the end.
        assert!(stream.inner.reads <= 6, "{} reads", stream.inner.reads);
        assert_eq!(stream.ahead.capacity(), 0);
    }

    #[tokio::test]
    async fn little_is_read_without_a_buffer() {
        let (read, stream) = read_all(bytes(999), 1_000).await;
        assert_eq!((read.len(), stream.inner.reads, stream.busy), (999, 2, false));
    }
}
