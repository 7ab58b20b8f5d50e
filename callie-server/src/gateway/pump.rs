//! The loop of one connection: what comes in is acted on, what waits in the outbox goes out, silence is noticed.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use callie_core::{CloseCode, Content, Payload, Recipient, Sender, SysCode};
use tokio::time::Sleep;
use tokio_tungstenite::tungstenite::{Error, Utf8Bytes};

use super::action::{Action, Work};
use super::close_log::{Closed, closed};
use super::closing;
use super::handler::Handler;
use super::heartbeat::{Due, Heartbeat};
use super::pending_acks::PendingAcks;
use super::shared::Gateway;
use super::socket::{Incoming, Socket};
use crate::base::clock;
use crate::base::ids::stamp;
use crate::base::telemetry::{CloseLabel, Discarded};
use crate::router::{CloseReason, Item, Link, NORMAL, Outbox};

/// Messages that are read before what they caused is written.
const READS: usize = 64;
/// Payloads that are written before they are handed to the system together.
const FEEDS: usize = 64;
/// Room for this many items is kept while nothing is written.
const KEPT_ITEMS: usize = 8;

/// How long after the time for confirmations the last answers may come to a client that ended what it sends.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// An authenticated connection at work.
pub(super) struct Pump {
    gateway: Arc<Gateway>,
    link: Arc<Link>,
    socket: Socket,
    handler: Handler,
    /// What was taken from the outbox and is not written yet.
    batch: VecDeque<Item>,
    work: Option<Work>,
    heartbeat: Heartbeat,
    /// Boxed, because a timer must not move.
    timer: Pin<Box<Sleep>>,
    /// When the use of the session was noted last.
    touched: Instant,
    /// Set once the client has ended what it sends: until then its answers are waited for.
    finishing: Option<Instant>,
}

/// How a connection ended.
enum End {
    /// By the server.
    Close(CloseReason),
    /// By the client, or by its disappearance.
    Gone(CloseLabel),
    /// The client ended what it sends and has all its answers.
    HalfClosed,
}

impl End {
    /// Why what is queued is not written any more, if it is not.
    fn discards(&self) -> Option<Discarded> {
        match self {
            Self::Close(reason) if reason.drain => None,
            Self::Close(CloseReason { notice: Some(_), .. }) => Some(Discarded::SlowConsumer),
            // It broke the WebSocket's own rules, or is gone.
            Self::Close(_) | Self::Gone(_) | Self::HalfClosed => Some(Discarded::LinkLost),
        }
    }
}

impl Pump {
    /// A connection that has just authenticated. Boxed, so that the task that runs it does not hold it several times over.
    pub(super) fn new(
        gateway: Arc<Gateway>,
        socket: Socket,
        handler: Handler,
        work: Option<Work>,
    ) -> Box<Self> {
        let now = Instant::now();
        let heartbeat = Heartbeat::new(now);
        let link = handler.context.origin.link.clone();
        let next = heartbeat.next(&gateway.timing);
        let mut pump = Box::new(Self {
            timer: Box::pin(tokio::time::sleep_until(next.into())),
            gateway,
            link,
            socket,
            handler,
            batch: VecDeque::new(),
            work,
            heartbeat,
            touched: now,
            finishing: None,
        });
        if pump.work.is_some() {
            pump.link.owe();
        }
        pump.set_timer(now);
        pump
    }

    /// Runs the connection to its end.
    pub(super) async fn run(mut self: Box<Self>) {
        let end = std::future::poll_fn(|cx| self.poll(cx)).await;
        self.finish(end).await;
    }

