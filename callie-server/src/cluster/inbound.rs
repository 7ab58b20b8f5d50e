//! Reads the streams of the other nodes and applies their entries.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use callie_core::server::{CloseReason, DeliveryCounts, Remembered};

use super::local::LocalNode;
use super::stream::PeerStream;
use super::wire::{self, FrameHeader, Position, Unreadable};
use crate::router::{
    Allowance, Arrival, Audience, Check, Entry, GroupChange, MoveJob, NodeId, Peer, PendingReply,
    PrivacyChange,
};

/// The streams of all other nodes.
pub(super) struct Inbound {
    local: LocalNode,
    streams: HashMap<NodeId, Stream>,
    /// When this node joined.
    since: Instant,
}

/// The stream of one other node, as far as it was read.
struct Stream {
    number: u64,
    /// The number of the next frame.
    next: u64,
    /// Set when a frame was missed. The rest of the stream is ignored.
    broken: bool,
    /// Whether the node has sent all its users.
    complete: bool,
    /// Whether this node has yet to confirm how far the stream was read.
    unconfirmed: bool,
    /// The beginning of an entry that continues in the next frame.
    part: Vec<u8>,
}

/// How long a node is new: the time until all other nodes have learnt of it.
const NEW: Duration = Duration::from_secs(3);
/// The most bytes of an entry in several frames: far more than any valid entry has.
const MOST_PART: usize = 16 * 1024 * 1024;

/// The result of reading a frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Followed {
    /// The frame was applied.
    Applied,
    /// The frame was applied, and began a new stream of a node that had one. Replies in the old stream may be lost.
    Restarted,
    /// There was nothing to apply.
    Nothing,
    /// The other node must start a new stream.
    Broken(u64),
}

impl Inbound {
    pub(super) fn new(local: LocalNode) -> Self {
        Self { local, streams: HashMap::new(), since: Instant::now() }
    }

    /// Acts on a frame of `peer`.
    pub(super) fn take(&mut self, peer: &Arc<PeerStream>, header: &FrameHeader, entries: &[u8]) -> Followed {
        let Some(position) = header.position else { return Followed::Nothing };
        let followed = match self.find(peer.id, position) {
            Find::Next => Followed::Applied,
            Find::First => Followed::Restarted,
            Find::Known => return Followed::Nothing,
            Find::Gap => return Followed::Broken(position.stream),
        };
        let (part, mut rest);
        if let Some(stream) = self.streams.get_mut(&peer.id)
            && (header.goes_on || !stream.part.is_empty())
        {
            if stream.part.len() + entries.len() > MOST_PART {
                tracing::error!(node = %peer.id, "another node sends an entry that is too long");
                stream.broken = true;
                return Followed::Broken(position.stream);
            }
            stream.part.extend_from_slice(entries);
            if header.goes_on {
                return followed;
            }
            part = std::mem::take(&mut stream.part);
            rest = &part[..];
        } else {
            rest = entries;
        }
        let sender: Arc<dyn Peer> = peer.clone();
        while let Some(entry) = wire::next_entry(&mut rest) {
            match entry {
                Ok(entry) => self.act(peer, &sender, entry),
                Err(Unreadable) => {
                    tracing::error!(node = %peer.id, "cannot read a frame of another node");
                    self.streams.entry(peer.id).and_modify(|stream| stream.broken = true);
                    return Followed::Broken(position.stream);
                }
            }
        }
        followed
    }

    fn find(&mut self, node: NodeId, position: Position) -> Find {
        let known = self.streams.get(&node).map(|stream| stream.number);
        let is_restart = known.is_some_and(|number| position.stream > number);
        if known.is_none_or(|number| position.stream > number) {
            if is_restart {
                // The node sends all its users again. Until it has, no user is reported offline who may be connected to
                // it. This is checked again after each frame.
                self.local.hub.remote.set_converged(false);
                self.forget_users_of(node);
            }
            let stream = Stream {
                number: position.stream,
                next: 0,
                broken: false,
                complete: false,
                unconfirmed: false,
                part: Vec::new(),
            };
            self.streams.insert(node, stream);
        }
        let Some(stream) = self.streams.get_mut(&node) else { return Find::Gap };
        if position.stream < stream.number || position.frame < stream.next {
            return Find::Known;
        }
        if stream.broken {
            // The other node was already asked for a new stream.
            return Find::Known;
        }
        if position.frame > stream.next {
            stream.broken = true;
            return Find::Gap;
        }
        stream.next += 1;
        stream.unconfirmed = true;
        if is_restart { Find::First } else { Find::Next }
    }

    /// Returns `true` if all nodes in `nodes` have sent all their users.
    pub(super) fn is_complete(&self, nodes: &[Arc<PeerStream>]) -> bool {
        nodes.iter().all(|peer| self.streams.get(&peer.id).is_some_and(|s| s.complete && !s.broken))
    }

    /// Returns how far the stream of a node was read; with `fresh`, only if that is not confirmed yet.
    pub(super) fn taken(&mut self, node: NodeId, fresh: bool) -> Option<Position> {
        let stream = self.streams.get_mut(&node).filter(|stream| stream.unconfirmed || !fresh)?;
        stream.unconfirmed = false;
        Some(Position { stream: stream.number, frame: stream.next })
    }

    /// Forgets a node that is gone.
    pub(super) fn forget(&mut self, node: NodeId) {
        self.streams.remove(&node);
        // It may have stored a message for a user of this node, and not have reported that any more.
        self.local.checks.ask(Check::Kept);
        self.forget_users_of(node);
    }

