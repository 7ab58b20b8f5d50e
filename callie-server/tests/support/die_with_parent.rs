//! A child process that is killed when this process ends, for any reason.

use std::ffi::OsStr;
use std::process::{Child, Command, Stdio};

/// Runs a command until standard input, whose other end this process holds, is closed. Then kills the command.
const DIE_WITH_PARENT: &str =
    "\"$@\" </dev/null & pid=$!; cat >/dev/null; kill -9 $pid 2>/dev/null; wait $pid 2>/dev/null";

/// A running process.
pub struct ChildProcess(Child);

impl ChildProcess {
    /// Starts `program` with `arguments`.
    pub fn start(program: impl AsRef<OsStr>, arguments: &[String]) -> Self {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", DIE_WITH_PARENT, "die-with-parent"]).arg(program).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }

    /// Returns the process ID of the program.
    pub fn pid(&self) -> u32 {
        let shell = self.0.id();
        loop {
            let children = std::fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).unwrap();
            if let Some(first) = children.split_whitespace().next() {
                return first.parse().unwrap();
            }
            std::thread::yield_now();
        }
    }

    /// Kills the program, and waits until it has ended.
    pub fn kill(&mut self) {
        drop(self.0.stdin.take());
        self.0.wait().unwrap();
    }
}

impl Drop for ChildProcess {
    fn drop(&mut self) {
        self.kill();
    }
}