    /// Gives up what the connection had, then says goodbye.
    fn finish(self: Box<Self>, end: End) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let Self { gateway, link, socket, handler, mut batch, work, .. } = *self;
        if let Some(work) = work {
            let link = link.clone();
            // What was begun is finished, so that a payload sent again is told the truth of it.
            tokio::spawn(async move {
                work.await;
                link.settled();
            });
        }
        link.outbox.seal();
        let mut queued = VecDeque::new();
        link.outbox.take(&mut queued);
        batch.append(&mut queued);
        if let Some(discarded) = end.discards() {
            // The payload that did not fit into a slow reader's outbox is lost as well.
            let refused = u64::from(discarded == Discarded::SlowConsumer);
            gateway.telemetry.metrics.discarded(discarded, batch.len() as u64 + refused);
        } else if let Some(notice) = link.last_report() {
            let text = closing::encode(&notice, Recipient::User(link.user.clone()));
            batch.push_back(Item { text, receipt: None, timed: None });
        }
        match &end {
            End::Close(reason) => {
                let waiting = (reason.close == CloseCode::SlowConsumer.as_u16())
                    .then(|| format!("{} bytes wait to be read", link.outbox.waiting()));
                let about =
                    Closed { user: Some(&link.user), address: link.address, reason: waiting.as_deref() };
                closed(&gateway, reason, &about);
            }
            End::Gone(how) => gateway.telemetry.metrics.closed(*how),
            End::HalfClosed => gateway.telemetry.metrics.closed(CloseLabel::HalfClosed),
        }
        let recipient = Recipient::User(link.user.clone());
        // From here on nobody sees the connection, however long its close takes.
        drop(handler);
        match end {
            End::Close(reason) => Box::pin(closing::close(socket, reason, recipient, batch)),
            End::Gone(_) => Box::pin(closing::leave(socket)),
            End::HalfClosed => {
                Box::pin(closing::close(socket, CloseReason::bare(NORMAL), recipient, VecDeque::new()))
            }
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        loop {
            if let Some(work) = &mut self.work
                && work.as_mut().poll(cx).is_ready()
            {
                self.work = None;
                self.link.settled();
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
            if self.finishing.is_some() && !blocked && !self.link.owes() && self.link.outbox.waiting() == 0 {
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
            // The last answer may have come before there was anyone to wake.
            if parked && (self.finishing.is_none() || blocked || self.link.owes()) {
                return Poll::Pending;
            }
        }
    }

    fn read(&mut self, cx: &mut Context<'_>) -> Result<More, End> {
        let mut texts = 0;
        let end = self.read_texts(cx, &mut texts);
        if texts > 0 {
            self.gateway.counters.received(texts);
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
            let had_pinged = self.heartbeat.heard(now);
            let action = self.handler.take(&text, now);
            if had_pinged || self.handler.report_at.is_some() {
                self.hasten_timer();
            }
            match action {
                Action::Done => {}
                Action::Later(work) => {
                    self.link.owe();
                    self.work = Some(work);
                    more = More::Work;
                    break;
                }
                Action::Close(reason) => return Err(End::Close(reason)),
            }
        }
        Ok(more)
    }

    /// Writes what waits; pending while the socket takes no more.
    fn write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        while !self.batch.is_empty() || self.link.outbox.take(&mut self.batch) {
            let (mut written, mut cost) = (0, 0);
            let mut blocked = Poll::Ready(Ok(()));
            while written < FEEDS {
                blocked = self.socket.poll_ready(cx);
                if !matches!(blocked, Poll::Ready(Ok(()))) {
                    break;
                }
                let Some(item) = self.batch.pop_front() else { break };
                cost += Outbox::cost(&item);
                written += 1;
                if let Some(came) = item.timed {
                    self.gateway.telemetry.metrics.delivery_took(came.elapsed());
                }
                if let Some(receipt) = item.receipt {
                    let (sender, payload_id) = receipt.names();
                    let key = self.gateway.hub.keys.of_both(sender, payload_id);
                    self.handler.pending_acks.written(key, receipt);
                }
                self.socket.feed(item.text)?;
            }
            if written > 0 {
                self.link.outbox.written(cost);
                self.gateway.counters.sent(written as u64);
                self.gateway.telemetry.metrics.delivered(written as u64);
            }
            std::task::ready!(blocked)?;
            std::task::ready!(self.socket.poll_flush(cx))?;
        }
        if self.batch.capacity() > KEPT_ITEMS {
            self.batch = VecDeque::new();
        }
        self.socket.poll_flush(cx)
    }

    fn poll_timers(&mut self, cx: &mut Context<'_>) -> Option<End> {
        while self.timer.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            self.handler.report_dropped(now);
            if let Some(until) = self.finishing {
                if now >= until {
                    return Some(End::HalfClosed);
                }
                self.timer.as_mut().reset(until.into());
                continue;
            }
            if self.work.is_some() {
                // Nothing is read meanwhile: the silence is the server's own.
                self.heartbeat.heard(now);
            }
            match self.heartbeat.due(now, &self.gateway.timing) {
                Due::Nothing => {}
                Due::Ping => {
                    let to = Recipient::User(self.link.user.clone());
                    let ping = Payload::new(stamp(), Sender::Server, to, Content::Ping);
                    self.link.send(&Utf8Bytes::from(ping.encode()));
                }
                Due::Missed => return Some(End::Close(CloseReason::new(SysCode::HeartbeatMissed))),
            }
            self.handler.pending_acks.sweep();
            if self.heartbeat.heard_after(self.touched) {
                self.touched = now;
                let session = (*self.handler.session).clone();
                *self.handler.session = self.gateway.sessions.touch(session, clock::now());
            }
            if self.handler.session.expires <= clock::now() {
                return Some(End::Close(CloseReason::new(SysCode::SessionExpired)));
            }
            self.set_timer(now);
        }
        None
    }

    fn set_timer(&mut self, now: Instant) {
        // At least a moment, so that a clock that was set back cannot make this spin.
        let left = (self.handler.session.expires - clock::now()).max(1).unsigned_abs();
        let next = self.next_due().min(now + Duration::from_millis(left));
        self.timer.as_mut().reset(next.into());
    }

    /// When the heartbeat or the report of dropped payloads is due.
    fn next_due(&self) -> Instant {
        let beat = self.heartbeat.next(&self.gateway.timing);
        self.handler.report_at.map_or(beat, |report| report.min(beat))
    }

    /// Moves the timer to an earlier time, where something is due earlier than it was.
    fn hasten_timer(&mut self) {
        let next = self.next_due().into();
        if next < self.timer.deadline() {
            self.timer.as_mut().reset(next);
        }
    }

    /// The client has ended what it sends: nobody reaches it any more, and it is given the answers that are still to come.
    fn half_close(&mut self, now: Instant) {
        let until = now + self.gateway.timing.confirmation + LAST_ANSWERS;
        self.finishing = Some(until);
        self.link.finish();
        let origin = &self.handler.context.origin;
        self.gateway.hub.depart(&origin.user, &origin.link);
        // It cannot confirm what it has.
        self.handler.pending_acks = PendingAcks::new();
        self.handler.report_at = None;
        self.link.report_dropped();
        self.timer.as_mut().reset(until.into());
    }
}

/// What there is to do after reading.
#[derive(PartialEq, Eq)]
enum More {
    /// Nothing until something happens.
    Nothing,
    /// More may have come in already.
    Input,
    /// Work that has not been begun.
    Work,
}
