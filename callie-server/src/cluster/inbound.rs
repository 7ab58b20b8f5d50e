//! Following the streams of the other nodes, and acting on what they say.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::awaited::Awaited;
use super::peer::Peer;
use super::wire::{self, Entry, GroupChange, Head, NodeId, Place, PrivacyChange, Unreadable};
use crate::commands;
use crate::gateway::Check;
use crate::router::{Arrival, Audience, Counts, Farewell, Note, Privacy};
use crate::server::App;

/// The streams of all other nodes.
pub(super) struct Inbound {
    app: Arc<App>,
    streams: HashMap<NodeId, Stream>,
    /// When this node joined.
    since: Instant,
}

/// One other node's stream, as far as it was followed.
struct Stream {
    number: u64,
    /// The next frame.
    next: u64,
    /// Set when a frame was missed: nothing of this stream is of use any more.
    broken: bool,
    /// Whether the node has named all its users.
    complete: bool,
    /// Whether the node has not been told yet how far its stream was taken.
    untold: bool,
    /// The beginning of an entry that goes on in the next frame.
    part: Vec<u8>,
}

/// How long a node is new to the others: until all of them have heard of it.
const NEW: Duration = Duration::from_secs(3);
/// Bytes that one draft of another node may have: far more than any honest one.
const MOST_PART: usize = 16 * 1024 * 1024;

/// What follows from a frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Followed {
    /// All went well.
    Well,
    /// All went well, and it began a new stream of a node that had one: answers that were in the old one may be lost.
    Anew,
    /// There was nothing to follow.
    Nothing,
    /// The other node has to begin its stream anew.
    Broken(u64),
}

impl Inbound {
    pub(super) fn new(app: Arc<App>) -> Self {
        Self { app, streams: HashMap::new(), since: Instant::now() }
    }

    /// Acts on a frame of `peer`.
    pub(super) fn take(&mut self, peer: &Arc<Peer>, head: &Head, entries: &[u8]) -> Followed {
        let Some(place) = head.place else { return Followed::Nothing };
        let followed = match self.find(peer.id, place) {
            Find::Next => Followed::Well,
            Find::First => Followed::Anew,
            Find::Known => return Followed::Nothing,
            Find::Gap => return Followed::Broken(place.stream),
        };
        let (part, mut rest);
        if let Some(stream) = self.streams.get_mut(&peer.id)
            && (head.goes_on || !stream.part.is_empty())
        {
            if stream.part.len() + entries.len() > MOST_PART {
                tracing::error!(node = %peer.id, "another node sends an entry without end");
                stream.broken = true;
                return Followed::Broken(place.stream);
            }
            stream.part.extend_from_slice(entries);
            if head.goes_on {
                return followed;
            }
            part = std::mem::take(&mut stream.part);
            rest = &part[..];
        } else {
            rest = entries;
        }
        while let Some(entry) = wire::next_entry(&mut rest) {
            match entry {
                Ok(entry) => self.act(peer, entry),
                Err(Unreadable) => {
                    tracing::error!(node = %peer.id, "a frame of another node cannot be read");
                    self.streams.entry(peer.id).and_modify(|stream| stream.broken = true);
                    return Followed::Broken(place.stream);
                }
            }
        }
        followed
    }

    fn find(&mut self, node: NodeId, place: Place) -> Find {
        let known = self.streams.get(&node).map(|stream| stream.number);
        let is_anew = known.is_some_and(|number| place.stream > number);
        if known.is_none_or(|number| place.stream > number) {
            if is_anew {
                // Whatever was said before is said again. Until then nobody is said to be offline who is there; it is
                // looked at again after each frame.
                self.app.gateway.hub.peers.set_whole(false);
                self.forget_users_of(node);
            }
            let stream = Stream {
                number: place.stream,
                next: 0,
                broken: false,
                complete: false,
                untold: false,
                part: Vec::new(),
            };
            self.streams.insert(node, stream);
        }
        let Some(stream) = self.streams.get_mut(&node) else { return Find::Gap };
        if place.stream < stream.number || place.frame < stream.next {
            return Find::Known;
        }
        if stream.broken {
            // The other node was asked already to begin anew.
            return Find::Known;
        }
        if place.frame > stream.next {
            stream.broken = true;
            return Find::Gap;
        }
        stream.next += 1;
        stream.untold = true;
        if is_anew { Find::First } else { Find::Next }
    }

    /// Whether all nodes in `nodes` have named all their users.
    pub(super) fn know_all(&self, nodes: &[Arc<Peer>]) -> bool {
        nodes.iter().all(|peer| self.streams.get(&peer.id).is_some_and(|s| s.complete && !s.broken))
    }

