//! An instant with milliseconds. Two spellings are parsed, and one is written (protocol, "Envelope").

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use time::{Date, Month, OffsetDateTime, Time, UtcOffset};

use crate::convert::{NameError, from_text, to_text};

/// An instant in UTC with milliseconds, in the years 0000 to 9999.
///
/// It is written as `YYYY-MM-DDTHH:mm:ss.sssZ`. The specification has a dot between minutes and seconds in place of ISO
/// 8601's colon; that form is parsed too, but never written.
///
/// It is stored as text, because it is parsed and written far more often than it is computed with. The order of the
/// texts is the order of the instants.
///
/// ```
/// use callie_core::Timestamp;
///
/// // The specification's own spelling is parsed, but never written.
/// let instant = Timestamp::parse("2026-01-02T03:04.05.678Z")?;
/// assert_eq!(instant.to_string(), "2026-01-02T03:04:05.678Z");
/// assert_eq!(Timestamp::from_unix_millis(instant.unix_millis()), Some(instant));
/// # Ok::<(), callie_core::NameError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp([u8; LEN]);

/// The length of either spelling, in bytes.
const LEN: usize = 24;
/// The index at which the spellings differ: `:` or `.` between minutes and seconds.
pub(crate) const ERRATUM_AT: usize = 16;

impl Timestamp {
    /// The expected form, as a phrase that follows "must be".
    pub const EXPECTED: &'static str = "a real UTC instant of the form YYYY-MM-DDTHH:mm:ss.sssZ";

    /// 1970-01-01T00:00:00.000Z.
    pub const UNIX_EPOCH: Self = Self(*b"1970-01-01T00:00:00.000Z");

    /// Parses either spelling.
    ///
    /// # Errors
    /// [`NameError`] when `text` has another form or is not a real instant (30 February, a leap second).
    pub fn parse(text: &str) -> Result<Self, NameError> {
        read(text.as_bytes()).map(|(written, _)| Self(written)).ok_or(NameError { expected: Self::EXPECTED })
    }

    /// Returns the instant `millis` milliseconds after 1970-01-01T00:00:00Z, or `None` outside of the years 0000 to
    /// 9999.
    #[must_use]
    pub fn from_unix_millis(millis: i64) -> Option<Self> {
        let t = OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000).ok()?;
        if !(0..=9999).contains(&t.year()) {
            return None;
        }
        let mut out = *b"0000-00-00T00:00:00.000Z";
        for (at, width, value) in [
            (0, 4, t.year().unsigned_abs()),
            (5, 2, u32::from(u8::from(t.month()))),
            (8, 2, u32::from(t.day())),
            (11, 2, u32::from(t.hour())),
            (14, 2, u32::from(t.minute())),
            (17, 2, u32::from(t.second())),
            (20, 3, u32::from(t.millisecond())),
        ] {
            let mut rest = value;
            for slot in out[at..at + width].iter_mut().rev() {
                // The remainder of a division by ten fits into a byte.
                *slot = b'0' + (rest % 10) as u8;
                rest /= 10;
            }
        }
        Some(Self(out))
    }

    /// Returns the milliseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub fn unix_millis(self) -> i64 {
        // Checked when it was created, so it always parses.
        read(&self.0).map_or(0, |(_, t)| t.unix_timestamp() * 1000 + i64::from(t.millisecond()))
    }

    /// Returns the canonical spelling.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Contains only ASCII, so it is always valid UTF-8.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Parses either spelling. Returns the canonical spelling and the instant.
fn read(text: &[u8]) -> Option<([u8; LEN], OffsetDateTime)> {
    let mut text: [u8; LEN] = text.try_into().ok()?;
    let marks = text[4] == b'-'
        && text[7] == b'-'
        && text[10] == b'T'
        && text[13] == b':'
        && matches!(text[ERRATUM_AT], b':' | b'.')
        && text[19] == b'.'
        && text[23] == b'Z';
    if !marks {
        return None;
    }
    let digit = |at: usize| text[at].is_ascii_digit().then(|| text[at] - b'0');
    let two = |at| Some(digit(at)? * 10 + digit(at + 1)?);
    let year = i32::from(two(0)?) * 100 + i32::from(two(2)?);
    let date = Date::from_calendar_date(year, Month::try_from(two(5)?).ok()?, two(8)?).ok()?;
    let millis = u16::from(two(20)?) * 10 + u16::from(digit(22)?);
    let time = Time::from_hms_milli(two(11)?, two(14)?, two(17)?, millis).ok()?;
    text[ERRATUM_AT] = b':';
    Some((text, OffsetDateTime::new_in_offset(date, time, UtcOffset::UTC)))
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Timestamp({self})")
    }
}

