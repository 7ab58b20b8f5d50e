//! A file descriptor that tells event loops of other making that events wait.

#[cfg(unix)]
use std::{
    io::{self, Read, Write},
    os::fd::{AsRawFd, RawFd},
    os::unix::net::UnixStream,
};

/// Two ends of a socket: while a byte is in it, the one can be read from.
#[cfg(unix)]
#[derive(Debug)]
pub(crate) struct Readiness {
    seen: UnixStream,
    told: UnixStream,
    shown: bool,
}

#[cfg(unix)]
impl Readiness {
    pub(crate) fn new() -> io::Result<Self> {
        let (seen, told) = UnixStream::pair()?;
        seen.set_nonblocking(true)?;
        told.set_nonblocking(true)?;
        Ok(Self { seen, told, shown: false })
    }

    pub(crate) fn descriptor(&self) -> RawFd {
        self.seen.as_raw_fd()
    }

    /// Makes it readable.
    pub(crate) fn show(&mut self) {
        self.shown = self.shown || self.told.write(&[1]).is_ok();
    }

    /// Makes it unreadable.
    pub(crate) fn hide(&mut self) {
        if self.shown {
            // One byte is in it, or none if somebody else read it.
            let _ = self.seen.read(&mut [0; 8]);
            self.shown = false;
        }
    }
}

/// There are none on this system.
#[cfg(not(unix))]
#[derive(Debug)]
pub(crate) enum Readiness {}

#[cfg(not(unix))]
impl Readiness {
    pub(crate) fn show(&mut self) {}

    pub(crate) fn hide(&mut self) {}
}
