//! The example server of `examples/rust` against every conformance vector that a client sends, over a socket.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use callie_core::command::Command;
use callie_core::{Limits, Notice, PayloadRef, Route, SysCode, Username, route};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

#[allow(dead_code, reason = "the example's own main is not called")]
#[path = "../../../examples/rust/server.rs"]
mod example;

const TOKEN: &str = "q3Zk8w2M5r7T9yB1nC4vX6sD0fGhJkLpQwErTyUiOpA";
/// The fewest vectors that the test accepts, so that it fails if it does not find them.
const LEAST: usize = 300;

fn vectors() -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../callie-core/tests/vectors");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut vectors = Vec::new();
    for path in files.filter(|path| path.extension().is_some_and(|extension| extension == "json")) {
        let file: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        vectors.extend(file["vectors"].as_array().unwrap().iter().cloned());
    }
    vectors.retain(|vector| vector["from"] == "client");
    vectors
}

fn payload_of(vector: &Value) -> String {
    if let Some(text) = vector["payload"].as_str() {
        return text.to_owned();
    }
    let parts = vector["parts"].as_array().unwrap().iter();
    parts.map(|part| part[0].as_str().unwrap().repeat(part[1].as_u64().unwrap() as usize)).collect()
}

fn payload(token: &str, sender: &str, kind: &str, to: &str, content: &str, id: &str) -> String {
    format!(
        r#"{{"token":"{token}","sender":"{sender}","recipient":"{to}","timestamp":"2026-01-02T03:04:05.678Z","type":"{kind}","content":{content},"payloadID":"{id}","payloadVersion":"1.0"}}"#
    )
}

async fn serve(users: &[(&str, &str)]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let users = users.iter().map(|(name, token)| (Username::parse(name).unwrap(), (*token).to_owned()));
    tokio::spawn(example::serve(listener, users.collect()));
    address
}

/// An authenticated client.
struct Client {
    socket: WebSocketStream<TcpStream>,
    name: &'static str,
    token: &'static str,
}

impl Client {
    async fn connect(address: SocketAddr, name: &'static str, token: &'static str) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        let (socket, _) = client_async(format!("ws://{address}/ws"), stream).await.unwrap();
        let mut client = Self { socket, name, token };
        client.send("CMD", "SERVER", r#"{"command":"AUTHENTICATE","parameters":{}}"#, "greeting").await;
        assert_eq!(client.read().await.unwrap().0, "AUTHENTICATED");
        client
    }

    async fn send(&mut self, kind: &str, to: &str, content: &str, id: &str) {
        let text = payload(self.token, self.name, kind, to, content, id);
        self.socket.send(Message::text(text)).await.unwrap();
    }

    /// Returns the next text: its code or type, the payload that it answers, and the text itself. Returns `None` when
    /// the server has closed.
    async fn read(&mut self) -> Option<(String, Option<String>, String)> {
        loop {
            let next = tokio::time::timeout(Duration::from_secs(30), self.socket.next()).await.unwrap()?;
            if let Message::Text(text) = next.ok()? {
                let frame = PayloadRef::from_server(&text).unwrap();
                let code = Notice::read(&frame).map(|notice| notice.code().as_str());
                let code = code.unwrap_or(frame.payload_type().as_str()).to_owned();
                return Some((code, frame.in_reply_to().map(str::to_owned), text.to_string()));
            }
        }
    }
}

/// Returns the code with which the server must answer a vector's payload, or `None` if it must not answer.
fn expected(vector: &Value, text: &str) -> Option<String> {
    if let Some(code) = vector["fault"]["code"].as_str() {
        return Some(code.to_owned());
    }
    let frame = PayloadRef::from_client(text, &Limits::default()).unwrap();
    if frame.token() != TOKEN {
        return Some(SysCode::InvalidToken.to_string());
    }
    if frame.sender() != "ada" {
        return Some(SysCode::SenderMismatch.to_string());
    }
    let recipient = frame.recipient().kind().unwrap();
    let code = match route(frame.payload_type(), recipient) {
        Route::Refuse(code) => code,
        Route::AnswerPong => return Some("PONG".to_owned()),
        Route::Take | Route::ToEveryone => return None,
        Route::ToGroup => SysCode::RecipientUnknown,
        Route::ToUser if frame.recipient() == callie_core::RecipientRef::User("ada") => return None,
        Route::ToUser => SysCode::RecipientOffline,
        Route::Execute => match frame.command(&Limits::default()).unwrap() {
            Err(fault) => fault.code(),
            Ok(Command::Authenticate { .. }) => SysCode::Authenticated,
            Ok(Command::Ack { .. }) => return None,
            Ok(_) => SysCode::Forbidden,
        },
    };
    Some(code.to_string())
}

