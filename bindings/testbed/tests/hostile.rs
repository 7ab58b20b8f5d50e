//! Each kind of hostile server behaves as documented.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper that fails fails its test")]

mod support;

use callie_core::command::Command;
use callie_core::{
    Content, ContentRef, EnvelopeIds, Message as Chat, MessageId, Notice, Payload, PayloadId, PayloadRef,
    Recipient, Sender, SysCode, Timestamp, Token,
};
use futures_util::{SinkExt as _, StreamExt as _};
use support::{Bed, PATIENCE, is_closed};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

/// A client after the upgrade.
struct Ada(WebSocketStream<TcpStream>);

impl Ada {
    async fn upgraded(addr: &str) -> Result<Self, tokio_tungstenite::tungstenite::Error> {
        let stream = TcpStream::connect(addr).await?;
        let url = format!("ws://{addr}/ws");
        let upgrade = tokio_tungstenite::client_async(url, stream);
        Ok(Self(timeout(PATIENCE, upgrade).await.unwrap()?.0))
    }

    async fn send(&mut self, id: &str, to: &str, content: Content) {
        let ids = EnvelopeIds {
            payload_id: PayloadId::parse(id).unwrap(),
            timestamp: Timestamp::parse("2026-01-02T03:04:05.678Z").unwrap(),
        };
        let payload =
            Payload::new(ids, Sender::parse("ada").unwrap(), Recipient::parse(to).unwrap(), content)
                .with_token(Token::parse("token").unwrap());
        self.0.send(Message::text(payload.encode())).await.unwrap();
    }

    async fn authenticate(&mut self) {
        let greeting = Command::Authenticate { client: None, features: None, resume: None };
        self.send("first", "SERVER", greeting.to_content()).await;
    }

    /// Returns the next text, or `None` when the connection is closed.
    async fn next(&mut self) -> Option<String> {
        match timeout(PATIENCE, self.0.next()).await.unwrap() {
            Some(Ok(Message::Text(text))) => Some(text.as_str().to_owned()),
            Some(Ok(other)) => panic!("{other:?}"),
            None | Some(Err(_)) => None,
        }
    }

    async fn notice(&mut self) -> Notice {
        Notice::read(&PayloadRef::from_server(&self.next().await.unwrap()).unwrap()).unwrap()
    }

    async fn authenticated(addr: &str) -> Self {
        let mut ada = Self::upgraded(addr).await.unwrap();
        ada.authenticate().await;
        let notice = ada.notice().await;
        assert_eq!(notice.code(), SysCode::Authenticated);
        assert_eq!(notice.metadata().in_reply_to, PayloadId::parse("first").ok());
        ada
    }

    async fn message(&mut self) -> String {
        let text = self.next().await.unwrap();
        let frame = PayloadRef::from_server(&text).unwrap();
        let ContentRef::Msg(message) = frame.content() else { panic!("{text}") };
        message.text().decode().into_owned()
    }

    async fn pong(&mut self) -> Option<String> {
        let text = self.next().await.unwrap();
        let frame = PayloadRef::from_server(&text).unwrap();
        assert!(matches!(frame.content(), ContentRef::Pong), "{text}");
        frame.in_reply_to().map(str::to_owned)
    }
}

#[tokio::test]
async fn garbage_server_sends_garbage_then_a_message() {
    let bed = Bed::start().await;
    let mut env = bed.env().await;
    let addr = env.addr("hostile garbage").await;
    let mut ada = Ada::authenticated(&addr).await;
    for _ in 0..3 {
        assert!(PayloadRef::from_server(&ada.next().await.unwrap()).is_err());
    }
    let unknown = ada.next().await.unwrap();
    assert!(PayloadRef::from_server(&unknown).is_ok_and(|frame| Notice::read(&frame).is_none()), "{unknown}");
    assert_eq!(ada.message().await, "still here");
    ada.send("ping", "SERVER", Content::Ping).await;
    assert_eq!(ada.pong().await.as_deref(), Some("ping"));
}

#[tokio::test]
async fn liar_repeats_a_message_and_sends_false_replies() {
    let bed = Bed::start().await;
    let mut env = bed.env().await;
    let addr = env.addr("hostile liar").await;
    let mut ada = Ada::authenticated(&addr).await;
    let once = ada.next().await.unwrap();
    assert_eq!(ada.next().await.unwrap(), once);
    ada.send("ping", "SERVER", Content::Ping).await;
    assert_ne!(ada.pong().await.as_deref(), Some("ping"));
    assert_eq!(ada.pong().await.as_deref(), Some("ping"));
    let message = Chat::builder(MessageId::parse("m").unwrap()).text("hello").build().unwrap();
    ada.send("message", "bob", Content::Msg(message)).await;
    let lie = ada.notice().await;
    assert_eq!(lie.code(), SysCode::Delivered);
    assert_ne!(lie.metadata().in_reply_to, PayloadId::parse("message").ok());
    ada.send("command", "SERVER", Command::GetSettings {}.to_content()).await;
    let lie = ada.notice().await;
    assert_eq!(lie.code(), SysCode::CommandOk);
    assert_eq!(lie.metadata().in_reply_to, PayloadId::parse("command").ok());
}

#[tokio::test]
async fn silent_server_keeps_the_connection_open() {
    let bed = Bed::start().await;
    let mut env = bed.env().await;
    let addr = env.addr("hostile silent").await;
    let mut stream = TcpStream::connect(&addr).await.unwrap();
    stream.write_all(b"GET /ws HTTP/1.1\r\n\r\n").await.unwrap();
    // The server closes only in answer to the client's close.
    stream.shutdown().await.unwrap();
    assert!(is_closed(&mut stream).await);
}

#[tokio::test]
async fn each_kind_closes_at_its_step() {
    let bed = Bed::start().await;
    let mut env = bed.env().await;
    for kind in ["close-on-accept", "close-in-upgrade"] {
        let addr = env.addr(&format!("hostile {kind}")).await;
        assert!(Ada::upgraded(&addr).await.is_err(), "{kind}");
    }
    for kind in ["close-after-upgrade", "close-after-authenticate", "close-in-frame"] {
        let addr = env.addr(&format!("hostile {kind}")).await;
        let mut ada = Ada::upgraded(&addr).await.unwrap();
        if kind != "close-after-upgrade" {
            ada.authenticate().await;
        }
        assert_eq!(ada.next().await, None, "{kind}");
    }
}
