//! Servers that violate the protocol: they send garbage or false replies, stay silent, or close at a step of the
//! handshake.
//!
//! Clients connect with the credentials `ada` and `token`, any number of times.
//!
//! - `payloads`: payloads as a real server writes them
//! - `replies`: `garbage` and `liar`, which authenticate the client first
//! - `close`: servers that close, each at a different step

mod close;
mod payloads;
mod replies;

use std::net::SocketAddr;

use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// How a server violates the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// After the authentication, it sends three texts that are not payloads, a notice with an unknown code
    /// (`FROM_THE_FUTURE`), and the message "still here" by `bob`. Then it answers every PING.
    Garbage,
    /// After the authentication, it sends the message "once" by `bob` twice, on every connection as the same payload. Then
    /// it answers each message with a `DELIVERED` for another message that was never sent, each command with a result that no command
    /// has, and each PING twice, first as the answer to another one.
    Liar,
    /// Accepts the connection and never sends a byte.
    Silent,
    /// Closes the connection as soon as it is accepted.
    CloseOnAccept,
    /// Closes in the middle of its answer to the upgrade.
    CloseInUpgrade,
    /// Closes after its answer to the upgrade, without a WebSocket close frame.
    CloseAfterUpgrade,
    /// Closes when it receives the client's authentication, without an answer.
    CloseAfterAuthenticate,
    /// Closes in the middle of the frame that answers the authentication.
    CloseInFrame,
}

impl Kind {
    pub(crate) const NAMES: [(&'static str, Self); 8] = [
        ("garbage", Self::Garbage),
        ("liar", Self::Liar),
        ("silent", Self::Silent),
        ("close-on-accept", Self::CloseOnAccept),
        ("close-in-upgrade", Self::CloseInUpgrade),
        ("close-after-upgrade", Self::CloseAfterUpgrade),
        ("close-after-authenticate", Self::CloseAfterAuthenticate),
        ("close-in-frame", Self::CloseInFrame),
    ];

    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::NAMES.into_iter().find_map(|(name, kind)| (name == text).then_some(kind))
    }
}

/// Starts a server in `tasks`, and returns the address that it listens on.
pub(crate) async fn start(kind: Kind, tasks: &mut JoinSet<()>) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?;
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                Ok((stream, _)) = listener.accept() => {
                    connections.spawn(serve(kind, stream));
                }
                Some(_) = connections.join_next() => {}
                else => return,
            }
        }
    });
    Ok(addr)
}

async fn serve(kind: Kind, stream: TcpStream) {
    // Fails only if the client has ended.
    let _ = match kind {
        Kind::Garbage => replies::garbage(stream).await,
        Kind::Liar => replies::lies(stream).await,
        Kind::Silent => silent(stream).await,
        Kind::CloseOnAccept => Ok(()),
        Kind::CloseInUpgrade => close::in_upgrade(stream).await,
        Kind::CloseAfterUpgrade => close::after_upgrade(stream).await,
        Kind::CloseAfterAuthenticate => close::after_authenticate(stream).await,
        Kind::CloseInFrame => close::in_frame(stream).await,
    };
}

async fn silent(mut stream: TcpStream) -> Result<(), crate::Failure> {
    let mut ignored = [0; 4096];
    while stream.read(&mut ignored).await? > 0 {}
    Ok(())
}
