//! The output of commands on stdout.

use std::io::{ErrorKind, Write as _};

use super::Failure;
use crate::base::telemetry;

/// Stdout cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to stdout: {0}")]
struct StdoutError(std::io::Error);

/// Writes `text` to stdout, for commands whose output is their purpose.
///
/// A reader that closes its end early, as `head` does, has what it wants: this is not a failure.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    match write(text) {
        Err(error) if error.0.kind() != ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Writes the line that reports what a command has done. If stdout cannot be written, the line is written to stderr:
/// the command has succeeded, so this never fails.
pub(super) fn report(line: &str) {
    if let Err(error) = write(&format!("{line}\n")) {
        telemetry::say(&format!("callie-server: {line} ({error})"));
    }
}

fn write(text: &str) -> Result<(), StdoutError> {
    let mut out = std::io::stdout();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(StdoutError)
}
