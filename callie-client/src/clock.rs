//! The clock and the source of randomness of a client's session.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use callie_core::Timestamp;
use callie_core::session::{Now, Random};

/// The time since a client was made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    begun: Instant,
}

impl Clock {
    pub(crate) fn new() -> Self {
        Self { begun: Instant::now() }
    }

    /// The current time. If the system's clock is outside the years 1 to 9999, the wall time is
    /// 1970.
    pub(crate) fn now(&self) -> Now {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let wall = i64::try_from(since_epoch.as_millis()).ok().and_then(Timestamp::from_unix_millis);
        Now { elapsed: self.begun.elapsed(), wall: wall.unwrap_or(Timestamp::UNIX_EPOCH) }
    }

    /// The instant after the given time has elapsed; `None` if it cannot be represented.
    pub(crate) fn at(&self, elapsed: Duration) -> Option<Instant> {
        self.begun.checked_add(elapsed)
    }
}

/// The system's randomness, read in blocks: a system call for every ID would be most of its cost.
pub(crate) fn random() -> Random {
    const WORDS: usize = 64;
    let mut pool = [0_u8; WORDS * 8];
    let mut left = 0;
    Box::new(move || {
        if left == 0 {
            if getrandom::fill(&mut pool).is_err() {
                // Falls back to a randomly seeded hasher, which is weaker. No secrets depend on it.
                return RandomState::new().build_hasher().finish();
            }
            left = WORDS;
        }
        left -= 1;
        pool[left * 8..].first_chunk().map_or(0, |word| u64::from_le_bytes(*word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_do_not_repeat() {
        let mut random = random();
        let mut words: Vec<_> = (0..1_000).map(|_| random()).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), 1_000);
    }
}
