//! The way of a payload to one user.

use std::time::Instant;

use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::hub::{Hub, Origin};
use super::link::Link;
use super::receipt::{Delivery, Request};
use super::user::{Barred, Links};

/// A payload to pass on.
pub(crate) struct Parcel<'a> {
    /// The connection it came from.
    pub(crate) from: &'a Origin,
    /// What is passed on.
    pub(crate) text: Utf8Bytes,
    /// Set when the sender wants to be told of its arrival.
    pub(crate) ask: Option<Request>,
    /// When it came in, if its way is timed.
    pub(crate) timed: Option<Instant>,
}

/// What became of a payload to one user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direct {
    /// A connection took it. If its sender asked, the answer comes by itself.
    Sent,
    /// The recipient is connected and may not be written to.
    Barred(Barred),
    /// The recipient is not connected, if there is such a user at all.
    NotHere,
}

impl Hub {
    /// Passes a payload on to every connection of one user.
    pub(crate) fn to_user(&self, to: &str, parcel: Parcel<'_>) -> Direct {
        let from = parcel.from;
        let links = if from.user.name == *to {
            from.user.links()
        } else {
            let Some(user) = self.user(to) else { return Direct::NotHere };
            match user.reached_by(&from.user) {
                Ok(links) if links.is_empty() => return Direct::NotHere,
                Ok(links) => links,
                Err(barred) => return Direct::Barred(barred),
            }
        };
        if self.hand_out(&links, &parcel.text, parcel.ask, parcel.timed) {
            Direct::Sent
        } else {
            Direct::NotHere
        }
    }

    fn hand_out(
        &self,
        links: &Links,
        text: &Utf8Bytes,
        ask: Option<Request>,
        timed: Option<Instant>,
    ) -> bool {
        let Some(request) = ask else {
            return send_to_all(links, text, timed);
        };
        if links.is_empty() {
            return false;
        }
        let delivery = Delivery::start(request);
        delivery.hand_to(links, text);
        delivery.handed_out(0);
        self.await_confirmation(&delivery);
        true
    }

    /// Gives a payload to the sender's other connections.
    pub(crate) fn to_own_others(&self, from: &Origin, text: &Utf8Bytes) {
        for link in from.user.links_but(&from.link) {
            link.send(text);
        }
    }
}

/// Gives a payload to every connection; true if one took it.
pub(crate) fn send_to_all(links: &Links, text: &Utf8Bytes, timed: Option<Instant>) -> bool {
    let mut taken = false;
    for link in links {
        taken |= link.pass(text, timed);
    }
    taken
}

/// Whether both are one connection.
pub(crate) fn is_same(one: &Link, other: &Link) -> bool {
    std::ptr::eq(one, other)
}
