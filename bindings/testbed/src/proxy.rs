//! A TCP proxy whose links can be cut, refused and held.

use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

/// The most bytes of one read.
const CHUNK: usize = 64 * 1024;

/// A change of how the proxy treats links.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Order {
    /// Close all links with a reset.
    Cut,
    /// Whether new links are reset immediately.
    Refuse(bool),
    /// Whether all bytes are held back.
    Hold(bool),
    /// Connect new links to another server.
    Connect(SocketAddr),
}

/// The proxy has ended, which it does only with its environment.
#[derive(Debug, thiserror::Error)]
#[error("the proxy has ended")]
pub(crate) struct Ended;

/// A running proxy. Dropping it ends it.
pub(crate) struct Proxy {
    /// The address that it listens on.
    pub(crate) addr: SocketAddr,
    orders: mpsc::Sender<(Order, oneshot::Sender<()>)>,
    _task: JoinSet<()>,
}

impl Proxy {
    /// Starts a proxy to `server`.
    pub(crate) async fn start(server: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        let (orders, received) = mpsc::channel(1);
        let mut task = JoinSet::new();
        task.spawn(run(listener, server, received));
        Ok(Self { addr, orders, _task: task })
    }

    /// Sends an order and waits until it is carried out.
    pub(crate) async fn order(&self, order: Order) -> Result<(), Ended> {
        let (done, waits) = oneshot::channel();
        self.orders.send((order, done)).await.map_err(|_| Ended)?;
        waits.await.map_err(|_| Ended)
    }
}

async fn run(
    listener: TcpListener,
    mut server: SocketAddr,
    mut orders: mpsc::Receiver<(Order, oneshot::Sender<()>)>,
) {
    let mut links = JoinSet::new();
    let (cut, held) = (watch::Sender::new(()), watch::Sender::new(false));
    let mut refuses = false;
    loop {
        tokio::select! {
            Ok((client, _)) = listener.accept() => {
                if refuses {
                    reset(client);
                } else {
                    links.spawn(link(client, server, held.subscribe(), cut.subscribe()));
                }
            }
            Some((order, done)) = orders.recv() => {
                match order {
                    Order::Cut => {
                        cut.send_replace(());
                        while links.join_next().await.is_some() {}
                    }
                    Order::Refuse(yes) => refuses = yes,
                    Order::Hold(yes) => _ = held.send_replace(yes),
                    Order::Connect(elsewhere) => server = elsewhere,
                }
                // Without a receiver, the test has ended.
                let _ = done.send(());
            }
            Some(_) = links.join_next() => {}
            else => return,
        }
    }
}

/// Copies bytes in both directions until both sides have ended, one has failed, or the link is cut.
async fn link(
    mut client: TcpStream,
    server: SocketAddr,
    held: watch::Receiver<bool>,
    mut cut: watch::Receiver<()>,
) {
    // If the server cannot be reached, the link closes.
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    // Only speed depends on these.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let copied = async {
        tokio::try_join!(
            copy(&mut from_client, &mut to_server, held.clone()),
            copy(&mut from_server, &mut to_client, held.clone()),
        )
    };
    tokio::select! {
        // An error ends the link, which is what the client expects of a broken one.
        _ = copied => {}
        _ = cut.changed() => {
            reset(client);
            reset(server);
        }
    }
}

async fn copy(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    mut held: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = from.read(&mut chunk).await?;
        if held.wait_for(|held| !held).await.is_err() {
            return Ok(());
        }
        if read == 0 {
            return to.shutdown().await;
        }
        to.write_all(&chunk[..read]).await?;
    }
}

/// Closes with a reset, which discards bytes that are not delivered yet.
fn reset(stream: TcpStream) {
    // Fails only for a socket that is closed already.
    let _ = stream.set_zero_linger();
}
