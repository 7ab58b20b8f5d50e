//! The floor's outbox: shared bytes that are queued for one connection.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::task::{Context, Waker};

use tokio_tungstenite::tungstenite::Utf8Bytes;

#[derive(Default)]
pub(crate) struct Outbox(Mutex<State>);

#[derive(Default)]
struct State {
    queue: VecDeque<Utf8Bytes>,
    reader: Option<Waker>,
}

impl Outbox {
    pub(crate) fn push(&self, text: Utf8Bytes) {
        let mut state = self.0.lock().unwrap();
        state.queue.push_back(text);
        let reader = state.reader.take();
        drop(state);
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    pub(crate) fn take(&self, batch: &mut VecDeque<Utf8Bytes>) -> bool {
        std::mem::swap(&mut self.0.lock().unwrap().queue, batch);
        !batch.is_empty()
    }

    pub(crate) fn park(&self, cx: &Context<'_>) -> bool {
        let mut state = self.0.lock().unwrap();
        if !state.queue.is_empty() {
            return false;
        }
        state.reader = Some(cx.waker().clone());
        true
    }
}
