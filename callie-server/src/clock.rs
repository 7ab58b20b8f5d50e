//! The time, as the database keeps it.

use std::time::{SystemTime, UNIX_EPOCH};

use callie_core::Timestamp;

/// Milliseconds since 1970, in UTC.
pub type Millis = i64;

/// One day.
pub const DAY: Millis = 24 * 60 * 60 * 1000;

/// Now.
#[must_use]
pub fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// `millis` as the protocol writes it; an instant before 1970 or beyond the year 9999 is cut there.
#[must_use]
pub fn timestamp(millis: Millis) -> Timestamp {
    /// 9999-12-31T23:59:59.999Z.
    const LAST: Millis = 253_402_300_799_999;
    Timestamp::from_unix_millis(millis.clamp(0, LAST)).unwrap_or(Timestamp::UNIX_EPOCH)
}
