//! Opens a TCP connection to a name: its addresses are tried concurrently, each with a head start (RFC 8305, "Happy
//! Eyeballs"), so that an unreachable address does not delay the others.

use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

/// The head start of an address before the next one is tried too, as RFC 8305 recommends.
const HEAD_START: Duration = Duration::from_millis(250);

/// The attempts to reach a server, for the reason of an error.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trail(Arc<Mutex<Tried>>);

#[derive(Debug, Default)]
struct Tried {
    /// The current step, if it is not a connection to an address.
    step: String,
    addresses: Vec<Try>,
}

type Attempt = Pin<Box<dyn Future<Output = (usize, io::Result<TcpStream>)> + Send>>;

#[derive(Debug)]
struct Try {
    address: SocketAddr,
    failed: Option<String>,
}

impl Trail {
    /// Notes that a step other than a connection to an address begins.
    pub(crate) fn enter(&self, step: String) {
        *self.tried() = Tried { step, addresses: Vec::new() };
    }

    /// Whether no address has been tried.
    pub(crate) fn is_empty(&self) -> bool {
        self.tried().addresses.is_empty()
    }

    fn begin(&self, address: SocketAddr) -> usize {
        let mut tried = self.tried();
        tried.addresses.push(Try { address, failed: None });
        tried.addresses.len() - 1
    }

    fn fail(&self, index: usize, why: &io::Error) {
        if let Some(tried) = self.tried().addresses.get_mut(index) {
            tried.failed = Some(why.to_string());
        }
    }

    fn tried(&self) -> MutexGuard<'_, Tried> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Each address and why it failed, such as `[::1]:80 (no answer), 127.0.0.1:80 (Connection refused)`, or the current
/// step.
impl fmt::Display for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tried = self.tried();
        if tried.addresses.is_empty() {
            return f.write_str(&tried.step);
        }
        for (n, Try { address, failed }) in tried.addresses.iter().enumerate() {
            let comma = if n == 0 { "" } else { ", " };
            write!(f, "{comma}{address} ({})", failed.as_deref().unwrap_or("no answer"))?;
        }
        Ok(())
    }
}

/// Connects to the first of `addresses` that answers.
///
/// # Errors
/// The last failure, if all addresses failed; the trail has the failure of each.
pub(crate) async fn connect(
    addresses: impl Future<Output = io::Result<Vec<SocketAddr>>>,
    trail: &Trail,
) -> io::Result<TcpStream> {
    let mut left = interleaved(addresses.await?);
    let mut tries: Vec<Attempt> = Vec::new();
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no addresses");
    let mut next_at = Instant::now();
    loop {
        if (tries.is_empty() || Instant::now() >= next_at)
            && let Some(address) = left.pop_front()
        {
            let index = trail.begin(address);
            tries.push(Box::pin(async move { (index, TcpStream::connect(address).await) }));
            next_at = Instant::now() + HEAD_START;
        }
        if tries.is_empty() {
            return Err(last);
        }
        let (index, connected) = tokio::select! {
            ended = poll_fn(|cx| poll_any(&mut tries, cx)) => ended,
            () = sleep_until(next_at), if !left.is_empty() => continue,
        };
        match connected {
            Ok(stream) => return Ok(stream),
            Err(why) => {
                trail.fail(index, &why);
                last = why;
                // After a failure the next address is tried without a head start.
                next_at = Instant::now();
            }
        }
    }
}

/// Waits until the first attempt ends, removes it and returns its result.
fn poll_any(tries: &mut Vec<Attempt>, cx: &mut Context<'_>) -> Poll<(usize, io::Result<TcpStream>)> {
    for at in 0..tries.len() {
        if let Poll::Ready(ended) = tries[at].as_mut().poll(cx) {
            drop(tries.swap_remove(at));
            return Poll::Ready(ended);
        }
    }
    Poll::Pending
}

