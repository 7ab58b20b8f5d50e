//! What a connection did wrong lately: invalid payloads, and more payloads than it may send.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Invalid payloads that close a connection (protocol, "Validation").
const MOST_INVALID: usize = 20;
/// Within this time.
const INVALID_WINDOW: Duration = Duration::from_secs(60);

/// A connection's invalid payloads of the last minute.
#[derive(Debug, Default)]
pub(crate) struct Strikes(VecDeque<Instant>);

impl Strikes {
    /// Counts one more; true if that is one too many.
    pub(crate) fn count(&mut self, now: Instant) -> bool {
        while self.0.front().is_some_and(|&at| now.saturating_duration_since(at) >= INVALID_WINDOW) {
            self.0.pop_front();
        }
        self.0.push_back(now);
        self.0.len() >= MOST_INVALID
    }
}

/// So long without a dropped payload ends a flood.
const PAUSE: Duration = Duration::from_secs(1);

/// How long the payloads of a connection have been dropped because its user sends too many.
#[derive(Debug, Default)]
pub(crate) struct Flood {
    since: Option<Instant>,
    last: Option<Instant>,
}

impl Flood {
    /// Counts a dropped payload; true if the flood has gone on for `most`.
    pub(crate) fn dropped(&mut self, now: Instant, most: Duration) -> bool {
        let goes_on = self.last.is_some_and(|last| now.saturating_duration_since(last) < PAUSE);
        self.last = Some(now);
        let since = match self.since {
            Some(since) if goes_on => since,
            _ => *self.since.insert(now),
        };
        now.saturating_duration_since(since) >= most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_twentieth_invalid_payload_within_a_minute_is_one_too_many() {
        let (mut strikes, start) = (Strikes::default(), Instant::now());
        for n in 0..19 {
            assert!(!strikes.count(start + Duration::from_secs(n)), "{n}");
        }
        assert!(strikes.count(start + Duration::from_secs(59)));
        let mut slow = Strikes::default();
        for n in 0..100 {
            assert!(!slow.count(start + Duration::from_secs(4 * n)), "{n}");
        }
    }

    #[test]
    fn flood_closes_after_its_time() {
        let (mut flood, start, most) = (Flood::default(), Instant::now(), Duration::from_secs(10));
        for n in 0..100 {
            assert!(!flood.dropped(start + Duration::from_millis(100 * n), most), "{n}");
        }
        assert!(flood.dropped(start + most, most));
    }

    #[test]
    fn pause_of_a_second_ends_a_flood() {
        let (mut flood, start, most) = (Flood::default(), Instant::now(), Duration::from_secs(10));
        for n in 0..60 {
            assert!(!flood.dropped(start + Duration::from_secs(n), most), "{n}");
        }
    }
}
