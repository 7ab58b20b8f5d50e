//! The texts that were written on a connection and that its client has not counted yet (protocol, "Resumption").

use std::collections::VecDeque;

/// A text that a server writes, encoded. It is cloned when it is kept for a resumption, so it should be cheap to share.
pub trait Text: From<String> + AsRef<str> + Clone {}

impl<T: From<String> + AsRef<str> + Clone> Text for T {}

/// The cost of a text beside its bytes, so that many tiny texts are bounded as well.
pub(super) const TEXT_COST: usize = 64;
/// The capacity in texts that is kept while no text is. More is freed, because most connections are idle.
const KEPT_TEXTS: usize = 8;

/// The texts that were written on a connection and that its client has not counted. They are numbered from 1.
///
/// The cost of a text is its length in bytes plus 64. If the total would exceed the limit, the oldest texts are dropped;
/// the connection can then be resumed only from a later text.
///
/// ```
/// use callie_core::server::WrittenTexts;
///
/// let mut texts = WrittenTexts::new(1_000);
/// for text in ["one", "two", "three"] {
///     texts.push(text.to_owned());
/// }
/// assert!(texts.count(1));
/// assert!(!texts.count(4), "there is no fourth text");
/// assert_eq!(texts.after(1).unwrap().collect::<Vec<_>>(), ["two", "three"]);
/// assert!(texts.after(0).is_none(), "the first text is not kept any more");
/// ```
#[derive(Debug, Clone)]
pub struct WrittenTexts<T> {
    /// Ends with the text numbered `written`.
    kept: VecDeque<T>,
    written: u64,
    bytes: usize,
    limit: usize,
}

impl<T: Text> WrittenTexts<T> {
    /// Starts with a connection on which no text was written. `limit` is the most bytes to keep.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { kept: VecDeque::new(), written: 0, bytes: 0, limit }
    }

    /// Restores what [`into_kept`](Self::into_kept) has returned.
    pub(super) fn restore(kept: Vec<T>, written: u64, limit: usize) -> Self {
        let mut texts = Self { written: written.saturating_sub(kept.len() as u64), ..Self::new(limit) };
        kept.into_iter().for_each(|text| texts.push(text));
        texts
    }

    /// Returns the texts that are kept, and the number of those that were written.
    pub(super) fn into_kept(self) -> (Vec<T>, u64) {
        (self.kept.into(), self.written)
    }

    /// Adds a text that is written.
    pub fn push(&mut self, text: T) {
        self.bytes += cost(&text);
        self.written += 1;
        self.kept.push_back(text);
        while self.bytes > self.limit {
            self.drop_first();
        }
    }

    /// Drops the texts up to the one numbered `received`, which the client has counted. Returns `false` if that one was
    /// not written yet. A number that was counted before has no effect.
    pub fn count(&mut self, received: u64) -> bool {
        if received > self.written {
            return false;
        }
        while self.first() <= received {
            self.drop_first();
        }
        if self.kept.is_empty() && self.kept.capacity() > KEPT_TEXTS {
            self.kept = VecDeque::new();
        }
        true
    }

    /// Returns the texts after the one numbered `received`; `None` if one of them is not kept any more, or if that one
    /// was not written yet.
    #[must_use]
    pub fn after(&self, received: u64) -> Option<impl ExactSizeIterator<Item = &T>> {
        let skipped = received.checked_add(1)?.checked_sub(self.first())?;
        let skipped = usize::try_from(skipped).ok().filter(|skipped| *skipped <= self.kept.len())?;
        Some(self.kept.range(skipped..))
    }

    /// Notes that the client has counted all texts and one more, which is not kept.
    pub(super) fn count_unkept(&mut self) {
        self.written += 1;
        self.kept = VecDeque::new();
        self.bytes = 0;
    }

    /// Returns the text numbered `number`, if it is kept.
    pub(super) fn get(&self, number: u64) -> Option<&T> {
        let index = number.checked_sub(self.first())?;
        self.kept.get(usize::try_from(index).ok()?)
    }

    /// Returns the number of texts that were written.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Returns the cost of the texts that are kept, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns the number of the first text that is kept, or of the next text.
    fn first(&self) -> u64 {
        self.written + 1 - self.kept.len() as u64
    }

    fn drop_first(&mut self) {
        if let Some(text) = self.kept.pop_front() {
            self.bytes -= cost(&text);
        }
    }
}

fn cost(text: &impl AsRef<str>) -> usize {
    text.as_ref().len() + TEXT_COST
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(limit: usize, count: usize) -> WrittenTexts<String> {
        let mut texts = WrittenTexts::new(limit);
        (0..count).for_each(|n| texts.push(format!("text {n}")));
        texts
    }

    #[test]
    fn counted_texts_are_dropped_once() {
        let mut texts = texts(10_000, 4);
        assert!(texts.count(2) && texts.count(1) && texts.count(0));
        assert_eq!(texts.after(2).unwrap().collect::<Vec<_>>(), ["text 2", "text 3"]);
        assert_eq!(texts.after(4).unwrap().len(), 0);
        assert_eq!((texts.get(2), texts.get(3).unwrap().as_str(), texts.get(5)), (None, "text 2", None));
        assert!(texts.count(4));
        assert_eq!((texts.bytes(), texts.written()), (0, 4));
    }

    #[test]
    fn future_number_is_refused() {
        let mut texts = texts(10_000, 4);
        assert!(!texts.count(5) && !texts.count(u64::MAX));
        assert!(texts.after(5).is_none() && texts.after(u64::MAX - 1).is_none());
        assert_eq!(texts.after(0).unwrap().len(), 4);
    }

    #[test]
    fn oldest_texts_are_dropped_over_the_limit() {
        let mut texts = texts(3 * (6 + TEXT_COST), 5);
        assert!(texts.after(1).is_none());
        assert_eq!(texts.after(2).unwrap().len(), 3);
        texts.push("x".repeat(10_000));
        assert_eq!((texts.bytes(), texts.written()), (0, 6));
        assert_eq!(texts.after(6).unwrap().len(), 0);
    }

    #[test]
    fn memory_is_freed_when_all_texts_are_counted() {
        let mut texts = texts(1_000_000, 1_000);
        assert!(texts.count(1_000));
        assert_eq!(texts.kept.capacity(), 0);
    }
}