    fn forget_users_of(&self, node: NodeId) {
        self.local.hub.node_is_gone(node);
    }

    fn act(&mut self, peer: &PeerStream, sender: &Arc<dyn Peer>, entry: Entry<'_>) {
        let LocalNode { hub, checks, config, moves, confirmation } = &self.local;
        let arrival = |request, from, asked, keep, text| {
            let deadline = Instant::now() + *confirmation;
            Arrival { peer: sender, request, from, asked, keep, text, deadline }
        };
        match entry {
            Entry::Here { user, groups, privacy } => {
                let config = config.current();
                let groups = Arc::new(groups.into_iter().collect());
                let allowance = Allowance::of(&config);
                hub.is_there(peer.id, &user, groups, privacy.into(), &allowance, config.presence);
            }
            Entry::Gone { user } | Entry::Remembered { user } => {
                hub.is_only_remembered(peer.id, &user, &Allowance::of(&config.current()));
            }
            Entry::Complete { missed_updates } => {
                // The other node has not reported the changes that it made before it knew this one.
                if missed_updates || self.since.elapsed() < NEW {
                    checks.ask(Check::All);
                }
                if let Some(stream) = self.streams.get_mut(&peer.id) {
                    stream.complete = true;
                }
            }
            Entry::Direct { request, to, from, asked, keep, text } => {
                hub.arrived_for_user(to, &arrival(request, from, asked, keep, text));
            }
            Entry::Group { request, group, from, asked, keep, members, uncounted, text } => {
                let audience = Audience { members, uncounted: &uncounted };
                hub.arrived_for_group(group, &arrival(request, from, asked, keep, text), &audience);
            }
            Entry::Copy { user, text } => hub.arrived_copy(user, text),
            Entry::Kept { user } => hub.hold_here(&user),
            Entry::Late { user, text } => hub.late_here(user, text),
            Entry::Everyone { text } => hub.arrived_for_everyone(text),
            Entry::Paused { request } => {
                if let Some((delivery, part)) = peer.pause(request) {
                    delivery.pause(part);
                }
            }
            Entry::Resumed { request } => {
                if let Some((delivery, part)) = peer.confirmed(request) {
                    hub.resume_delivery(&delivery, part, Instant::now() + *confirmation);
                }
            }
            Entry::Reached { request, reached } => {
                if let Some(pending) = peer.answered(request) {
                    pending.reached(number(reached));
                }
            }
            Entry::Report { request, confirmed, unconfirmed, missed } => {
                if let Some(pending) = peer.answered(request) {
                    let counts = DeliveryCounts::new(number(confirmed), number(unconfirmed), number(missed));
                    pending.report(counts);
                }
            }
            Entry::Move { request, session, connection, received, fences: wanted } => {
                let fences = moves.fences(peer.id, request);
                let (node, peer) = (peer.id, sender.clone());
                moves.ask(MoveJob::Export {
                    peer,
                    node,
                    request,
                    session,
                    connection,
                    received,
                    fences,
                    wanted,
                });
            }
            Entry::Fence { to, request } => hub.remote.send(&[to], &Entry::Fenced { of: peer.id, request }),
            Entry::Fenced { of, request } => moves.fences(of, request).add_permits(1),
            Entry::Moved { request, state } => {
                if let Some(PendingReply::Move(receiver)) = peer.answered(request) {
                    // Without a receiver the connection is gone. Dropping its state settles what was kept.
                    let _ = receiver.send(state);
                }
            }
            Entry::MovedAnswer { connection, text } => {
                moves.ask(MoveJob::Answer { connection, text: text.to_owned() });
            }
            Entry::Adopt { user, session, connection, features } => {
                moves.ask(MoveJob::Adopt { node: peer.id, user, session, connection, features });
            }
            Entry::Changed { group, change, text } => {
                hub.group_changed(group, &change, text);
                match change {
                    GroupChange::Created(_) => checks.ask(Check::Group(group)),
                    GroupChange::Joined(user) | GroupChange::Left(user) => {
                        checks.ask(Check::Member(group, user));
                    }
                    GroupChange::Updated | GroupChange::Deleted => {}
                }
            }
            Entry::Private { user, change } => {
                hub.privacy_changed(&user, &change);
                let other = match change {
                    PrivacyChange::Settings(..) => None,
                    PrivacyChange::Blocked(other) | PrivacyChange::Unblocked(other) => Some(other),
                };
                checks.ask(Check::Privacy(user, other));
            }
            Entry::Doubted { check } => checks.ask(check),
            Entry::Kick { user, reason } => hub.end(&user, &CloseReason::kicked(reason)),
            Entry::Spent { user, bucket } => hub.spent_elsewhere(user, bucket),
            Entry::Noted { user, key, outcome } => {
                hub.noted_elsewhere(user, Remembered::new(key, 0, outcome))
            }
            Entry::Recall { request, user } => {
                peer.send(&Entry::Recalled { request, memory: hub.memory_of(&user) });
            }
            Entry::Recalled { request, memory } => {
                if let Some(PendingReply::Memory(receiver)) = peer.answered(request) {
                    // Without a receiver the connection is gone.
                    let _ = receiver.send(memory);
                }
            }
            Entry::HandedOff { user, payloads } => {
                hub.take_over(&user, payloads, &Allowance::of(&config.current()));
            }
        }
    }
}

enum Find {
    /// The next frame.
    Next,
    /// The first frame of a stream that replaces an older one.
    First,
    /// A frame that was read before, or belongs to an abandoned stream.
    Known,
    /// A frame before it is missing.
    Gap,
}

fn number(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
