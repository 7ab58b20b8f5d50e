//! The test bed: one process for all scenarios, one connection to it for each.

use std::future::Future;
use std::io::BufRead as _;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use callie_client::{Client, Config, Credentials, Server};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Far over what any scenario takes, far under a hang.
pub(crate) const BOUND: Duration = Duration::from_secs(60);
/// The password of every user.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// Lets a scenario take only so long.
pub(crate) async fn within<T>(scenario: impl Future<Output = T>) -> T {
    timeout(BOUND, scenario).await.expect("the scenario ends in time")
}

/// The port of the test bed, started with the first scenario. It ends when this process does: its stdin ends then.
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

/// Servers of a scenario's own; they end with it.
pub(crate) struct TestEnv {
    bed: BufReader<TcpStream>,
}

impl TestEnv {
    pub(crate) async fn new() -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port())).await.unwrap();
        Self { bed: BufReader::new(stream) }
    }

    /// Asks the test bed for something, and gives the answer.
    pub(crate) async fn ask(&mut self, request: &str) -> String {
        self.bed.write_all(format!("{request}\n").as_bytes()).await.unwrap();
        let mut line = String::new();
        self.bed.read_line(&mut line).await.unwrap();
        let answer = line.trim_end().strip_prefix("ok").unwrap_or_else(|| panic!("{request}: {line}"));
        answer.trim_start().to_owned()
    }

    /// A env with a server, and the way to it.
    pub(crate) async fn with_server() -> (Self, Server) {
        let mut env = Self::new().await;
        let server = Server::new(&env.ask("server").await).unwrap();
        (env, server)
    }

    /// The same with the server's default rates.
    pub(crate) async fn with_strict_server() -> (Self, Server) {
        let mut env = Self::new().await;
        let server = Server::new(&env.ask("strict").await).unwrap();
        (env, server)
    }

    /// The way past the proxy.
    pub(crate) async fn direct(&mut self) -> Server {
        Server::new(&self.ask("direct").await).unwrap()
    }

    /// The session that clients of a hostile server resume.
    pub(crate) async fn hostile(&mut self, kind: &str, patience: Duration) -> Credentials {
        let url = self.ask(&format!("hostile {kind}")).await;
        let config = {
            let mut config = Config::new(&url).unwrap();
            config.connect_timeout = patience;
            config.request_timeout = patience;
            config
        };
        Credentials::new(config, "ada", "token").unwrap()
    }
}

/// A user of that name, logged in.
pub(crate) async fn user(server: &Server, name: &str) -> Credentials {
    server.register_and_login(name, PASSWORD, None).await.unwrap()
}

/// A user of that name, connected.
pub(crate) async fn online(server: &Server, name: &str) -> Client {
    Client::open(&user(server, name).await).await.unwrap()
}
