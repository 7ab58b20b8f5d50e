//! What the handle and the driver share: the session behind a lock, the events, the counts.
//!
//! The lock is never held across an await, a call of the application or a wake-up of somebody who waits. What the session
//! wants done is collected under the same lock as the call that it follows from, so what is behind the lock always agrees.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use callie_core::session::{self, Down, Now, Output, Receipt, TicketOutcome};
use callie_core::{LINK_LOST, MessageId, Token};
use futures_util::task::AtomicWaker;

use crate::clock::Clock;
use crate::error::{Error, ErrorKind, code};
use crate::event::{Closed, ConnectionState, Event};
use crate::process::Process;
use crate::queue::{Batch, EventQueue, Incoming};
use crate::stats::Counters;
use crate::sync::{Lock, MutexGuard};
use crate::ticket::Slot;

/// The close code that ends a conversation by agreement (RFC 6455).
pub(crate) const NORMAL: u16 = 1000;

pub(crate) type Attempt = Arc<Slot<Result<(), Error>>>;

#[derive(Debug)]
pub(crate) struct Shared {
    core: Lock<Core>,
    pub(crate) queue: EventQueue,
    pub(crate) counters: Counters,
    /// The driver's task.
    pub(crate) driver: AtomicWaker,
    /// Filled when the driver has ended.
    pub(crate) over: Arc<Slot<()>>,
    clock: Clock,
    /// The process that has the driver.
    pub(crate) home: Process,
}

/// What is behind the lock.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) session: session::Session,
    waiting: HashMap<u64, Waiting>,
    pub(crate) state: ConnectionState,
    /// What the driver has to do and has not taken yet.
    steps: Vec<Action>,
    /// Counts the connections that the session opens and closes: what is told of an earlier one is old news.
    pub(crate) link: u64,
    /// Those who wait for the connection that is being made.
    pub(crate) attempt: Option<Attempt>,
    /// Whether to go on trying when that attempt fails.
    started: bool,
    /// Why the last connection went wrong, where that is known.
    pub(crate) why: Option<Error>,
    /// The session's token is refused and another is being fetched: until then there is nothing to connect with.
    refreshing: bool,
    /// Suspended meanwhile.
    suspended: bool,
    pub(crate) token: Token,
    /// The client ends, or has ended.
    pub(crate) end: Option<Closed>,
}

/// Something that was sent.
#[derive(Debug)]
struct Waiting {
    slot: Arc<Slot<TicketOutcome>>,
    /// For a message: its ID, as its ending is an event too.
    message_id: Option<MessageId>,
}

/// What the driver has to do, in order.
#[derive(Debug)]
pub(crate) enum Action {
    /// Open a connection, which has this number.
    Open(u64),
    Transmit(String),
    Close,
    /// The session is authenticated; the event follows.
    Online,
    Tell(Incoming),
    /// Somebody waits for this ending.
    Fill(Arc<Slot<TicketOutcome>>, TicketOutcome),
    /// Somebody waits for the connection.
    Answer(Attempt, Result<(), Error>),
    /// The server says why it is about to close.
    CloseReason(Error),
    /// The server does not want this session.
    Refused(Closed),
}

impl Shared {
    pub(crate) fn new(session: session::Session, token: Token, event_queue: usize) -> Self {
        Self {
            core: Lock::new(Core {
                session,
                waiting: HashMap::new(),
                state: ConnectionState::Suspended,
                steps: Vec::new(),
                link: 0,
                attempt: None,
                started: false,
                why: None,
                refreshing: false,
                suspended: false,
                token,
                end: None,
            }),
            queue: EventQueue::new(event_queue),
            counters: Counters::default(),
            driver: AtomicWaker::new(),
            over: Slot::new(),
            clock: Clock::new(),
            home: Process::current(),
        }
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(crate) fn core(&self) -> MutexGuard<'_, Core> {
        self.core.lock()
    }

    /// Does something to the session and lets the driver do what follows from it.
    pub(crate) fn ask<T>(&self, what: impl FnOnce(&mut Core, Now) -> T) -> T {
        let done = {
            let (mut core, now) = (self.core(), self.clock.now());
            let done = what(&mut core, now);
            core.collect(now);
            done
        };
        self.driver.wake();
        done
    }

    /// Does something to the session, as the driver, and takes what is to be done. True if nothing will follow it.
    pub(crate) fn drive(&self, steps: &mut Vec<Action>, what: impl FnOnce(&mut Core, Now)) -> bool {
        let (mut core, now) = (self.core(), self.clock.now());
        what(&mut core, now);
        core.collect(now);
        core.take(steps)
    }

    /// Takes what is to be done, as the driver. True if nothing will follow it.
    pub(crate) fn take(&self, steps: &mut Vec<Action>) -> bool {
        self.core().take(steps)
    }

    /// Ends the client for the reason given, unless it ends already.
    pub(crate) fn end(&self, closed: Closed) {
        self.ask(|core, now| core.end(now, closed));
    }

