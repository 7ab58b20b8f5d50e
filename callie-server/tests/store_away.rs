//! PostgreSQL stops, crashes, or becomes unreachable: what continues, what is refused, and the recovery.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper that fails fails its test"
)]

mod chat;
mod support;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use callie_core::account::path;
use callie_server::config::OfflineMode;
use callie_server::store::Store;
use callie_server::{Config, clock};
use chat::{Chat, Client, quick, start_on};
use serde_json::json;
use support::database::Database;
use support::postgres::Postgres;
use support::process::{command, output};
use support::{Answer, PASSWORD, call, credentials};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// The longest time until an answer. A login runs several queries, but ends with the first one that fails.
const A_FEW_SECONDS: Duration = Duration::from_secs(8);

async fn serve(url: String) -> Chat {
    let metrics_listen = Some("127.0.0.1:0".into());
    let config = Config { metrics_listen, offline: OfflineMode::Keep, ..Config::default() };
    start_on(Database::at(url), config, quick()).await
}

/// Awaits `done`, which must not take longer.
async fn soon<T>(done: impl Future<Output = T>) -> T {
    tokio::time::timeout(A_FEW_SECONDS, done).await.expect("an answer within a few seconds")
}

async fn try_login(addr: SocketAddr, name: &str) -> Answer {
    soon(call(addr, "POST", path::LOGIN, None, &credentials(name, PASSWORD))).await
}

async fn readiness(chat: &Chat) -> (u16, String) {
    let answer = soon(call(chat.server.metrics_addr().unwrap(), "GET", "/readyz", None, "")).await;
    (answer.status, answer.body)
}

/// Waits until the server reports that it is ready.
async fn healed(chat: &Chat) {
    let since = Instant::now();
    while readiness(chat).await.0 != 200 {
        assert!(since.elapsed() < support::PATIENCE, "it does not heal");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn chats(one: &mut Client, other: &mut Client, text: &str) {
    let message = one.message(&other.name, text);
    one.send(&message).await;
    other.msg(text).await;
}

/// Checks what must hold while the database is unavailable.
async fn goes_on_without_it(chat: &Chat, ada: &mut Client, bob: &mut Client) {
    chats(ada, bob, "are you there still?").await;
    assert_eq!(try_login(chat.addr(), "carol").await.problem(), (503, "UNAVAILABLE".into()));
    soon(ada.refused("CREATE_GROUP", json!({"name": "ours"}), "INTERNAL_ERROR")).await;
    for name in ["nobody", "carol"] {
        let message = ada.message(name, "nobody can be looked up, and nothing kept");
        soon(ada.answered(&message, "INTERNAL_ERROR")).await;
    }
    assert_eq!(readiness(chat).await, (503, "the database does not answer\n".into()));
    chats(bob, ada, "yes, I am").await;
}

/// Checks what must hold when it is available again.
async fn is_whole_again(chat: &Chat, ada: &mut Client, bob: &mut Client) {
    healed(chat).await;
    assert_eq!(try_login(chat.addr(), "carol").await.status, 200);
    ada.run("CREATE_GROUP", json!({"name": "ours"})).await;
    chats(ada, bob, "all well").await;
    let message = ada.message("carol", "kept");
    ada.answered(&message, "STORED").await;
    // This server receives what other servers write.
    let elsewhere = Store::open(&chat.database.url).await.unwrap();
    let name = "bob".parse().unwrap();
    let session = elsewhere.sessions.list(&name, clock::now()).await.unwrap().remove(0);
    assert!(elsewhere.sessions.end(&name, &session.id, clock::now()).await.unwrap());
    assert_eq!(soon(bob.ended("SESSION_REVOKED")).await.1, 4501);
    ada.nothing_more().await;
}

async fn two_who_chat(chat: &Chat) -> (Client, Client) {
    support::register(chat.addr(), "carol").await;
    let ada = chat.login("ada").await;
    let (mut ada, mut bob) = (chat.connect_with(&ada, &["offline"]).await, chat.user("bob").await);
    // By then nothing more is read for them.
    ada.nothing_more().await;
    bob.nothing_more().await;
    (ada, bob)
}

#[tokio::test]
async fn chat_continues_while_postgresql_is_stopped() {
    let postgres = Postgres::start().await;
    let chat = serve(postgres.database().await).await;
    let (mut ada, mut bob) = two_who_chat(&chat).await;
    postgres.stop();
    goes_on_without_it(&chat, &mut ada, &mut bob).await;
    let started = Instant::now();
    let error = Store::open(&chat.database.url).await.unwrap_err().to_string();
    assert!(error.starts_with("cannot open the database postgres://callie@127.0.0.1:"), "{error}");
    assert!(!error.contains('\n') && started.elapsed() < A_FEW_SECONDS);
    postgres.start_again().await;
    is_whole_again(&chat, &mut ada, &mut bob).await;
}

#[tokio::test]
async fn crash_of_postgresql_does_not_affect_chat() {
    let postgres = Postgres::start().await;
    let chat = serve(postgres.database().await).await;
    let (mut ada, mut bob) = two_who_chat(&chat).await;
    postgres.crash();
    postgres.start_again().await;
    // All connections of the pool are broken, and none of them is used again.
    assert_eq!(try_login(chat.addr(), "carol").await.status, 200);
    is_whole_again(&chat, &mut ada, &mut bob).await;
}

/// A proxy to PostgreSQL that can stop passing data without closing connections.
struct Link {
    addr: SocketAddr,
    silent: watch::Sender<bool>,
}

impl Link {
    async fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (silent, silence) = watch::channel(false);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass_on(client, target, silence.clone()));
            }
        });
        Self { addr, silent }
    }
}

