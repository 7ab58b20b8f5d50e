//! A callie-server as a child process, which is killed when its owner is dropped or the test bed dies.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::die_with_parent;

/// The timeout for a start, which takes well under a second on an idle machine.
const START: Duration = Duration::from_secs(30);
/// The text before the URL in the line that the server prints when it listens.
const LISTENING: &str = "callie-server listening on ";
/// Rates and limits that no test reaches.
const WIDE: [(&str, &str); 10] = [
    ("CALLIE_MESSAGES_PER_SECOND", "100000"),
    ("CALLIE_BURST", "100000"),
    ("CALLIE_BROADCASTS_PER_MINUTE", "100000"),
    ("CALLIE_REGISTRATION_BURST", "100000"),
    ("CALLIE_REGISTRATIONS_PER_MINUTE", "100000"),
    ("CALLIE_LOGIN_BURST_PER_ADDRESS", "100000"),
    ("CALLIE_LOGINS_PER_MINUTE_PER_ADDRESS", "100000"),
    ("CALLIE_LOGIN_BURST_PER_NAME", "100000"),
    ("CALLIE_LOGINS_PER_MINUTE_PER_NAME", "100000"),
    ("CALLIE_OUTBOX_BYTES", "67108864"),
];

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error("the server did not start: {log}")]
    Silent { log: String },
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// The rates of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rates {
    /// [`WIDE`].
    Wide,
    /// The server's defaults.
    Default,
}

/// A running server.
pub(crate) struct Process {
    child: Child,
    /// The address that it listens on.
    pub(crate) addr: SocketAddr,
    /// Kept open, because a program that cannot write to its stdout may end.
    _stdout: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// Starts `binary` in `folder`, which has its database, and waits until it listens.
    pub(crate) async fn start(
        binary: &Path,
        folder: &Path,
        rates: Rates,
        settings: &[(&str, &OsStr)],
    ) -> Result<Self, StartError> {
        let log = folder.join("server.log");
        let mut command = Command::new(std::env::current_exe()?);
        for (key, _) in std::env::vars().filter(|(key, _)| key.starts_with("CALLIE_")) {
            command.env_remove(key);
        }
        if rates == Rates::Wide {
            command.envs(WIDE);
        }
        let mut child = command
            .args([die_with_parent::COMMAND, &std::process::id().to_string()])
            .arg(binary)
            .args(["--listen", "127.0.0.1:0", "--database", "callie.db", "--no-web-page"])
            .envs(settings.iter().copied())
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::options().create(true).append(true).open(&log)?)
            .kill_on_drop(true)
            .spawn()?;
        let silent = || StartError::Silent { log: std::fs::read_to_string(&log).unwrap_or_default() };
        let mut stdout = BufReader::new(child.stdout.take().ok_or_else(silent)?).lines();
        let line = timeout(START, stdout.next_line()).await.map_err(|_| silent())??.ok_or_else(silent)?;
        let url = line.strip_prefix(LISTENING).ok_or_else(silent)?;
        let addr = url.split("://").nth(1).and_then(|addr| addr.parse().ok()).ok_or_else(silent)?;
        Ok(Self { child, addr, _stdout: stdout })
    }

    /// Kills the server, like a crash, and waits until its process has ended.
    pub(crate) async fn kill(mut self) -> std::io::Result<()> {
        self.child.kill().await
    }
}
