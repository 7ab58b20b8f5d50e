//! The state that the handle and the driver share: the session behind a lock, the events and the counters.
//!
//! The lock is never held across an await, a callback of the application or a wake-up. The session's actions
//! are collected under the same lock as the call that causes them, so the state behind the lock is always consistent.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use callie_core::session::{
    self, AttemptFailure, ClosedBy, Now, Output, Receipt, Refusal, State, TicketOutcome,
};
use callie_core::{LINK_LOST, MessageId};
use futures_util::task::AtomicWaker;

use crate::clock::Clock;
use crate::error::{Error, ErrorKind, code};
use crate::event::{Closed, ConnectionState, Event};
use crate::process::Process;
use crate::queue::{Batch, EventQueue, Incoming};
use crate::refresh::Source;
use crate::state::State as Store;
use crate::stats::Counters;
use crate::sync::{Lock, MutexGuard};
use crate::ticket::Slot;

/// The close code of a normal closure (RFC 6455).
pub(crate) const NORMAL: u16 = 1000;

pub(crate) type Attempt = Arc<Slot<Result<(), Error>>>;

#[derive(Debug)]
pub(crate) struct Shared {
    core: Lock<Core>,
    pub(crate) queue: EventQueue,
    pub(crate) counters: Counters,
    /// The driver's task.
    pub(crate) driver: AtomicWaker,
    /// Set when the driver has ended.
    pub(crate) over: Arc<Slot<()>>,
    /// The state that outlives the process, if there is one.
    pub(crate) state: Option<Arc<Store>>,
    clock: Clock,
    /// The process in which the driver runs.
    pub(crate) home: Process,
}

/// The state behind the lock: the session, and the calls that wait for its events.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) session: session::Session,
    pub(crate) waiting: HashMap<u64, Waiting>,
    attempts: HashMap<session::Attempt, Attempt>,
    /// Actions that the driver has not taken yet.
    steps: Vec<Action>,
    /// The number of the current connection. Reports about earlier connections are ignored.
    pub(crate) link: u64,
    /// Why the last connection failed, if known.
    pub(crate) why: Option<Error>,
    source: Option<Source>,
    /// The state, and the number of its last change.
    state: Option<Arc<Store>>,
    pub(crate) change: u64,
}

/// A payload that waits for its outcome.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) slot: Arc<Slot<TicketOutcome>>,
    /// For a message: its ID, because its outcome is also an event.
    message_id: Option<MessageId>,
}

/// Actions for the driver, in order.
#[derive(Debug)]
pub(crate) enum Action {
    /// Open the connection with this number.
    Open(u64),
    /// Transmit this text after the change of the state with this number is stored.
    Transmit(String, u64),
    Close,
    /// Give up the connection, which counts as lost.
    Abort,
    /// Request another token for the user from this source; the reason is the server's code.
    RefreshToken {
        source: Source,
        username: String,
        reason: String,
    },
    Tell(Incoming),
    /// Set this outcome, which a call may wait for.
    Fill(Arc<Slot<TicketOutcome>>, TicketOutcome),
    /// Set the result of an attempt to connect, which a call may wait for.
    Answer(Attempt, Result<(), Error>),
}

impl Shared {
    pub(crate) fn new(
        session: session::Session,
        clock: Clock,
        state: Option<Store>,
        event_queue: usize,
    ) -> Self {
        let state = state.map(Arc::new);
        let mut core = Core {
            session,
            waiting: HashMap::new(),
            attempts: HashMap::new(),
            steps: Vec::new(),
            link: 0,
            why: None,
            source: None,
            state: state.clone(),
            change: 0,
        };
        core.expect_restored();
        Self {
            core: Lock::new(core),
            queue: EventQueue::new(event_queue),
            counters: Counters::default(),
            driver: AtomicWaker::new(),
            over: Slot::new(),
            state,
            clock,
            home: Process::current(),
        }
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(crate) fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock()
    }

    /// Calls `what` with the session, and passes the resulting actions to the driver.
    pub(crate) fn ask<T>(&self, what: impl FnOnce(&mut Core, Now) -> T) -> T {
        let done = {
            let (mut core, now) = (self.core(), self.clock.now());
            let done = what(&mut core, now);
            core.collect();
            done
        };
        self.driver.wake();
        done
    }

    /// Calls `what` with the session, as the driver, and takes the actions. Returns true if no actions will follow.
    pub(crate) fn drive(&self, steps: &mut Vec<Action>, what: impl FnOnce(&mut Core, Now)) -> bool {
        let (mut core, now) = (self.core(), self.clock.now());
        what(&mut core, now);
        core.collect();
        core.take(steps)
    }

    /// Takes the actions, as the driver. Returns true if no actions will follow.
    pub(crate) fn take(&self, steps: &mut Vec<Action>) -> bool {
        self.core().take(steps)
    }

    /// Ends the client, unless it has ended.
    pub(crate) fn disconnect(&self) {
        self.ask(|core, now| core.session.disconnect(now));
    }

