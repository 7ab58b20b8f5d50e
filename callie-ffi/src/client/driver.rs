//! The one task between the socket and the session: it moves texts, tells the time, and decides nothing about them.
//!
//! Everything is polled in turn and nothing is awaited, so a socket that cannot be written to holds up neither reading nor
//! time. Events go to a bounded queue; while that is full the socket is not read, the server sees a slow reader, and
//! nothing is lost or piled up here.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use callie_core::session::{Down, Ending, State as Stands};
use callie_core::{CloseCode, LINK_LOST, Token};
use tokio::task::JoinHandle;
use tokio::time::{Instant, Sleep};

use super::config::Config;
use super::connect::{self, Socket};
use super::error::{ConnectError, Fault, code};
use super::event::{Closed, Event, State};
use super::link::{Heard, Link};
use super::refresh::{self, TokenSource};
use super::shared::{Shared, Step};
use super::ticket::Slot;

/// The most texts read before writing and time get their turn.
const READ_BATCH: usize = 64;
/// The most turns before other tasks get theirs.
const MAX_TURNS: usize = 32;

/// Where the application puts its source of tokens.
pub(super) type Source = Arc<Mutex<Option<Arc<dyn TokenSource>>>>;

type Opening = Pin<Box<dyn Future<Output = Result<Socket, ConnectError>> + Send>>;
/// Ends in a token, or in why the client ends.
type Refreshing = Pin<Box<dyn Future<Output = Result<Token, Closed>> + Send>>;

pub(super) struct Driver {
    shared: Arc<Shared>,
    config: Arc<Config>,
    source: Source,
    opening: Option<Opening>,
    link: Option<Link>,
    /// The last connection's farewell, which the end waits for.
    goodbye: Option<JoinHandle<()>>,
    refreshing: Option<Refreshing>,
    /// A token was fetched, and no connection came of it yet.
    refreshed: bool,
    /// Why the last connection went wrong, where that is known.
    why: Option<ConnectError>,
    sleep: Pin<Box<Sleep>>,
    steps: Vec<Step>,
    /// What this turn has for the application.
    events: Vec<Event>,
    endings: Vec<(Arc<Slot<Ending>>, Ending)>,
}

impl Driver {
    pub(super) fn new(shared: Arc<Shared>, config: Arc<Config>, source: Source) -> Self {
        Self {
            shared,
            config,
            source,
            opening: None,
            link: None,
            goodbye: None,
            refreshing: None,
            refreshed: false,
            why: None,
            sleep: Box::pin(tokio::time::sleep(Duration::ZERO)),
            steps: Vec::new(),
            events: Vec::new(),
            endings: Vec::new(),
        }
    }

    /// Does what is to be done. True if something happened that may have made more to do.
    fn turn(&mut self, cx: &mut Context<'_>) -> bool {
        let shared = Arc::clone(&self.shared);
        shared.drive(&mut self.steps, |_, _| {});
        let mut busy = self.perform();
        busy |= self.open(cx);
        busy |= self.refresh(cx);
        busy |= self.write(cx);
        busy |= self.read(cx);
        busy |= self.tell_time(cx);
        self.publish();
        busy
    }

    fn perform(&mut self) -> bool {
        let busy = !self.steps.is_empty();
        // Performing a step may make others.
        let mut steps = std::mem::take(&mut self.steps);
        for step in steps.drain(..) {
            self.perform_one(step);
        }
        steps.append(&mut self.steps);
        self.steps = steps;
        busy
    }

