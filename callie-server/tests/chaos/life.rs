//! A user who writes to others, confirms what arrives, and reconnects after every loss.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use super::env::Stage;
use super::record::Asked;
use crate::chat::{PATIENCE, fresh};

type Socket = WebSocketStream<TcpStream>;

/// The timeout for opening a connection.
const CONNECT: Duration = Duration::from_secs(3);
/// The pause before a retry, after a lost connection or an `INTERNAL_ERROR`.
const AGAIN: Duration = Duration::from_millis(200);
/// How long an answer may take: the deadline of a confirmation, and the time until a silent node is detected.
const ANSWER: Duration = Duration::from_secs(25);

/// One user during a run.
struct Life {
    stage: Arc<Stage>,
    at: usize,
    random: fastrand::Rng,
    /// Payloads without an answer yet, as they were sent.
    open: Vec<Value>,
    /// Messages to everyone at the end, when there are no more faults.
    final_messages: Option<HashSet<String>>,
}

pub async fn run(stage: Arc<Stage>, at: usize, random: fastrand::Rng) {
    let mut life = Life { stage, at, random, open: Vec::new(), final_messages: None };
    let mut calm_since = None;
    loop {
        if let Some(socket) = life.connect().await
            && life.talk(socket).await
        {
            return;
        }
        if life.stage.is_calm() {
            let since: Instant = *calm_since.get_or_insert_with(Instant::now);
            assert!(since.elapsed() < PATIENCE, "user{at} makes no progress without a fault");
        }
        tokio::time::sleep(AGAIN).await;
    }
}

impl Life {
    fn name(&self) -> &str {
        &self.stage.users()[self.at].0
    }

    fn payload(&self, to: &str, kind: &str, content: Value, metadata: Value) -> Value {
        let (name, token) = &self.stage.users()[self.at];
        json!({
            "token": token, "sender": name, "recipient": to, "timestamp": "2026-01-02T03:04:05.678Z",
            "type": kind, "content": content, "metadata": metadata, "payloadID": fresh("p"), "payloadVersion": "1.0",
        })
    }

    async fn connect(&mut self) -> Option<Socket> {
        let addr = self.stage.a_node(&mut self.random)?;
        let hello =
            self.payload("SERVER", "CMD", json!({"command": "AUTHENTICATE", "parameters": {}}), json!({}));
        let connect = async {
            let request = format!("ws://{addr}/ws").into_client_request().ok()?;
            let tcp = TcpStream::connect(addr).await.ok()?;
            let (mut socket, _) = tokio_tungstenite::client_async(request, tcp).await.ok()?;
            socket.send(Message::text(hello.to_string())).await.ok()?;
            let answer = socket.next().await?.ok()?.into_text().ok()?;
            answer.contains("AUTHENTICATED").then_some(socket)
        };
        tokio::time::timeout(CONNECT, connect).await.ok().flatten()
    }

    /// Writes and reads until the connection is lost. Returns `true` when everything is sent.
    async fn talk(&mut self, mut socket: Socket) -> bool {
        for payload in self.open.clone() {
            if !self.send(&mut socket, payload).await {
                return false;
            }
        }
        let mut waits_since = Instant::now();
        loop {
            let pause = Duration::from_millis(self.random.u64(2..60));
            tokio::select! {
                next = socket.next() => match next {
                    Some(Ok(Message::Text(text))) => {
                        if !self.hear(&mut socket, &serde_json::from_str(&text).unwrap()).await {
                            return false;
                        }
                    }
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return false,
                    Some(Ok(_)) => {}
                },
                () = tokio::time::sleep(pause) => {
                    if !self.stage.is_calm() {
                        waits_since = Instant::now();
                        let payload = self.something_to_say();
                        if !self.send(&mut socket, payload).await {
                            return false;
                        }
                    } else if self.open.is_empty() {
                        if self.final_messages.is_none() {
                            self.final_messages = Some(self.words_to_all());
                            for payload in self.open.clone() {
                                if !self.send(&mut socket, payload).await {
                                    return false;
                                }
                            }
                        } else {
                            return self.wait_for_the_others(socket).await;
                        }
                    } else {
                        let open: Vec<_> = self.open.iter().map(|p| p["payloadID"].clone()).collect();
                        assert!(waits_since.elapsed() < ANSWER, "{} has no answer to {open:?}", self.name());
                    }
                }
            }
        }
    }

