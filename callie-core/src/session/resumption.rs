//! The connection that can be resumed after it is lost (protocol, "Resumption").

use std::collections::VecDeque;
use std::time::Duration;

use super::ticket::Receipt;
use crate::command::{Feature, Features, ResumeRequest, TextCount};
use crate::name::ConnectionId;
use crate::notice::NoticeMetadata;

/// If this many taken texts are not stated to the server, the number is stated immediately.
const MOST_UNSTATED: u64 = 64;
/// The longest time until a taken text is stated.
const STATED_WITHIN: Duration = Duration::from_secs(5);

/// A connection that can be resumed, and the texts of the server that arrived on it after `AUTHENTICATED`.
///
/// A text is taken once the session has handled it; a text with a message, once the application has taken the message.
/// Only the number of texts without an untaken one before them is stated to the server.
#[derive(Debug)]
pub(super) struct Resumption {
    connection_id: ConnectionId,
    /// How long the server keeps the connection after it was lost.
    window: Duration,
    /// Until when the connection can be resumed; `None` while it is open.
    until: Option<Duration>,
    /// The number of texts that arrived.
    received: u64,
    /// The numbers and receipts of the texts whose messages are not taken. Both ascend: a text with an earlier receipt is
    /// taken as soon as those before it are.
    untaken: VecDeque<(u64, Receipt)>,
    /// The last number that the server knows.
    stated: u64,
    /// When the number of taken texts is stated, if it is higher.
    state_at: Option<Duration>,
}

impl Resumption {
    /// Returns the connection that the server has opened, if it can be resumed. `wanted` are the features that this side
    /// has named.
    pub(super) fn agreed(wanted: Features, metadata: &NoticeMetadata) -> Option<Self> {
        let both = Features::named(metadata.features.as_deref().unwrap_or_default()).and(wanted);
        let seconds = metadata.resume_seconds.filter(|seconds| *seconds > 0)?;
        let connection_id = metadata.connection_id.clone().filter(|_| both.contains(Feature::Resume))?;
        Some(Self {
            connection_id,
            window: Duration::from_secs(seconds.into()),
            until: None,
            received: 0,
            untaken: VecDeque::new(),
            stated: 0,
            state_at: None,
        })
    }

    /// Continues the texts of the connection before, which this one has resumed.
    pub(super) fn continuing(self, before: Self) -> Self {
        // The server has learned the number of received texts from the request.
        let stated = before.received;
        Self { received: before.received, untaken: before.untaken, stated, ..self }
    }

    /// Handles that the connection was lost at that time.
    pub(super) fn lost(&mut self, now: Duration) {
        self.until = Some(now.saturating_add(self.window));
        self.state_at = None;
    }

    /// Returns what to ask the server for, unless it is too late.
    pub(super) fn request(&self, now: Duration) -> Option<ResumeRequest> {
        self.until.filter(|until| now < *until)?;
        let (connection_id, received) = (self.connection_id.clone(), TextCount::new(self.received));
        Some(ResumeRequest { connection_id, received })
    }

    /// Counts a text that arrived.
    pub(super) fn arrived(&mut self) {
        self.received += 1;
    }

    /// Records that the last text is taken when the application takes the message with this receipt.
    pub(super) fn awaits(&mut self, receipt: Receipt) {
        if self.untaken.back().is_none_or(|(_, last)| *last < receipt) {
            self.untaken.push_back((self.received, receipt));
        }
    }

    /// Handles that the application has taken all messages up to `taken`, and the session all other texts.
    pub(super) fn taken(&mut self, now: Duration, taken: Receipt) {
        while self.untaken.front().is_some_and(|(_, receipt)| *receipt <= taken) {
            self.untaken.pop_front();
        }
        match self.unstated() {
            0 => {}
            count if count >= MOST_UNSTATED => self.state_at = Some(now),
            _ => {
                self.state_at.get_or_insert(now.saturating_add(STATED_WITHIN));
            }
        }
    }

    /// When the number of taken texts is stated.
    pub(super) fn state_at(&self) -> Option<Duration> {
        self.state_at
    }

    /// Returns the number of taken texts to state, if it is due or `early`, and the server does not know it.
    pub(super) fn state(&mut self, now: Duration, early: bool) -> Option<TextCount> {
        if !(early || self.state_at.is_some_and(|at| now >= at)) {
            return None;
        }
        self.state_at = None;
        let news = self.unstated() > 0;
        self.stated = self.stated.max(self.number());
        news.then(|| TextCount::new(self.stated))
    }

