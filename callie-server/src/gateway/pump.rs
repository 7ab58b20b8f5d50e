//! The loop of one connection: handles received payloads, writes its outbox, and detects silence.

use std::collections::VecDeque;
use std::num::NonZeroU64;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use callie_core::server::CloseReason;
use tokio::time::Sleep;
use tokio_tungstenite::tungstenite::Error;

use super::action::{Action, Work};
use super::end::End;
use super::handler::Handler;
use super::moved::MovedTo;
use super::resumption::{Arrived, Resumable};
use super::shared::Gateway;
use super::socket::{Incoming, Socket};
use super::source::Source;
use super::timing::TICK;
use crate::base::clock;
use crate::base::telemetry::CloseLabel;
use crate::router::{Item, Link, Outbox};

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
    pub(super) gateway: Arc<Gateway>,
    pub(super) link: Arc<Link>,
    /// The WebSocket; `None` while the connection is away.
    pub(super) arrived: Option<Arrived>,
    pub(super) handler: Handler,
    /// Where another WebSocket arrives; `None` if the connection cannot be resumed.
    pub(super) resumable: Option<Arc<Resumable>>,
    /// Set while the connection is away: when it is gone.
    pub(super) away_until: Option<Instant>,
    /// Set once the connection has moved to another node.
    pub(super) moved: Option<MovedTo>,
    /// Items that were taken from the outbox and are not written yet.
    pub(super) batch: VecDeque<Item>,
    pub(super) source: Source,
    pub(super) work: Option<Work>,
    /// Boxed, because a timer must not move.
    pub(super) timer: Pin<Box<Sleep>>,
    /// When the use of the session was last recorded.
    pub(super) touched: Instant,
    /// Set once the client has half-closed the connection: the deadline of its last answers.
    finishing: Option<Instant>,
}

impl Pump {
    /// Starts with a connection that has just authenticated. Boxed, so that the future of the task holds one pointer to
    /// it and not several copies.
    pub(super) fn new(
        gateway: Arc<Gateway>,
        arrived: Option<Arrived>,
        handler: Handler,
        work: Option<Work>,
    ) -> Box<Self> {
        let now = Instant::now();
        let link = handler.context.origin.link.clone();
        let source = Source::new(&gateway, &link);
        let id = handler.connection.connection_id().cloned();
        let resumable = id.map(|id| gateway.resumables.add(id, link.clone()));
        let mut pump = Box::new(Self {
            timer: Box::pin(tokio::time::sleep_until(now.into())),
            gateway,
            link,
            arrived,
            handler,
            resumable,
            away_until: None,
            moved: None,
            batch: VecDeque::new(),
            source,
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
        let end = loop {
            let end = std::future::poll_fn(|cx| self.poll(cx)).await;
            if let Some(end) = self.go_away(end) {
                break end;
            }
        };
        self.finish(end).await;
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        loop {
            if let Some(work) = &mut self.work
                && work.as_mut().poll(cx).is_ready()
            {
                self.work = None;
                self.link.remove_pending();
            }
            self.take_asked();
            if self.moved.is_some() {
                return self.poll_moved(cx);
            }
            if let Some(until) = self.away_until {
                return self.poll_away(cx, until);
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
            if let Some(reason) = self.link.outbox.socket_close_reason() {
                return Poll::Ready(End::Close(reason));
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
            let is_asked = self.resumable.as_ref().is_some_and(|resumable| resumable.is_asked());
            // If the last answer came before the outbox was parked, nothing would wake this task.
            if parked && !is_asked && (self.finishing.is_none() || blocked || self.link.has_pending()) {
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
            let Some(Arrived { socket, .. }) = &mut self.arrived else { break };
            let text = match socket.poll_read(cx) {
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
                Poll::Ready(Incoming::Closed(code)) => return Err(End::closed_by_client(code)),
                Poll::Ready(Incoming::Lost) => return Err(End::Gone(CloseLabel::Lost)),
                Poll::Ready(Incoming::Ended) if self.resumable.is_some() => {
                    return Err(End::Gone(CloseLabel::Lost));
                }
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
        let Some(Arrived { socket, .. }) = &mut self.arrived else { return Poll::Pending };
        let Self { gateway, link, handler, batch, source, .. } = self;
        let now = Instant::now();
        let elapsed = clock::elapsed(now);
        let feed_own = |socket: &mut Socket, text| {
            gateway.counters.sent(1);
            gateway.telemetry.metrics.delivered(1);
            socket.feed(text)
        };
        // The payloads of the core's connection itself come before those in the outbox.
        loop {
            std::task::ready!(socket.poll_ready(cx))?;
            let Some(text) = handler.connection.poll(elapsed) else { break };
            feed_own(socket, text)?;
        }
        while source.fill(cx, batch, gateway, link) {
            let (mut written, mut cost) = (0, 0);
            let mut blocked = Poll::Ready(Ok(()));
            while written < FEEDS {
                blocked = socket.poll_ready(cx);
                if !matches!(blocked, Poll::Ready(Ok(()))) {
                    break;
                }
                let Some(item) = batch.pop_front() else { break };
                // The report of payloads that were dropped before the answered one.
                let number = item.answers.map(NonZeroU64::get);
                if let Some(report) = number.and_then(|n| handler.connection.report_before(elapsed, n)) {
                    // The answer follows after its report, when the socket accepts data again.
                    batch.push_front(item);
                    feed_own(socket, report)?;
                    continue;
                }
                cost += Outbox::cost(&item);
                written += 1;
                if let Some(came) = item.timed {
                    gateway.telemetry.metrics.delivery_took(came.elapsed());
                }
                if let Some(receipt) = item.receipt {
                    source.note_written(receipt, &mut handler.connection, link, elapsed);
                }
                handler.connection.count_written(&item.text);
                socket.feed(item.text)?;
            }
            if written > 0 {
                if !source.is_kept {
                    link.outbox.written(cost);
                }
                gateway.counters.sent(written as u64);
                gateway.telemetry.metrics.delivered(written as u64);
            }
            std::task::ready!(blocked)?;
            std::task::ready!(socket.poll_flush(cx))?;
        }
        if batch.capacity() > KEPT_ITEMS {
            *batch = VecDeque::new();
        }
        std::task::ready!(socket.poll_flush(cx))?;
        if let Some(backlog) = &mut source.backlog {
            backlog.flushed();
        }
        Poll::Ready(Ok(()))
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

    pub(super) fn set_timer(&mut self, now: Instant) {
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
        if self.source.backlog.take().is_some()
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
