//! The loop of one connection: handles received payloads, writes its outbox, and detects silence.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use callie_core::CloseCode;
use callie_core::server::CloseReason;
use tokio::time::Sleep;
use tokio_tungstenite::tungstenite::{Error, Utf8Bytes};

use super::action::{Action, Work};
use super::background::database_unavailable;
use super::backlog::Backlog;
use super::close_log::{Closed, closed};
use super::closing;
use super::handler::Handler;
use super::shared::Gateway;
use super::socket::{Incoming, Socket};
use super::timing::TICK;
use crate::base::clock;
use crate::base::telemetry::{CloseLabel, Discarded, Line};
use crate::router::{Item, Link, Outbox, Receipt};

/// The most messages that are read before the next write.
const READS: usize = 64;
/// The most payloads that are written before a flush.
const FEEDS: usize = 64;
/// The capacity in items that is kept while nothing is written.
const KEPT_ITEMS: usize = 8;

/// How long answers may follow after the deadline of confirmations, for a client that has half-closed its connection.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// An authenticated connection.
pub(super) struct Pump {
    gateway: Arc<Gateway>,
    link: Arc<Link>,
    socket: Socket,
    handler: Handler,
    /// Items that were taken from the outbox and are not written yet.
    batch: VecDeque<Item>,
    /// What is kept for the user, if messages are kept.
    backlog: Option<Box<Backlog>>,
    /// Whether `batch` is from the backlog, and not from the outbox.
    is_kept: bool,
    work: Option<Work>,
    /// Boxed, because a timer must not move.
    timer: Pin<Box<Sleep>>,
    /// When the use of the session was last recorded.
    touched: Instant,
    /// Set once the client has half-closed the connection: the deadline of its last answers.
    finishing: Option<Instant>,
}

/// How a connection ended.
enum End {
    /// By the server.
    Close(CloseReason),
    /// By the client, or because the connection was lost.
    Gone(CloseLabel),
    /// The client half-closed the connection and has received all answers.
    HalfClosed,
}

impl End {
    /// Returns why queued payloads are discarded, or `None` if they are still written.
    fn discards(&self) -> Option<Discarded> {
        match self {
            Self::Close(reason) if reason.writes_queued() => None,
            Self::Close(reason) if reason.sys_code().is_some() => Some(Discarded::SlowConsumer),
            // The client violated the WebSocket protocol, or the connection is lost.
            Self::Close(_) | Self::Gone(_) | Self::HalfClosed => Some(Discarded::LinkLost),
        }
    }
}

impl Pump {
    /// Starts with a connection that has just authenticated. Boxed, so that the future of the task holds one pointer to
    /// it and not several copies.
    pub(super) fn new(
        gateway: Arc<Gateway>,
        socket: Socket,
        handler: Handler,
        work: Option<Work>,
    ) -> Box<Self> {
        let now = Instant::now();
        let link = handler.context.origin.link.clone();
        let backlog = gateway
            .keeper
            .as_ref()
            .map(|keeper| Box::new(Backlog::new(keeper.clone(), gateway.hub.keys.clone(), link.clone())));
        let mut pump = Box::new(Self {
            timer: Box::pin(tokio::time::sleep_until(now.into())),
            gateway,
            link,
            socket,
            handler,
            batch: VecDeque::new(),
            backlog,
            is_kept: false,
            work,
            touched: now,
            finishing: None,
        });
        if pump.work.is_some() {
            pump.link.add_pending();
        }
        pump.set_timer(now);
        pump
    }

    /// Runs the connection to its end.
    pub(super) async fn run(mut self: Box<Self>) {
        let end = std::future::poll_fn(|cx| self.poll(cx)).await;
        self.finish(end).await;
    }