    fn perform_one(&mut self, step: Step) {
        match step {
            Step::Open => {
                self.why = None;
                let config = Arc::clone(&self.config);
                log::debug!("connecting to {}", config.address);
                self.opening = Some(Box::pin(async move { connect::open(&config).await }));
            }
            Step::Transmit(text) => {
                if let Some(link) = &mut self.link {
                    self.shared.counters.wrote(text.len());
                    link.send(text);
                }
            }
            Step::Close => self.close(),
            Step::State(state) => self.stand(state),
            Step::Tell(event) => {
                if matches!(event, Event::Message { .. }) {
                    self.shared.counters.told_message();
                }
                self.events.push(event);
            }
            Step::Fill(slot, ending) => self.endings.push((slot, ending)),
            Step::Farewell(fault) => {
                log::info!("the server is about to close: {fault}");
                self.why = Some(ConnectError::Refused(fault));
            }
            Step::Unreadable(fault) => {
                log::warn!("the server sent what is no payload: {fault}");
                // Later ones end nothing.
                if self.shared.core().state == State::Connecting {
                    self.why.get_or_insert_with(|| ConnectError::BadAnswer(Fault::bad_answer(&fault)));
                }
                self.events.push(Event::Unreadable(fault));
            }
        }
    }

    fn close(&mut self) {
        self.opening = None;
        if let Some(link) = self.link.take() {
            self.goodbye = Some(tokio::spawn(link.goodbye()));
        }
    }

    /// Takes note of how the session stands to its server.
    fn stand(&mut self, state: Stands) {
        match state {
            Stands::Connecting => self.show(State::Connecting),
            Stands::Online { expires_at, limits } => {
                log::info!("online");
                self.why = None;
                self.refreshed = false;
                self.shared.counters.connected();
                self.show(State::Online { expires_at, limits });
                let attempt = self.shared.core().attempt.take();
                if let Some(attempt) = attempt {
                    self.publish();
                    attempt.fill(Ok(()));
                }
            }
            Stands::Waiting { retry_in, code } => self.lost(retry_in, code),
            Stands::Down(Down::Suspended) => self.show(State::Suspended),
            Stands::Down(Down::Refused { code, reason, description }) => {
                let known = reason.is_some();
                let code_name = reason.map_or_else(|| code::CLOSED.to_owned(), |name| name.to_string());
                let reason = if known { description } else { format!("the server closed with {code}") };
                self.refused(Closed { close_code: code, code: code_name, reason });
            }
            // The end is told by its event.
            Stands::Down(_) | _ => {}
        }
    }

    fn lost(&mut self, retry_in: Duration, close_code: u16) {
        let why = self.why.take().unwrap_or_else(|| {
            let fault = match close_code {
                LINK_LOST => Fault::timed_out("the server's answer"),
                code => Fault::unreachable(format_args!("the server closed with {code}")),
            };
            if close_code == LINK_LOST {
                ConnectError::TimedOut(fault)
            } else {
                ConnectError::Unreachable(fault)
            }
        });
        log::info!("no connection: {why}");
        let attempt = {
            let mut core = self.shared.core();
            let attempt = core.attempt.take();
            if attempt.is_some() {
                // One attempt was asked for: what was sent waits for the next.
                let now = self.shared.clock().now();
                core.session.suspend(now);
                core.take(now, &mut self.steps);
                // Who waited for it may ask at once, before these steps are performed.
                core.state = State::Suspended;
            }
            attempt
        };
        match attempt {
            Some(attempt) => attempt.fill(Err(why)),
            None => self.show(State::Waiting { retry_in, close_code, reason: why.reason().to_owned() }),
        }
    }

    /// The server does not want this session: a new token may help where the old one is the reason.
    fn refused(&mut self, closed: Closed) {
        log::info!("refused by the server: {} ({})", closed.reason, closed.code);
        let source = self.source.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match source {
            Some(source) if closed.close_code == CloseCode::Authentication.as_u16() && !self.refreshed => {
                self.refreshed = true;
                let username = {
                    let mut core = self.shared.core();
                    core.refreshing = true;
                    core.session.username().to_string()
                };
                let Closed { close_code, code, reason } = closed.clone();
                let patience = self.config.exchange_timeout;
                self.show(State::Waiting { retry_in: Duration::ZERO, close_code, reason });
                self.refreshing = Some(Box::pin(async move {
                    let given = refresh::ask(source, username, code, patience).await;
                    given.map_err(|why| Closed { reason: format!("{} ({why})", closed.reason), ..closed })
                }));
            }
            _ => self.end(closed),
        }
    }

