//! A real NATS server, which ends with the test.

use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpStream;

use super::PATIENCE;
use super::die_with_parent::ChildProcess;

/// A NATS server on its own port.
pub struct Nats {
    process: ChildProcess,
    port: u16,
    more: Vec<String>,
}

impl Nats {
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts it with more arguments.
    pub async fn start_with(more: &[&str]) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let more: Vec<String> = more.iter().map(|&word| word.to_owned()).collect();
        let process = run(port, &more);
        let nats = Self { process, port, more };
        nats.wait_until_it_answers().await;
        nats
    }

    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Kills it, like a crash.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again on the same port.
    pub async fn start_again(&mut self) {
        self.process = run(self.port, &self.more);
        self.wait_until_it_answers().await;
    }

    async fn wait_until_it_answers(&self) {
        let answers = async {
            loop {
                if let Ok(stream) = TcpStream::connect(("127.0.0.1", self.port)).await {
                    let mut line = String::new();
                    // A NATS server sends INFO first.
                    if BufReader::new(stream).read_line(&mut line).await.is_ok() && line.starts_with("INFO ")
                    {
                        return;
                    }
                }
                // There is no event when a port is opened.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(PATIENCE, answers).await.expect("NATS answers");
    }
}

fn run(port: u16, more: &[String]) -> ChildProcess {
    let mut arguments =
        vec!["--addr".to_owned(), "127.0.0.1".to_owned(), "--port".to_owned(), port.to_string()];
    arguments.extend_from_slice(more);
    ChildProcess::start(binary(), &arguments)
}

/// Finds the program where `make install` installs it, or on the PATH.
fn binary() -> PathBuf {
    let installed = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/venv/bin/nats-server"));
    if installed.exists() {
        return installed;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found =
        std::env::split_paths(&path).map(|folder| folder.join("nats-server")).find(|file| file.exists());
    found.expect("nats-server is installed: run `make install`")
}
