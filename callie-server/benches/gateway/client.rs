//! One connection of a load.

use std::net::SocketAddr;

use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use crate::floor::TO_ALL;
use crate::host;
use crate::process::Role;

/// The size of a message in bytes, as sent.
pub(crate) const MESSAGE_BYTES: usize = 442;
/// The number of digits of a message's number in its payload ID.
const DIGITS: usize = 15;

pub(crate) struct Client {
    ws: WebSocketStream<TcpStream>,
    /// A message up to its number, and the rest.
    template: (String, String),
}

impl Client {
    /// Connects user `number`, who writes to `recipient`.
    pub(crate) async fn connect(
        role: Role,
        addr: SocketAddr,
        number: usize,
        recipient: &str,
    ) -> Result<Self, Error> {
        let tcp = TcpStream::connect(addr).await?;
        tcp.set_nodelay(true)?;
        let request = format!("ws://{addr}/ws").into_client_request()?;
        let config = WebSocketConfig::default().read_buffer_size(4 * 1024).write_buffer_size(16 * 1024);
        let (mut ws, _) = tokio_tungstenite::client_async_with_config(request, tcp, Some(config)).await?;
        ws.send(Message::Text(greeting(role, number, recipient).into())).await?;
        match ws.next().await {
            Some(Ok(Message::Text(text))) if text.contains("AUTHENTICATED") || text.as_str() == "welcome" => {
                Ok(Self { ws, template: template(number, recipient) })
            }
            Some(Ok(other)) => panic!("user {number} was answered {other}"),
            Some(Err(error)) => Err(error),
            None => Err(Error::ConnectionClosed),
        }
    }

    /// Queues the message with this number.
    pub(crate) async fn feed(&mut self, number: u64) -> Result<(), Error> {
        let (before, after) = &self.template;
        let text = format!("{before}{number:0DIGITS$}{after}");
        self.ws.feed(Message::Text(text.into())).await
    }

    pub(crate) async fn flush(&mut self) -> Result<(), Error> {
        self.ws.flush().await
    }

    /// Waits for the next text.
    pub(crate) async fn next(&mut self) -> Result<Utf8Bytes, Error> {
        loop {
            match self.ws.next().await {
                Some(Ok(Message::Text(text))) => return Ok(text),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error),
                None => return Err(Error::ConnectionClosed),
            }
        }
    }

    /// Returns the next text if it has arrived.
    pub(crate) fn ready(&mut self) -> Option<Result<Utf8Bytes, Error>> {
        self.next().now_or_never()
    }
}

/// Reads the sender and the number from a payload's ID. Every text of a benchmark ends with the ID and the version.
pub(crate) fn number_of(text: &str) -> Option<u64> {
    let at = text.rfind("payloadID")?;
    let id = text[at..].split('"').nth(2)?;
    id.rsplit_once('-')?.1.parse().ok()
}

fn greeting(role: Role, number: usize, recipient: &str) -> String {
    match role {
        Role::Floor | Role::Reader if recipient == host::GROUP => format!("{TO_ALL}{number}"),
        Role::Floor | Role::Reader => number.to_string(),
        Role::Callie => {
            payload(number, "SERVER", "CMD", r#"{"command":"AUTHENTICATE","parameters":{}}"#, "hello")
        }
    }
}

/// Returns a payload of user `number`.
pub(crate) fn payload(number: usize, recipient: &str, kind: &str, content: &str, id: &str) -> String {
    let (name, token) = (host::username(number), host::token(number));
    format!(
        r#"{{"token":"{token}","sender":"{name}","recipient":"{recipient}","timestamp":"2026-01-02T03:04:05.678Z","type":"{kind}","content":{content},"metadata":{{}},"payloadID":"{id}","payloadVersion":"1.0"}}"#
    )
}

fn template(number: usize, recipient: &str) -> (String, String) {
    const HOLE: &str = "###############";
    let make = |padding: usize| {
        let text = "Hello, *there*! ".repeat(padding / 16 + 1);
        let content = format!(r#"{{"messageID":"m","text":"{}"}}"#, &text[..padding]);
        payload(number, recipient, "MSG", &content, &format!("{number}-{HOLE}"))
    };
    let whole = make(MESSAGE_BYTES - make(0).len());
    assert_eq!(whole.len(), MESSAGE_BYTES);
    let (before, after) = whole.split_once(HOLE).unwrap();
    (before.to_owned(), after.to_owned())
}
