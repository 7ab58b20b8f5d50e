//! The reports of payloads that a server dropped because of the rate (protocol, "A payload dropped for its rate is
//! always named").

use std::time::Duration;

use crate::code::{CodeName, SysCode};
use crate::limits::MAX_DROPPED_NAMES;
use crate::name::PayloadId;
use crate::notice::Notice;
use crate::times::RATE_REPORT;

/// The payloads of one connection that were dropped because of the rate and are not reported yet.
///
/// A server records each dropped payload and sends the [`report`](Self::report)
/// - at [`report_at`](Self::report_at), and
/// - before an answer to any payload after [`first`](Self::first).
///
/// A client that has received the answer to a payload therefore knows which of its earlier payloads were dropped.
///
/// The server numbers payloads in the order of their arrival. Times are durations since a moment that is the same for
/// all calls, and must not decrease. Memory is bounded: IDs beyond [`MAX_DROPPED_NAMES`] are counted and not stored.
#[derive(Debug, Default)]
pub(super) struct DroppedPayloads {
    first: Option<u64>,
    ids: Vec<PayloadId>,
    count: u64,
    command: Option<CodeName>,
    /// Whether something without an ID exceeded the rate and is not reported yet.
    unnamed: bool,
    retry_at: Duration,
    reported_at: Option<Duration>,
}

impl DroppedPayloads {
    /// Records the payload numbered `number`, and its command if it is a CMD. There may be room for it after
    /// `retry_after`.
    pub(super) fn record(
        &mut self,
        now: Duration,
        number: u64,
        payload_id: PayloadId,
        command: Option<CodeName>,
        retry_after: Duration,
    ) {
        if self.first.is_none() {
            self.first = Some(number);
            self.command = command;
        }
        self.count += 1;
        if self.ids.len() < MAX_DROPPED_NAMES {
            self.ids.push(payload_id);
        }
        self.retry_at = self.retry_at.max(now.saturating_add(retry_after));
    }

    /// Returns the number of the first payload that is not reported, if there is one.
    pub(super) fn first(&self) -> Option<u64> {
        self.first
    }

    /// Returns when the report is due, if there is something to report.
    pub(super) fn report_at(&self) -> Option<Duration> {
        if self.first.is_none() && !self.unnamed {
            return None;
        }
        Some(self.reported_at.map_or(Duration::ZERO, |at| at.saturating_add(RATE_REPORT)))
    }

    /// Takes the report: a `RATE_LIMITED` with all payloads that were dropped since the last one, or `None` if there
    /// are none.
    pub(super) fn report(&mut self, now: Duration) -> Option<Notice> {
        let named = self.first.take().is_some();
        if !std::mem::take(&mut self.unnamed) && !named {
            return None;
        }
        self.reported_at = Some(now);
        let ids = std::mem::take(&mut self.ids);
        let count = std::mem::take(&mut self.count);
        let mut notice = Notice::builder(SysCode::RateLimited).retry_after_ms(millis(self.retry_at, now));
        self.retry_at = Duration::ZERO;
        if let Some(command) = self.command.take() {
            notice = notice.command(command);
        }
        if count > ids.len() as u64 {
            notice = notice.dropped_count(count);
        }
        Some(match ids.first().cloned() {
            Some(first) => notice.dropped(ids).in_reply_to(first),
            None => notice.statement(),
        })
    }

    /// Records something without an ID that exceeds the rate, such as a WebSocket ping. It is not reported within a
    /// second of the last report.
    pub(super) fn record_unnamed(&mut self, now: Duration, retry_after: Duration) {
        if self.reported_at.is_none_or(|at| now >= at.saturating_add(RATE_REPORT)) {
            self.unnamed = true;
            self.retry_at = self.retry_at.max(now.saturating_add(retry_after));
        }
    }

    /// Returns the report of a connection that is closed because of a flood, if anything is not reported yet.
    pub(super) fn last_report(&mut self, now: Duration, retry_after: Duration) -> Notice {
        self.report(now).unwrap_or_else(|| {
            let retry_at = now.saturating_add(retry_after);
            Notice::builder(SysCode::RateLimited).retry_after_ms(millis(retry_at, now)).statement()
        })
    }
}