    /// The application has taken the messages up to this one.
    pub(crate) fn taken(&self, receipt: Receipt) {
        let earlier = {
            let (mut core, now) = (self.core(), self.clock.now());
            let before = core.session.deadline();
            core.session.taken(now, receipt);
            core.collect(now);
            !core.steps.is_empty() || core.session.deadline() != before
        };
        if earlier {
            self.driver.wake();
        }
    }

    /// Does what follows from handing events out: confirms, and lets the driver read again.
    pub(crate) fn handed_out(&self, batch: &Batch) {
        if let Some(receipt) = batch.confirmed {
            self.taken(receipt);
        }
        if batch.made_room {
            self.driver.wake();
        }
    }

    /// The driver has gone, and leaves undone what it had taken: nobody is left waiting.
    pub(crate) fn finish(&self, undone: Vec<Action>) {
        let (closed, steps) = {
            let (mut core, now) = (self.core(), self.clock.now());
            core.end(now, Closed::without_runtime());
            core.collect(now);
            let closed = core.end.clone().unwrap_or_else(Closed::disconnected);
            (closed, std::mem::take(&mut core.steps))
        };
        // What was not done is only told.
        let (mut events, mut fills) = (Vec::new(), Vec::new());
        for step in undone.into_iter().chain(steps) {
            match step {
                Action::Tell(event) => events.push(event),
                Action::Fill(slot, ending) => fills.push((slot, ending)),
                Action::Answer(attempt, answer) => attempt.fill(answer),
                _ => {}
            }
        }
        self.queue.push(&mut events);
        for (slot, ending) in fills {
            slot.fill(ending);
        }
        self.queue.complete(closed);
        self.over.fill(());
    }
}

/// What the application wants of the connection.
impl Core {
    /// Connects and keeps connecting, unless there is nothing to connect with yet or any more.
    pub(crate) fn start(&mut self, now: Now) {
        self.started = true;
        self.connect(now);
    }

    /// Connects, and gives the attempt to wait for; none where it is connected already.
    pub(crate) fn attempt(&mut self, now: Now) -> Result<Option<Attempt>, Error> {
        if let Some(closed) = &self.end {
            return Err(closed.to_error());
        }
        if matches!(self.state, ConnectionState::Online { .. }) {
            return Ok(None);
        }
        let attempt = Arc::clone(self.attempt.get_or_insert_with(Slot::new));
        self.connect(now);
        Ok(Some(attempt))
    }

    fn connect(&mut self, now: Now) {
        self.suspended = false;
        if self.end.is_none() && !self.refreshing {
            self.session.connect(now);
        }
    }

    pub(crate) fn suspend(&mut self, now: Now) {
        if self.end.is_some() {
            return;
        }
        self.started = false;
        if self.refreshing && !self.suspended {
            self.suspended = true;
            self.show(ConnectionState::Suspended);
        }
        self.session.suspend(now);
        if let Some(attempt) = self.attempt.take() {
            let reason = "the client was suspended before it was connected";
            let error = Error::new(ErrorKind::Unreachable, code::SUSPENDED, reason);
            self.steps.push(Action::Answer(attempt, Err(error)));
        }
    }

    pub(crate) fn resume(&mut self, now: Now) {
        if self.end.is_some() {
            return;
        }
        if self.suspended {
            self.suspended = false;
            self.started = true;
        } else if self.state == ConnectionState::Suspended {
            self.session.resume(now);
            self.collect(now);
            self.started = self.state != ConnectionState::Suspended;
        }
    }

    /// Ends the client: everything that waits is over.
    pub(crate) fn end(&mut self, now: Now, closed: Closed) {
        if self.end.is_none() {
            if let Some(attempt) = self.attempt.take() {
                self.steps.push(Action::Answer(attempt, Err(closed.to_connect_error())));
            }
            self.end = Some(closed);
            self.state = ConnectionState::Closed;
            self.session.disconnect(now);
        }
    }

    /// Notes who waits for the end of a ticket.
    pub(crate) fn expect(
        &mut self,
        ticket: session::Ticket,
        message_id: Option<MessageId>,
    ) -> Arc<Slot<TicketOutcome>> {
        let slot = Slot::new();
        self.waiting.insert(ticket.number(), Waiting { slot: Arc::clone(&slot), message_id });
        slot
    }

    /// The server refused the session, and a new token is being fetched. False if the client has ended meanwhile.
    pub(crate) fn refresh(&mut self, closed: Closed) -> bool {
        if self.end.is_some() {
            return false;
        }
        let Closed { close_code, reason, .. } = closed;
        if !self.suspended {
            self.show(ConnectionState::Waiting { retry_in: Duration::ZERO, close_code, reason });
        }
        true
    }

    /// Goes on with a new token.
    pub(crate) fn refreshed(&mut self, now: Now, token: Token) {
        if self.end.is_some() {
            return;
        }
        self.refreshing = false;
        self.token = token.clone();
        self.session.set_token(token);
        self.session.connect(now);
        if std::mem::take(&mut self.suspended) {
            self.session.suspend(now);
        }
    }
}

/// What follows from it.
impl Core {
    fn take(&mut self, steps: &mut Vec<Action>) -> bool {
        if steps.is_empty() {
            std::mem::swap(steps, &mut self.steps);
        } else {
            steps.append(&mut self.steps);
        }
        // The session wants nothing more after it was disconnected, and nobody may ask it for more.
        self.end.is_some()
    }

