//! The test bed: one process for all scenarios, and one connection to it for each.

use std::future::Future;
use std::io::BufRead as _;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use callie_client::{Client, Config, Credentials, Server};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::configs::with;

/// The timeout of every step and every scenario.
pub(crate) const BOUND: Duration = Duration::from_secs(60);
/// The password of every user.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// Runs a scenario with the timeout [`BOUND`].
pub(crate) async fn within<T>(scenario: impl Future<Output = T>) -> T {
    timeout(BOUND, scenario).await.expect("the scenario ends in time")
}

/// Returns the port of the test bed, which the first scenario starts. It ends with this process, which closes its
/// stdin.
fn port() -> u16 {
    static BED: OnceLock<(Child, u16)> = OnceLock::new();
    let (_, port) = BED.get_or_init(|| {
        let tests = std::env::current_exe().unwrap();
        let program = tests.parent().and_then(|deps| deps.parent()).unwrap().join("callie-testbed");
        let mut child = Command::new(&program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("{}: {e}; `make build` builds it", program.display()));
        let mut line = String::new();
        std::io::BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        (child, line.trim().parse().unwrap())
    });
    *port
}

/// The servers of one scenario, which end with it.
pub(crate) struct TestEnv {
    bed: BufReader<TcpStream>,
}

impl TestEnv {
    pub(crate) async fn new() -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port())).await.unwrap();
        Self { bed: BufReader::new(stream) }
    }

    /// Sends a request to the test bed and returns the values of its answer.
    pub(crate) async fn ask(&mut self, request: &str) -> String {
        self.bed.write_all(format!("{request}\n").as_bytes()).await.unwrap();
        let mut line = String::new();
        self.bed.read_line(&mut line).await.unwrap();
        let answer = line.trim_end().strip_prefix("ok").unwrap_or_else(|| panic!("{request}: {line}"));
        answer.trim_start().to_owned()
    }

    /// Creates an environment with a server, and returns both.
    pub(crate) async fn with_server() -> (Self, Server) {
        let mut env = Self::new().await;
        let server = Server::new(&env.ask("server").await).unwrap();
        (env, server)
    }

    /// Does the same with the server's default rates.
    pub(crate) async fn with_strict_server() -> (Self, Server) {
        let mut env = Self::new().await;
        let server = Server::new(&env.ask("strict").await).unwrap();
        (env, server)
    }

    /// Returns the server without its proxy.
    pub(crate) async fn direct(&mut self) -> Server {
        Server::new(&self.ask("direct").await).unwrap()
    }

    /// Starts a hostile server and returns credentials for it.
    pub(crate) async fn hostile(&mut self, kind: &str, patience: Duration) -> Credentials {
        let url = self.ask(&format!("hostile {kind}")).await;
        let config = with(Config::new(&url).unwrap(), |config| {
            config.connect_timeout = patience;
            config.request_timeout = patience;
        });
        Credentials::new(config, "ada", "token").unwrap()
    }
}

/// Registers a user and logs in.
pub(crate) async fn user(server: &Server, name: &str) -> Credentials {
    server.register_and_login(name, PASSWORD, None).await.unwrap()
}

/// Registers a user and connects.
pub(crate) async fn online(server: &Server, name: &str) -> Client {
    Client::open(&user(server, name).await).await.unwrap()
}
