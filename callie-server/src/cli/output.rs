//! The output of commands on stdout.

use std::io::{self, ErrorKind, Write as _};

use super::Failure;
use crate::base::telemetry;

/// Stdout cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write to stdout: {0}")]
struct StdoutError(io::Error);

/// Writes `text` to stdout, for commands whose output is their purpose.
///
/// A reader that closes its end early, as `head` does, has what it wants: this is not a failure.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    printed(write(text))
}

/// Writes a part of the output. Returns `false` if the reader has closed its end, so that no other part is needed.
pub(super) fn print_part(text: &str) -> Result<bool, Failure> {
    let written = write(text);
    let is_read = written.is_ok();
    printed(written)?;
    Ok(is_read)
}

/// The same for what was written already.
pub(super) fn printed(done: io::Result<()>) -> Result<(), Failure> {
    match done {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(StdoutError(error).into()),
        _ => Ok(()),
    }
}

/// Writes the line that reports what a command has done. If stdout cannot be written, the line is written to stderr:
/// the command has succeeded, so this never fails.
pub(super) fn report(line: &str) {
    if let Err(error) = write(&format!("{line}\n")).map_err(StdoutError) {
        telemetry::say(&format!("callie-server: {line} ({error})"));
    }
}

fn write(text: &str) -> io::Result<()> {
    let mut out = io::stdout();
    out.write_all(text.as_bytes()).and_then(|()| out.flush())
}
