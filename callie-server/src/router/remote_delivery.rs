//! A payload on its way to other nodes whose sender is told only of failures.

use std::sync::Arc;

use parking_lot::Mutex;

/// One payload, and what is known of how far it came.
pub(crate) struct RemoteDelivery(Mutex<State>);

/// For how many members of its audience a payload came how far.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RemoteOutcome {
    /// It reached them.
    pub(crate) reached: usize,
    /// It certainly did not.
    pub(crate) missed: usize,
    /// It may have: the way to them broke meanwhile.
    pub(crate) unknown: usize,
}

struct State {
    /// Parts of the audience that nothing is known of yet.
    open: usize,
    outcome: RemoteOutcome,
    then: Option<Box<dyn FnOnce(RemoteOutcome) + Send>>,
}

impl RemoteDelivery {
    /// A payload that has reached so many already.
    pub(crate) fn new(reached: usize) -> Arc<Self> {
        let outcome = RemoteOutcome { reached, ..RemoteOutcome::default() };
        Arc::new(Self(Mutex::new(State { open: 0, outcome, then: None })))
    }

    /// There is one more part of the audience to hear of.
    pub(crate) fn begin(&self) {
        self.0.lock().open += 1;
    }

    /// What became of it at one part of the audience.
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

    /// What to do once all is known: at once, if it is. All parts have begun.
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
