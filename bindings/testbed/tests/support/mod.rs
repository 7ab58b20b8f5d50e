//! The test bed as a child process, its environments, and HTTP calls written byte by byte.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, dead_code, unreachable_pub)]
#![allow(missing_docs)]

use std::process::Stdio;
use std::time::{Duration, Instant};

use callie_core::account::{Credentials, Login, LoginRequest, path};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// The timeout of every step, far longer than a step takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);
pub const PASSWORD: &str = "correct horse battery";

/// The program, which ends with the test and removes its folder for temporary files.
pub struct Bed {
    pub child: Child,
    port: u16,
    pub folder: TempDir,
}

impl Drop for Bed {
    /// Closes stdin, so that the environments remove their files.
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let since = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && since.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Bed {
    pub async fn start() -> Self {
        Self::of(&mut Command::new(env!("CARGO_BIN_EXE_callie-testbed"))).await
    }

    pub async fn of(command: &mut Command) -> Self {
        let folder = tempfile::tempdir().unwrap();
        command.env("TMPDIR", folder.path()).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.as_mut().unwrap());
        timeout(PATIENCE, stdout.read_line(&mut line)).await.expect("a port in time").unwrap();
        Self { child, port: line.trim().parse().unwrap(), folder }
    }

    pub async fn env(&self) -> TestEnv {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        TestEnv { stream: BufReader::new(stream) }
    }
}

/// One connection to the program.
pub struct TestEnv {
    stream: BufReader<TcpStream>,
}

impl TestEnv {
    /// Sends a request and returns the whole answer.
    pub async fn ask(&mut self, request: &str) -> String {
        self.stream.write_all(format!("{request}\n").as_bytes()).await.unwrap();
        let mut line = String::new();
        let read = self.stream.read_line(&mut line);
        timeout(PATIENCE, read).await.expect("an answer in time").unwrap();
        line.trim_end().to_owned()
    }

    /// Sends a request that must succeed and returns the values of the answer.
    pub async fn ok(&mut self, request: &str) -> String {
        let answer = self.ask(request).await;
        let values = answer.strip_prefix("ok").unwrap_or_else(|| panic!("{request}: {answer}"));
        values.trim_start().to_owned()
    }

    /// Sends a request whose answer is a URL, and returns the address in it.
    pub async fn addr(&mut self, request: &str) -> String {
        let values = self.ok(request).await;
        let url = values.split(' ').next().unwrap();
        url.split("://").nth(1).unwrap().to_owned()
    }
}

/// Sends a request, without waiting for the answer.
pub async fn send(addr: &str, head: &str, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let request = format!(
        "{head}\r\nhost: {addr}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// Reads an answer to its end. Returns its status and its body.
pub async fn receive(mut stream: TcpStream) -> std::io::Result<(u16, String)> {
    let mut text = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut text)).await.expect("an end in time")?;
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_default();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok((status.ok_or(std::io::ErrorKind::UnexpectedEof)?, body.to_owned()))
}

/// Waits until the other side has closed, with or without a reset.
pub async fn is_closed(stream: &mut TcpStream) -> bool {
    let mut byte = [0];
    matches!(timeout(PATIENCE, stream.read(&mut byte)).await.expect("an end in time"), Ok(0) | Err(_))
}

pub async fn register(addr: &str, username: &str) -> TcpStream {
    let body = Credentials::new(username, PASSWORD);
    send(addr, &format!("POST {} HTTP/1.1", path::REGISTER), &serde_json::to_string(&body).unwrap()).await
}

/// Returns the status of a login with a wrong password.
pub async fn wrong_login(addr: &str, username: &str) -> u16 {
    let password = "wrong horse battery".to_owned();
    let body = LoginRequest::new(username, password);
    let body = serde_json::to_string(&body).unwrap();
    receive(send(addr, &format!("POST {} HTTP/1.1", path::LOGIN), &body).await).await.unwrap().0
}

/// Logs in and returns the token, or `None` if there is no answer.
pub async fn login(addr: &str, username: &str) -> Option<String> {
    let body = LoginRequest::new(username, PASSWORD);
    let body = serde_json::to_string(&body).unwrap();
    let (status, body) =
        receive(send(addr, &format!("POST {} HTTP/1.1", path::LOGIN), &body).await).await.ok()?;
    assert_eq!(status, 200, "{body}");
    let login: Login = serde_json::from_str(&body).unwrap();
    Some(login.token.expose().to_owned())
}

/// Returns the status of a call that needs a valid token.
pub async fn status_with(addr: &str, token: &str) -> u16 {
    let head = format!("GET {} HTTP/1.1\r\nauthorization: Bearer {token}", path::SESSIONS);
    receive(send(addr, &head, "").await).await.unwrap().0
}
