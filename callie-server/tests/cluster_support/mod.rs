//! A cluster in this process: real servers on one database, with a real NATS server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code, unreachable_pub)]
#![allow(missing_docs)]

use std::collections::HashMap;
use std::time::Duration;

use callie_core::server::Times;
use callie_server::gateway::Timing;
use callie_server::{Config, clock};
use parking_lot::Mutex;

use crate::chat::{self, Chat, Client, until};
use crate::support::database::{Database, fresh_database};
use crate::support::nats::Nats;

/// The servers of one cluster.
pub struct Cluster {
    pub nodes: Vec<Option<Chat>>,
    pub nats: Nats,
    config: Config,
    sessions: Mutex<HashMap<String, String>>,
    database: Database,
}

impl Cluster {
    pub async fn of(nodes: usize) -> Self {
        Self::with(nodes, Config::default()).await
    }

    pub async fn with(nodes: usize, config: Config) -> Self {
        Self::on(nodes, Nats::start().await, config).await
    }

    pub async fn on(nodes: usize, nats: Nats, config: Config) -> Self {
        let database = fresh_database().await;
        let metrics_listen = Some("127.0.0.1:0".into());
        let config = Config { cluster: Some(nats.url()), metrics_listen, ..config };
        let mut cluster = Self { nodes: Vec::new(), nats, config, sessions: Mutex::default(), database };
        for _ in 0..nodes {
            cluster.add_node().await;
        }
        cluster
    }

    /// Starts another node, and waits until all nodes know it.
    pub async fn add_node(&mut self) -> usize {
        self.nodes.push(Some(chat::start_on(self.database.clone(), self.config.clone(), timing()).await));
        self.converged().await;
        self.nodes.len() - 1
    }

    pub fn node(&self, at: usize) -> &Chat {
        self.nodes[at].as_ref().unwrap()
    }

    fn running(&self) -> impl Iterator<Item = &Chat> {
        self.nodes.iter().flatten()
    }

    /// Creates a user and connects to a node.
    pub async fn user(&self, node: usize, name: &str) -> Client {
        let username = callie_core::Username::parse(name).unwrap();
        let store = &self.node(node).server.store();
        store.accounts.create(&username, "no password fits", clock::now()).await.unwrap();
        self.device(node, name).await
    }

    /// Opens another connection of a user, with its own session, and waits until every node knows it.
    pub async fn device(&self, node: usize, name: &str) -> Client {
        let login = self.node(node).login_again(name).await;
        self.sessions.lock().insert(login.token.clone(), login.session.as_str().to_owned());
        let client = self.node(node).connect(&login).await;
        for other in 0..self.nodes.len() {
            if other != node && self.nodes[other].is_some() && self.nodes[node].is_some() {
                self.settled(node, other).await;
            }
        }
        client
    }

    /// Opens another connection of a user with these features, and waits for nothing.
    pub async fn device_with(&self, node: usize, name: &str, features: &[&str]) -> Client {
        let login = self.node(node).login_again(name).await;
        self.node(node).connect_with(&login, features).await
    }

    pub fn session_of(&self, client: &Client) -> String {
        self.sessions.lock()[&client.token].clone()
    }

    /// Connects the users ada and bob, each to a node, and waits until both nodes know both.
    pub async fn two(&self, ada: usize, bob: usize) -> (Client, Client) {
        let clients = (self.user(ada, "ada").await, self.user(bob, "bob").await);
        self.all_know(&["ada", "bob"]).await;
        clients
    }

    pub async fn make_admin(&self, node: usize, name: &str) {
        let name = callie_core::Username::parse(name).unwrap();
        self.node(node).server.store().admins.set_admin(&name, true).await.unwrap();
    }

    /// Waits until every node knows every other.
    pub async fn converged(&self) {
        let others = self.running().count() - 1;
        let nodes: Vec<_> = self.running().map(|node| node.server.metrics_addr().unwrap()).collect();
        for addr in nodes {
            until("all nodes know each other", || async {
                let figures = crate::support::call(addr, "GET", "/metrics", None, "").await.body;
                let nodes = format!("callie_cluster_nodes {others}\n");
                figures.contains(&nodes) && figures.contains("callie_cluster_converged 1\n")
            })
            .await;
        }
    }

    /// Waits until `to` has applied everything that `from` has sent so far, by sending one more entry.
    pub async fn settled(&self, from: usize, to: usize) {
        let marker = chat::fresh("marker");
        let login = self.node(from).login(&marker).await;
        let client = self.node(from).connect(&login).await;
        self.knows_online(to, &marker).await;
        client.leave().await;
    }

    /// Waits until all nodes know that these users are online.
    pub async fn all_know(&self, names: &[&str]) {
        for node in (0..self.nodes.len()).filter(|at| self.nodes[*at].is_some()) {
            for name in names {
                self.knows_online(node, name).await;
            }
        }
    }

    pub async fn knows_online(&self, node: usize, name: &str) {
        until("a user is known to be online", || async { self.is_online(node, name) }).await;
    }

    pub async fn knows_offline(&self, node: usize, name: &str) {
        until("a user is known to be offline", || async { !self.is_online(node, name) }).await;
    }

    fn is_online(&self, node: usize, name: &str) -> bool {
        self.node(node).server.gateway().is_online(name)
    }

    /// Stops one node in an orderly way.
    pub async fn stop(&mut self, node: usize) {
        self.nodes[node].take().unwrap().server.shutdown().await;
    }

    /// Stops all nodes in an orderly way.
    pub async fn end(self) {
        let ends = self.nodes.into_iter().flatten().map(|node| node.server.shutdown());
        futures_util::future::join_all(ends).await;
    }
}

/// Times that are short, and long enough for a user to move between nodes.
fn timing() -> Timing {
    Timing { protocol: Times::default().with_reconnection(Duration::from_millis(700)), ..Timing::default() }
}
