//! The delivery of a payload to one user.

use std::sync::Arc;
use std::time::Instant;

use callie_core::Username;
use smallvec::SmallVec;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::aliases::{Link, Links, Origin, User, Ways};
use super::delivery::{Delivery, Receipt, Request, WaitingMember};
use super::entry::{Entry, Keep};
use super::hub::Hub;
use super::node::{NO_REPLY, Nodes};
use super::outbox::Refusal;
use super::pending_reply::PendingReply;
use super::privacy::Blocked;
use super::remote_delivery::RemoteDelivery;

/// A payload to deliver.
pub(crate) struct Outgoing<'a> {
    /// The connection it came from.
    pub(crate) from: &'a Origin,
    /// The text that recipients get.
    pub(crate) text: Utf8Bytes,
    /// Set when the sender asks for confirmation.
    pub(crate) ask: Option<Request>,
    /// What happens if the recipient's connections are all away. A confirmed payload is always kept.
    pub(crate) keep: Keep,
    /// When it was received, if its latency is measured.
    pub(crate) timed: Option<Instant>,
    /// For a group, how many of the members who do not receive it are named.
    pub(crate) most_names: usize,
}

/// The result of delivering a payload to one user.
pub(crate) enum Direct {
    /// A connection took it. If its sender asked for confirmation, the answer is sent later.
    Sent,
    /// It is on its way to other nodes, or kept for connections that are away.
    Pending(Arc<RemoteDelivery>),
    /// The sender may not write to the recipient, who is connected.
    Blocked(Blocked),
    /// The recipient is not connected, or does not exist.
    NotConnected,
}

/// The last recipient of a connection. Most connections write to the same user again, who then need not be looked up.
#[derive(Default)]
pub(crate) struct RecipientCache(Option<Arc<User>>);

impl Hub {
    /// Delivers a payload to every connection of one user.
    pub(crate) fn to_user(&self, to: &str, cache: &mut RecipientCache, outgoing: Outgoing<'_>) -> Direct {
        match self.ways_to(to, cache, outgoing.from) {
            Err(blocked) => Direct::Blocked(blocked),
            Ok(ways) if ways.is_empty() => Direct::NotConnected,
            Ok(ways) => self.hand_out(to, &ways, outgoing),
        }
    }

    /// Returns the ways by which `from` reaches a user.
    fn ways_to(&self, to: &str, cache: &mut RecipientCache, from: &Origin) -> Result<Ways, Blocked> {
        if from.user.name == *to {
            return Ok(from.user.ways());
        }
        if let Some(user) = cache.0.as_ref().filter(|user| user.name == *to) {
            let ways = user.reached_by(&from.user)?;
            // Without a way, the entry may have been replaced. An entry with a way is the current one.
            if !ways.is_empty() {
                return Ok(ways);
            }
        }
        cache.0 = self.user(to);
        cache.0.as_ref().map_or_else(|| Ok(Ways::default()), |user| user.reached_by(&from.user))
    }

    fn hand_out(&self, to: &str, ways: &Ways, outgoing: Outgoing<'_>) -> Direct {
        let Outgoing { from, text, ask, keep, timed, most_names: _ } = outgoing;
        let from = &from.user.name;
        if let Some(request) = ask {
            self.hand_out_asked(to, ways, from, &text, request);
            return Direct::Sent;
        }
        if ways.away.is_empty() {
            return match send_to_all(&ways.links, text, timed, keep) {
                Handed::Sent => Direct::Sent,
                Handed::Missed => Direct::NotConnected,
                Handed::Away(text) => {
                    let delivery = RemoteDelivery::new(0);
                    keep_for(&ways.links, &text, &delivery);
                    Direct::Pending(delivery)
                }
            };
        }
        let entry =
            |request, text| Entry::Direct { request, to, from: from.as_str(), asked: None, keep, text };
        let delivery = RemoteDelivery::new(0);
        match send_to_all(&ways.links, text.clone(), timed, keep) {
            Handed::Sent => {
                self.remote.send(&ways.away, &entry(NO_REPLY, text.as_str()));
                return Direct::Sent;
            }
            Handed::Missed => {}
            Handed::Away(text) => keep_for(&ways.links, &text, &delivery),
        }
        for node in &ways.away {
            delivery.begin();
            let pending = PendingReply::of_members(&delivery, 1);
            self.request(*node, pending, &mut |request| entry(request, text.as_str()));
        }
        Direct::Pending(delivery)
    }