    fn someone_else(&mut self) -> String {
        let others = self.stage.users().len() - 1;
        let at = (self.at + 1 + self.random.usize(..others)) % (others + 1);
        self.stage.users()[at].0.clone()
    }

    fn something_to_say(&mut self) -> Value {
        let to = self.someone_else();
        let asked = if self.random.u8(..3) > 0 { Asked::Confirmation } else { Asked::Nothing };
        self.message(&to, asked)
    }

    fn message(&mut self, to: &str, asked: Asked) -> Value {
        let metadata = if asked == Asked::Confirmation { json!({"ack": true}) } else { json!({}) };
        let payload = self.payload(to, "MSG", json!({"messageID": fresh("m"), "text": "hello"}), metadata);
        let id = payload["payloadID"].as_str().unwrap();
        self.stage.note(|record| record.begin(id, to, asked));
        if asked == Asked::Confirmation {
            self.open.push(payload.clone());
        }
        payload
    }

    fn words_to_all(&mut self) -> HashSet<String> {
        let me = self.name().to_owned();
        let others: Vec<_> =
            self.stage.users().iter().map(|user| user.0.clone()).filter(|n| *n != me).collect();
        others
            .iter()
            .map(|to| self.message(to, Asked::Confirmation)["payloadID"].as_str().unwrap().to_owned())
            .collect()
    }

    async fn send(&mut self, socket: &mut Socket, payload: Value) -> bool {
        let id = payload["payloadID"].as_str().unwrap();
        self.stage.note(|record| record.sent(id));
        socket.send(Message::text(payload.to_string())).await.is_ok()
    }

    /// Handles a payload. Returns `false` if the connection is lost.
    async fn hear(&mut self, socket: &mut Socket, payload: &Value) -> bool {
        match payload["type"].as_str().unwrap() {
            "MSG" => {
                let id = payload["payloadID"].as_str().unwrap();
                let me = self.name().to_owned();
                self.stage.note(|record| record.received(id, &me));
                if payload["metadata"]["ack"] != true {
                    return true;
                }
                let entry = json!({"sender": payload["sender"], "payloadID": id});
                let content = json!({"command": "ACK", "parameters": {"payloads": [entry]}});
                let ack = self.payload("SERVER", "CMD", content, json!({}));
                socket.send(Message::text(ack.to_string())).await.is_ok()
            }
            "PING" => {
                let metadata = json!({"inReplyTo": payload["payloadID"]});
                let pong = self.payload("SERVER", "PONG", json!({}), metadata);
                socket.send(Message::text(pong.to_string())).await.is_ok()
            }
            "SYS" => {
                let code = payload["content"]["code"].as_str().unwrap();
                let Some(id) = payload["metadata"]["inReplyTo"].as_str() else { return true };
                match (code, payload["metadata"]["outcome"].as_str()) {
                    ("RATE_LIMITED", _) => panic!("users keep to the rate: {payload}"),
                    ("DUPLICATE_PAYLOAD", Some("pending")) => {
                        tokio::time::sleep(AGAIN).await;
                        match self.open.iter().find(|open| open["payloadID"] == id).cloned() {
                            Some(payload) => self.send(socket, payload).await,
                            None => true,
                        }
                    }
                    (code, outcome) => {
                        self.stage.note(|record| record.answered(id, outcome.unwrap_or(code)));
                        self.open.retain(|open| open["payloadID"] != id);
                        true
                    }
                }
            }
            other => panic!("{other} came: {payload}"),
        }
    }

    /// Stays connected until all users have sent everything, so that the last messages find their recipients.
    async fn wait_for_the_others(&mut self, mut socket: Socket) -> bool {
        let words = self.final_messages.clone().unwrap_or_default();
        self.stage.note(|record| record.finished(words));
        let everyone = self.stage.users().len();
        while self.stage.note(|record| record.finished_users()) < everyone {
            tokio::select! {
                next = socket.next() => match next {
                    Some(Ok(Message::Text(text))) => {
                        if !self.hear(&mut socket, &serde_json::from_str(&text).unwrap()).await {
                            panic!("{} lost a connection without a fault", self.name());
                        }
                    }
                    Some(Ok(_)) => {}
                    other => panic!("{} lost a connection without a fault: {other:?}", self.name()),
                },
                () = tokio::time::sleep(AGAIN) => {}
            }
        }
        true
    }
}
