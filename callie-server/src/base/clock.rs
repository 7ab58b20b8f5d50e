//! The time of the system, and whether it can be trusted.
//!
//! The clock of a system may be wrong before it is set after a start, or when somebody sets it. Sessions and bans
//! depend on the time, so they use [`now`], which does not follow a jump ahead immediately. Payloads of the server have
//! the time of [`wall`].

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use callie_core::Timestamp;

/// Milliseconds since 1970, in UTC.
pub type Millis = i64;

/// One day.
pub const DAY: Millis = 24 * 60 * 60 * 1000;

/// A difference from the expected time that is not a jump: corrections of a clock are smaller.
const TOLERANCE: Millis = 60_000;
/// 2026-01-01 in milliseconds. A clock that shows an earlier time has not been set.
const PLAUSIBLE: Millis = 1_767_225_600_000;
/// How long a clock must run steadily after a start or a jump before it is trusted.
const BELIEVED_AFTER: Duration = Duration::from_secs(60 * 60);

/// The offset that is added to the time of the system; see [`shift`].
static SHIFT: AtomicI64 = AtomicI64::new(0);
static STEADY: Mutex<Option<Steady>> = Mutex::new(None);

/// The moment that [`elapsed`] counts from.
static START: OnceLock<Instant> = OnceLock::new();

/// Returns the time from a fixed moment to `at`, on one scale for all connections. An `at` before the first call counts
/// as zero.
#[must_use]
pub(crate) fn elapsed(at: Instant) -> Duration {
    at.saturating_duration_since(*START.get_or_init(Instant::now))
}

/// Returns the time for sessions, bans and the database. It follows the clock of the system, but a jump ahead only
/// after an hour, and never a time before this program was written.
#[must_use]
pub fn now() -> Millis {
    with_steady(|steady, wall, at| steady.look(wall, at))
}

/// Returns `true` if the clock of the system has run steadily for an hour. Until then nothing is deleted for its age.
#[must_use]
pub fn is_settled() -> bool {
    with_steady(|steady, wall, at| {
        steady.look(wall, at);
        steady.is_settled(at)
    })
}

fn with_steady<T>(look: impl FnOnce(&mut Steady, Millis, Instant) -> T) -> T {
    let mut steady = STEADY.lock().unwrap_or_else(PoisonError::into_inner);
    let (wall, at) = (wall(), Instant::now());
    look(steady.get_or_insert_with(|| Steady::new(wall, at)), wall, at)
}

/// Returns the time of the system; 1970 for any earlier time.
#[must_use]
pub fn wall() -> Millis {
    let system = match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        Err(_) => 0,
    };
    system.saturating_add(SHIFT.load(Ordering::Relaxed)).max(0)
}

/// Shifts the clock of this process by `by`, for tests.
pub fn shift(by: Millis) {
    SHIFT.store(by, Ordering::Relaxed);
}

