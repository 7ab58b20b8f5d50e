//! Limits on log lines that clients cause: a client that is refused a thousand times a second must not fill the
//! operator's disk.

use std::sync::atomic::{AtomicU32, Ordering};

/// The most lines of one kind that are logged in a second. Others are counted.
const MOST: u32 = 10;

/// The kind of a log line that a client causes. Each kind has its own limit, so that one flood does not hide other
/// events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    /// A WebSocket handshake was refused, for its form or its origin.
    Handshake,
    /// A TLS handshake failed.
    Tls,
    /// A limit on connections is reached.
    Full,
    /// The first payload of a connection did not authenticate it.
    Authentication,
    /// A connection was closed because its client was too fast, too slow, invalid or silent.
    Closed,
    /// A connection was closed with its session, or by an admin.
    Ended,
    /// A message was sent to everyone.
    Broadcast,
    /// An admin did something, or a user who is not an admin tried to.
    Admin,
    /// A login or a change of a password was refused.
    Login,
    /// A registration was refused.
    Registration,
    /// An HTTP call was answered with 503.
    Unavailable,
}

impl Line {
    /// All of them, in the order of their numbers.
    const ALL: [Self; 11] = [
        Self::Handshake,
        Self::Tls,
        Self::Full,
        Self::Authentication,
        Self::Closed,
        Self::Ended,
        Self::Broadcast,
        Self::Admin,
        Self::Login,
        Self::Registration,
        Self::Unavailable,
    ];
}

/// Counts the lines of each kind in the current second.
#[derive(Debug, Default)]
pub(crate) struct LineLimits([AtomicU32; Line::ALL.len()]);

impl LineLimits {
    /// Returns `true` if one more line of this kind is to be logged, and counts the line.
    pub(crate) fn admit(&self, line: Line) -> bool {
        // Kinds are numbered in the order of `ALL`. The counter stops far below its maximum.
        let count = &self.0[line as usize];
        count.load(Ordering::Relaxed) < u32::MAX / 2 && count.fetch_add(1, Ordering::Relaxed) < MOST
    }

    /// Begins the next second, and logs how many lines were left out. Called once a second.
    pub(crate) fn next_second(&self) {
        for (line, left_out) in self.take_left_out() {
            tracing::warn!(kind = ?line, left_out, "suppressed log lines: too many of one kind in a second");
        }
    }

    fn take_left_out(&self) -> Vec<(Line, u32)> {
        let counts = Line::ALL.into_iter().zip(&self.0);
        counts
            .map(|(line, count)| (line, count.swap(0, Ordering::Relaxed).saturating_sub(MOST)))
            .filter(|(_, left_out)| *left_out > 0)
            .collect()
    }
}

/// The most bytes of a client's text in a line.
const CLIPPED: usize = 200;

/// Returns the beginning of a client's text, short enough for a log line.
pub(crate) fn clip(text: &[u8]) -> String {
    let (text, more) = if text.len() > CLIPPED { (&text[..CLIPPED], "…") } else { (text, "") };
    format!("{}{more}", text.escape_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_over_the_limit_are_counted() {
        let limits = LineLimits::default();
        let logged = (0..25).filter(|_| limits.admit(Line::Tls)).count();
        assert_eq!(logged, 10);
        assert!(limits.admit(Line::Full), "another kind has a limit of its own");
        assert_eq!(limits.take_left_out(), [(Line::Tls, 15)]);
        assert!(limits.admit(Line::Tls));
        assert_eq!(limits.take_left_out(), []);
    }

    #[test]
    fn every_kind_has_a_counter() {
        for (at, line) in Line::ALL.into_iter().enumerate() {
            assert_eq!(line as usize, at);
        }
    }

    #[test]
    fn client_texts_are_clipped_and_escaped() {
        assert_eq!(clip(b"a\nb\x1b"), "a\\nb\\x1b");
        assert_eq!(clip(&[b'x'; 300]).chars().count(), CLIPPED + 1);
    }
}
