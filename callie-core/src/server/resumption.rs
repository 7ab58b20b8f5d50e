//! What a connection keeps so that its client can resume it (protocol, "Resumption").

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::written::{Text, WrittenTexts};
use crate::name::ConnectionId;

/// The state of a connection on which `resume` is in force.
#[derive(Debug)]
pub(super) struct Resumption<T> {
    pub(super) id: ConnectionId,
    /// Whether the connection was resumed.
    pub(super) resumed: bool,
    pub(super) texts: WrittenTexts<T>,
    /// The numbers of the texts to write again.
    again: Range<u64>,
    /// Whether a last text was written with the close of the WebSocket. The client counts that text if it arrived. It is
    /// not kept.
    closed_with_text: bool,
}

/// The written texts of a lost connection, for another process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct MovedTexts<T> {
    pub(super) kept: Vec<T>,
    written: u64,
    closed_with_text: bool,
}

impl<T: Text> MovedTexts<T> {
    pub(super) fn convert<U: Text>(self) -> MovedTexts<U> {
        let Self { kept, written, closed_with_text } = self;
        let kept = kept.into_iter().map(|text| U::from(text.as_ref().to_owned())).collect();
        MovedTexts { kept, written, closed_with_text }
    }
}

impl<T: Text> Resumption<T> {
    /// Starts with a connection on which no text was written. At most `limit` bytes are kept.
    pub(super) fn new(id: ConnectionId, limit: usize) -> Self {
        Self { id, resumed: false, texts: WrittenTexts::new(limit), again: 0..0, closed_with_text: false }
    }

    /// Continues a connection of another process, which is away. At most `limit` bytes are kept.
    pub(super) fn arrive(id: ConnectionId, texts: MovedTexts<T>, limit: usize) -> Self {
        let MovedTexts { kept, written, closed_with_text } = texts;
        let texts = WrittenTexts::restore(kept, written, limit);
        Self { texts, closed_with_text, ..Self::new(id, limit) }
    }

    /// Takes the texts, for another process.
    pub(super) fn into_moved(self) -> (ConnectionId, MovedTexts<T>) {
        let (kept, written) = self.texts.into_kept();
        (self.id, MovedTexts { kept, written, closed_with_text: self.closed_with_text })
    }

    /// Handles that the WebSocket is closed; `with_text` if a text was written with its close.
    pub(super) fn go_away(&mut self, with_text: bool) {
        self.again = 0..0;
        self.closed_with_text = with_text;
    }

    /// Returns `true` if the client can continue after `received` texts.
    pub(super) fn can_resume(&self, received: u64) -> bool {
        self.texts.after(received).is_some() || self.has_counted_close(received)
    }

    /// Continues after `received` texts, for which [`can_resume`](Self::can_resume) is `true`.
    pub(super) fn resume(&mut self, received: u64) {
        if self.has_counted_close(received) {
            self.texts.count_unkept();
        } else {
            self.texts.count(received);
        }
        self.closed_with_text = false;
        self.resumed = true;
        self.again = received + 1..self.texts.written() + 1;
    }

    fn has_counted_close(&self, received: u64) -> bool {
        self.closed_with_text && received == self.texts.written() + 1
    }

    /// Returns the next text that must be written again.
    pub(super) fn next_again(&mut self) -> Option<T> {
        self.again.find_map(|number| self.texts.get(number).cloned())
    }
}
