//! A TCP proxy whose links can be cut, refused and held.

use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

/// What is read at once.
const CHUNK: usize = 64 * 1024;

/// What becomes of links from now on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Order {
    /// Close all of them with a reset.
    Cut,
    /// Reset new ones at once, or not.
    Refuse(bool),
    /// Let no byte flow, or let them flow.
    Hold(bool),
    /// Lead new ones to a server elsewhere.
    Lead(SocketAddr),
}

/// The proxy went away, which it does only with its world.
#[derive(Debug, thiserror::Error)]
#[error("the proxy has ended")]
pub(crate) struct Ended;

/// A running proxy; it ends with this value.
pub(crate) struct Proxy {
    /// Where it listens.
    pub(crate) addr: SocketAddr,
    orders: mpsc::Sender<(Order, oneshot::Sender<()>)>,
    _task: JoinSet<()>,
}

impl Proxy {
    /// Starts one that leads to `server`.
    pub(crate) async fn start(server: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        let (orders, received) = mpsc::channel(1);
        let mut task = JoinSet::new();
        task.spawn(run(listener, server, received));
        Ok(Self { addr, orders, _task: task })
    }

    /// Gives an order and waits until it is carried out.
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
                    Order::Lead(elsewhere) => server = elsewhere,
                }
                // Who gave the order may be gone.
                let _ = done.send(());
            }
            Some(_) = links.join_next() => {}
            else => return,
        }
    }
}

/// Carries bytes both ways until both sides have ended, one is lost, or the link is cut.
async fn link(
    mut client: TcpStream,
    server: SocketAddr,
    held: watch::Receiver<bool>,
    mut cut: watch::Receiver<()>,
) {
    // A server that is not there is a link that closes.
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    // Only speed depends on these.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    let carried = async {
        tokio::try_join!(
            carry(&mut from_client, &mut to_server, held.clone()),
            carry(&mut from_server, &mut to_client, held.clone()),
        )
    };
    tokio::select! {
        // An error is the end of the link, which is all there is to do about it.
        _ = carried => {}
        _ = cut.changed() => {
            reset(client);
            reset(server);
        }
    }
}

async fn carry(
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

/// Closes without a goodbye; what was not yet delivered is dropped.
fn reset(stream: TcpStream) {
    // A socket that is gone already needs none.
    let _ = stream.set_zero_linger();
}