/// Returns the milliseconds until `at`, rounded up, so that a client that waits this long is admitted.
fn millis(at: Duration, now: Duration) -> u64 {
    u64::try_from(at.saturating_sub(now).as_millis()).unwrap_or(u64::MAX).saturating_add(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIT: Duration = Duration::from_millis(20);

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn record(dropped: &mut DroppedPayloads, now: u64, number: u64) {
        let id = PayloadId::parse(&format!("p{number}")).unwrap();
        dropped.record(at(now), number, id, None, WAIT);
    }

    fn named(notice: &Notice) -> Vec<&str> {
        notice.metadata().dropped.iter().flatten().map(PayloadId::as_str).collect()
    }

    #[test]
    fn first_drop_is_reported_at_once() {
        let mut dropped = DroppedPayloads::default();
        assert_eq!((dropped.first(), dropped.report_at()), (None, None));
        record(&mut dropped, 5_000, 7);
        assert_eq!(dropped.first(), Some(7));
        assert!(dropped.report_at().unwrap() <= at(5_000));
        let notice = dropped.report(at(5_000)).unwrap();
        assert_eq!(named(&notice), ["p7"]);
        assert_eq!(notice.metadata().in_reply_to.as_ref().unwrap(), "p7");
        assert_eq!(notice.metadata().retry_after_ms, Some(21));
        assert_eq!(notice.metadata().dropped_count, None);
        assert!(dropped.report(at(5_000)).is_none());
    }

    #[test]
    fn later_drops_wait_for_a_second() {
        let mut dropped = DroppedPayloads::default();
        record(&mut dropped, 5_000, 1);
        dropped.report(at(5_000)).unwrap();
        for number in 2..6 {
            record(&mut dropped, 5_000 + number, number);
            assert_eq!(dropped.report_at(), Some(at(6_000)));
        }
        assert_eq!(dropped.first(), Some(2));
        let notice = dropped.report(at(6_000)).unwrap();
        assert_eq!(named(&notice), ["p2", "p3", "p4", "p5"]);
        assert_eq!(notice.metadata().retry_after_ms, Some(1), "the time is over");
        assert_eq!((dropped.first(), dropped.report_at()), (None, None));
    }

    #[test]
    fn early_report_names_everything_and_resets_the_timer() {
        let mut dropped = DroppedPayloads::default();
        record(&mut dropped, 5_000, 1);
        dropped.report(at(5_000)).unwrap();
        record(&mut dropped, 5_100, 2);
        assert_eq!(named(&dropped.report(at(5_200)).unwrap()), ["p2"]);
        record(&mut dropped, 5_300, 4);
        assert_eq!((dropped.first(), dropped.report_at()), (Some(4), Some(at(6_200))));
    }

    #[test]
    fn names_are_bounded_and_the_rest_counted() {
        let mut dropped = DroppedPayloads::default();
        for number in 0..500 {
            record(&mut dropped, 1, number);
        }
        let notice = dropped.report(at(2)).unwrap();
        assert_eq!(named(&notice).len(), MAX_DROPPED_NAMES);
        assert_eq!((named(&notice)[0], notice.metadata().dropped_count), ("p0", Some(500)));
        record(&mut dropped, 3, 500);
        assert_eq!(dropped.report(at(4)).unwrap().metadata().dropped_count, None);
    }

    #[test]
    fn command_is_the_one_of_the_first() {
        let mut dropped = DroppedPayloads::default();
        let id = |text| PayloadId::parse(text).unwrap();
        let signal = CodeName::parse("SIGNAL").ok();
        dropped.record(at(1), 1, id("p1"), signal.clone(), WAIT);
        dropped.record(at(1), 2, id("p2"), CodeName::parse("GET_SETTINGS").ok(), WAIT);
        assert_eq!(dropped.report(at(1)).unwrap().metadata().command, signal);
        record(&mut dropped, 2, 3);
        assert_eq!(dropped.report(at(2)).unwrap().metadata().command, None);
    }

    #[test]
    fn unnamed_drops_are_reported_once_a_second() {
        let mut dropped = DroppedPayloads::default();
        dropped.record_unnamed(at(9_000), WAIT);
        assert_eq!(dropped.report_at(), Some(Duration::ZERO));
        let notice = dropped.report(at(9_000)).unwrap();
        assert_eq!((named(&notice).len(), notice.metadata().in_reply_to.clone()), (0, None));
        assert!(notice.metadata().dropped.is_none());
        dropped.record_unnamed(at(9_999), WAIT);
        assert_eq!(dropped.report_at(), None);
        record(&mut dropped, 9_999, 3);
        dropped.record_unnamed(at(10_000), WAIT);
        assert_eq!(named(&dropped.report(at(10_000)).unwrap()), ["p3"]);
        assert_eq!((dropped.first(), dropped.report_at()), (None, None));
        dropped.record_unnamed(at(11_000), WAIT);
        assert_eq!(dropped.report(at(11_000)).unwrap().metadata().retry_after_ms, Some(21));
    }
}
