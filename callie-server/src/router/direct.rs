//! The way of a payload to one user.

use std::sync::Arc;
use std::time::Instant;

use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::hub::{Hub, Origin};
use super::link::Link;
use super::receipt::{Delivery, Request};
use super::user::{Barred, Links, User};

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

/// Whom a connection wrote to last: most write to the same user again, who then need not be looked up.
#[derive(Default)]
pub(crate) struct Last(Option<Arc<User>>);

impl Hub {
    /// Passes a payload on to every connection of one user.
    pub(crate) fn to_user(&self, to: &str, last: &mut Last, parcel: Parcel<'_>) -> Direct {
        match self.links_to(to, last, parcel.from) {
            Err(barred) => Direct::Barred(barred),
            Ok(links) if self.hand_out(&links, parcel) => Direct::Sent,
            Ok(_) => Direct::NotHere,
        }
    }

    /// The connections through which `from` reaches a user.
    fn links_to(&self, to: &str, last: &mut Last, from: &Origin) -> Result<Links, Barred> {
        if from.user.name == *to {
            return Ok(from.user.links());
        }
        if let Some(user) = last.0.as_ref().filter(|user| user.name == *to) {
            let links = user.reached_by(&from.user)?;
            // Without a connection it may be one that was forgotten; one with a connection is the user's only entry.
            if !links.is_empty() {
                return Ok(links);
            }
        }
        last.0 = self.user(to);
        last.0.as_ref().map_or_else(|| Ok(Links::new()), |user| user.reached_by(&from.user))
    }

    fn hand_out(&self, links: &Links, parcel: Parcel<'_>) -> bool {
        let Some(request) = parcel.ask else {
            return send_to_all(links, parcel.text, parcel.timed);
        };
        if links.is_empty() {
            return false;
        }
        let delivery = Delivery::start(request);
        delivery.hand_to(links, &parcel.text);
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
pub(crate) fn send_to_all(links: &Links, text: Utf8Bytes, timed: Option<Instant>) -> bool {
    let Some((last, others)) = links.split_last() else { return false };
    let mut taken = false;
    for link in others {
        taken |= link.pass(text.clone(), timed);
    }
    // The last takes the text itself: it nearly always is the only one, and then nothing has to be shared.
    taken | last.pass(text, timed)
}

/// Whether both are one connection.
pub(crate) fn is_same(one: &Link, other: &Link) -> bool {
    std::ptr::eq(one, other)
}