    /// Confirms the messages that the application has taken, up to this one.
    pub(crate) fn taken(&self, receipt: Receipt) {
        let earlier = {
            let (mut core, now) = (self.core(), self.clock.now());
            let before = core.session.deadline();
            core.session.taken(now, receipt);
            core.collect();
            !core.steps.is_empty() || core.session.deadline() != before
        };
        if earlier {
            self.driver.wake();
        }
    }

    /// After events were taken: confirms them, and lets the driver read again.
    pub(crate) fn handed_out(&self, batch: &Batch) {
        if let Some(receipt) = batch.confirmed {
            self.taken(receipt);
        }
        if batch.made_room {
            self.driver.wake();
        }
    }

    /// The driver was dropped: completes all calls that wait, including those of the actions that it had taken.
    pub(crate) fn finish(&self, undone: Vec<Action>) {
        let (closed, steps) = {
            let (mut core, now) = (self.core(), self.clock.now());
            core.session.abandon(now);
            core.collect();
            let closed = core.closed().unwrap_or_else(Closed::without_runtime);
            (closed, std::mem::take(&mut core.steps))
        };
        log::info!("the client has ended: {} ({})", closed.reason, closed.code);
        if let Some(state) = &self.state {
            state.close();
        }
        // Actions on the network are dropped; outcomes are reported.
        let (mut events, mut fills) = (Vec::new(), Vec::new());
        for step in undone.into_iter().chain(steps) {
            match step {
                Action::Tell(event) => events.push(event),
                Action::Fill(slot, outcome) => fills.push((slot, outcome)),
                Action::Answer(attempt, answer) => attempt.fill(answer),
                _ => {}
            }
        }
        self.queue.push(&mut events);
        for (slot, outcome) in fills {
            slot.fill(outcome);
        }
        self.queue.complete(closed);
        self.over.fill(());
    }
}

impl Core {
    /// Makes an attempt to connect, and returns the slot of its result.
    pub(crate) fn connect(&mut self, now: Now) -> Result<Attempt, Error> {
        let attempt = self.session.connect(now).map_err(|_| self.closed_error())?;
        Ok(Arc::clone(self.attempts.entry(attempt).or_insert_with(Slot::new)))
    }

    /// Sets the token source. Returns the previous one, to be dropped after the lock is released.
    pub(crate) fn set_source(&mut self, source: Option<Source>) -> Option<Source> {
        self.session.set_refreshable(source.is_some());
        std::mem::replace(&mut self.source, source)
    }

    pub(crate) fn state(&self) -> ConnectionState {
        self.shown(self.session.state())
    }

    /// Why the client has ended, if it has.
    pub(crate) fn closed(&self) -> Option<Closed> {
        match self.session.state() {
            State::Closed(by) => Some(by.into()),
            _ => None,
        }
    }

    /// The error of calls to a client that has ended.
    pub(crate) fn closed_error(&self) -> Error {
        self.closed().unwrap_or_else(Closed::without_runtime).to_error()
    }

    /// Registers a ticket's slot, to be set with its outcome.
    pub(crate) fn expect(
        &mut self,
        ticket: session::Ticket,
        message_id: Option<MessageId>,
    ) -> Arc<Slot<TicketOutcome>> {
        let slot = Slot::new();
        self.waiting.insert(ticket.number(), Waiting { slot: Arc::clone(&slot), message_id });
        slot
    }

    fn take(&mut self, steps: &mut Vec<Action>) -> bool {
        if steps.is_empty() {
            std::mem::swap(steps, &mut self.steps);
        } else {
            steps.append(&mut self.steps);
        }
        // A closed session has no further actions.
        self.session.is_closed()
    }

    /// Collects the session's actions and events.
    pub(crate) fn collect(&mut self) {
        while let Some(output) = self.session.poll() {
            match output {
                Output::Open => {
                    self.link += 1;
                    self.why = None;
                    self.steps.push(Action::Open(self.link));
                }
                Output::Transmit(text) => self.steps.push(Action::Transmit(text, self.change)),
                Output::Store { number, change } => {
                    self.change = number;
                    if let Some(state) = &self.state {
                        state.push(number, change);
                    }
                }
                Output::Close => {
                    self.link += 1;
                    self.steps.push(Action::Close);
                }
                Output::Abort => {
                    self.link += 1;
                    self.steps.push(Action::Abort);
                }
                Output::RefreshToken(refusal) => {
                    let username = self.session.username().to_string();
                    let reason = Closed::from(&refusal).code;
                    // Without a source, the session does not request a token.
                    let source = self.source.clone();
                    self.steps.extend(source.map(|source| Action::RefreshToken { source, username, reason }));
                }
                Output::Event(event) => self.take_event(event),
            }
        }
    }

