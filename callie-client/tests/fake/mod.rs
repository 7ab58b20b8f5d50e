//! Small fake servers, each for one client.

#![allow(dead_code, reason = "each test program uses some of it")]

use std::sync::Arc;
use std::time::Duration;

use callie_client::{Client, Config, Credentials, Event, Ticket};
use callie_core::server::CloseReason;
use callie_core::{
    Content, EnvelopeIds, Notice, Payload, PayloadId, PayloadRef, Recipient, Sender, SysCode, Timestamp,
    Username,
};
use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message as Text;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

#[path = "../configs/mod.rs"]
pub(crate) mod configs;

use configs::with;

pub(crate) type Socket = WebSocketStream<TcpStream>;
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The timeout of every step.
pub(crate) const BOUND: Duration = Duration::from_secs(20);
pub(crate) const SHORT: Duration = Duration::from_millis(300);

/// Serves one connection with `serve`. Returns a configuration for it, with short timeouts.
pub(crate) async fn fake<F>(serve: impl FnOnce(TcpStream) -> F + Send + 'static) -> Result<Config, Failure>
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let config = Config::new(&format!("http://{}", listener.local_addr()?))?;
    tokio::spawn(async move {
        if let Ok((stream, _)) = listener.accept().await {
            serve(stream).await;
        }
    });
    Ok(with(config, |config| {
        config.request_timeout = SHORT;
        config.send_timeout = SHORT;
    }))
}

/// Serves one WebSocket with `serve`. Returns credentials for it.
pub(crate) async fn fake_socket<F>(
    serve: impl FnOnce(Socket) -> F + Send + 'static,
) -> Result<Credentials, Failure>
where
    F: Future<Output = ()> + Send + 'static,
{
    let config = fake(async move |stream| {
        if let Ok(socket) = accept(stream).await {
            serve(socket).await;
        }
    })
    .await?;
    Ok(Credentials::new(with(config, |config| config.request_timeout = BOUND), "ada", "token")?)
}

#[allow(clippy::result_large_err, reason = "the library's own type")]
pub(crate) async fn accept(stream: TcpStream) -> Result<Socket, Failure> {
    let agree = |request: &Request, mut response: Response| {
        for (name, value) in request.headers() {
            if name == "sec-websocket-protocol" {
                response.headers_mut().insert(name.clone(), value.clone());
            }
        }
        Ok(response)
    };
    Ok(accept_hdr_async(stream, agree).await?)
}

/// Authenticates the client as a real server does, then continues with `serve`.
pub(crate) async fn connected<F>(serve: impl FnOnce(Socket) -> F + Send + 'static) -> Result<Client, Failure>
where
    F: Future<Output = ()> + Send + 'static,
{
    let session = fake_socket(async move |mut socket| {
        if let Some(id) = next_id(&mut socket).await {
            say(&mut socket, &Notice::builder(SysCode::Authenticated).in_reply_to(id)).await;
            serve(socket).await;
        }
    })
    .await?;
    Ok(timeout(BOUND, Client::open(&session)).await??)
}

pub(crate) async fn next_id(socket: &mut Socket) -> Option<PayloadId> {
    let received = socket.next().await?.ok()?;
    let text = received.to_text().ok()?;
    let frame = PayloadRef::from_client(text, &callie_core::Limits::default()).ok()?;
    PayloadId::parse(frame.payload_id()).ok()
}

pub(crate) fn envelope_ids(id: &str) -> Option<EnvelopeIds> {
    Some(EnvelopeIds { payload_id: PayloadId::parse(id).ok()?, timestamp: Timestamp::from_unix_millis(0)? })
}

pub(crate) async fn say(socket: &mut Socket, notice: &Notice) {
    if let (Ok(name), Some(ids)) = (Username::parse("ada"), envelope_ids("n")) {
        send(socket, notice.to_payload(Recipient::User(name), ids).encode()).await;
    }
}

pub(crate) async fn send(socket: &mut Socket, text: String) {
    // Fails if the client has disconnected, which some tests cause.
    let _ = socket.send(Text::text(text)).await;
}

/// Returns a payload from `sender` to the client.
pub(crate) fn payload(sender: &str, id: &str, content: Content) -> Option<Payload> {
    let to = Recipient::User(Username::parse("ada").ok()?);
    Some(Payload::new(envelope_ids(id)?, Sender::parse(sender).ok()?, to, content))
}

/// Keeps the connection open and silent until the client disconnects.
pub(crate) async fn listen(mut socket: Socket) {
    while let Some(Ok(_)) = socket.next().await {}
}

/// Waits for the next event that is not about the connection or an own message.
pub(crate) async fn next(client: &Client) -> Result<Event, Failure> {
    loop {
        let event = client.next_events(1, BOUND).await?.pop().ok_or("no event came in time")?;
        if !matches!(event, Event::ConnectionChanged(_) | Event::Ended { .. }) {
            return Ok(event);
        }
    }
}

pub(crate) fn write(client: &Client, text: &str) -> Result<Ticket, callie_client::Error> {
    client.send("bob", text).submit()
}

/// Starts a server that accepts any number of connections.
pub(crate) async fn fake_sockets<F>(
    serve: impl Fn(usize, Socket) -> F + Send + Sync + 'static,
) -> Result<Credentials, Failure>
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let config = Config::new(&format!("http://{}", listener.local_addr()?))?;
    let serve = Arc::new(serve);
    tokio::spawn(async move {
        let mut count = 0;
        while let Ok((stream, _)) = listener.accept().await {
            let serve = Arc::clone(&serve);
            tokio::spawn(async move {
                if let Ok(socket) = accept(stream).await {
                    serve(count, socket).await;
                }
            });
            count += 1;
        }
    });
    Ok(Credentials::new(config, "ada", "token")?)
}

/// Authenticates the client, and returns the token that it sent.
pub(crate) async fn welcome(socket: &mut Socket) -> Option<String> {
    let received = socket.next().await?.ok()?;
    let frame = PayloadRef::from_client(received.to_text().ok()?, &callie_core::Limits::default()).ok()?;
    let id = PayloadId::parse(frame.payload_id()).ok()?;
    let token = frame.token().to_owned();
    say(socket, &Notice::builder(SysCode::Authenticated).in_reply_to(id)).await;
    Some(token)
}

/// Sends a SYS with the reason and closes.
pub(crate) async fn refuse(mut socket: Socket, reason: CloseReason) {
    let Some(ids) = envelope_ids("n") else { return };
    let closing = reason.unauthenticated(ids);
    let code = closing.code.into();
    for text in closing.into_texts() {
        send(&mut socket, text).await;
    }
    let _ = socket.close(Some(CloseFrame { code, reason: "".into() })).await;
    listen(socket).await;
}
