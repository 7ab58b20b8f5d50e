//! Those who welcome the client, and then babble or lie.

use callie_core::{ContentRef, Limits, Notice, PayloadId, PayloadRef, SysCode};
use serde::Serialize;
use tokio::net::TcpStream;

use super::say::{message, next, pong, say, say_notice, unknown_notice, upgrade, welcome};
use crate::Failure;

/// An ID of nothing that was ever sent.
const NEVER_SENT: &str = "never-sent";

/// Sends what is no payload and what is none yet, then a message, and stays to answer PINGs.
pub(super) async fn garbage(stream: TcpStream) -> Result<(), Failure> {
    let mut socket = upgrade(stream).await?;
    welcome(&mut socket).await?;
    let whole = message("bob", "cut off")?;
    for text in ["nonsense", "{}", &whole[..whole.len() / 2]] {
        say(&mut socket, text).await?;
    }
    say(&mut socket, unknown_notice("FROM_THE_FUTURE")?).await?;
    say(&mut socket, message("bob", "still here")?).await?;
    loop {
        let text = next(&mut socket).await?;
        let frame = PayloadRef::from_client(&text, &Limits::default()).map_err(|fault| fault.to_string())?;
        if matches!(frame.content(), ContentRef::Ping) {
            say(&mut socket, pong(&PayloadId::parse(frame.payload_id())?)?).await?;
        }
    }
}

/// What no command gives.
#[derive(Serialize)]
struct NoResult {
    lie: bool,
}

/// Says a thing twice, and answers all but PINGs wrongly.
pub(super) async fn lies(stream: TcpStream) -> Result<(), Failure> {
    let mut socket = upgrade(stream).await?;
    welcome(&mut socket).await?;
    let once = message("bob", "once")?;
    say(&mut socket, once.clone()).await?;
    say(&mut socket, once).await?;
    let never_sent = PayloadId::parse(NEVER_SENT)?;
    loop {
        let text = next(&mut socket).await?;
        let frame = PayloadRef::from_client(&text, &Limits::default()).map_err(|fault| fault.to_string())?;
        let asked = PayloadId::parse(frame.payload_id())?;
        match frame.content() {
            ContentRef::Ping => {
                say(&mut socket, pong(&never_sent)?).await?;
                say(&mut socket, pong(&asked)?).await?;
            }
            ContentRef::Msg(_) => {
                let lie = Notice::new(SysCode::Delivered).in_reply_to(never_sent.clone());
                say(&mut socket, say_notice(&lie)?).await?;
            }
            ContentRef::Cmd(_) => {
                let lie = Notice::new(SysCode::CommandOk).in_reply_to(asked).result(&NoResult { lie: true });
                say(&mut socket, say_notice(&lie)?).await?;
            }
            ContentRef::Pong | ContentRef::Sys(_) => {}
        }
    }
}
