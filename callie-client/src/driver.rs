//! The task between the socket and the session: it moves texts, passes the time and fetches tokens. The session
//! decides.
//!
//! Everything is polled in turn and nothing is awaited, so a socket that cannot be written to delays neither reading
//! nor timers. Events go to a bounded queue; while it is full the socket is not read, so the server sees a slow reader
//! and memory stays bounded.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use callie_core::session::TicketOutcome;
use callie_core::{CodeKind, Token};
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep};

use crate::connect::{self, NoSocket, Socket};
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::event::{ConnectionState, Event};
use crate::link::{Link, Received};
use crate::queue::Incoming;
use crate::shared::{Action, Attempt, Core, Shared};
use crate::state::Progress;
use crate::ticket::Slot;

/// The maximum number of texts read before writing and timers are polled.
const READ_BATCH: usize = 64;
/// The maximum number of turns before the task yields to others.
const MAX_TURNS: usize = 32;

type Opening = Pin<Box<dyn Future<Output = Result<Socket, NoSocket>> + Send>>;
/// Completes with a token, or with the reason why there is none.
type Refreshing = Pin<Box<dyn Future<Output = Result<Token, String>> + Send>>;

pub(crate) struct Driver {
    shared: Arc<Shared>,
    endpoint: Endpoint,
    /// The number of the connection that is open or opening.
    number: u64,
    opening: Option<Opening>,
    link: Option<Link>,
    /// Earlier connections that are still closing; the end of the client waits for them.
    closing: JoinSet<()>,
    refreshing: Option<Refreshing>,
    sleep: Pin<Box<Sleep>>,
    steps: Vec<Action>,
    /// No actions follow those that were taken.
    over: bool,
    online: bool,
    /// This turn's events for the application.
    events: Vec<Incoming>,
    /// How many of them the server sent.
    received: usize,
    outcomes: Vec<(Arc<Slot<TicketOutcome>>, TicketOutcome)>,
    answers: Vec<(Attempt, Result<(), Error>)>,
    /// Whether it was logged that reading has stopped.
    warned: bool,
}

impl Driver {
    pub(crate) fn new(shared: Arc<Shared>, endpoint: Endpoint) -> Self {
        Self {
            shared,
            endpoint,
            number: 0,
            opening: None,
            link: None,
            closing: JoinSet::new(),
            refreshing: None,
            sleep: Box::pin(tokio::time::sleep(Duration::ZERO)),
            steps: Vec::new(),
            over: false,
            online: false,
            events: Vec::new(),
            received: 0,
            outcomes: Vec::new(),
            answers: Vec::new(),
            warned: false,
        }
    }

    /// Performs the actions and polls everything once. Returns true if this may have caused further actions.
    fn turn(&mut self, cx: &mut Context<'_>) -> bool {
        self.over |= self.shared.take(&mut self.steps);
        self.check_state();
        let mut busy = self.perform();
        busy |= self.open(cx);
        busy |= self.refresh(cx);
        busy |= self.write(cx);
        busy |= self.read(cx);
        busy |= self.poll_timers(cx);
        self.publish();
        busy || !(self.steps.is_empty() || self.is_storing())
    }

    /// Ends the session if its state cannot be stored.
    fn check_state(&mut self) {
        let failure = self.shared.state.as_ref().and_then(|state| state.failure());
        if let Some((stored, error)) = failure.filter(|_| !self.over) {
            let error = error.reason().to_owned();
            self.drive(|core, now| core.session.store_failed(now, stored, error));
        }
    }

    /// Whether the next action waits for a change of the state to be stored. Then all later actions wait too, and nothing is
    /// read.
    fn is_storing(&self) -> bool {
        self.steps.first().is_some_and(|step| self.progress(step) == Progress::Waits)
    }

    fn progress(&self, step: &Action) -> Progress {
        match (step, &self.shared.state) {
            (Action::Transmit(_, after), Some(state)) => state.progress(*after),
            _ => Progress::Stored,
        }
    }

    /// Calls `what` with the session, and takes the resulting actions.
    fn drive(&mut self, what: impl FnOnce(&mut Core, callie_core::session::Now)) {
        self.over |= self.shared.drive(&mut self.steps, what);
    }