    /// Releases what the connection held, then closes it.
    fn finish(self: Box<Self>, end: End) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let Self { gateway, link, socket, mut handler, mut batch, work, .. } = *self;
        if let Some(work) = work {
            let link = link.clone();
            // The work is finished, so that a retry of its payload receives the true outcome.
            tokio::spawn(async move {
                work.await;
                link.remove_pending();
            });
        }
        let was_held = link.outbox.held();
        if let Some(holds) = was_held {
            link.outbox.release(holds);
            // What is kept for the user stays in the store.
            batch.clear();
        }
        link.outbox.seal();
        let mut queued = VecDeque::new();
        link.outbox.take(&mut queued);
        batch.append(&mut queued);
        if let Some(discarded) = end.discards() {
            // The payload that did not fit into the outbox is lost as well.
            let refused = u64::from(discarded == Discarded::SlowConsumer);
            gateway.telemetry.metrics.discarded(discarded, batch.len() as u64 + refused);
        }
        if was_held.is_some() {
            // It would be written before what is kept for the user.
            batch.clear();
        }
        match &end {
            End::Close(reason) => {
                let waiting = (reason.code() == CloseCode::SlowConsumer.as_u16())
                    .then(|| format!("{} bytes are waiting to be read", link.outbox.waiting()));
                let about =
                    Closed { user: Some(&link.user), address: link.address, reason: waiting.as_deref() };
                closed(&gateway, reason, &about);
            }
            End::Gone(how) => gateway.telemetry.metrics.closed(*how),
            End::HalfClosed => gateway.telemetry.metrics.closed(CloseLabel::HalfClosed),
        }
        let now = clock::elapsed(Instant::now());
        let closing = match end {
            End::Close(reason) => Some(handler.connection.close(now, reason)),
            End::HalfClosed => Some(handler.connection.close(now, CloseReason::normal())),
            End::Gone(_) => None,
        };
        // Removes the connection from the hub before the close, which may take seconds.
        drop(handler);
        match closing {
            Some(closing) => Box::pin(closing::close(socket, closing, batch)),
            None => Box::pin(closing::finish_close(socket)),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        loop {
            if let Some(work) = &mut self.work
                && work.as_mut().poll(cx).is_ready()
            {
                self.work = None;
                self.link.remove_pending();
            }
            let more = match self.read(cx) {
                Ok(more) => more,
                Err(end) => return Poll::Ready(end),
            };
            if more == More::Work {
                continue;
            }
            let blocked = match self.write(cx) {
                Poll::Ready(Ok(())) => false,
                Poll::Ready(Err(_)) => return Poll::Ready(End::Gone(CloseLabel::Lost)),
                Poll::Pending => true,
            };
            if self.finishing.is_some()
                && !blocked
                && !self.link.has_pending()
                && self.link.outbox.waiting() == 0
            {
                return Poll::Ready(End::HalfClosed);
            }
            if let Some(reason) = self.link.outbox.close_reason() {
                return Poll::Ready(End::Close(reason));
            }
            if let Some(end) = self.poll_timers(cx) {
                return Poll::Ready(end);
            }
            if more == More::Input {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let parked = if blocked { self.link.outbox.park_blocked(cx) } else { self.link.outbox.park(cx) };
            // If the last answer came before the outbox was parked, nothing would wake this task.
            if parked && (self.finishing.is_none() || blocked || self.link.has_pending()) {
                return Poll::Pending;
            }
        }
    }

    fn read(&mut self, cx: &mut Context<'_>) -> Result<More, End> {
        let mut texts = 0;
        let end = self.read_texts(cx, &mut texts);
        if texts > 0 {
            self.gateway.counters.received(texts);
            self.advance_timer();
        }
        end
    }

    fn read_texts(&mut self, cx: &mut Context<'_>, texts: &mut u64) -> Result<More, End> {
        let mut more = More::Input;
        let now = Instant::now();
        for _ in 0..READS {
            if self.work.is_some() || self.finishing.is_some() {
                more = More::Nothing;
                break;
            }
            let text = match self.socket.poll_read(cx) {
                Poll::Pending => {
                    more = More::Nothing;
                    break;
                }
                Poll::Ready(Incoming::Control) => {
                    if let Action::Close(reason) = self.handler.control(now) {
                        return Err(End::Close(reason));
                    }
                    continue;
                }
                Poll::Ready(Incoming::Text(text)) => text,
                Poll::Ready(Incoming::Closed) => return Err(End::Gone(CloseLabel::Client)),
                Poll::Ready(Incoming::Lost) => return Err(End::Gone(CloseLabel::Lost)),
                Poll::Ready(Incoming::Ended) => {
                    self.half_close(now);
                    more = More::Nothing;
                    break;
                }
                Poll::Ready(Incoming::Fatal(reason)) => return Err(End::Close(reason)),
            };
            *texts += 1;
            match self.handler.receive(&text, now) {
                Action::Done => {}
                Action::Later(work) => {
                    self.link.add_pending();
                    self.work = Some(work);
                    more = More::Work;
                    break;
                }
                Action::Close(reason) => return Err(End::Close(reason)),
            }
        }
        Ok(more)
    }

    /// Writes the outbox. Pending while the socket accepts no data.
    fn write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let now = Instant::now();
        std::task::ready!(self.write_own(cx, now))?;
        while self.fill(cx) {
            let (mut written, mut cost) = (0, 0);
            let mut blocked = Poll::Ready(Ok(()));
            while written < FEEDS {
                blocked = self.socket.poll_ready(cx);
                if !matches!(blocked, Poll::Ready(Ok(()))) {
                    break;
                }
                let Some(item) = self.batch.pop_front() else { break };
                if let Some(report) = self.report_before(&item, now) {
                    // The answer follows after its report, when the socket accepts data again.
                    self.batch.push_front(item);
                    self.feed_own(report)?;
                    continue;
                }
                cost += Outbox::cost(&item);
                written += 1;
                if let Some(came) = item.timed {
                    self.gateway.telemetry.metrics.delivery_took(came.elapsed());
                }
                if let Some(receipt) = item.receipt {
                    self.note_written(receipt, now);
                }
                self.socket.feed(item.text)?;
            }
            if written > 0 {
                if !self.is_kept {
                    self.link.outbox.written(cost);
                }
                self.gateway.counters.sent(written as u64);
                self.gateway.telemetry.metrics.delivered(written as u64);
            }
            std::task::ready!(blocked)?;
            std::task::ready!(self.socket.poll_flush(cx))?;
        }
        if self.batch.capacity() > KEPT_ITEMS {
            self.batch = VecDeque::new();
        }
        std::task::ready!(self.socket.poll_flush(cx))?;
        if let Some(backlog) = &mut self.backlog {
            backlog.flushed();
        }
        Poll::Ready(Ok(()))
    }

