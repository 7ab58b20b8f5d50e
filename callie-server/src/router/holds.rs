//! How messages that are stored for a user reach the user's connections.
//!
//! Two things must not miss each other: a message that is stored because its recipient is not connected, and the recipient
//! who connects at that moment. A new connection is registered in the hub with a [held](super::outbox::Outbox::hold)
//! outbox, and then reads the store. Whoever stores a message commits it, and then holds the outboxes of all connections
//! that the hub has of the recipient ([`Hub::hold_for`]). So either the connection was registered before the commit and is
//! held, after which it reads the store again; or it is registered after the commit and finds the message. Since the hold
//! comes before the answer `STORED`, whatever the sender sends afterwards waits behind it.
//!
//! A sender need not wait for that answer: while a message of the sender is being stored for a user, later ones to this user
//! are stored behind it, and later ones to a group wait for the commit (`cache/storing.rs`). What a removed connection did not
//! write comes before what finds its user gone ([`Hub::departed`]). Two connections of one user are not ordered: while both
//! are there, the new one gets what is sent, and later what the old one did not write.
//!
//! In a cluster the recipient may be connected to another node whose report has not arrived. Therefore each node remembers
//! for whom it has stored messages ([`RecentlyKept`](super::kept::RecentlyKept)), and answers the report with
//! [`Entry::Kept`]. After a longer separation, and when a node is gone, each node looks in the store for messages to its
//! users.
//!
//! A connection writes the messages of an inbox in the order of their places, and remembers the last place, so it writes
//! none twice. A message leaves the store only after a client confirmed it or, for a client without the feature, after it
//! was written.

use std::time::Instant;

use callie_core::{Notice, Recipient, SysCode, Username};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::entry::Entry;
use super::hub::Hub;
use super::kept::KeptItem;
use crate::base::ids::envelope_ids;

impl Hub {
    /// Has all connections of a user read the store before they write anything else: a message was stored for the user, and
    /// is committed.
    pub(crate) fn hold_for(&self, name: &Username) {
        if !self.remote.is_alone() {
            // Before the user is looked up: either this finds the user on the other node, or the report of that node finds
            // this entry.
            self.recently_kept.note(name, Instant::now());
        }
        let Some(user) = self.user(name.as_str()) else { return };
        let ways = user.ways();
        for link in &ways.links {
            link.outbox.hold();
        }
        if !ways.away.is_empty() {
            self.remote.send(&ways.away, &Entry::Kept { user: name.clone() });
        }
    }

    /// Has the connections of a user to this node read the store before they write anything else.
    pub(crate) fn hold_here(&self, name: &Username) {
        for link in self.links_of(name.as_str()) {
            link.outbox.hold();
        }
    }

    /// Notifies the author of a kept message that it was delivered, on every connection with the feature, to any node.
    pub(crate) fn delivered_late(&self, item: KeptItem) {
        let Some(user) = self.user(item.sender.as_str()) else { return };
        let ways = user.ways();
        if ways.is_empty() {
            return;
        }
        let notice = Notice::builder(SysCode::Delivered).message_id(item.message_id).late(true);
        let notice = notice.in_reply_to(item.payload_id);
        let text = notice.to_payload(Recipient::User(item.sender.clone()), envelope_ids()).encode();
        if !ways.away.is_empty() {
            self.remote.send(&ways.away, &Entry::Late { user: item.sender.as_str(), text: &text });
        }
        self.late_here(item.sender.as_str(), &text);
    }

    /// Queues the notice of a late delivery for the connections of its author to this node.
    pub(crate) fn late_here(&self, author: &str, text: &str) {
        let text = Utf8Bytes::from(text);
        for link in self.links_of(author) {
            if link.has_offline() {
                link.send(&text);
            }
        }
    }
}
