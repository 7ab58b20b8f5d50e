//! A server for each test of accounts, and a client that sends exactly the given bytes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code, unreachable_pub)]
#![allow(missing_docs)]

pub mod database;
pub mod die_with_parent;
pub mod nats;
pub mod postgres;
pub mod process;

use std::net::SocketAddr;
use std::time::Duration;

use callie_core::account::{Problem, path};
use callie_server::{Config, Server};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use database::{Database, fresh_database};

/// The timeout of every step, far longer than a step takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);
pub const PASSWORD: &str = "correct horse battery staple";

/// A server with its own database, both of which end with the test.
pub struct Running {
    pub server: Server,
    pub database: Database,
}

impl Running {
    pub fn addr(&self) -> SocketAddr {
        self.server.addr()
    }
}

pub async fn start() -> Running {
    start_with(Config::default()).await
}

pub async fn start_with(config: Config) -> Running {
    let database = fresh_database().await;
    let config = Config { listen: "127.0.0.1:0".into(), database: database.url.clone(), ..config };
    Running { server: Server::start(config).await.unwrap(), database }
}

/// An answer as received.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// Returns the status and the code of a problem document, and checks its form.
    pub fn problem(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        let problem: Problem = serde_json::from_str(&self.body).unwrap();
        assert_eq!(problem.status, self.status);
        assert!(!problem.detail.is_empty() && !problem.title.is_empty());
        (self.status, problem.code)
    }
}

/// Sends `bytes` and reads until the server closes.
pub async fn raw(addr: SocketAddr, bytes: &[u8]) -> Answer {
    let talk = async {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        let mut answer = Vec::new();
        // A server that refuses may close before it has read everything. What it sent until then counts.
        let _ = stream.write_all(bytes).await;
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8(answer).unwrap()
    };
    let text = tokio::time::timeout(PATIENCE, talk).await.expect("an answer in time");
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

pub async fn call(addr: SocketAddr, method: &str, path: &str, token: Option<&str>, body: &str) -> Answer {
    call_with(addr, method, path, token, body, "").await
}

/// Makes a call with more header lines, each ended by CR LF.
pub async fn call_with(
    addr: SocketAddr,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: &str,
    more: &str,
) -> Answer {
    let bearer = token.map(|t| format!("authorization: Bearer {t}\r\n")).unwrap_or_default();
    let length = match body.len() {
        0 => String::new(),
        length => format!("content-type: application/json\r\ncontent-length: {length}\r\n"),
    };
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {addr}\r\nconnection: close\r\n{bearer}{length}{more}\r\n"
    );
    raw(addr, format!("{head}{body}").as_bytes()).await
}

pub fn credentials(username: &str, password: &str) -> String {
    serde_json::json!({ "username": username, "password": password }).to_string()
}

pub async fn register(addr: SocketAddr, username: &str) {
    let answer = call(addr, "POST", path::REGISTER, None, &credentials(username, PASSWORD)).await;
    assert_eq!(answer.status, 201, "{answer:?}");
}

/// Logs in and returns the token and the session's ID.
pub async fn login(addr: SocketAddr, username: &str) -> (String, String) {
    let answer = call(addr, "POST", path::LOGIN, None, &credentials(username, PASSWORD)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let json = answer.json();
    (json["token"].as_str().unwrap().to_owned(), json["sessionID"].as_str().unwrap().to_owned())
}

pub async fn is_alive(addr: SocketAddr, token: &str) -> bool {
    let answer = call(addr, "GET", path::SESSIONS, Some(token), "").await;
    match answer.status {
        200 => true,
        401 => false,
        _ => panic!("{answer:?}"),
    }
}