async fn pass_on(mut client: TcpStream, target: SocketAddr, mut silence: watch::Receiver<bool>) {
    let mut server = TcpStream::connect(target).await.unwrap();
    let cut = tokio::select! {
        _ = tokio::io::copy_bidirectional(&mut client, &mut server) => false,
        silent = silence.wait_for(|silent| *silent) => silent.is_ok(),
    };
    if cut {
        // Both ends stay open.
        std::future::pending::<()>().await;
    }
}

#[tokio::test]
async fn unreachable_postgresql_times_out() {
    let url = url::Url::parse(&Postgres::shared().await.database().await).unwrap();
    let link = Link::to(([127, 0, 0, 1], url.port().unwrap()).into()).await;
    let mut through = url.clone();
    through.set_port(Some(link.addr.port())).unwrap();
    let chat = serve(through.into()).await;
    let (mut ada, mut bob) = two_who_chat(&chat).await;
    link.silent.send_replace(true);
    let addr = chat.addr();
    // More queries than connections, so that all connections are in use when the proxy stops.
    let logins = (0..12).map(|n| async move { try_login(addr, &format!("user-{n}")).await });
    for answer in futures_util::future::join_all(logins).await {
        assert_eq!(answer.problem(), (503, "UNAVAILABLE".into()));
    }
    goes_on_without_it(&chat, &mut ada, &mut bob).await;
    link.silent.send_replace(false);
    is_whole_again(&chat, &mut ada, &mut bob).await;
}

#[tokio::test]
async fn server_does_not_start_without_postgresql() {
    let folder = tempfile::tempdir().unwrap();
    // Nobody listens on this port any more.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    drop(taken);
    let url = format!("postgres://callie:hidden-word@127.0.0.1:{port}/callie");
    for arguments in [["--listen", "127.0.0.1:0"].as_slice(), &["admin", "list"]] {
        let mut command = command(folder.path());
        // In the environment, which other users of the machine cannot read.
        command.args(arguments).env("CALLIE_DATABASE", &url);
        let ended = soon(output(command)).await;
        assert_eq!(ended.status.code(), Some(1));
        let said = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains("postgres://callie@127.0.0.1") && !said.contains("hidden-word"), "{said}");
    }
}
