//! Servers that authenticate the client, and then send garbage or false replies.

use callie_core::{ContentRef, Limits, Notice, PayloadId, PayloadRef, SysCode};
use serde::Serialize;
use tokio::net::TcpStream;

use super::payloads::{
    authenticate, encode_notice, message, next, pong, repeated_message, send, unknown_notice, upgrade,
};
use crate::Failure;

/// The ID of a payload that was never sent.
const NEVER_SENT: &str = "never-sent";

/// Sends texts that are not payloads, a notice with an unknown code and a message. Then answers PINGs.
pub(super) async fn garbage(stream: TcpStream) -> Result<(), Failure> {
    let mut socket = upgrade(stream).await?;
    authenticate(&mut socket).await?;
    let message_text = message("bob", "cut off")?;
    for text in ["nonsense", "{}", &message_text[..message_text.len() / 2]] {
        send(&mut socket, text).await?;
    }
    send(&mut socket, unknown_notice("FROM_THE_FUTURE")?).await?;
    send(&mut socket, message("bob", "still here")?).await?;
    loop {
        let text = next(&mut socket).await?;
        let frame = PayloadRef::from_client(&text, &Limits::default()).map_err(|fault| fault.to_string())?;
        if matches!(frame.content(), ContentRef::Ping) {
            send(&mut socket, pong(&PayloadId::parse(frame.payload_id())?)?).await?;
        }
    }
}

/// A result that no command has.
#[derive(Serialize)]
struct NoResult {
    lie: bool,
}

/// Sends a message twice, and then false replies to everything but PINGs.
pub(super) async fn lies(stream: TcpStream) -> Result<(), Failure> {
    let mut socket = upgrade(stream).await?;
    authenticate(&mut socket).await?;
    let once = repeated_message("bob", "once")?;
    send(&mut socket, once.clone()).await?;
    send(&mut socket, once).await?;
    let never_sent = PayloadId::parse(NEVER_SENT)?;
    loop {
        let text = next(&mut socket).await?;
        let frame = PayloadRef::from_client(&text, &Limits::default()).map_err(|fault| fault.to_string())?;
        let asked = PayloadId::parse(frame.payload_id())?;
        match frame.content() {
            ContentRef::Ping => {
                send(&mut socket, pong(&never_sent)?).await?;
                send(&mut socket, pong(&asked)?).await?;
            }
            ContentRef::Msg(_) => {
                let lie = Notice::builder(SysCode::Delivered).in_reply_to(never_sent.clone());
                send(&mut socket, encode_notice(&lie)?).await?;
            }
            ContentRef::Cmd(_) => {
                let lie =
                    Notice::builder(SysCode::CommandOk).result(&NoResult { lie: true }).in_reply_to(asked);
                send(&mut socket, encode_notice(&lie)?).await?;
            }
            ContentRef::Pong | ContentRef::Sys(_) => {}
        }
    }
}
