//! What the handle and the driver share: the session behind a lock, the events, the counts.
//!
//! The lock is never held across an await, a call of the application or a wake-up of somebody who waits.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use callie_core::MessageId;
use callie_core::session::{self, Ending, Now, Output};
use futures_util::task::AtomicWaker;

use super::clock::Clock;
use super::error::{ConnectError, Fault, code};
use super::event::{Closed, Event, State};
use super::queue::EventQueue;
use super::stats::Counters;
use super::ticket::Slot;

/// The close code that ends a conversation by agreement (RFC 6455).
pub(super) const NORMAL: u16 = 1000;

pub(super) type Attempt = Arc<Slot<Result<(), ConnectError>>>;

#[derive(Debug)]
pub(super) struct Shared {
    core: Mutex<Core>,
    pub(super) queue: EventQueue,
    pub(super) counters: Counters,
    /// The driver's task.
    pub(super) driver: AtomicWaker,
    /// Filled when the driver has ended.
    pub(super) over: Arc<Slot<()>>,
    clock: Clock,
}

/// What is behind the lock.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) session: session::Session,
    waiting: HashMap<u64, Waiting>,
    pub(super) state: State,
    /// Those who wait for the first connection; if it cannot be made, no other is tried.
    pub(super) attempt: Option<Attempt>,
    /// A token is being fetched: until then there is nothing to connect with.
    pub(super) refreshing: bool,
    /// Suspended while a token is being fetched.
    pub(super) suspended: bool,
    /// The client ends, or has ended.
    pub(super) end: Option<Closed>,
}

/// Something that was sent.
#[derive(Debug)]
struct Waiting {
    slot: Arc<Slot<Ending>>,
    /// For a message: its ID, as its ending is an event too.
    message_id: Option<MessageId>,
}

/// What the driver has to do, in order.
pub(super) enum Step {
    Open,
    Transmit(String),
    Close,
    State(session::State),
    Tell(Event),
    /// Somebody waits for this ending.
    Fill(Arc<Slot<Ending>>, Ending),
    /// The server said why it closes.
    Farewell(Fault),
    /// What it said cannot be read.
    Unreadable(callie_core::Fault),
}

impl Shared {
    pub(super) fn new(session: session::Session, event_queue: usize) -> Self {
        Self {
            core: Mutex::new(Core {
                session,
                waiting: HashMap::new(),
                state: State::Suspended,
                attempt: None,
                refreshing: false,
                suspended: false,
                end: None,
            }),
            queue: EventQueue::new(event_queue),
            counters: Counters::default(),
            driver: AtomicWaker::new(),
            over: Slot::new(),
            clock: Clock::new(),
        }
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(super) fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something to the session and lets the driver do what follows from it.
    pub(super) fn ask<T>(&self, what: impl FnOnce(&mut Core, Now) -> T) -> T {
        let done = what(&mut self.core(), self.clock.now());
        self.driver.wake();
        done
    }

    /// Does something to the session, as the driver, and takes what follows from it.
    pub(super) fn drive(&self, steps: &mut Vec<Step>, what: impl FnOnce(&mut session::Session, Now)) {
        let mut core = self.core();
        let now = self.clock.now();
        what(&mut core.session, now);
        core.take(now, steps);
    }

    /// Ends the client for the reason given, unless it ends already.
    pub(super) fn end(&self, closed: Closed) {
        self.ask(|core, now| core.end(now, closed));
    }

    /// The driver has gone: nobody is left waiting.
    pub(super) fn finish(&self) {
        let (closed, attempt, waiting) = {
            let mut core = self.core();
            let closed = core.end.get_or_insert_with(|| Closed {
                close_code: callie_core::LINK_LOST,
                code: code::INTERNAL.to_owned(),
                reason: "the runtime that the client lived in has ended".to_owned(),
            });
            let closed = closed.clone();
            core.state = State::Closed;
            (closed, core.attempt.take(), std::mem::take(&mut core.waiting))
        };
        for waiting in waiting.into_values() {
            waiting.slot.fill(Ending::Unconfirmed);
        }
        if let Some(attempt) = attempt {
            attempt.fill(Err(closed.to_error()));
        }
        self.queue.complete(closed);
        self.over.fill(());
    }
}

impl Core {
    /// Ends the client: everything that waits is over.
    pub(super) fn end(&mut self, now: Now, closed: Closed) {
        if self.end.is_none() {
            self.end = Some(closed);
            self.session.disconnect(now);
        }
    }

    /// Notes who waits for the end of a ticket.
    pub(super) fn expect(
        &mut self,
        ticket: session::Ticket,
        message_id: Option<MessageId>,
    ) -> Arc<Slot<Ending>> {
        let slot = Slot::new();
        self.waiting.insert(ticket.number(), Waiting { slot: Arc::clone(&slot), message_id });
        slot
    }

    /// Takes what the session wants done.
    pub(super) fn take(&mut self, now: Now, steps: &mut Vec<Step>) {
        while let Some(output) = self.session.poll() {
            match output {
                Output::Open => steps.push(Step::Open),
                Output::Transmit(text) => steps.push(Step::Transmit(text)),
                Output::Close => steps.push(Step::Close),
                Output::Event(event) => self.take_event(now, event, steps),
            }
        }
    }

    fn take_event(&mut self, now: Now, event: session::Event, steps: &mut Vec<Step>) {
        match event {
            session::Event::State(state) => steps.push(Step::State(state)),
            session::Event::Ended(ticket, ending) => {
                let Some(waiting) = self.waiting.remove(&ticket.number()) else { return };
                steps.push(Step::Fill(waiting.slot, ending.clone()));
                if let Some(message_id) = waiting.message_id {
                    let ticket = ticket.number();
                    steps.push(Step::Tell(Event::Ended { ticket, message_id, ending: ending.into() }));
                }
            }
            session::Event::Unreadable(fault) => steps.push(Step::Unreadable(fault)),
            session::Event::Notice(notice) => {
                if notice.code().kind() == callie_core::CodeKind::Closing {
                    let fault = Fault::new(notice.code().as_str(), notice.description());
                    steps.push(Step::Farewell(fault));
                }
                steps.push(Step::Tell(Event::Notice(notice)));
            }
            session::Event::Message(payload, receipt) => {
                self.session.taken(now, receipt);
                steps.extend(Event::from_core(session::Event::Message(payload, receipt)).map(Step::Tell));
            }
            other => steps.extend(Event::from_core(other).map(Step::Tell)),
        }
    }
}

impl Closed {
    /// The application wanted it.
    pub(super) fn disconnected() -> Self {
        Self {
            close_code: NORMAL,
            code: code::DISCONNECTED.to_owned(),
            reason: "the application disconnected".to_owned(),
        }
    }

    /// The same as the reason why something is refused later.
    pub(super) fn to_fault(&self) -> Fault {
        Fault::closed(format_args!("{} ({})", self.reason, self.close_code))
    }

    /// The same as the reason why there is no connection.
    pub(super) fn to_error(&self) -> ConnectError {
        if self.close_code == NORMAL || self.code == code::INTERNAL {
            ConnectError::Closed(self.to_fault())
        } else {
            ConnectError::Refused(Fault::new(self.code.clone(), self.reason.clone()))
        }
    }
}
