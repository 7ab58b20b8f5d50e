//! A cluster on a NATS server with a small `max_payload`, and one with a node of another version.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod chat;
mod cluster_support;
mod support;

use callie_server::{Config, JoinError, Server, StartError};
use chat::until;
use cluster_support::Cluster;
use support::nats::Nats;
use tempfile::TempDir;

/// A configuration file of NATS, which the test changes while NATS runs.
struct Limits {
    folder: TempDir,
}

impl Limits {
    fn new(max_payload: usize) -> Self {
        let limits = Self { folder: tempfile::tempdir().unwrap() };
        limits.set(max_payload);
        limits
    }

    fn set(&self, max_payload: usize) {
        let text = format!("max_payload: {max_payload}\nmax_pending: 64MB\n");
        std::fs::write(self.folder.path().join("nats.conf"), text).unwrap();
    }

    async fn start(&self) -> Nats {
        let file = self.folder.path().join("nats.conf").display().to_string();
        Nats::start_with(&["--config", &file]).await
    }
}

#[tokio::test]
async fn server_refuses_nats_with_low_max_payload() {
    let limits = Limits::new(8_192);
    let nats = limits.start().await;
    let config = Config {
        listen: "127.0.0.1:0".into(),
        database: ":memory:".into(),
        cluster: Some(nats.url()),
        ..Config::default()
    };
    let error = Server::start(config).await.unwrap_err();
    let StartError::Cluster(JoinError::NatsLimit { most, payload, least }) = error else { panic!("{error}") };
    assert_eq!((most, payload), (8_192, Config::default().max_payload_bytes));
    assert!(least > payload);
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_fit_into_max_payload_of_nats() {
    let room = Config::default().max_payload_bytes + 2_048;
    let limits = Limits::new(room);
    let cluster = Cluster::on(2, limits.start().await, Config::default()).await;
    let (mut ada, mut bob) = cluster.two(0, 1).await;
    // Many payloads of the maximum size, which would otherwise share one frame.
    let text = "x".repeat(Config::default().max_text_bytes);
    for _ in 0..20 {
        let message = ada.message("bob", &text);
        ada.send(&message).await;
    }
    for _ in 0..20 {
        bob.msg(&text).await;
    }
    ada.nothing_more().await;
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn shrinking_max_payload_keeps_the_connection() {
    let limits = Limits::new(1024 * 1024);
    let mut cluster = Cluster::on(2, limits.start().await, Config::default()).await;
    let (mut ada, mut bob) = cluster.two(0, 1).await;
    cluster.nats.kill();
    limits.set(4_096);
    cluster.nats.start_again().await;
    cluster.converged().await;
    cluster.all_know(&["ada", "bob"]).await;
    let text = "x".repeat(9_000);
    for _ in 0..5 {
        let large = ada.acked("bob", &text);
        ada.send(&large).await;
        let small = bob.message("ada", "small");
        bob.send(&small).await;
        let got = bob.msg(&text).await;
        bob.ack(&got).await;
        // The answer and the small message may arrive in either order.
        let mut seen = [ada.next().await, ada.next().await].map(|payload| payload["type"].clone());
        seen.sort_by_key(ToString::to_string);
        assert_eq!(seen, ["MSG", "SYS"]);
    }
    bob.nothing_more().await;
    cluster.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn node_of_other_version_leaves_presence_unknown() {
    let cluster = Cluster::of(2).await;
    let (mut ada, _bob) = cluster.two(0, 1).await;
    let ops = cluster.node(0).server.metrics_addr().unwrap();
    let is_whole = || async {
        let figures = support::call(ops, "GET", "/metrics", None, "").await.body;
        figures.contains("callie_cluster_converged 1\n")
    };
    assert!(is_whole().await);
    let stranger = async_nats::connect(cluster.nats.url()).await.unwrap();
    // A future version, followed by bytes that cannot be read.
    let beat = || async {
        stranger.publish("callie.beat", vec![250_u8, 1, 2, 3].into()).await.unwrap();
        stranger.flush().await.unwrap();
    };
    until("the stranger is heard", || async {
        beat().await;
        !is_whole().await
    })
    .await;
    beat().await;
    let message = ada.message("cy", "are you over there?");
    cluster
        .node(0)
        .server
        .store()
        .accounts
        .create(&"cy".parse().unwrap(), "no password fits", callie_server::clock::now())
        .await
        .unwrap();
    beat().await;
    ada.answered(&message, "INTERNAL_ERROR").await;
    // The node is considered gone after three seconds of silence.
    until("the stranger is gone", is_whole).await;
    let message = ada.message("cy", "are you there?");
    ada.answered(&message, "RECIPIENT_OFFLINE").await;
    cluster.end().await;
}