/// The addresses with alternating families, beginning with that of the first: the system's resolver sorted them by
/// its knowledge of the network.
fn interleaved(addresses: Vec<SocketAddr>) -> VecDeque<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (mut these, mut others): (VecDeque<_>, VecDeque<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    let mut mixed = VecDeque::with_capacity(these.len() + others.len());
    while let Some(address) = these.pop_front() {
        mixed.push_back(address);
        std::mem::swap(&mut these, &mut others);
        if these.is_empty() {
            std::mem::swap(&mut these, &mut others);
        }
    }
    mixed
}

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpSocket};
    use tokio::task::JoinSet;
    use tokio::time::timeout;

    use super::*;

    /// Longer than any of these tests takes, and shorter than the system's timeout for a connection.
    const BOUND: Duration = Duration::from_secs(10);

    /// A listener that answers no connection because its queue is full, and the connections that fill it.
    async fn dead(address: &str) -> io::Result<(TcpListener, Vec<JoinSet<()>>, SocketAddr)> {
        let address: SocketAddr = address.parse().map_err(io::Error::other)?;
        let socket = if address.is_ipv6() { TcpSocket::new_v6()? } else { TcpSocket::new_v4()? };
        socket.bind(address)?;
        let listener = socket.listen(1)?;
        let address = listener.local_addr()?;
        let mut fillers = Vec::new();
        loop {
            let mut filler = JoinSet::new();
            let (told, hears) = tokio::sync::oneshot::channel();
            filler.spawn(async move {
                if let Ok(stream) = TcpStream::connect(address).await {
                    let _ = told.send(());
                    std::future::pending::<()>().await;
                    drop(stream);
                }
            });
            fillers.push(filler);
            if timeout(Duration::from_millis(300), hears).await.is_err() {
                return Ok((listener, fillers, address));
            }
        }
    }

    async fn dead_one() -> (TcpListener, Vec<JoinSet<()>>, SocketAddr) {
        match dead("[::1]:0").await {
            Ok(dead) => dead,
            // The system has no IPv6.
            Err(_) => dead("127.0.0.1:0").await.unwrap(),
        }
    }

    #[tokio::test]
    async fn dead_address_does_not_block_others() {
        let (_listener, _fillers, dead) = dead_one().await;
        let good = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addresses = vec![dead, good.local_addr().unwrap()];
        let trail = Trail::default();
        let begun = Instant::now();
        let stream = timeout(BOUND, connect(async { Ok(addresses) }, &trail)).await.unwrap().unwrap();
        assert_eq!(stream.peer_addr().unwrap(), good.local_addr().unwrap());
        assert!(begun.elapsed() >= HEAD_START, "the first address has a head start");
    }

    #[tokio::test]
    async fn refused_address_costs_no_head_start() {
        let refuses = TcpSocket::new_v4().unwrap();
        refuses.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let good = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addresses =
            vec![refuses.local_addr().unwrap(); 20].into_iter().chain([good.local_addr().unwrap()]).collect();
        let trail = Trail::default();
        let begun = Instant::now();
        timeout(BOUND, connect(async { Ok(addresses) }, &trail)).await.unwrap().unwrap();
        assert!(begun.elapsed() < HEAD_START * 10, "{:?}", begun.elapsed());
    }

    #[tokio::test]
    async fn error_names_what_was_tried() {
        let (_listener, _fillers, dead) = dead_one().await;
        let refuses = TcpSocket::new_v4().unwrap();
        refuses.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let refuses = refuses.local_addr().unwrap();
        let trail = Trail::default();
        let addresses = async { Ok(vec![refuses, dead]) };
        timeout(Duration::from_secs(1), connect(addresses, &trail)).await.unwrap_err();
        let told = trail.to_string();
        assert!(told.contains(&format!("{dead} (no answer)")), "{told}");
        assert!(told.starts_with(&format!("{refuses} (Connection refused")), "{told}");
    }

    #[test]
    fn address_families_alternate() {
        let read = |all: &[&str]| all.iter().map(|a| a.parse().unwrap()).collect::<Vec<SocketAddr>>();
        let mixed = interleaved(read(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"]));
        assert_eq!(mixed, read(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"]));
        assert!(interleaved(Vec::new()).is_empty());
    }
}