    /// Collects what the session wants done.
    fn collect(&mut self, now: Now) {
        while let Some(output) = self.session.poll() {
            match output {
                Output::Open => {
                    self.link += 1;
                    self.why = None;
                    self.steps.push(Action::Open(self.link));
                }
                Output::Transmit(text) => self.steps.push(Action::Transmit(text)),
                Output::Close => {
                    self.link += 1;
                    self.steps.push(Action::Close);
                }
                Output::Event(event) => self.take_event(event, now),
            }
        }
    }

    fn take_event(&mut self, event: session::Event, now: Now) {
        match event {
            session::Event::State(state) => self.take_state(state, now),
            session::Event::Ended(ticket, ending) => {
                let Some(waiting) = self.waiting.remove(&ticket.number()) else { return };
                self.steps.push(Action::Fill(waiting.slot, ending.clone()));
                if let Some(message_id) = waiting.message_id {
                    let ticket = ticket.number();
                    self.tell(Event::Ended { ticket, message_id, outcome: ending.into() });
                }
            }
            session::Event::Message(payload, receipt) => {
                if let Some(event) = Event::from_message(payload) {
                    self.steps.push(Action::Tell(Incoming { event, receipt: Some(receipt) }));
                }
            }
            session::Event::Unreadable(fault) => {
                // Later ones end nothing.
                if self.state == ConnectionState::Connecting {
                    self.why.get_or_insert_with(|| Error::bad_answer(&fault));
                }
                self.tell(Event::Unreadable(fault));
            }
            session::Event::Notice(notice) => {
                if notice.code().kind() == callie_core::CodeKind::Closing {
                    let reason = Error::refused(notice.code().as_str(), notice.description());
                    self.why = Some(reason.clone());
                    self.steps.push(Action::CloseReason(reason));
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

    /// Takes note of how the session stands to its server.
    fn take_state(&mut self, state: session::State, now: Now) {
        match state {
            session::State::Connecting => self.show(ConnectionState::Connecting),
            session::State::Online { expires_at, limits } => {
                self.why = None;
                self.started = true;
                self.steps.push(Action::Online);
                self.show(ConnectionState::Online { expires_at, limits });
                if let Some(attempt) = self.attempt.take() {
                    self.steps.push(Action::Answer(attempt, Ok(())));
                }
            }
            session::State::Waiting { retry_in, code } => self.lost(retry_in, code, now),
            session::State::Down(Down::Suspended) => self.show(ConnectionState::Suspended),
            session::State::Down(Down::Refused { code, reason, description }) => {
                let known = reason.is_some();
                let code_name = reason.map_or_else(|| code::CLOSED.to_owned(), |name| name.to_string());
                let reason = if known { description } else { format!("the server closed with {code}") };
                // Nobody may connect with this token any more.
                self.refreshing = true;
                self.steps.push(Action::Refused(Closed { close_code: code, code: code_name, reason }));
            }
            // The end is told by its event.
            session::State::Down(_) | _ => {}
        }
    }

    /// There is no connection, and the session waits for its next attempt.
    fn lost(&mut self, retry_in: Duration, close_code: u16, now: Now) {
        let why = self.why.take().unwrap_or_else(|| match close_code {
            LINK_LOST => Error::timed_out("the server's answer took too long"),
            code => {
                let reason = format_args!("the server closed with {code}");
                Error::unreachable(reason)
            }
        });
        let attempt = self.attempt.take();
        if attempt.is_some() && !self.started {
            // One attempt was asked for: what was sent waits for the next.
            self.session.suspend(now);
            self.collect(now);
        } else {
            self.show(ConnectionState::Waiting { retry_in, close_code, reason: why.reason().to_owned() });
        }
        if let Some(attempt) = attempt {
            self.steps.push(Action::Answer(attempt, Err(why)));
        }
    }

    fn show(&mut self, state: ConnectionState) {
        self.state = state.clone();
        self.tell(Event::ConnectionChanged(state));
    }

    fn tell(&mut self, event: Event) {
        self.steps.push(Action::Tell(event.into()));
    }
}

impl Closed {
    /// The application wanted it.
    pub(crate) fn disconnected() -> Self {
        Self {
            close_code: NORMAL,
            code: code::DISCONNECTED.to_owned(),
            reason: "the application disconnected".to_owned(),
        }
    }

    /// Nothing is left that could drive the client.
    fn without_runtime() -> Self {
        Self {
            close_code: LINK_LOST,
            code: code::INTERNAL.to_owned(),
            reason: "the runtime that the client lived in has ended".to_owned(),
        }
    }

    /// Why something that is asked for later is refused.
    pub(crate) fn to_error(&self) -> Error {
        Error::closed(format_args!("{} ({})", self.reason, self.close_code))
    }

    /// Why an attempt to connect failed.
    fn to_connect_error(&self) -> Error {
        if self.close_code == NORMAL || self.code == code::INTERNAL {
            self.to_error()
        } else {
            Error::refused(self.code.clone(), self.reason.clone())
        }
    }
}