    /// The same for a report about the connection with this number; ignored if the session has another connection by
    /// now.
    fn drive_link(&mut self, what: impl FnOnce(&mut Core, callie_core::session::Now)) {
        let number = self.number;
        self.drive(|core, now| {
            if core.link == number {
                what(core, now);
            }
        });
    }

    fn perform(&mut self) -> bool {
        // Performing an action may cause others.
        let mut steps = std::mem::take(&mut self.steps);
        let ready = steps.iter().position(|step| self.progress(step) == Progress::Waits);
        let ready = ready.unwrap_or(steps.len());
        let busy = ready > 0;
        for step in steps.drain(..ready) {
            self.perform_one(step);
        }
        steps.append(&mut self.steps);
        self.steps = steps;
        busy
    }

    fn perform_one(&mut self, step: Action) {
        match step {
            Action::Open(number) => {
                let endpoint = self.endpoint.clone();
                log::debug!("connecting to {}", endpoint.config().address);
                self.number = number;
                self.opening = Some(Box::pin(async move { connect::open(&endpoint).await }));
            }
            Action::Transmit(text, after) => {
                // What was not stored must not be transmitted. The client is about to end.
                let failed =
                    self.shared.state.as_ref().is_some_and(|state| state.progress(after) == Progress::Failed);
                if let Some(link) = self.link.as_mut().filter(|_| !failed) {
                    self.shared.counters.wrote(text.len());
                    link.send(text);
                }
            }
            Action::Close => self.close(),
            Action::Abort => (self.opening, self.link) = (None, None),
            Action::RefreshToken { source, username, reason } => {
                log::info!("the server refused the token: {reason}");
                self.refreshing = Some(Box::pin(source.ask(username, reason)));
            }
            Action::Tell(incoming) => self.tell(incoming),
            Action::Fill(slot, outcome) => self.outcomes.push((slot, outcome)),
            Action::Answer(attempt, answer) => {
                if let Err(why) = &answer {
                    log::info!("no connection: {why}");
                }
                self.answers.push((attempt, answer));
            }
        }
    }

    fn tell(&mut self, incoming: Incoming) {
        match &incoming.event {
            Event::ConnectionChanged(state) => {
                self.online = matches!(state, ConnectionState::Online { .. });
                match state {
                    ConnectionState::Online { resumed, .. } => {
                        log::info!("{}", if *resumed { "online, resumed" } else { "online" });
                        self.shared.counters.connected(*resumed);
                    }
                    ConnectionState::Waiting { reason, .. } => log::info!("no connection: {reason}"),
                    _ => {}
                }
            }
            Event::Notice(notice) if notice.code().kind() == CodeKind::Closing => {
                log::info!("the server is about to close: {}", notice.code());
            }
            Event::Message { .. } => self.shared.counters.delivered_message(),
            Event::Unreadable(fault) => log::warn!("the server sent what is no payload: {fault}"),
            _ => {}
        }
        self.received += usize::from(incoming.is_received());
        self.events.push(incoming);
    }

    fn close(&mut self) {
        self.opening = None;
        if let Some(link) = self.link.take() {
            self.closing.spawn(link.close());
        }
    }

    fn open(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(opening) = &mut self.opening else { return false };
        let Poll::Ready(opened) = opening.as_mut().poll(cx) else { return false };
        self.opening = None;
        match opened {
            Ok(socket) => {
                self.link = Some(Link::new(socket));
                self.drive_link(|core, now| core.session.opened(now));
            }
            Err(NoSocket { error, retry_after }) => self.drive_link(|core, now| {
                core.why = Some(error);
                core.session.closed(now, None, retry_after);
            }),
        }
        true
    }

    fn refresh(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(refreshing) = &mut self.refreshing else { return false };
        let Poll::Ready(given) = refreshing.as_mut().poll(cx) else { return false };
        self.refreshing = None;
        match given {
            Ok(token) => self.drive(|core, now| core.session.token_refreshed(now, token)),
            Err(error) => {
                log::warn!("{error}");
                self.drive(|core, now| core.session.token_refresh_failed(now, error));
            }
        }
        true
    }

