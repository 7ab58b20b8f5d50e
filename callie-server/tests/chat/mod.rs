//! A server for each test of the gateway, and clients that send raw JSON over real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code, unreachable_pub)]
#![allow(missing_docs)]

pub mod resumption;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use callie_core::server::Times;
use callie_core::{SessionId, Username};
use callie_server::gateway::Timing;
use callie_server::store::TokenHash;
use callie_server::{Config, Server, clock};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::support::database::{Database, fresh_database};

/// The timeout of every step, far longer than a step takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A server with its own database, both of which end with the test.
pub struct Chat {
    pub server: Server,
    pub database: Database,
}

/// A user with a live session.
#[derive(Debug, Clone)]
pub struct Login {
    pub name: String,
    pub token: String,
    pub session: SessionId,
}

/// One connection.
pub struct Client {
    pub ws: WebSocketStream<TcpStream>,
    pub name: String,
    pub token: String,
}

static NUMBER: AtomicU64 = AtomicU64::new(0);

/// Returns a new payload ID.
pub fn fresh(prefix: &str) -> String {
    format!("{prefix}-{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// Short times, for quick tests.
pub fn quick() -> Timing {
    Timing { protocol: Times::default().with_reconnection(Duration::from_millis(300)), ..Timing::default() }
}

pub async fn start() -> Chat {
    start_with(Config::default(), quick()).await
}

pub async fn start_with(config: Config, timing: Timing) -> Chat {
    start_on(fresh_database().await, config, timing).await
}

pub async fn start_on(database: Database, config: Config, timing: Timing) -> Chat {
    let config = Config { listen: "127.0.0.1:0".into(), database: database.url.clone(), ..config };
    let server = Server::start_with(config, timing).await.unwrap();
    Chat { server, database }
}

impl Chat {
    pub fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// Creates a user with a session in the database, which saves the time of hashing a password.
    pub async fn login(&self, name: &str) -> Login {
        let store = &self.server.store();
        let username = Username::parse(name).unwrap();
        store.accounts.create(&username, "no password fits", clock::now()).await.unwrap();
        self.login_again(name).await
    }

    /// Creates another session of a user.
    pub async fn login_again(&self, name: &str) -> Login {
        let store = &self.server.store();
        let username = Username::parse(name).unwrap();
        let user = store.accounts.get(&username, clock::now()).await.unwrap().unwrap();
        let token = fresh(&format!("token-of-{name}"));
        let session = SessionId::parse(&fresh("session")).unwrap();
        store
            .sessions
            .create(&session, &TokenHash::of(&token), &user, None, clock::now())
            .await
            .unwrap()
            .unwrap();
        Login { name: name.into(), token, session }
    }

    /// Opens a connection and sends nothing.
    pub async fn open(&self) -> Client {
        open(self.addr()).await
    }

    /// Opens a connection and authenticates the user.
    pub async fn connect(&self, login: &Login) -> Client {
        let mut client = self.open().await.of(login);
        client.greet().await;
        client
    }

    /// Opens a connection with these features and authenticates the user.
    pub async fn connect_with(&self, login: &Login, features: &[&str]) -> Client {
        let mut client = self.open().await.of(login);
        client.greet_with(features).await;
        client
    }

    /// Creates a user and connects.
    pub async fn user(&self, name: &str) -> Client {
        let login = self.login(name).await;
        self.connect(&login).await
    }

    pub async fn admin(&self, name: &str) -> Client {
        let client = self.user(name).await;
        self.server.store().admins.set_admin(&Username::parse(name).unwrap(), true).await.unwrap();
        client
    }
}

pub async fn open(addr: SocketAddr) -> Client {
    let tcp = TcpStream::connect(addr).await.unwrap();
    tcp.set_nodelay(true).unwrap();
    let request = format!("ws://{addr}/ws").into_client_request().unwrap();
    let (ws, _) = tokio_tungstenite::client_async(request, tcp).await.unwrap();
    Client { ws, name: String::new(), token: String::new() }
}

impl Client {
    pub fn of(mut self, login: &Login) -> Self {
        self.name = login.name.clone();
        self.token = login.token.clone();
        self
    }

    /// Sends `AUTHENTICATE`.
    pub async fn greet(&mut self) -> Value {
        let greeting = self.command("AUTHENTICATE", json!({}));
        self.send(&greeting).await;
        self.sys("AUTHENTICATED").await
    }

    /// Sends `AUTHENTICATE` with the names of features.
    pub async fn greet_with(&mut self, features: &[&str]) -> Value {
        let greeting = self.command("AUTHENTICATE", json!({"features": features}));
        self.send(&greeting).await;
        self.sys("AUTHENTICATED").await
    }

    pub fn payload(&self, to: &str, kind: &str, content: Value) -> Value {
        json!({
            "token": self.token, "sender": self.name, "recipient": to, "timestamp": "2026-01-02T03:04:05.678Z",
            "type": kind, "content": content, "metadata": {}, "payloadID": fresh("p"), "payloadVersion": "1.0",
        })
    }

    pub fn message(&self, to: &str, text: &str) -> Value {
        self.payload(to, "MSG", json!({"messageID": fresh("m"), "text": text}))
    }

    pub fn acked(&self, to: &str, text: &str) -> Value {
        let mut message = self.message(to, text);
        message["metadata"] = json!({"ack": true});
        message
    }

    pub fn command(&self, name: &str, parameters: Value) -> Value {
        self.payload("SERVER", "CMD", json!({"command": name, "parameters": parameters}))
    }

    pub async fn send(&mut self, payload: &Value) {
        self.send_text(&payload.to_string()).await;
    }

    pub async fn send_text(&mut self, text: &str) {
        tokio::time::timeout(PATIENCE, self.ws.send(Message::text(text))).await.expect("in time").unwrap();
    }

    /// Returns the next WebSocket message that is not a ping or a pong.
    pub async fn raw(&mut self) -> Option<Result<Message, Error>> {
        loop {
            let next = tokio::time::timeout(PATIENCE, self.ws.next()).await.expect("something in time");
            if !matches!(next, Some(Ok(Message::Ping(_) | Message::Pong(_)))) {
                return next;
            }
        }
    }

    pub async fn text(&mut self) -> String {
        match self.raw().await {
            Some(Ok(Message::Text(text))) => text.to_string(),
            other => panic!("{} got {other:?}, not a payload", self.name),
        }
    }

    pub async fn next(&mut self) -> Value {
        serde_json::from_str(&self.text().await).unwrap()
    }

    /// Returns the next payload, which must be a SYS with this code.
    pub async fn sys(&mut self, code: &str) -> Value {
        let payload = self.next().await;
        assert_eq!(payload["type"], "SYS", "{} wants {code}: {payload}", self.name);
        assert_eq!(payload["content"]["code"], code, "{}: {payload}", self.name);
        assert_eq!(payload["token"], "");
        assert_eq!(payload["sender"], "SERVER");
        payload
    }

    /// Sends a payload whose answer must be a SYS with this code, and returns the metadata of the answer.
    pub async fn answered(&mut self, payload: &Value, code: &str) -> Value {
        self.send(payload).await;
        let answer = self.sys(code).await;
        assert_eq!(answer["metadata"]["inReplyTo"], payload["payloadID"], "{answer}");
        if payload["type"] == "CMD" {
            assert_eq!(answer["metadata"]["command"], payload["content"]["command"], "{answer}");
        }
        answer["metadata"].clone()
    }

    /// Executes a command and returns its result.
    pub async fn run(&mut self, name: &str, parameters: Value) -> Value {
        let command = self.command(name, parameters);
        self.answered(&command, "COMMAND_OK").await["result"].clone()
    }

    /// Sends a command that must be refused.
    pub async fn refused(&mut self, name: &str, parameters: Value, code: &str) -> Value {
        let command = self.command(name, parameters);
        self.answered(&command, code).await
    }

    /// Returns the next payload, which must be a MSG with this text.
    pub async fn msg(&mut self, text: &str) -> Value {
        let payload = self.next().await;
        assert_eq!(payload["type"], "MSG", "{}: {payload}", self.name);
        assert_eq!(payload["content"]["text"], text, "{}: {payload}", self.name);
        assert_eq!(payload["token"], "");
        payload
    }

    /// Checks that there are no further payloads: the next one must be the answer to a new PING.
    pub async fn nothing_more(&mut self) {
        let ping = self.payload("SERVER", "PING", json!({}));
        self.send(&ping).await;
        let pong = self.next().await;
        assert_eq!(pong["type"], "PONG", "{}: {pong}", self.name);
        assert_eq!(pong["metadata"]["inReplyTo"], ping["payloadID"]);
    }

    /// Sends a PING, and returns all payloads before its answer.
    pub async fn until_pong(&mut self) -> Vec<Value> {
        let ping = self.payload("SERVER", "PING", json!({}));
        self.send(&ping).await;
        let mut payloads = Vec::new();
        loop {
            match self.next().await {
                payload if payload["type"] == "PONG" => return payloads,
                payload => payloads.push(payload),
            }
        }
    }

    /// Confirms a payload.
    pub async fn ack(&mut self, payload: &Value) {
        let entry = json!({"sender": payload["sender"], "payloadID": payload["payloadID"]});
        let command = self.command("ACK", json!({"payloads": [entry]}));
        self.send(&command).await;
    }

    /// Returns the close code, before which there may be no other payload; 1006 without a close frame.
    pub async fn closed(&mut self) -> u16 {
        match self.raw().await {
            Some(Ok(Message::Close(Some(frame)))) => frame.code.into(),
            Some(Ok(Message::Close(None))) => 1005,
            Some(Err(_)) | None => 1006,
            Some(Ok(other)) => panic!("{} got {other:?}, not a close", self.name),
        }
    }

    /// Closes the connection, and waits until the server has removed it.
    pub async fn leave(mut self) {
        self.ws.close(None).await.unwrap();
        while !matches!(self.raw().await, Some(Ok(Message::Close(_))) | None) {}
    }

    /// Returns the SYS and the close code that end the connection.
    pub async fn ended(&mut self, code: &str) -> (Value, u16) {
        (self.sys(code).await, self.closed().await)
    }

    /// Creates a group with these members, and reads their notices.
    pub async fn group(&mut self, members: &mut [&mut Client]) -> String {
        let names: Vec<&str> = members.iter().map(|member| member.name.as_str()).collect();
        let made = self.run("CREATE_GROUP", json!({"name": "the group", "members": names})).await;
        for member in members {
            let joined = member.sys("USER_JOINED").await;
            assert_eq!(joined["metadata"]["username"], member.name.as_str());
        }
        made["groupID"].as_str().unwrap().to_owned()
    }
}

/// Polls for a condition that causes no event.
pub async fn until<F: Future<Output = bool>>(what: &str, is_so: impl Fn() -> F) {
    let wait = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("in time: {what}"));
}
