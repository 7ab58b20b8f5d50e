//! A server inside another program: dropping it ends everything. On both kinds of databases.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper that fails fails its test")]

mod chat;
mod support;

use callie_server::{Config, Server};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

#[tokio::test]
async fn dropped_server_closes_connections_and_database() {
    let chat = chat::start().await;
    let (mut ada, mut silent) = (chat.user("ada").await, chat.open().await);
    let mut idle = TcpStream::connect(chat.addr()).await.unwrap();
    let app = std::sync::Arc::downgrade(chat.server.gateway());
    let chat::Chat { server, database } = chat;
    drop(server);
    assert_eq!(ada.closed().await, 1006, "without a word");
    assert_eq!(silent.closed().await, 1006);
    let read = tokio::time::timeout(chat::PATIENCE, idle.read(&mut [0; 1])).await.unwrap();
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    let freed = async {
        while app.strong_count() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(chat::PATIENCE, freed).await.expect("nothing holds the server any more");
    let config = Config { listen: "127.0.0.1:0".into(), database: database.url.clone(), ..Config::default() };
    Server::start(config).await.unwrap().shutdown().await;
}
