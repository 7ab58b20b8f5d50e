//! The way from a session to an authenticated WebSocket (protocol, "Authentication").

use std::time::Duration;

use callie_core::account::{Problem, SUBPROTOCOL};
use callie_core::command::Command;
use callie_core::{
    Content, Frame, NoticeMetadata, Payload, PayloadId, Recipient, Sender, SysCode, comes_back,
};
use futures_util::{SinkExt, StreamExt};
use hyper::header::{HeaderValue, SEC_WEBSOCKET_PROTOCOL};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::clock;
use super::config::Config;
use super::conversation::{Conversation, Said};
use super::error::{ConnectError, Fault};
use super::session::Session;
use super::transport::{self, LinkError, Stream};

/// The most that is read of one message: far over the protocol's default limit, as a server may be set to allow more,
/// and far below what would hurt.
const MAX_INCOMING_BYTES: usize = 1024 * 1024;
/// A client reads little at a time; the library's own 128 KiB would be most of its memory.
const READ_BUFFER_BYTES: usize = 16 * 1024;
/// The server's heartbeat where it names none.
const DEFAULT_HEARTBEAT: Duration = Duration::from_secs(30);
/// The longest heartbeat that is believed, so that a server cannot switch the client's own watch off.
const MAX_HEARTBEAT: Duration = Duration::from_secs(600);

type Socket = WebSocketStream<Stream>;

/// Connects and authenticates, within the times of the session's [`Config`].
pub(super) async fn connect(session: &Session) -> Result<(Socket, Conversation), ConnectError> {
    let config = session.config();
    let stream = transport::open(config).await?;
    let exchange = async {
        let mut socket = upgrade(config, stream).await?;
        let conversation = authenticate(&mut socket, session).await?;
        Ok((socket, conversation))
    };
    tokio::time::timeout(config.exchange_timeout, exchange)
        .await
        .map_err(|_| ConnectError::TimedOut(Fault::timed_out("the server's answer")))?
}

async fn upgrade(config: &Config, stream: Stream) -> Result<Socket, ConnectError> {
    let mut request = config.address.socket().into_client_request().map_err(refused_upgrade)?;
    request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    let settings = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .max_message_size(Some(MAX_INCOMING_BYTES))
        .max_frame_size(Some(MAX_INCOMING_BYTES));
    let (socket, _) =
        client_async_with_config(request, stream, Some(settings)).await.map_err(refused_upgrade)?;
    Ok(socket)
}

async fn authenticate(socket: &mut Socket, session: &Session) -> Result<Conversation, ConnectError> {
    let stamp = clock::stamp().map_err(ConnectError::Internal)?;
    let asked = stamp.payload_id.clone();
    let payload = Payload::new(
        stamp,
        Sender::User(session.username().clone()),
        Recipient::Server,
        Command::Authenticate {}.to_content(),
    )
    .with_token(session.token().clone());
    socket.send(Message::text(payload.encode())).await.map_err(broken)?;
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => {
                if let Some(said) = read(text.as_str(), &asked)? {
                    return Ok(welcome(&said, session));
                }
            }
            Some(Ok(Message::Close(frame))) => return Err(closed(frame)),
            Some(Ok(Message::Binary(_))) => {
                return Err(ConnectError::BadAnswer(Fault::bad_answer("a binary message")));
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(broken(error)),
            None => {
                return Err(ConnectError::Unreachable(Fault::unreachable("the link ended without a close")));
            }
        }
    }
}

/// The welcome, nothing yet, or why there is none.
fn read(text: &str, asked: &PayloadId) -> Result<Option<NoticeMetadata>, ConnectError> {
    let frame = Frame::from_server(text).map_err(|e| ConnectError::BadAnswer(Fault::bad_answer(e)))?;
    let Some(payload) = frame.to_payload() else { return Ok(None) };
    let Content::Sys(system) = payload.content() else { return Ok(None) };
    let said = Said::new(system.clone(), &payload);
    if said.system.code().sys_code() != Some(SysCode::Authenticated) {
        return Err(ConnectError::Refused(said.refusal()));
    }
    if said.metadata.in_reply_to.as_ref() != Some(asked) {
        return Err(ConnectError::BadAnswer(Fault::bad_answer("a welcome to another payload")));
    }
    Ok(Some(said.metadata))
}

fn welcome(said: &NoticeMetadata, session: &Session) -> Conversation {
    let limits = said.limits.unwrap_or_default();
    let heartbeat = said.heartbeat_seconds.map_or(DEFAULT_HEARTBEAT, |s| Duration::from_secs(s.into()));
    Conversation::new(
        session.username().clone(),
        session.token().clone(),
        limits,
        heartbeat.clamp(Duration::from_secs(1), MAX_HEARTBEAT),
    )
}

fn closed(frame: Option<tungstenite::protocol::CloseFrame>) -> ConnectError {
    let Some(frame) = frame else {
        return ConnectError::Unreachable(Fault::unreachable("the server closed without saying why"));
    };
    let code = u16::from(frame.code);
    let again = if comes_back(code) { "; try again later" } else { "" };
    ConnectError::Unreachable(Fault::unreachable(format_args!("the server closed with {code}{again}")))
}

fn broken(error: tungstenite::Error) -> ConnectError {
    match error {
        tungstenite::Error::Io(_)
        | tungstenite::Error::ConnectionClosed
        | tungstenite::Error::AlreadyClosed => ConnectError::Unreachable(Fault::unreachable(format_args!(
            "the link to the server broke: {error}"
        ))),
        other => ConnectError::BadAnswer(Fault::bad_answer(other)),
    }
}

fn refused_upgrade(error: tungstenite::Error) -> ConnectError {
    let tungstenite::Error::Http(response) = &error else { return broken(error) };
    let problem = response.body().as_deref().and_then(|body| serde_json::from_slice::<Problem>(body).ok());
    match problem {
        Some(problem) => ConnectError::Refused(Fault::new(problem.code, problem.detail)),
        None => ConnectError::BadAnswer(Fault::bad_answer(format_args!(
            "HTTP {} in place of a WebSocket",
            response.status()
        ))),
    }
}

impl From<LinkError> for ConnectError {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::TimedOut(fault) => Self::TimedOut(fault),
            LinkError::Unreachable(fault) => Self::Unreachable(fault),
        }
    }
}