    fn end(&mut self, closed: Closed) {
        let mut core = self.shared.core();
        let now = self.shared.clock().now();
        core.end(now, closed);
        core.take(now, &mut self.steps);
    }

    fn show(&mut self, state: State) {
        self.shared.core().state = state.clone();
        self.events.push(Event::State(state));
    }

    fn open(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(opening) = &mut self.opening else { return false };
        let Poll::Ready(opened) = opening.as_mut().poll(cx) else { return false };
        self.opening = None;
        match opened {
            Ok(socket) => {
                self.link = Some(Link::new(socket));
                self.shared.drive(&mut self.steps, |session, now| session.opened(now));
            }
            Err(error) => {
                self.why = Some(error);
                self.shared.drive(&mut self.steps, |session, now| session.closed(now, None, None));
            }
        }
        true
    }

    fn refresh(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(refreshing) = &mut self.refreshing else { return false };
        let Poll::Ready(given) = refreshing.as_mut().poll(cx) else { return false };
        self.refreshing = None;
        match given {
            Ok(token) => {
                let mut core = self.shared.core();
                core.refreshing = false;
                if core.end.is_none() {
                    let now = self.shared.clock().now();
                    core.session.set_token(token);
                    core.session.connect(now);
                    if core.suspended {
                        core.session.suspend(now);
                    }
                    core.take(now, &mut self.steps);
                }
            }
            Err(closed) => {
                log::warn!("{}", closed.reason);
                self.end(closed);
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
            let Some(link) = &mut self.link else { return busy };
            if link.is_clogged() || self.shared.queue.room() <= self.events.len() {
                return busy;
            }
            match link.poll_read(cx) {
                Poll::Pending => return busy,
                Poll::Ready(Heard::Text(text)) => {
                    self.shared.counters.read(text.len());
                    self.shared.drive(&mut self.steps, |session, now| session.received(now, text.as_str()));
                    self.perform();
                }
                Poll::Ready(Heard::Nothing) => {}
                Poll::Ready(Heard::End(error, code)) => self.gone(error, code),
            }
            busy = true;
        }
        busy
    }

    /// The link is gone, for a reason that counts unless the server gave one before.
    fn gone(&mut self, error: ConnectError, code: Option<u16>) {
        log::debug!("the link ended: {error}");
        self.why.get_or_insert(error);
        if let Some(link) = self.link.take() {
            // The other side may wait for the answer to its close.
            tokio::spawn(link.goodbye());
        }
        self.shared.drive(&mut self.steps, |session, now| session.closed(now, code, None));
    }

    fn tell_time(&mut self, cx: &mut Context<'_>) -> bool {
        let blocked = self.link.as_ref().and_then(Link::deadline);
        if blocked.is_some_and(|at| Instant::now() >= at) {
            let fault = Fault::unreachable("the server took nothing for too long");
            self.gone(ConnectError::Unreachable(fault), None);
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
        let held_back = self.shared.queue.room() == 0;
        self.shared.drive(&mut self.steps, |session, now| {
            if held_back {
                session.held_back(now);
            }
            session.wake(now);
        });
        true
    }

    fn publish(&mut self) {
        self.shared.queue.push(&mut self.events);
        // After the events, so that who is woken finds them.
        for (slot, ending) in self.endings.drain(..) {
            slot.fill(ending);
        }
    }

    /// Whether everything is done that an end asks for.
    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        if self.shared.core().end.is_none() {
            return false;
        }
        self.refreshing = None;
        match &mut self.goodbye {
            Some(goodbye) => Pin::new(goodbye).poll(cx).is_ready(),
            None => true,
        }
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.shared.driver.register(cx.waker());
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
        self.shared.finish();
    }
}
