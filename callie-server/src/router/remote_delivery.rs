//! The delivery, to other nodes or to connections that are away, of a payload whose sender is only notified of failures.

use std::sync::Arc;

use parking_lot::Mutex;

/// One payload, and how many members it is known to have reached.
pub(crate) struct RemoteDelivery(Mutex<State>);

/// The numbers of members by outcome.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RemoteOutcome {
    /// Members whom it reached.
    pub(crate) reached: usize,
    /// Members whom it did not reach.
    pub(crate) missed: usize,
    /// Members whom it may have reached: the stream to their node broke.
    pub(crate) unknown: usize,
}

struct State {
    /// Parts of the audience whose outcome is not known.
    open: usize,
    outcome: RemoteOutcome,
    then: Option<Box<dyn FnOnce(RemoteOutcome) + Send>>,
}

impl RemoteDelivery {
    /// Creates the delivery of a payload that has already reached `reached` members.
    pub(crate) fn new(reached: usize) -> Arc<Self> {
        let outcome = RemoteOutcome { reached, ..RemoteOutcome::default() };
        Arc::new(Self(Mutex::new(State { open: 0, outcome, then: None })))
    }

    /// Adds members who have received the payload.
    pub(crate) fn add_reached(&self, reached: usize) {
        self.0.lock().outcome.reached += reached;
    }

    /// Adds a part of the audience.
    pub(crate) fn begin(&self) {
        self.0.lock().open += 1;
    }

    /// Settles a part of the audience.
    pub(crate) fn settle(&self, part: RemoteOutcome) {
        let mut state = self.0.lock();
        state.open = state.open.saturating_sub(1);
        state.outcome.reached += part.reached;
        state.outcome.missed += part.missed;
        state.outcome.unknown += part.unknown;
        let then = if state.open == 0 { state.then.take() } else { None };
        let outcome = state.outcome;
        drop(state);
        if let Some(then) = then {
            then(outcome);
        }
    }

    /// Calls `then` once the outcome of all parts is known, immediately if it is. All parts must have been added.
    pub(crate) fn finally(&self, then: impl FnOnce(RemoteOutcome) + Send + 'static) {
        let mut state = self.0.lock();
        if state.open > 0 {
            state.then = Some(Box::new(then));
            return;
        }
        let outcome = state.outcome;
        drop(state);
        then(outcome);
    }
}