/// Checks the server's answer to a payload, on a new server, so that no payload has an ID that another one had.
async fn check(vector: &Value) -> Result<(), String> {
    let text = payload_of(vector);
    let token = vector["connectionToken"].as_str().unwrap_or(TOKEN);
    let token: &'static str = if token == TOKEN { TOKEN } else { token.to_owned().leak() };
    let expected = if token == TOKEN {
        expected(vector, &text)
    } else {
        vector["fault"]["code"].as_str().map(str::to_owned)
    };
    let mut client = Client::connect(serve(&[("ada", token)]).await, "ada", token).await;
    // The server may close before it has read the rest of a text that is too long.
    let _ = client.socket.send(Message::text(text)).await;
    if expected.as_deref() != Some("PAYLOAD_TOO_LARGE") {
        client.send("PING", "SERVER", "{}", "last-of-all").await;
    }
    let mut replies = Vec::new();
    while let Some((code, answers, text)) = client.read().await {
        if answers.as_deref() == Some("last-of-all") {
            break;
        }
        if code != "MSG" && !(code == "PING" || code == "PONG") || answers.is_some() {
            replies.push((code, text));
        }
    }
    let codes: Vec<_> = replies.iter().map(|(code, _)| code.clone()).collect();
    if codes != expected.iter().cloned().collect::<Vec<_>>() {
        return Err(format!("{codes:?} is not {expected:?}"));
    }
    let fault = &vector["fault"];
    if fault.is_object() && codes != ["PAYLOAD_TOO_LARGE"] {
        let read: Value = serde_json::from_str(&replies[0].1).unwrap();
        if read["metadata"]["path"] != fault["path"] || read["metadata"]["inReplyTo"] != fault["inReplyTo"] {
            return Err(format!("{} is not {fault}", read["metadata"]));
        }
    }
    Ok(())
}

#[tokio::test]
async fn example_server_answers_every_vector() {
    let vectors = vectors();
    assert!(vectors.len() >= LEAST, "{}", vectors.len());
    let mut wrong = Vec::new();
    for vector in &vectors {
        if let Err(why) = check(vector).await {
            wrong.push(format!("{}: {why}", vector["name"]));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn example_server_delivers_and_confirms() {
    let address = serve(&[("ada", "a"), ("bob", "b")]).await;
    let mut ada = Client::connect(address, "ada", "a").await;
    let mut bob = Client::connect(address, "bob", "b").await;
    let content = r#"{"messageID":"m1","text":"Hello"}"#;
    let text = payload("a", "ada", "MSG", "bob", content, "p1").replace("}},", "},");
    let asking = text.replace(r#","payloadID""#, r#","metadata":{"ack":true},"payloadID""#);
    ada.socket.send(Message::text(asking)).await.unwrap();
    let (kind, _, received) = bob.read().await.unwrap();
    assert_eq!(kind, "MSG");
    assert!(received.contains(r#""token":"""#) && received.contains("Hello"));
    let ack = r#"{"command":"ACK","parameters":{"payloads":[{"sender":"ada","payloadID":"p1"}]}}"#;
    bob.send("CMD", "SERVER", ack, "p2").await;
    assert_eq!(ada.read().await.unwrap().0, "DELIVERED");
    ada.send("MSG", "BROADCAST", content, "p3").await;
    assert_eq!(bob.read().await.unwrap().0, "MSG");
    // A user who has disconnected is offline.
    bob.socket.close(None).await.unwrap();
    while bob.read().await.is_some() {}
    ada.send("PING", "bob", "{}", "p4").await;
    assert_eq!(ada.read().await.unwrap().0, "RECIPIENT_OFFLINE");
}