    /// The number of the last text before the first untaken one.
    fn number(&self) -> u64 {
        self.untaken.front().map_or(self.received, |(number, _)| number.saturating_sub(1))
    }

    fn unstated(&self) -> u64 {
        self.number().saturating_sub(self.stated)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::FeatureName;

    const NEVER: Duration = Duration::MAX;

    fn welcome(features: &[&str], id: Option<&str>, seconds: Option<u32>) -> NoticeMetadata {
        NoticeMetadata {
            features: Some(features.iter().map(|name| FeatureName::parse(name).unwrap()).collect()),
            connection_id: id.map(|id| ConnectionId::parse(id).unwrap()),
            resume_seconds: seconds,
            ..NoticeMetadata::default()
        }
    }

    fn wanted() -> Features {
        Features::NONE.with(Feature::Resume)
    }

    fn open() -> Resumption {
        Resumption::agreed(wanted(), &welcome(&["resume"], Some("c1"), Some(60))).unwrap()
    }

    fn receipts(count: usize) -> Vec<Receipt> {
        std::iter::successors(Some(Receipt::default().next()), |last| Some(last.next())).take(count).collect()
    }

    #[test]
    fn connection_is_resumable_only_if_both_sides_agree() {
        for (wanted, metadata) in [
            (Features::NONE, welcome(&["resume"], Some("c1"), Some(60))),
            (wanted(), welcome(&["offline"], Some("c1"), Some(60))),
            (wanted(), welcome(&["resume"], None, Some(60))),
            (wanted(), welcome(&["resume"], Some("c1"), None)),
            (wanted(), welcome(&["resume"], Some("c1"), Some(0))),
            (wanted(), NoticeMetadata::default()),
        ] {
            assert!(Resumption::agreed(wanted, &metadata).is_none(), "{metadata:?}");
        }
    }

    #[test]
    fn connection_is_resumed_within_its_window_only() {
        let mut open = open();
        assert_eq!(open.request(Duration::ZERO), None);
        open.lost(Duration::from_secs(5));
        assert!(open.request(Duration::from_secs(64)).is_some());
        assert_eq!(open.request(Duration::from_secs(65)), None);
        let forever = welcome(&["resume"], Some("c1"), Some(u32::MAX));
        let mut open = Resumption::agreed(wanted(), &forever).unwrap();
        open.lost(Duration::MAX - Duration::from_secs(1));
        assert!(open.request(Duration::MAX - Duration::from_nanos(1)).is_some());
    }

    #[test]
    fn number_stops_before_the_first_untaken_message() {
        let (mut open, receipts) = (open(), receipts(2));
        let now = Duration::ZERO;
        for message in [None, Some(receipts[0]), None, Some(receipts[1]), Some(receipts[0]), None] {
            open.arrived();
            message.into_iter().for_each(|receipt| open.awaits(receipt));
        }
        open.taken(now, Receipt::default());
        assert_eq!(open.state(NEVER, false), Some(TextCount::new(1)));
        open.taken(now, receipts[0]);
        assert_eq!(open.state(NEVER, false), Some(TextCount::new(3)));
        open.taken(now, receipts[1]);
        assert_eq!(open.state(NEVER, false), Some(TextCount::new(6)));
        open.taken(now, receipts[1]);
        assert_eq!((open.state(NEVER, true), open.state_at()), (None, None));
    }

    #[test]
    fn number_is_stated_after_64_texts_or_5_seconds() {
        let mut open = open();
        let now = Duration::from_secs(1);
        for _ in 0..63 {
            open.arrived();
            open.taken(now, Receipt::default());
        }
        assert_eq!(open.state_at(), Some(Duration::from_secs(6)));
        assert_eq!(open.state(now, false), None);
        open.arrived();
        open.taken(now, Receipt::default());
        assert_eq!(open.state(now, false), Some(TextCount::new(64)));
        assert_eq!(open.state_at(), None);
    }

    #[test]
    fn resumed_connection_counts_on() {
        let (mut before, receipts) = (open(), receipts(1));
        before.arrived();
        before.awaits(receipts[0]);
        before.arrived();
        before.lost(Duration::ZERO);
        assert_eq!(before.request(Duration::ZERO).unwrap().received, TextCount::new(2));
        let mut after = open().continuing(before);
        assert_eq!(after.request(Duration::ZERO), None);
        after.taken(Duration::ZERO, receipts[0]);
        assert_eq!(after.state(NEVER, true), None, "the server knows it from the request");
        after.arrived();
        assert_eq!(after.state(NEVER, true), Some(TextCount::new(3)));
    }
}
