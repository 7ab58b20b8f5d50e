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
    /// The texts of a connection that can be resumed, which the client counts.
    counted: Option<Counted>,
    /// Messages that are confirmed with the next ones.
    unconfirmed: Vec<String>,
}

/// The texts that arrived on a connection, and what is needed to report their number.
struct Counted {
    user: usize,
    texts: u64,
}

/// A client reports the number of texts that arrived after this many.
const REPORT_EVERY: u64 = 64;

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
                let counted = (role == Role::Resuming).then_some(Counted { user: number, texts: 0 });
                assert_eq!(text.contains("connectionID"), counted.is_some(), "{text}");
                Ok(Self { ws, template: template(number, recipient), counted, unconfirmed: Vec::new() })
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
                Some(Ok(Message::Text(text))) => {
                    self.count().await?;
                    return Ok(text);
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error),
                None => return Err(Error::ConnectionClosed),
            }
        }
    }

    /// Confirms a message, with others: every 64 messages, or at the last one.
    pub(crate) async fn confirm(&mut self, user: usize, text: &str, last: bool) -> Result<(), Error> {
        let member = |name: &str| text.split(&format!(r#""{name}":""#)).nth(1)?.split('"').next();
        let (sender, id) = (member("sender").unwrap(), member("payloadID").unwrap());
        self.unconfirmed.push(format!(r#"{{"sender":"{sender}","payloadID":"{id}"}}"#));
        if self.unconfirmed.len() as u64 >= REPORT_EVERY || last {
            let entries = std::mem::take(&mut self.unconfirmed).join(",");
            let content = format!(r#"{{"command":"ACK","parameters":{{"payloads":[{entries}]}}}}"#);
            let ack = payload(user, "SERVER", "CMD", &content, &format!("ack-{id}"));
            self.ws.send(Message::Text(ack.into())).await?;
        }
        Ok(())
    }

    /// Waits until the server has handled everything that was sent.
    pub(crate) async fn settled(&mut self, user: usize) {
        let ping = payload(user, "SERVER", "PING", "{}", "settled");
        self.ws.send(Message::Text(ping.into())).await.unwrap();
        while !self.next().await.unwrap().contains("\"PONG\"") {}
    }

    /// Counts a text. Reports the number from time to time, as the client library does.
    async fn count(&mut self) -> Result<(), Error> {
        let Some(counted) = &mut self.counted else { return Ok(()) };
        counted.texts += 1;
        if !counted.texts.is_multiple_of(REPORT_EVERY) {
            return Ok(());
        }
        let received = counted.texts;
        let content = format!(r#"{{"command":"ACK","parameters":{{"received":{received}}}}}"#);
        let ack = payload(counted.user, "SERVER", "CMD", &content, &format!("ack-{received}"));
        self.ws.feed(Message::Text(ack.into())).await
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
        Role::Callie | Role::Resuming | Role::Keeping => {
            let parameters = match role {
                Role::Resuming => r#"{"features":["resume"]}"#,
                Role::Keeping => r#"{"features":["offline"]}"#,
                _ => "{}",
            };
            let content = format!(r#"{{"command":"AUTHENTICATE","parameters":{parameters}}}"#);
            payload(number, "SERVER", "CMD", &content, "hello")
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
