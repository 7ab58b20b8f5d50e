//! A child process that ends with this one, however this one ends.

use std::ffi::OsStr;
use std::process::{Child, Command, Stdio};

/// Runs the command until its standard input, which we hold, is closed; then kills it.
const LEASH: &str =
    "\"$@\" </dev/null & pid=$!; cat >/dev/null; kill -9 $pid 2>/dev/null; wait $pid 2>/dev/null";

/// A running process.
pub struct Leashed(Child);

impl Leashed {
    /// Starts a program.
    pub fn start(program: impl AsRef<OsStr>, arguments: &[String]) -> Self {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", LEASH, "leash"]).arg(program).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }

    /// Its process ID.
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

    /// Kills it, and answers when it is gone.
    pub fn kill(&mut self) {
        drop(self.0.stdin.take());
        self.0.wait().unwrap();
    }
}

impl Drop for Leashed {
    fn drop(&mut self) {
        self.kill();
    }
}