    fn hand_out_asked(&self, to: &str, ways: &Ways, from: &Username, text: &Utf8Bytes, request: Request) {
        let payload_id = (!ways.away.is_empty()).then(|| request.payload_id()).flatten();
        let delivery = Delivery::start(request);
        if !ways.links.is_empty() {
            delivery.hand_to(&ways.links, text);
        }
        for node in &ways.away {
            let part = delivery.leave_to_node(1);
            let pending = PendingReply::Delivery { delivery: delivery.clone(), part };
            self.request(*node, pending, &mut |request| Entry::Direct {
                request,
                to,
                from: from.as_str(),
                asked: payload_id.as_ref().map(callie_core::PayloadId::as_str),
                keep: Keep::Reported,
                text,
            });
        }
        delivery.handed_out(0);
        self.await_confirmation(&delivery);
    }

    /// Delivers a payload to the sender's other connections, to any node.
    pub(crate) fn to_own_others(&self, from: &Origin, text: &Utf8Bytes) {
        let (others, away) = from.user.ways_but(&from.link);
        self.to_own(from, &others, &away, text);
    }

    /// Delivers a payload to the sender's other connections, which the caller has looked up.
    pub(crate) fn to_own(&self, from: &Origin, others: &Links, away: &Nodes, text: &Utf8Bytes) {
        for link in others {
            link.send(text);
        }
        if !away.is_empty() {
            self.remote.send(away, &Entry::Copy { user: from.user.name.as_str(), text });
        }
    }
}

/// The result of queueing a payload for the connections of one user.
pub(super) enum Handed {
    /// A connection took it, or it need not be reported.
    Sent,
    /// The connections are all away, and the payload is to be [kept](keep_for). This is its text.
    Away(Utf8Bytes),
    /// No connection took it.
    Missed,
}

/// Queues a payload for every connection.
pub(super) fn send_to_all(links: &Links, text: Utf8Bytes, timed: Option<Instant>, keep: Keep) -> Handed {
    let (mut taken, mut kept) = (false, None);
    let mut away = SmallVec::<[&Link; 1]>::new();
    // The last connection takes the text itself. Nearly always there is only one, and nothing has to be shared.
    let texts = std::iter::repeat_n(text, links.len());
    for (link, text) in links.iter().zip(texts) {
        match link.pass(text, timed) {
            Ok(()) => taken = true,
            Err(Refusal::Away(text)) => {
                away.push(link);
                kept = Some(text);
            }
            Err(Refusal::Closed | Refusal::Full) => {}
        }
    }
    match (kept, keep) {
        (None, _) if !taken => return Handed::Missed,
        (None, _) | (_, Keep::Never) => {}
        (Some(text), Keep::Reported) if !taken => return Handed::Away(text),
        (Some(text), _) => {
            for link in away {
                link.send(&text);
            }
        }
    }
    Handed::Sent
}

/// Keeps a payload for the connections of one user, which are all away. The user is a part of `delivery`, and is missed
/// if no connection writes the payload.
pub(super) fn keep_for(links: &Links, text: &Utf8Bytes, delivery: &Arc<RemoteDelivery>) {
    let member = WaitingMember::begin(delivery);
    for link in links {
        link.send_with(text, Receipt::Waiting(member.clone()));
    }
}

/// Returns `true` if both are the same connection.
pub(crate) fn is_same(one: &Link, other: &Link) -> bool {
    std::ptr::eq(one, other)
}
