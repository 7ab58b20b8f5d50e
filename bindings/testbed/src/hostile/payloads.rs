//! The handshake and the payloads of a real server.

use std::time::{SystemTime, UNIX_EPOCH};

use callie_core::account::SUBPROTOCOL;
use callie_core::{
    Content, EnvelopeIds, Limits, Message, MessageId, Notice, PAYLOAD_VERSION_TEXT, Payload, PayloadId,
    PayloadRef, Recipient, Sender, SysCode, Timestamp,
};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message as Text;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::SEC_WEBSOCKET_PROTOCOL;
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};
use uuid::Uuid;

use crate::Failure;

/// A client's WebSocket.
pub(super) type Socket = WebSocketStream<TcpStream>;

/// The username of every client.
const CLIENT: &str = "ada";

/// Answers the upgrade.
pub(super) async fn upgrade(stream: TcpStream) -> Result<Socket, Failure> {
    #[allow(clippy::result_large_err, reason = "the library's own type")]
    let agree = |request: &Request, mut response: Response| {
        if request.headers().contains_key(SEC_WEBSOCKET_PROTOCOL) {
            response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
        }
        Ok(response)
    };
    Ok(accept_hdr_async(stream, agree).await?)
}

/// Returns the next text that the client sends.
pub(super) async fn next(socket: &mut Socket) -> Result<String, Failure> {
    loop {
        match socket.next().await {
            Some(Ok(Text::Text(text))) => return Ok(text.as_str().to_owned()),
            Some(Ok(Text::Close(_))) | None => return Err("the client has disconnected".into()),
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(error.into()),
        }
    }
}

/// Sends a text, whether or not it is a payload.
pub(super) async fn send(socket: &mut Socket, text: impl Into<String>) -> Result<(), Failure> {
    Ok(socket.send(Text::text(text.into())).await?)
}

/// Receives the client's authentication and answers it.
pub(super) async fn authenticate(socket: &mut Socket) -> Result<(), Failure> {
    let authentication = next(socket).await?;
    send(socket, greeting(&authentication)?).await
}

/// Returns the answer to an authentication.
pub(super) fn greeting(authentication: &str) -> Result<String, Failure> {
    let asked =
        PayloadRef::from_client(authentication, &Limits::default()).map_err(|fault| fault.to_string())?;
    let notice = Notice::builder(SysCode::Authenticated)
        .limits(Limits::default())
        .in_reply_to(PayloadId::parse(asked.payload_id())?);
    encode_notice(&notice)
}

/// Encodes a notice as a payload.
pub(super) fn encode_notice(notice: &Notice) -> Result<String, Failure> {
    Ok(notice.to_payload(Recipient::parse(CLIENT)?, envelope_ids()?).encode())
}

/// Returns a notice with a code that no version of the protocol has.
pub(super) fn unknown_notice(code: &str) -> Result<String, Failure> {
    let EnvelopeIds { payload_id, timestamp } = envelope_ids()?;
    let content = json!({ "code": code, "description": "nobody knows" });
    let payload = json!({
        "token": "", "sender": "SERVER", "recipient": CLIENT, "timestamp": timestamp, "type": "SYS",
        "content": content, "payloadID": payload_id, "payloadVersion": PAYLOAD_VERSION_TEXT,
    });
    Ok(payload.to_string())
}

/// Returns a message by `sender`.
pub(super) fn message(sender: &str, text: &str) -> Result<String, Failure> {
    let message = Message::builder(MessageId::parse(&Uuid::now_v7().to_string())?).text(text).build()?;
    payload(sender, Content::Msg(message)).map(|payload| payload.encode())
}

/// Returns a message by `sender` that is the same payload each time.
pub(super) fn repeated_message(sender: &str, text: &str) -> Result<String, Failure> {
    let message = Message::builder(MessageId::parse("repeated")?).text(text).build()?;
    let ids = EnvelopeIds { payload_id: PayloadId::parse("repeated")?, ..envelope_ids()? };
    let (sender, recipient) = (Sender::parse(sender)?, Recipient::parse(CLIENT)?);
    Ok(Payload::new(ids, sender, recipient, Content::Msg(message)).encode())
}

/// Returns the server's answer to the PING with this ID.
pub(super) fn pong(ping: &PayloadId) -> Result<String, Failure> {
    Ok(payload("SERVER", Content::Pong)?.with_in_reply_to(ping)?.encode())
}

fn payload(sender: &str, content: Content) -> Result<Payload, Failure> {
    Ok(Payload::new(envelope_ids()?, Sender::parse(sender)?, Recipient::parse(CLIENT)?, content))
}

fn envelope_ids() -> Result<EnvelopeIds, Failure> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    Ok(EnvelopeIds {
        payload_id: PayloadId::parse(&Uuid::now_v7().to_string())?,
        timestamp: Timestamp::from_unix_millis(now.try_into()?).ok_or("the clock is out of range")?,
    })
}