    fn take_event(&mut self, event: session::Event) {
        match event {
            // The end is reported as `Event::Closed`.
            session::Event::State(State::Closed(_)) => {}
            session::Event::State(state) => {
                if let State::Online { .. } = state {
                    self.why = None;
                }
                self.tell(Event::ConnectionChanged(self.shown(&state)));
            }
            session::Event::Attempted(attempt, outcome) => {
                if let Some(slot) = self.attempts.remove(&attempt) {
                    let outcome = outcome.map_err(|failure| self.attempt_error(failure));
                    self.steps.push(Action::Answer(slot, outcome));
                }
            }
            session::Event::Ended(ticket, outcome) => {
                let Some(waiting) = self.waiting.remove(&ticket.number()) else { return };
                self.steps.push(Action::Fill(waiting.slot, outcome.clone()));
                if let Some(message_id) = waiting.message_id {
                    let ticket = ticket.number();
                    self.tell(Event::Ended { ticket, message_id, outcome: outcome.into() });
                }
            }
            session::Event::Message(payload, receipt) => {
                if let Some(event) = Event::from_message(payload) {
                    self.steps.push(Action::Tell(Incoming { event, receipt: Some(receipt) }));
                }
            }
            session::Event::Unreadable(fault) => {
                // An online session has no attempt to complete.
                if !matches!(self.session.state(), State::Online { .. }) {
                    self.why.get_or_insert_with(|| Error::bad_answer(&fault));
                }
                self.tell(Event::Unreadable(fault));
            }
            session::Event::Notice(notice) => {
                if notice.code().kind() == callie_core::CodeKind::Closing {
                    self.why = Some(Error::refused(notice.code().as_str(), notice.description()));
                }
                self.tell(Event::Notice(notice));
            }
            other => {
                if let Some(event) = Event::from_core(other) {
                    self.tell(event);
                }
            }
        }
    }

    /// The state as the application sees it.
    fn shown(&self, state: &State) -> ConnectionState {
        match state {
            State::Connecting => ConnectionState::Connecting,
            State::Online { expires_at, limits, resumed } => {
                ConnectionState::Online { expires_at: *expires_at, limits: *limits, resumed: *resumed }
            }
            State::Waiting { retry_in, code } => ConnectionState::Waiting {
                retry_in: *retry_in,
                close_code: *code,
                reason: self.reason(*code).reason().to_owned(),
            },
            State::RefreshingToken(refusal) => {
                let Closed { close_code, reason, .. } = refusal.into();
                ConnectionState::Waiting { retry_in: Duration::ZERO, close_code, reason }
            }
            State::Closed(_) => ConnectionState::Closed,
            _ => ConnectionState::Suspended,
        }
    }

    /// Why there is no connection.
    fn reason(&self, close_code: u16) -> Error {
        self.why.clone().unwrap_or_else(|| match close_code {
            LINK_LOST => Error::timed_out("the server's answer took too long"),
            code => Error::unreachable(format_args!("the server closed with {code}")),
        })
    }

    /// Why an attempt to connect failed.
    fn attempt_error(&self, failure: AttemptFailure) -> Error {
        match failure {
            AttemptFailure::Lost { code } => self.reason(code),
            AttemptFailure::Suspended => {
                let reason = "the client was suspended before it was connected";
                Error::new(ErrorKind::Unreachable, code::SUSPENDED, reason)
            }
            _ => self.closed().unwrap_or_else(Closed::without_runtime).to_connect_error(),
        }
    }

    fn tell(&mut self, event: Event) {
        self.steps.push(Action::Tell(event.into()));
    }
}

impl From<&Refusal> for Closed {
    fn from(refusal: &Refusal) -> Self {
        let Refusal { code: close_code, reason, description, .. } = refusal;
        match reason {
            Some(name) => {
                Self { close_code: *close_code, code: name.to_string(), reason: description.clone() }
            }
            None => Self {
                close_code: *close_code,
                code: code::CLOSED.to_owned(),
                reason: format!("the server closed with {close_code}"),
            },
        }
    }
}

impl From<&ClosedBy> for Closed {
    fn from(by: &ClosedBy) -> Self {
        match by {
            ClosedBy::Application => Self {
                close_code: NORMAL,
                code: code::DISCONNECTED.to_owned(),
                reason: "the application disconnected".to_owned(),
            },
            ClosedBy::Server(refusal) => refusal.into(),
            ClosedBy::NoToken { refusal, error } => {
                let closed = Self::from(refusal);
                Self { reason: format!("{} ({error})", closed.reason), ..closed }
            }
            ClosedBy::NotStored { error } => Self {
                close_code: LINK_LOST,
                code: code::STATE_UNAVAILABLE.to_owned(),
                reason: error.clone(),
            },
            _ => Self::without_runtime(),
        }
    }
}

impl Closed {
    /// The client's driver has ended.
    fn without_runtime() -> Self {
        Self {
            close_code: LINK_LOST,
            code: code::INTERNAL.to_owned(),
            reason: "the runtime that the client lived in has ended".to_owned(),
        }
    }

    /// The error of later calls.
    pub(crate) fn to_error(&self) -> Error {
        Error::closed(format_args!("{} ({})", self.reason, self.close_code))
    }

    /// Why an attempt to connect failed.
    fn to_connect_error(&self) -> Error {
        if self.close_code == NORMAL || self.code == code::INTERNAL {
            self.to_error()
        } else if self.code == code::STATE_UNAVAILABLE {
            Error::new(ErrorKind::State, code::STATE_UNAVAILABLE, self.reason.clone())
        } else {
            Error::refused(self.code.clone(), self.reason.clone())
        }
    }
}