    /// Fills the batch, if it is empty: with what is kept for the user, and then from the outbox. Returns `true` if there
    /// is something to write.
    fn fill(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.batch.is_empty() {
            return true;
        }
        self.is_kept = false;
        if let Some(backlog) = &mut self.backlog {
            match backlog.poll(cx, &mut self.batch) {
                Poll::Pending => return false,
                Poll::Ready(Ok(())) if self.batch.is_empty() => {}
                Poll::Ready(Ok(())) => {
                    self.is_kept = true;
                    return true;
                }
                Poll::Ready(Err(error)) => {
                    if self.gateway.telemetry.lines.admit(Line::Unavailable) {
                        tracing::error!(%error, "cannot read kept messages");
                    }
                    self.backlog = None;
                    self.link.end(database_unavailable());
                }
            }
        }
        self.link.outbox.take(&mut self.batch)
    }

    /// Notes that a message is about to be written that the client may confirm. A receipt that the connection does not keep
    /// is dropped, which settles it.
    fn note_written(&mut self, receipt: Receipt, now: Instant) {
        receipt.written();
        let (now, key) = (clock::elapsed(now), receipt.key());
        let connection = &mut self.handler.connection;
        match (receipt.kept(), &mut self.backlog) {
            (Some(_), _) if self.link.has_offline() => drop(connection.written_kept(key, receipt)),
            (Some(item), Some(backlog)) => {
                backlog.written(item.clone());
                drop(connection.written(now, key, receipt));
            }
            _ => drop(connection.written(now, key, receipt)),
        }
    }

