//! A file descriptor that tells foreign event loops that events wait.

#[cfg(unix)]
use std::{
    io::{self, Read, Write},
    os::fd::{AsRawFd, RawFd},
    os::unix::net::UnixStream,
};

/// A pair of sockets: `read_end` is readable while it holds a byte.
#[cfg(unix)]
#[derive(Debug)]
pub(crate) struct Readiness {
    read_end: UnixStream,
    write_end: UnixStream,
    shown: bool,
}

#[cfg(unix)]
impl Readiness {
    pub(crate) fn new() -> io::Result<Self> {
        let (read_end, write_end) = UnixStream::pair()?;
        read_end.set_nonblocking(true)?;
        write_end.set_nonblocking(true)?;
        Ok(Self { read_end, write_end, shown: false })
    }

    pub(crate) fn descriptor(&self) -> RawFd {
        self.read_end.as_raw_fd()
    }

    /// Makes the file descriptor readable.
    pub(crate) fn show(&mut self) {
        self.shown = self.shown || self.write_end.write(&[1]).is_ok();
    }

    /// Makes the file descriptor unreadable.
    pub(crate) fn hide(&mut self) {
        if self.shown {
            // The socket holds one byte, or none if the application read it.
            let _ = self.read_end.read(&mut [0; 8]);
            self.shown = false;
        }
    }
}

/// This system has no such file descriptors.
#[cfg(not(unix))]
#[derive(Debug)]
pub(crate) enum Readiness {}

#[cfg(not(unix))]
impl Readiness {
    pub(crate) fn show(&mut self) {}

    pub(crate) fn hide(&mut self) {}
}
