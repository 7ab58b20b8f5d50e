//! The log of the real binary at the level `trace` contains no token and no text of a message.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod chat;
mod support;

use chat::Client;
use rustix::process::Signal;
use serde_json::json;
use support::process::{Process, command};

async fn client(server: &Process, name: &str) -> Client {
    support::register(server.addr, name).await;
    let mut client = chat::open(server.addr).await;
    client.name = name.to_owned();
    client.token = support::login(server.addr, name).await.0;
    client.greet().await;
    client
}

/// Checked at the level `trace`.
#[tokio::test]
async fn tokens_and_texts_are_never_logged() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = command(folder.path());
    command.args(["--listen", "127.0.0.1:0"]).env("CALLIE_LOG_LEVEL", "trace");
    let server = Process::start(command).await;
    let (mut ada, mut bob) = (client(&server, "ada").await, client(&server, "bob").await);
    let secret = "the text that nobody else may read";
    let message = ada.message("bob", secret);
    ada.send(&message).await;
    bob.msg(secret).await;
    let message = ada.message("nobody", secret);
    ada.answered(&message, "RECIPIENT_UNKNOWN").await;
    let mut wrong = ada.message("bob", secret);
    wrong["token"] = json!(bob.token);
    ada.answered(&wrong, "INVALID_TOKEN").await;
    ada.send_text(&format!("{secret} {}", ada.token.clone())).await;
    ada.sys("INVALID_JSON").await;
    let tokens = [ada.token.clone(), bob.token.clone()];
    ada.leave().await;
    let (status, said) = server.end(Signal::TERM).await;
    assert!(status.success(), "{status}");
    assert!(said.contains("listening"), "{said:.200}");
    for hidden in tokens.iter().map(String::as_str).chain([secret]) {
        assert!(!said.contains(hidden));
    }
}
