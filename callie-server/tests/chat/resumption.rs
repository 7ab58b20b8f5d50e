//! Connections that can be resumed.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::{Chat, Client, Login, until};

/// Authenticates with the feature, and returns the metadata of the answer.
pub async fn greet(client: &mut Client, resume: Option<(&str, u64)>) -> Value {
    let mut parameters = json!({"features": ["resume"], "client": {"name": "test", "version": "1"}});
    if let Some((connection, received)) = resume {
        parameters["resume"] = json!({"connectionID": connection, "received": received});
    }
    let greeting = client.command("AUTHENTICATE", parameters);
    client.answered(&greeting, "AUTHENTICATED").await
}

/// Opens a connection that can be resumed, and returns its ID.
pub async fn connect(chat: &Chat, login: &Login) -> (Client, String) {
    let mut client = chat.open().await.of(login);
    let welcome = greet(&mut client, None).await;
    assert_eq!((&welcome["resumed"], &welcome["features"]), (&json!(false), &json!(["resume"])));
    (client, welcome["connectionID"].as_str().unwrap().to_owned())
}

/// Asks for a resumption; returns whether it succeeded.
pub async fn resume(chat: &Chat, login: &Login, connection: &str, received: u64) -> (Client, bool) {
    let mut client = chat.open().await.of(login);
    let welcome = greet(&mut client, Some((connection, received))).await;
    let resumed = welcome["resumed"].as_bool().unwrap();
    assert_eq!(welcome["connectionID"] == connection, resumed);
    (client, resumed)
}

/// Cuts the connection, and waits until the server has noticed.
pub async fn cut(chat: &Chat, client: Client) {
    let away = chat.server.gateway().away();
    drop(client);
    until("the connection is away", || async { chat.server.gateway().away() > away }).await;
}

pub async fn say(client: &mut Client, to: &str, texts: &[&str]) {
    for text in texts {
        let message = client.message(to, text);
        client.send(&message).await;
    }
}

/// Reads these texts, and nothing else.
pub async fn hear(client: &mut Client, texts: &[&str]) {
    for text in texts {
        client.msg(text).await;
    }
    client.nothing_more().await;
}

impl Client {
    /// Closes the connection with code 1000.
    pub async fn leave_normally(&mut self) {
        let frame = CloseFrame { code: 1000.into(), reason: Default::default() };
        self.ws.close(Some(frame)).await.unwrap();
        while !matches!(self.raw().await, Some(Ok(Message::Close(_))) | None) {}
    }
}