    fn write(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(link) = &mut self.link else { return false };
        match link.poll_write(cx) {
            Ok(()) => false,
            Err(error) => {
                self.gone(error, None);
                true
            }
        }
    }

    fn read(&mut self, cx: &mut Context<'_>) -> bool {
        let mut busy = false;
        for _ in 0..READ_BATCH {
            if self.is_read_paused() {
                return busy;
            }
            let Some(link) = &mut self.link else { return busy };
            if link.is_clogged() {
                return busy;
            }
            match link.poll_read(cx) {
                Poll::Pending => return busy,
                Poll::Ready(Received::Text(text)) => {
                    self.shared.counters.read(text.len());
                    self.drive_link(|core, now| core.session.received(now, text.as_str()));
                    self.perform();
                }
                Poll::Ready(Received::Nothing) => {}
                Poll::Ready(Received::End(error, code)) => self.gone(error, code),
            }
            busy = true;
        }
        busy
    }

    /// Whether reading is stopped because the application takes no events, or because actions wait. Until the session is authenticated, reading
    /// continues: a call may wait for the server's answer.
    fn is_read_paused(&mut self) -> bool {
        if self.is_storing() {
            return true;
        }
        let read_paused = self.online && self.shared.queue.room() <= self.received;
        if read_paused && self.link.is_some() && !self.warned {
            self.warned = true;
            log::warn!(
                "{} received events wait to be taken: nothing is read from the server until some are",
                self.endpoint.config().event_queue
            );
        }
        read_paused
    }

    /// The connection was lost. The reason is used unless the server gave one before.
    fn gone(&mut self, error: Error, code: Option<u16>) {
        log::debug!("the link ended: {error}");
        if let Some(link) = self.link.take()
            && link.owes_close_frame()
        {
            self.closing.spawn(link.close());
        }
        self.drive_link(|core, now| {
            core.why.get_or_insert(error);
            core.session.closed(now, code, None);
        });
    }

    fn poll_timers(&mut self, cx: &mut Context<'_>) -> bool {
        let blocked = self.link.as_ref().and_then(Link::deadline);
        if blocked.is_some_and(|at| Instant::now() >= at) {
            self.gone(Error::unreachable("the server took nothing for too long"), None);
            return true;
        }
        let due = {
            let core = self.shared.core();
            core.session.deadline().and_then(|elapsed| self.shared.clock().at(elapsed))
        };
        let next = due.map(Instant::from_std).into_iter().chain(blocked).min();
        let Some(next) = next else { return false };
        if self.sleep.deadline() != next {
            self.sleep.as_mut().reset(next);
        }
        if self.sleep.as_mut().poll(cx).is_pending() {
            return false;
        }
        let read_paused = self.is_read_paused();
        self.drive(|core, now| {
            if read_paused {
                core.session.read_paused(now);
            }
            core.session.wake(now);
        });
        true
    }

    fn publish(&mut self) {
        self.shared.queue.push(&mut self.events);
        self.received = 0;
        // After the events, so that the woken calls find them.
        for (slot, outcome) in self.outcomes.drain(..) {
            slot.fill(outcome);
        }
        for (attempt, answer) in self.answers.drain(..) {
            attempt.fill(answer);
        }
    }

    /// Whether the driver has finished.
    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        while let Poll::Ready(Some(_)) = self.closing.poll_join_next(cx) {}
        if !self.over {
            return false;
        }
        self.refreshing = None;
        // The end of the client frees the place of its state.
        self.steps.is_empty()
            && self.closing.is_empty()
            && self.shared.state.as_ref().is_none_or(|state| state.close())
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.shared.driver.register(cx.waker());
        if let Some(state) = &self.shared.state {
            state.register(cx);
        }
        for _ in 0..MAX_TURNS {
            if !self.turn(cx) {
                return if self.is_over(cx) { Poll::Ready(()) } else { Poll::Pending };
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.publish();
        self.shared.finish(std::mem::take(&mut self.steps));
    }
}
