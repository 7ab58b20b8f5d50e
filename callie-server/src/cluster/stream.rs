//! The stream from this node to one other node: queued by anyone without waiting, sent by the task of the cluster.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use callie_core::server::Part;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::wire;
use crate::router::{Delivery, Entry, NO_REPLY, NodeId, Peer, PendingReply, ReplyStatus, RequestId};

/// A draft of this size is complete. Many entries share it. It is sent as one frame if NATS accepts that much.
const FRAME: usize = 128 * 1024;
/// The most bytes that wait for another node. If there are more, NATS does not keep up, and a new stream is begun.
const MOST_QUEUED: usize = 64 * 1024 * 1024;
/// How long a frame may wait for the confirmation that it was read: far longer than any ordinary delay.
pub(crate) const TAKEN_WITHIN: Duration = Duration::from_secs(5);

/// The stream to another node.
pub(crate) struct PeerStream {
    /// The other node.
    pub(crate) id: NodeId,
    /// The stream's number.
    pub(crate) stream: u64,
    state: Mutex<State>,
    /// Wakes the task of the cluster.
    wake: Arc<Notify>,
}

#[derive(Default)]
struct State {
    drafts: VecDeque<Draft>,
    queued: usize,
    /// The most bytes in the queue. The beginning of the stream does not count.
    most_queued: Option<usize>,
    /// The number of the next frame.
    next: u64,
    last_request: RequestId,
    /// Requests that are not settled.
    pending: HashMap<RequestId, PendingReply>,
    /// Frames that were sent and not confirmed.
    sent: VecDeque<Sent>,
    phase: Phase,
}

#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Phase {
    #[default]
    Open,
    /// The queue was full. The task of the cluster begins a new stream.
    Overflowed,
    /// The stream has ended.
    Lost,
}

/// A frame that still grows or waits to be sent.
#[derive(Default)]
struct Draft {
    entries: Vec<u8>,
    requests: Vec<RequestId>,
}

/// A frame to send.
pub(crate) struct Frame {
    /// Its number in the stream.
    pub(crate) number: u64,
    /// What it holds.
    pub(crate) entries: Vec<u8>,
    /// Whether its last entry continues in the next frame.
    pub(crate) goes_on: bool,
    /// Whether no frame waits behind it.
    pub(crate) is_last: bool,
}

struct Sent {
    frame: u64,
    at: Instant,
    requests: Vec<RequestId>,
}

impl PeerStream {
    /// Creates a new stream to `id`.
    pub(crate) fn new(id: NodeId, stream: u64, wake: Arc<Notify>) -> Arc<Self> {
        Arc::new(Self { id, stream, state: Mutex::default(), wake })
    }