    /// Writes the payloads of the core's connection itself, before those in the outbox.
    fn write_own(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<Result<(), Error>> {
        let now = clock::elapsed(now);
        loop {
            std::task::ready!(self.socket.poll_ready(cx))?;
            let Some(text) = self.handler.connection.poll(now) else { return Poll::Ready(Ok(())) };
            self.feed_own(Utf8Bytes::from(text))?;
        }
    }

    fn feed_own(&mut self, text: Utf8Bytes) -> Result<(), Error> {
        self.gateway.counters.sent(1);
        self.gateway.telemetry.metrics.delivered(1);
        self.socket.feed(text)
    }

    /// Returns what must be written before an answer: the report of payloads that were dropped before the answered one.
    fn report_before(&mut self, item: &Item, now: Instant) -> Option<Utf8Bytes> {
        let number = item.answers?.get();
        self.handler.connection.report_before(clock::elapsed(now), number).map(Utf8Bytes::from)
    }

    fn poll_timers(&mut self, cx: &mut Context<'_>) -> Option<End> {
        while self.timer.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            if let Some(until) = self.finishing {
                if now >= until {
                    return Some(End::HalfClosed);
                }
                self.timer.as_mut().reset(until.into());
                continue;
            }
            let elapsed = clock::elapsed(now);
            let connection = &mut self.handler.connection;
            if self.work.is_some() {
                // Nothing is read meanwhile, so the silence is not the client's.
                connection.read_paused(elapsed);
            }
            if let Some(reason) = connection.wake(elapsed) {
                return Some(End::Close(reason));
            }
            // The next iteration of the loop writes what is due.
            cx.waker().wake_by_ref();
            if connection.heard_at() > clock::elapsed(self.touched) {
                self.touched = now;
                let session = (*self.handler.session).clone();
                *self.handler.session = self.gateway.sessions.touch(session, clock::now());
                connection.set_expires_at(clock::timestamp(self.handler.session.expires));
            }
            if self.handler.session.expires <= clock::now() {
                return Some(End::Close(CloseReason::session_expired()));
            }
            self.set_timer(now);
        }
        None
    }

    fn set_timer(&mut self, now: Instant) {
        // At least 1 ms, so that a clock that was set back does not cause a busy loop.
        let left = (self.handler.session.expires - clock::now()).max(1).unsigned_abs();
        // Not before the next tick: what is due cannot be written while the socket accepts no data.
        let next = self.next_due(now).max(now + TICK).min(now + Duration::from_millis(left));
        self.timer.as_mut().reset(next.into());
    }

    /// Returns the deadline of the core's connection.
    fn next_due(&self, now: Instant) -> Instant {
        now + self.handler.connection.deadline().saturating_sub(clock::elapsed(now))
    }

    /// Moves the timer forward if something is due earlier.
    fn advance_timer(&mut self) {
        let next = self.next_due(Instant::now()).into();
        if self.finishing.is_none() && next < self.timer.deadline() {
            self.timer.as_mut().reset(next);
        }
    }

    /// Handles that the client has half-closed the connection: it receives pending answers, but no other payloads.
    fn half_close(&mut self, now: Instant) {
        let until = now + self.gateway.timing.protocol.confirmation + LAST_ANSWERS;
        self.finishing = Some(until);
        self.link.finish();
        if self.backlog.take().is_some()
            && let Some(holds) = self.link.outbox.held()
        {
            // It receives no other payloads, so there is nothing that these would have to come before.
            self.link.outbox.release(holds);
        }
        let origin = &self.handler.context.origin;
        self.gateway.hub.depart(&origin.user, &origin.link);
        // The client cannot confirm messages any more, so their receipts are dropped.
        drop(self.handler.connection.input_ended(clock::elapsed(now)));
        self.timer.as_mut().reset(until.into());
    }
}

/// What to do after reading.
#[derive(PartialEq, Eq)]
enum More {
    /// Wait for an event.
    Nothing,
    /// Read again: more may have arrived.
    Input,
    /// Start the work.
    Work,
}
