//! A TCP proxy that cuts each connection after a random time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A running proxy. Dropping it cuts everything.
pub(crate) struct Cutter {
    pub(crate) addr: SocketAddr,
    cuts: Arc<AtomicU64>,
    _task: JoinSet<()>,
}

impl Cutter {
    /// Starts a proxy to `server`. Each connection lasts `mean` on average, with an exponential distribution, and ends with a
    /// reset in both directions, so that the bytes in transit are lost.
    pub(crate) async fn start(server: SocketAddr, mean: Duration, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let cuts = Arc::new(AtomicU64::new(0));
        let mut task = JoinSet::new();
        task.spawn(accept(listener, server, mean, seed, cuts.clone()));
        Self { addr, cuts, _task: task }
    }

    /// Returns the number of connections that were cut.
    pub(crate) fn cuts(&self) -> u64 {
        self.cuts.load(Ordering::Relaxed)
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, mean: Duration, seed: u64, cuts: Arc<AtomicU64>) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut links = JoinSet::new();
    loop {
        let Ok((client, _)) = listener.accept().await else { return };
        let life = mean.mul_f64(-(1.0 - random.f64()).ln());
        let cuts = cuts.clone();
        links.spawn(async move {
            let Ok(server) = TcpStream::connect(server).await else { return };
            if relay(client, server, life).await {
                cuts.fetch_add(1, Ordering::Relaxed);
            }
        });
        while links.try_join_next().is_some() {}
    }
}

/// Passes bytes on in both directions. Returns `true` if the connection was cut, and `false` if one side ended it.
async fn relay(mut client: TcpStream, mut server: TcpStream, life: Duration) -> bool {
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let cut =
        tokio::time::timeout(life, tokio::io::copy_bidirectional(&mut client, &mut server)).await.is_err();
    if cut {
        // A reset discards what the system still holds.
        let _ = (client.set_zero_linger(), server.set_zero_linger());
    }
    cut
}
