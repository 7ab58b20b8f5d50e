//! Recent violations of a connection: invalid payloads, and payloads over the rate.

use std::collections::VecDeque;
use std::time::Duration;

use crate::limits::MAX_INVALID;
use crate::times::{FLOOD_PAUSE, INVALID_WINDOW};

/// The invalid payloads of a connection within the last [`INVALID_WINDOW`].
#[derive(Debug, Default)]
pub(super) struct Strikes(VecDeque<Duration>);

impl Strikes {
    /// Counts an invalid payload. Returns `true` if it closes the connection.
    pub(super) fn count(&mut self, now: Duration) -> bool {
        while self.0.front().is_some_and(|&at| now.saturating_sub(at) >= INVALID_WINDOW) {
            self.0.pop_front();
        }
        self.0.push_back(now);
        self.0.len() >= MAX_INVALID
    }
}

/// How long payloads of a connection have been dropped because of the rate.
#[derive(Debug, Default)]
pub(super) struct Flood {
    since: Option<Duration>,
    last: Option<Duration>,
}

impl Flood {
    /// Counts a dropped payload. Returns `true` if the flood has lasted for `most` and closes the connection.
    pub(super) fn dropped(&mut self, now: Duration, most: Duration) -> bool {
        let goes_on = self.last.is_some_and(|last| now.saturating_sub(last) < FLOOD_PAUSE);
        self.last = Some(now);
        let since = match self.since {
            Some(since) if goes_on => since,
            _ => *self.since.insert(now),
        };
        now.saturating_sub(since) >= most
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::times::FLOOD;

    #[test]
    fn twentieth_invalid_payload_within_a_minute_closes() {
        let mut strikes = Strikes::default();
        for n in 0..19 {
            assert!(!strikes.count(Duration::from_secs(n)), "{n}");
        }
        assert!(strikes.count(Duration::from_secs(59)));
        let mut slow = Strikes::default();
        for n in 0..100 {
            assert!(!slow.count(Duration::from_secs(4 * n)), "{n}");
        }
    }

    #[test]
    fn flood_closes_after_ten_seconds() {
        let mut flood = Flood::default();
        for n in 0..100 {
            assert!(!flood.dropped(Duration::from_millis(100 * n), FLOOD), "{n}");
        }
        assert!(flood.dropped(FLOOD, FLOOD));
    }

    #[test]
    fn pause_of_a_second_ends_a_flood() {
        let mut flood = Flood::default();
        for n in 0..60 {
            assert!(!flood.dropped(Duration::from_secs(n), FLOOD), "{n}");
        }
    }
}