    /// Queues an entry that is answered, with the request ID that it is given. `pending` is settled in every case.
    pub(crate) fn request<'a>(&self, pending: PendingReply, entry: &mut dyn FnMut(RequestId) -> Entry<'a>) {
        let mut state = self.state.lock();
        if state.phase != Phase::Open {
            drop(state);
            pending.end(ReplyStatus::NotSent);
            return;
        }
        state.last_request += 1;
        let request = state.last_request;
        state.pending.insert(request, pending);
        let wake = state.append(&entry(request), request);
        drop(state);
        self.wake_if(wake);
    }

    /// Returns a request ID for something in a later entry that is answered. `pending` is settled in every case.
    pub(crate) fn reserve(&self, pending: PendingReply) -> RequestId {
        let mut state = self.state.lock();
        if state.phase != Phase::Open {
            drop(state);
            pending.end(ReplyStatus::NotSent);
            return NO_REPLY;
        }
        state.last_request += 1;
        let request = state.last_request;
        state.pending.insert(request, pending);
        request
    }

    fn wake_if(&self, wake: bool) {
        if wake {
            self.wake.notify_one();
        }
    }

    /// Returns the next frame, with at most `most` bytes of entries.
    pub(crate) fn next_frame(&self, now: Instant, most: usize) -> Option<Frame> {
        let mut state = self.state.lock();
        if state.phase != Phase::Open {
            return None;
        }
        let goes_on = state.drafts.front()?.entries.len() > most;
        let draft = if goes_on {
            // Requests belong to the last part of their entry.
            let first = state.drafts.front_mut()?;
            let rest = first.entries.split_off(most);
            Draft { entries: std::mem::replace(&mut first.entries, rest), requests: Vec::new() }
        } else {
            state.drafts.pop_front()?
        };
        state.queued -= draft.entries.len();
        let number = state.next;
        state.next += 1;
        state.sent.push_back(Sent { frame: number, at: now, requests: draft.requests });
        Some(Frame { number, entries: draft.entries, goes_on, is_last: state.drafts.is_empty() })
    }

    /// Notes that the other node has applied all frames before `frame`.
    pub(crate) fn taken_until(&self, frame: u64) {
        let mut done = Vec::new();
        {
            let mut state = self.state.lock();
            while state.sent.front().is_some_and(|sent| sent.frame < frame) {
                let Some(sent) = state.sent.pop_front() else { break };
                for request in sent.requests {
                    if state.pending.get(&request).is_some_and(PendingReply::ends_when_taken) {
                        done.extend(state.pending.remove(&request));
                    }
                }
            }
        }
        for pending in done {
            pending.end(ReplyStatus::Taken);
        }
    }

    /// Takes what waits for the reply to a request; `None` if it was settled before.
    pub(crate) fn answered(&self, request: RequestId) -> Option<PendingReply> {
        self.state.lock().pending.remove(&request)
    }

    /// Notes that the other node waits for connections that are away before it replies to a request. Returns the delivery
    /// whose deadline does not count meanwhile, if there is one.
    pub(crate) fn pause(&self, request: RequestId) -> Option<(Arc<Delivery>, Part)> {
        self.state.lock().pending.get_mut(&request)?.pause()
    }

    /// Returns the delivery that waits for the reply to a request, if its sender asked for confirmation.
    pub(crate) fn confirmed(&self, request: RequestId) -> Option<(Arc<Delivery>, Part)> {
        self.state.lock().pending.get(&request)?.confirmed()
    }

    /// Settles the requests whose replies may be lost, because the other node has begun a new stream.
    pub(crate) fn abandon_replies(&self) {
        let given_up = {
            let mut state = self.state.lock();
            let waiting: HashSet<RequestId> =
                state.drafts.iter().flat_map(|draft| draft.requests.iter().copied()).collect();
            let (keep, given_up): (HashMap<_, _>, HashMap<_, _>) = std::mem::take(&mut state.pending)
                .into_iter()
                .partition(|(request, _)| waiting.contains(request));
            state.pending = keep;
            given_up
        };
        for pending in given_up.into_values() {
            pending.end(ReplyStatus::Unknown);
        }
    }

    /// Returns `true` if a new stream must be begun: the queue was full, or a frame was not confirmed in time.
    pub(crate) fn is_stuck(&self, now: Instant) -> bool {
        let state = self.state.lock();
        state.phase == Phase::Overflowed
            || state.sent.front().is_some_and(|sent| now.saturating_duration_since(sent.at) > TAKEN_WITHIN)
    }

    /// Returns `true` if the other node has read everything.
    pub(crate) fn is_idle(&self) -> bool {
        let state = self.state.lock();
        state.drafts.is_empty() && state.sent.is_empty()
    }

    /// Returns the bytes that wait to be sent.
    pub(crate) fn queued(&self) -> usize {
        self.state.lock().queued
    }

    /// Ends the stream and settles all requests. `refused_from` is the first frame that is known not to have arrived.
    pub(crate) fn end(&self, refused_from: Option<u64>) {
        let (pending, not_sent) = {
            let mut state = self.state.lock();
            state.phase = Phase::Lost;
            state.queued = 0;
            let mut not_sent: HashSet<RequestId> =
                std::mem::take(&mut state.drafts).into_iter().flat_map(|draft| draft.requests).collect();
            for sent in std::mem::take(&mut state.sent) {
                if refused_from.is_some_and(|from| sent.frame >= from) {
                    not_sent.extend(sent.requests);
                }
            }
            (std::mem::take(&mut state.pending), not_sent)
        };
        for (request, pending) in pending {
            pending.end(if not_sent.contains(&request) {
                ReplyStatus::NotSent
            } else {
                ReplyStatus::Unknown
            });
        }
    }
}

impl Peer for PeerStream {
    fn send(&self, entry: &Entry<'_>) {
        let mut state = self.state.lock();
        if state.phase == Phase::Open {
            let wake = state.append(entry, NO_REPLY);
            drop(state);
            self.wake_if(wake);
        }
    }

    fn begun(&self) {
        let mut state = self.state.lock();
        state.most_queued = Some(state.queued + MOST_QUEUED);
    }
}

