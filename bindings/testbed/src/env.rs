//! The environment of one connection: the servers that it has started, which end with it.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::process::{Process, Rates, StartError};
use crate::proxy::{Order, Proxy};
use crate::request::Request;
use crate::{Failure, certificate, hostile, revoke};

/// The folder of the conformance vectors. This program always runs beside its sources.
const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../callie-core/tests/vectors");

/// A request that is not possible in the present state.
#[derive(Debug, thiserror::Error)]
enum Misplaced {
    #[error("send `server` or `strict` first")]
    NoServer,
    #[error("this environment already has a server")]
    HasServer,
    #[error("the server was killed")]
    Killed,
    #[error("the server is running")]
    Runs,
}

/// Serves one connection until it ends or the sender of `ending` is dropped. Then ends everything that it started.
pub(crate) async fn run(mut stream: TcpStream, server: PathBuf, mut ending: watch::Receiver<()>) {
    let Ok(mut env) = TestEnv::new(server) else { return };
    // Fails only if the test has ended.
    let _ = answer_requests(&mut stream, &mut env, &mut ending).await;
    env.end().await;
}

async fn answer_requests(
    stream: &mut TcpStream,
    env: &mut TestEnv,
    ending: &mut watch::Receiver<()>,
) -> Result<(), Failure> {
    stream.set_nodelay(true)?;
    let (reads, mut writes) = stream.split();
    let mut lines = BufReader::new(reads).lines();
    loop {
        let line = tokio::select! {
            line = lines.next_line() => line?,
            // The sender is dropped when the program ends.
            _ = ending.changed() => None,
        };
        let Some(line) = line else { return Ok(()) };
        let done = match Request::parse(&line) {
            Ok(request) => env.perform(request).await,
            Err(bad) => Err(bad.into()),
        };
        let answer = match done {
            Ok(values) if values.is_empty() => "ok\n".to_owned(),
            Ok(values) => format!("ok {values}\n"),
            Err(error) => format!("error {}\n", error.to_string().replace('\n', " ")),
        };
        writes.write_all(answer.as_bytes()).await?;
    }
}

/// A server behind its proxy. It has no process after `kill`.
struct Backend {
    process: Option<Process>,
    proxy: Proxy,
    rates: Rates,
}

/// What one connection has started. Fields are dropped in this order: the folder last, because the others write to it.
struct TestEnv {
    binary: PathBuf,
    backend: Option<Backend>,
    others: Vec<Process>,
    hostile: JoinSet<()>,
    /// Bound, so that no other program gets the port, but not listening.
    nobody: Vec<TcpSocket>,
    /// The origin whose web pages may use the servers.
    origin: Option<String>,
    folder: TempDir,
}

impl TestEnv {
    fn new(binary: PathBuf) -> std::io::Result<Self> {
        Ok(Self {
            binary,
            backend: None,
            others: Vec::new(),
            hostile: JoinSet::new(),
            nobody: Vec::new(),
            origin: None,
            folder: tempfile::Builder::new().prefix("callie-testbed-").tempdir()?,
        })
    }

    /// Ends the servers and waits for their processes, so that none writes to the folder while it is removed.
    async fn end(mut self) {
        let of_backend = self.backend.take().and_then(|backend| backend.process);
        for process in of_backend.into_iter().chain(self.others.drain(..)) {
            // Fails only for a process that has ended already.
            let _ = process.kill().await;
        }
    }

    async fn perform(&mut self, request: Request) -> Result<String, Failure> {
        match request {
            Request::Server => self.server(Rates::Wide).await,
            Request::Strict => self.server(Rates::Default).await,
            Request::Cut => self.order(Order::Cut).await,
            Request::Refuse => self.order(Order::Refuse(true)).await,
            Request::Accept => self.order(Order::Refuse(false)).await,
            Request::Hold => self.order(Order::Hold(true)).await,
            Request::Release => self.order(Order::Hold(false)).await,
            Request::Kill => self.kill().await,
            Request::Start => self.start().await,
            Request::Direct => Ok(http(self.process()?.addr)),
            Request::Revoke(username) => {
                revoke::revoke(self.process()?.addr, &username).await?;
                Ok(String::new())
            }
            Request::Tls => self.tls().await,
            Request::Hostile(kind) => Ok(http(hostile::start(kind, &mut self.hostile).await?)),
            Request::Origin(origin) => {
                self.origin = Some(origin);
                Ok(String::new())
            }
            Request::Nobody => self.nobody(),
            Request::Vectors => Ok(Path::new(VECTORS).canonicalize()?.display().to_string()),
        }
    }

    fn backend(&mut self) -> Result<&mut Backend, Misplaced> {
        self.backend.as_mut().ok_or(Misplaced::NoServer)
    }

    fn process(&mut self) -> Result<&Process, Misplaced> {
        self.backend()?.process.as_ref().ok_or(Misplaced::Killed)
    }

    async fn order(&mut self, order: Order) -> Result<String, Failure> {
        self.backend()?.proxy.order(order).await?;
        Ok(String::new())
    }

    async fn server(&mut self, rates: Rates) -> Result<String, Failure> {
        if self.backend.is_some() {
            return Err(Misplaced::HasServer.into());
        }
        let process = self.process_in(self.folder.path(), rates, &[]).await?;
        let proxy = Proxy::start(process.addr).await?;
        let url = http(proxy.addr);
        self.backend = Some(Backend { process: Some(process), proxy, rates });
        Ok(url)
    }

    async fn process_in(
        &self,
        folder: &Path,
        rates: Rates,
        settings: &[(&str, &OsStr)],
    ) -> Result<Process, StartError> {
        let origin = self.origin.as_ref().map(|origin| ("CALLIE_CORS_ORIGINS", OsStr::new(origin)));
        let settings: Vec<_> = settings.iter().copied().chain(origin).collect();
        Process::start(&self.binary, folder, rates, &settings).await
    }

    async fn kill(&mut self) -> Result<String, Failure> {
        self.backend()?.process.take().ok_or(Misplaced::Killed)?.kill().await?;
        Ok(String::new())
    }

    async fn start(&mut self) -> Result<String, Failure> {
        let backend = self.backend()?;
        if backend.process.is_some() {
            return Err(Misplaced::Runs.into());
        }
        let rates = backend.rates;
        let process = self.process_in(self.folder.path(), rates, &[]).await?;
        let backend = self.backend()?;
        backend.proxy.order(Order::Connect(process.addr)).await?;
        backend.process = Some(process);
        Ok(String::new())
    }

    async fn tls(&mut self) -> Result<String, Failure> {
        let folder = self.folder.path().join(format!("tls{}", self.others.len()));
        std::fs::create_dir(&folder)?;
        let files = certificate::make(&folder)?;
        let settings =
            [("CALLIE_TLS_CERT", files.certificate.as_os_str()), ("CALLIE_TLS_KEY", files.key.as_os_str())];
        let process = self.process_in(&folder, Rates::Wide, &settings).await?;
        let answer = format!("https://{} {} {}", process.addr, files.root.display(), files.pin);
        self.others.push(process);
        Ok(answer)
    }

    fn nobody(&mut self) -> Result<String, Failure> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
        let url = http(socket.local_addr()?);
        self.nobody.push(socket);
        Ok(url)
    }
}

fn http(addr: SocketAddr) -> String {
    format!("http://{addr}")
}