from_text!(Timestamp);
to_text!(Timestamp);

impl TryFrom<SystemTime> for Timestamp {
    type Error = NameError;

    /// Rounds down to the millisecond.
    ///
    /// # Errors
    /// [`NameError`] outside the years 0000 to 9999.
    fn try_from(time: SystemTime) -> Result<Self, NameError> {
        let millis = match time.duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_millis()).ok(),
            Err(before) => {
                let millis = before.duration().as_nanos().div_ceil(1_000_000);
                i64::try_from(millis).ok().map(i64::wrapping_neg)
            }
        };
        millis.and_then(Self::from_unix_millis).ok_or(NameError { expected: Self::EXPECTED })
    }
}

impl From<Timestamp> for SystemTime {
    fn from(timestamp: Timestamp) -> Self {
        let millis = timestamp.unix_millis();
        let distance = Duration::from_millis(millis.unsigned_abs());
        // Out of range only on Windows, whose times begin in 1601.
        let time =
            if millis < 0 { UNIX_EPOCH.checked_sub(distance) } else { UNIX_EPOCH.checked_add(distance) };
        time.unwrap_or(UNIX_EPOCH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_parse_and_one_is_written() {
        let iso = Timestamp::parse("2024-02-29T23:59:58.007Z").unwrap();
        assert_eq!(Timestamp::parse("2024-02-29T23:59.58.007Z"), Ok(iso));
        assert_eq!(iso.to_string(), "2024-02-29T23:59:58.007Z");
        assert_eq!(Timestamp::from_unix_millis(iso.unix_millis()), Some(iso));
    }

    #[test]
    fn extreme_instants_keep_their_value() {
        for text in ["0000-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"] {
            let instant = Timestamp::parse(text).unwrap();
            assert_eq!(instant.to_string(), text);
            assert_eq!(Timestamp::from_unix_millis(instant.unix_millis()), Some(instant));
        }
        assert_eq!(Timestamp::from_unix_millis(253_402_300_800_000), None);
        assert_eq!(Timestamp::from_unix_millis(i64::MIN), None);
        assert_eq!(Timestamp::from_unix_millis(i64::MAX), None);
    }

    #[test]
    fn system_times_keep_their_millisecond() {
        for text in ["1969-12-31T23:59:59.999Z", "1970-01-01T00:00:00.000Z", "2026-01-02T03:04:05.678Z"] {
            let timestamp = Timestamp::parse(text).unwrap();
            assert_eq!(Timestamp::try_from(SystemTime::from(timestamp)), Ok(timestamp));
        }
        let before = UNIX_EPOCH - Duration::from_nanos(1);
        assert_eq!(Timestamp::try_from(before).unwrap().as_str(), "1969-12-31T23:59:59.999Z");
        let far = UNIX_EPOCH + Duration::from_secs(253_402_300_800);
        assert!(Timestamp::try_from(far).is_err());
    }

    #[test]
    fn impossible_instants_are_refused() {
        for bad in [
            "",
            "2023-02-29T00:00:00.000Z",
            "2024-13-01T00:00:00.000Z",
            "2024-00-01T00:00:00.000Z",
            "2024-01-32T00:00:00.000Z",
            "2024-01-01T24:00:00.000Z",
            "2024-01-01T23:60:00.000Z",
            "2016-12-31T23:59:60.000Z",
            "2024-01-01T00:00:00Z",
            "2024-01-01T00:00:00.00Z",
            "2024-01-01T00:00:00.0000Z",
            "2024-01-01T00:00:00.000+00:00",
            "2024-01-01t00:00:00.000Z",
            "2024-01-01T00:00:00.000z",
            "2024-01-01T00-00:00.000Z",
            "+024-01-01T00:00:00.000Z",
            "２024-01-01T00:00:00.00Z",
        ] {
            assert!(Timestamp::parse(bad).is_err(), "{bad}");
        }
    }
}