/// Converts `millis` to a timestamp. A time before 1970 or after the year 9999 is cut off there.
#[must_use]
pub fn timestamp(millis: Millis) -> Timestamp {
    /// 9999-12-31T23:59:59.999Z.
    const LAST: Millis = 253_402_300_799_999;
    Timestamp::from_unix_millis(millis.clamp(0, LAST)).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// Compares the system's clock with the time that passes.
#[derive(Debug)]
struct Steady {
    /// The last time that was trusted.
    believed: Mark,
    /// The last trusted time before the clock was set back. A clock that returns to it is right again.
    before: Option<Mark>,
    /// Since when the clock shows a time that is not trusted.
    doubted_since: Option<Instant>,
    /// Since when the clock has not jumped.
    since: Instant,
}

/// A time of the clock, and the instant at which the clock showed it.
#[derive(Debug, Clone, Copy)]
struct Mark {
    wall: Millis,
    at: Instant,
}

impl Mark {
    /// Returns the time that a steady clock shows at `at`.
    fn expected(self, at: Instant) -> Millis {
        let passed = at.saturating_duration_since(self.at).as_millis();
        self.wall.saturating_add(i64::try_from(passed).unwrap_or(i64::MAX))
    }

    fn agrees(self, wall: Millis, at: Instant) -> bool {
        wall.saturating_sub(self.expected(at)).saturating_abs() <= TOLERANCE
    }
}

impl Steady {
    fn new(wall: Millis, at: Instant) -> Self {
        Self { believed: Mark { wall, at }, before: None, doubted_since: None, since: at }
    }

    /// Returns the time that is trusted when the clock shows `wall`.
    fn look(&mut self, wall: Millis, at: Instant) -> Millis {
        let expected = self.believed.expected(at);
        let agrees = self.believed.agrees(wall, at);
        let is_right_again = self.before.is_some_and(|before| before.agrees(wall, at));
        let was_plausible = self.believed.wall >= PLAUSIBLE;
        if !agrees && was_plausible && !is_right_again && (wall > expected || wall < PLAUSIBLE) {
            let since = *self.doubted_since.get_or_insert(at);
            self.since = at;
            if wall < PLAUSIBLE || at.saturating_duration_since(since) < BELIEVED_AFTER {
                return expected;
            }
        }
        if !agrees {
            self.before = (wall < expected).then_some(self.believed);
        }
        if !agrees || self.doubted_since.is_some() {
            self.since = at;
        }
        self.believed = Mark { wall, at };
        self.doubted_since = None;
        wall
    }

    fn is_settled(&self, at: Instant) -> bool {
        self.doubted_since.is_none()
            && self.believed.wall >= PLAUSIBLE
            && at.saturating_duration_since(self.since) >= BELIEVED_AFTER
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const YEAR: Millis = 365 * DAY;
    const NOW: Millis = PLAUSIBLE + YEAR;

    /// A clock and when it was started.
    fn clock(wall: Millis) -> (Steady, Instant) {
        let start = Instant::now();
        (Steady::new(wall, start), start)
    }

    fn minutes(n: Millis) -> Millis {
        n * 60_000
    }

    #[test]
    fn jump_ahead_is_trusted_after_an_hour() {
        let (mut clock, start) = clock(NOW);
        assert_eq!(clock.look(NOW + minutes(1), start + MINUTE), NOW + minutes(1));
        let leapt = NOW + 15 * YEAR;
        assert_eq!(clock.look(leapt, start + 2 * MINUTE), NOW + minutes(2));
        assert!(!clock.is_settled(start + 2 * MINUTE));
        // Set right again in time.
        assert_eq!(clock.look(NOW + minutes(3), start + 3 * MINUTE), NOW + minutes(3));
        assert!(!clock.is_settled(start + 62 * MINUTE));
        assert!(clock.is_settled(start + 63 * MINUTE));
        // And never set right.
        let later = start + 70 * MINUTE;
        assert!(clock.look(leapt, later) < NOW + YEAR);
        assert!(clock.look(leapt + minutes(30), later + 30 * MINUTE) < NOW + YEAR);
        let believed = leapt + minutes(60);
        assert_eq!(clock.look(believed, later + 60 * MINUTE), believed);
    }

    #[test]
    fn step_back_and_return_are_followed() {
        let (mut clock, start) = clock(NOW);
        assert!(!clock.is_settled(start + MINUTE));
        assert!(clock.is_settled(start + 60 * MINUTE));
        let back = NOW - YEAR / 2;
        assert_eq!(clock.look(back, start + 60 * MINUTE), back);
        assert!(!clock.is_settled(start + 119 * MINUTE));
        assert!(clock.is_settled(start + 120 * MINUTE));
        let right = NOW + minutes(90);
        assert_eq!(clock.look(right, start + 90 * MINUTE), right);
    }

    #[test]
    fn unset_clock_is_not_followed() {
        // A machine without a battery begins in 1970, and is set over the network.
        let (mut unset, start) = clock(5_000);
        assert!(!unset.is_settled(start + 60 * MINUTE));
        assert_eq!(unset.look(NOW, start + MINUTE), NOW);
        assert_eq!(unset.look(0, start + 2 * MINUTE), NOW + minutes(1));
        assert_eq!(unset.look(minutes(90), start + 92 * MINUTE), NOW + minutes(91));
        assert!(!unset.is_settled(start + 92 * MINUTE));
        assert_eq!(unset.look(NOW + minutes(92), start + 93 * MINUTE), NOW + minutes(92));
    }

    #[test]
    fn times_saturate() {
        assert_eq!(timestamp(-5), Timestamp::UNIX_EPOCH);
        assert!(timestamp(i64::MAX).to_string().starts_with("9999"));
        let (mut clock, start) = clock(NOW);
        assert!(clock.look(i64::MAX, start) <= NOW);
        assert!(Mark { wall: i64::MAX, at: start }.expected(start + MINUTE) == i64::MAX);
    }
}