impl State {
    /// Appends an entry. Returns `true` if the task of the cluster must be woken.
    fn append(&mut self, entry: &Entry<'_>, request: RequestId) -> bool {
        let is_first = self.drafts.is_empty();
        if self.drafts.back().is_none_or(|draft| draft.entries.len() >= FRAME) {
            self.drafts.push_back(Draft::default());
        }
        let Some(draft) = self.drafts.back_mut() else { return false };
        let before = draft.entries.len();
        draft.entries = wire::append(entry, std::mem::take(&mut draft.entries));
        self.queued += draft.entries.len() - before;
        if request != NO_REPLY {
            draft.requests.push(request);
        }
        if self.most_queued.is_some_and(|most| self.queued > most) {
            self.phase = Phase::Overflowed;
            return true;
        }
        is_first
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::router::{Keep, RemoteDelivery, RemoteOutcome};
    use callie_core::Username;

    fn peer() -> Arc<PeerStream> {
        PeerStream::new(NodeId(1), 1, Arc::default())
    }

    fn request(peer: &PeerStream) -> Arc<Mutex<Option<RemoteOutcome>>> {
        let (delivery, outcome) = (RemoteDelivery::new(0), Arc::new(Mutex::new(None)));
        delivery.begin();
        peer.request(PendingReply::of_members(&delivery, 1), &mut |request| Entry::Direct {
            request,
            to: "bob",
            from: "ada",
            asked: None,
            keep: Keep::Reported,
            text: "{}",
        });
        let reported = outcome.clone();
        delivery.finally(move |passed| *reported.lock() = Some(passed));
        outcome
    }

    fn next(peer: &PeerStream) -> Frame {
        peer.next_frame(Instant::now(), FRAME).unwrap()
    }

    #[test]
    fn frames_are_split_to_max_payload() {
        let peer = peer();
        let text = "x".repeat(25);
        peer.send(&Entry::Everyone { text: &text });
        let outcome = request(&peer);
        let mut entries = Vec::new();
        let frames = std::iter::from_fn(|| peer.next_frame(Instant::now(), 10));
        let goes_on: Vec<bool> = frames
            .map(|frame| {
                assert!(frame.entries.len() <= 10);
                entries.extend(frame.entries);
                frame.goes_on
            })
            .collect();
        assert!(goes_on.iter().rev().skip(1).all(|goes_on| *goes_on) && !goes_on[goes_on.len() - 1]);
        assert!(
            matches!(wire::next_entry(&mut &entries[..]), Some(Ok(Entry::Everyone { text: t })) if t == text)
        );
        peer.taken_until(goes_on.len() as u64 - 1);
        assert!(outcome.lock().is_none(), "the request is settled with the last part of its entry");
        peer.taken_until(goes_on.len() as u64);
        assert_eq!(outcome.lock().unwrap().reached, 1);
        assert_eq!(peer.queued(), 0);
    }

    #[test]
    fn confirmed_frame_has_arrived() {
        let peer = peer();
        let outcome = request(&peer);
        let frame = next(&peer);
        assert!(frame.number == 0 && !frame.entries.is_empty() && frame.is_last);
        assert!(outcome.lock().is_none());
        peer.taken_until(1);
        assert_eq!(outcome.lock().unwrap(), RemoteOutcome { reached: 1, missed: 0, unknown: 0 });
        assert!(peer.is_idle());
    }

    #[test]
    fn paused_request_waits_for_its_reply() {
        let peer = peer();
        let outcome = request(&peer);
        next(&peer);
        assert!(peer.pause(1).is_none());
        peer.taken_until(1);
        assert!(outcome.lock().is_none());
        peer.answered(1).unwrap().reached(0);
        assert_eq!(outcome.lock().unwrap(), RemoteOutcome { reached: 0, missed: 1, unknown: 0 });
    }

    #[test]
    fn end_of_stream_separates_missed_from_unknown() {
        let peer = peer();
        let sent = request(&peer);
        next(&peer);
        let refused = request(&peer);
        next(&peer);
        let waiting = request(&peer);
        peer.end(Some(1));
        let late = request(&peer);
        assert_eq!(sent.lock().unwrap().unknown, 1);
        for certain in [refused, waiting, late] {
            assert_eq!(certain.lock().unwrap().missed, 1);
        }
    }

    #[test]
    fn unread_stream_overflows() {
        let peer = peer();
        let text = "x".repeat(1024 * 1024);
        peer.send(&Entry::Everyone { text: &text });
        peer.begun();
        assert!(!peer.is_stuck(Instant::now()));
        for _ in 0..=MOST_QUEUED / text.len() {
            peer.send(&Entry::Everyone { text: &text });
        }
        assert!(peer.is_stuck(Instant::now()));
        peer.send(&Entry::Gone { user: Username::parse("ada").unwrap() });
        assert!(peer.queued() <= MOST_QUEUED + 2 * text.len() + 16);
    }
}
