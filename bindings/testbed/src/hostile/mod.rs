//! Servers that are none: they babble, lie, say nothing, or vanish at a step of the handshake.
//!
//! Their clients resume a session of `ada` with the token `token`; a client may come back as often as it likes.
//!
//! - `say`: payloads as a real server writes them
//! - `talk`: `garbage` and `liar`, who welcome the client first
//! - `close`: those who close, each at a step

mod close;
mod say;
mod talk;

use std::net::SocketAddr;

use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What is wrong with a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// After the welcome: three texts that are no payload, a notice with a code of another time (`FROM_THE_FUTURE`),
    /// and a message by `bob`, "still here". Then it answers every PING.
    Garbage,
    /// After the welcome: a message by `bob`, "once", sent twice as the same payload. Then it answers each message with
    /// the delivery of another that was never sent, each command with the result of none, and each PING twice, first as
    /// if it were another.
    Liar,
    /// Takes the connection and never says a word.
    Silent,
    /// Closes the connection as soon as it is there.
    CloseOnAccept,
    /// Closes in the midst of its answer to the upgrade.
    CloseInUpgrade,
    /// Closes after its answer to the upgrade, without a close of the WebSocket's own.
    CloseAfterUpgrade,
    /// Closes when the client has authenticated itself, without an answer.
    CloseAfterAuthenticate,
    /// Closes in the midst of the frame that is its answer to the authentication.
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

/// Starts one among `tasks`, and answers where it listens.
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
    // A client that goes away ends the conversation, and that is all.
    let _ = match kind {
        Kind::Garbage => talk::garbage(stream).await,
        Kind::Liar => talk::lies(stream).await,
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