    /// How far a node's stream was taken; with `fresh`, only if it has not been told.
    pub(super) fn taken(&mut self, node: NodeId, fresh: bool) -> Option<Place> {
        let stream = self.streams.get_mut(&node).filter(|stream| stream.untold || !fresh)?;
        stream.untold = false;
        Some(Place { stream: stream.number, frame: stream.next })
    }

    /// A node is not there any more.
    pub(super) fn forget(&mut self, node: NodeId) {
        self.streams.remove(&node);
        self.forget_users_of(node);
    }

    fn forget_users_of(&self, node: NodeId) {
        self.app.gateway.hub.node_is_gone(node);
    }

    fn act(&mut self, peer: &Arc<Peer>, entry: Entry<'_>) {
        let gateway = &self.app.gateway;
        let hub = &gateway.hub;
        let arrival = |ticket, from, asked, text| {
            let deadline = Instant::now() + gateway.confirmation();
            Arrival { peer, ticket, from, asked, text, deadline }
        };
        match entry {
            Entry::Here { user, groups, privacy } => {
                let config = self.app.config();
                let privacy = Privacy {
                    presence: privacy.presence,
                    direct: privacy.direct,
                    barred: privacy.barred.into_iter().collect(),
                };
                let allowance = gateway.allowance(&config);
                let groups = Arc::new(groups.into_iter().collect());
                hub.is_there(peer.id, &user, groups, privacy, &allowance, config.presence);
            }
            Entry::Gone { user } | Entry::Remembered { user } => {
                hub.is_only_remembered(peer.id, &user, &gateway.allowance(&self.app.config()));
            }
            Entry::Complete { unheard } => {
                // Changes that the other node made before it knew of this one were not told either.
                if unheard || self.since.elapsed() < NEW {
                    gateway.checks.ask(Check::All);
                }
                if let Some(stream) = self.streams.get_mut(&peer.id) {
                    stream.complete = true;
                }
            }
            Entry::Direct { ticket, to, from, asked, text } => {
                hub.arrived_for_user(to, &arrival(ticket, from, asked, text));
            }
            Entry::Group { ticket, group, from, asked, members, uncounted, text } => {
                let audience = Audience { members, uncounted: &uncounted };
                hub.arrived_for_group(group, &arrival(ticket, from, asked, text), &audience);
            }
            Entry::Copy { user, text } => hub.arrived_copy(user, text),
            Entry::Everyone { text } => hub.arrived_for_everyone(text),
            Entry::Missed { ticket, reached } => {
                if let Some(awaited) = peer.answered(ticket) {
                    awaited.reached(number(reached));
                }
            }
            Entry::Report { ticket, confirmed, unconfirmed, missed } => {
                if let Some(Awaited::Delivery { delivery, part }) = peer.answered(ticket) {
                    let (confirmed, unconfirmed) = (number(confirmed), number(unconfirmed));
                    delivery.report(part, Counts { confirmed, unconfirmed, missed: number(missed) });
                }
            }
            Entry::Changed { group, change, text } => {
                commands::group_changed(hub, group, &change, text);
                match change {
                    GroupChange::Created(_) => gateway.checks.ask(Check::Group(group)),
                    GroupChange::Joined(user) | GroupChange::Left(user) => {
                        gateway.checks.ask(Check::Member(group, user));
                    }
                    GroupChange::Updated | GroupChange::Deleted => {}
                }
            }
            Entry::Private { user, change } => {
                hub.privacy_changed(&user, &change);
                let other = match change {
                    PrivacyChange::Settings(..) => None,
                    PrivacyChange::Barred(other) | PrivacyChange::Unbarred(other) => Some(other),
                };
                gateway.checks.ask(Check::Privacy(user, other));
            }
            Entry::Doubted { check } => gateway.checks.ask(check),
            Entry::Kick { user, reason } => hub.end(&user, &Farewell::kick(reason)),
            Entry::Spent { user, bucket } => hub.spent_elsewhere(user, bucket),
            Entry::Noted { user, key, outcome } => hub.noted_elsewhere(user, Note { key, age: 0, outcome }),
            Entry::Recall { ticket, user } => {
                peer.tell(&Entry::Recalled { ticket, memory: hub.memory_of(&user) });
            }
            Entry::Recalled { ticket, memory } => {
                if let Some(Awaited::Memory(asker)) = peer.answered(ticket) {
                    // A connection that is gone needs no memory.
                    let _ = asker.send(memory);
                }
            }
            Entry::Bequeathed { user, notes } => {
                hub.inherit(&user, notes, &gateway.allowance(&self.app.config()));
            }
        }
    }
}

enum Find {
    /// The frame is the next one.
    Next,
    /// It is the first one of a stream in the place of an older one.
    First,
    /// It was taken before, or belongs to a stream that was given up.
    Known,
    /// One before it is missing.
    Gap,
}

fn number(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
