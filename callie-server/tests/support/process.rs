//! The real binary as a child process.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{ExitStatus, Output, Stdio};

use rustix::process::{Pid, Resource, Signal, getrlimit, kill_process, prlimit};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::time::timeout;

use super::PATIENCE;

/// The text before the URL in the line that the server prints when it listens.
pub const LISTENING: &str = "callie-server listening on ";

/// Returns the command, in `folder` and without variables of our environment that the server would read.
pub fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_callie-server"));
    clean(&mut command, folder);
    command
}

/// Does the same with a limit on the size of files of `blocks` of 512 bytes, in place of a full disk.
pub fn command_on_a_full_disk(folder: &Path, blocks: u32) -> Command {
    let mut command = Command::new("/bin/sh");
    let limited = format!("trap '' XFSZ; ulimit -S -f {blocks}; exec \"$0\" \"$@\"");
    command.args(["-c", &limited, env!("CARGO_BIN_EXE_callie-server")]);
    clean(&mut command, folder);
    command
}

fn clean(command: &mut Command, folder: &Path) {
    for (key, _) in std::env::vars().filter(|(key, _)| key.starts_with("CALLIE_")) {
        command.env_remove(key);
    }
    command.current_dir(folder).kill_on_drop(true).stdin(Stdio::null());
}

/// Runs it until it ends.
pub async fn output(mut command: Command) -> Output {
    timeout(PATIENCE, command.output()).await.expect("the command ends").unwrap()
}

/// Runs it until it ends, with `input` on its stdin.
pub async fn output_of(mut command: Command, input: &str) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A command that refuses its arguments does not read.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    timeout(PATIENCE, child.wait_with_output()).await.expect("the command ends").unwrap()
}

/// A running server process, killed with the test.
pub struct Process {
    child: Child,
    pub url: String,
    pub addr: SocketAddr,
    stdout: Lines<BufReader<ChildStdout>>,
    stderr: ChildStderr,
}

impl Process {
    /// Starts it and waits until it listens.
    pub async fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut stderr = child.stderr.take().unwrap();
        let line = timeout(PATIENCE, stdout.next_line()).await.expect("it tells where it listens").unwrap();
        let Some(line) = line else {
            let mut said = String::new();
            stderr.read_to_string(&mut said).await.unwrap();
            panic!("it did not start: {said}");
        };
        let url = line.strip_prefix(LISTENING).unwrap_or_else(|| panic!("{line}")).to_owned();
        let addr = url.split("://").nth(1).unwrap().parse().unwrap();
        Self { child, url, addr, stdout, stderr }
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().unwrap().try_into().unwrap()).unwrap()
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Removes the limit that [`command_on_a_full_disk`] has set.
    pub fn lift_file_limit(&self) {
        let limit = getrlimit(Resource::Fsize);
        prlimit(Some(self.pid()), Resource::Fsize, limit).unwrap();
    }

    /// Sends the signal. Returns how it ended and its output on stderr.
    pub async fn end(mut self, signal: Signal) -> (ExitStatus, String) {
        self.signal(signal);
        let mut said = String::new();
        let read = self.stderr.read_to_string(&mut said);
        timeout(PATIENCE, read).await.expect("it ends").unwrap();
        let status = timeout(PATIENCE, self.child.wait()).await.expect("it ends").unwrap();
        assert_eq!(self.stdout.next_line().await.unwrap(), None, "one line on stdout and no more");
        (status, said)
    }

    /// Sends the signal, and returns how it ended. Its log is not read.
    pub async fn end_unread(mut self, signal: Signal) -> ExitStatus {
        self.signal(signal);
        timeout(PATIENCE, self.child.wait()).await.expect("it ends").unwrap()
    }

    /// Reads its log until a line has `text` in it, and returns the lines before.
    pub async fn wait_for_log(&mut self, text: &str) -> Vec<String> {
        let mut lines = BufReader::new(&mut self.stderr).lines();
        let mut before = Vec::new();
        let find = async {
            while let Some(line) = lines.next_line().await.unwrap() {
                if line.contains(text) {
                    return;
                }
                before.push(line);
            }
            panic!("it ended without saying {text}");
        };
        timeout(PATIENCE, find).await.unwrap_or_else(|_| panic!("it does not say {text}"));
        before
    }
}
