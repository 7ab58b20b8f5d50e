//! A device's application: what it sent and received, and what must hold of it at once.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::time::Duration;

use callie_core::command::Command;
use callie_core::session::{Event, Receipt, State, Ticket, TicketOutcome};
use callie_core::{CodeKind, Content, ContentRef, Limits, Notice, PayloadRef, RecipientRef, Sender, SysCode};

use super::Takes;
use super::backend::Connection;
use super::run::{Happening, Simulation, UNREST, User};
use super::states::Connecting;

/// A send with a ticket, identified by a unique part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sent {
    Message { text: String, everyone: bool, long: bool },
    Command(String),
    Signal(String),
    Ping,
}

/// The sends and events of a device's application.
#[derive(Default)]
pub(super) struct Application {
    pub(super) sent: BTreeMap<Ticket, Sent>,
    pub(super) ended: BTreeMap<Ticket, (TicketOutcome, Duration)>,
    /// Texts of the other user's messages, in the order of their arrival.
    pub(super) received: Vec<String>,
    /// The messages that the application took.
    pub(super) taken: HashSet<String>,
    /// The messages that wait to be taken.
    inbox: VecDeque<(Receipt, Option<String>)>,
    payload_ids: HashSet<String>,
    message_ids: HashSet<(String, String)>,
    /// The payload IDs under which each message was transmitted, with the number of transmissions.
    pub(super) transmitted: HashMap<String, BTreeMap<String, usize>>,
    /// Messages that the client knows to be dropped and has not sent again: whether they are broadcasts, and their
    /// numbers.
    dropped: BTreeSet<(bool, usize)>,
    /// The payload IDs that the server has named as duplicates.
    accepted: HashSet<String>,
    /// The number of texts that arrived since the last connection that continues none.
    pub(super) texts: u64,
    /// Whether the last `AUTHENTICATED` says that the connection continues the one before.
    pub(super) welcomed_back: bool,
    /// When the device was first online.
    pub(super) online_at: Option<Duration>,
    /// The number of connections that continue none.
    pub(super) beginnings: usize,
    /// When each send was accepted.
    pub(super) sent_at: BTreeMap<Ticket, Duration>,
    pub(super) connecting: Connecting,
}

impl Simulation {
    /// The application takes some of the waiting messages, at least one.
    pub(super) fn take(&mut self, user: usize) {
        let dead = self.scenario.takes == Takes::UntilItDies && self.now > UNREST / 3;
        let count = self.users[user].application.inbox.len();
        if dead || count == 0 {
            return;
        }
        let count = self.rng.usize(1..=count);
        let application = &mut self.users[user].application;
        let taken: Vec<_> = application.inbox.drain(..count).collect();
        let last = taken[count - 1].0;
        application.taken.extend(taken.into_iter().filter_map(|(_, text)| text));
        let now = self.time();
        self.users[user].session.taken(now, last);
        self.take_later(user);
        self.settle(user);
    }

    fn take_later(&mut self, user: usize) {
        if !self.users[user].application.inbox.is_empty() {
            let wait = match self.scenario.takes {
                Takes::AtOnce => Duration::ZERO,
                _ => Duration::from_millis(self.rng.u64(0..3_000)),
            };
            self.at(self.now + wait, Happening::Take(user));
        }
    }

    /// Counts a text that arrives, and checks that it is the next one.
    pub(super) fn note_arrival(&mut self, user: usize, connection: Connection, text: &str) {
        let User { session, application, .. } = &mut self.users[user];
        if let State::Online { .. } = session.state() {
            application.texts += 1;
            self.server.check_arrival(connection, application.texts, text);
        } else if let Some(notice) = Notice::read(&PayloadRef::from_server(text).unwrap()) {
            application.welcomed_back = notice.metadata().resumed == Some(true);
        }
    }

    /// Records the messages that a report names as dropped, unless the client knows that an earlier transmission was
    /// accepted.
    pub(super) fn note_drops(&mut self, user: usize, text: &str) {
        let Some(notice) = Notice::read(&PayloadRef::from_server(text).unwrap()) else { return };
        let metadata = notice.metadata();
        let application = &mut self.users[user].application;
        match notice.code() {
            SysCode::DuplicatePayload => {
                let id = metadata.in_reply_to.as_ref().unwrap().to_string();
                for (text, _) in application.transmitted.iter().filter(|(_, ids)| ids.contains_key(&id)) {
                    application.dropped.retain(|(_, number)| *number != number_in(text));
                }
                application.accepted.insert(id);
                return;
            }
            SysCode::RateLimited => {}
            _ => return,
        }
        let named: HashSet<_> = metadata
            .in_reply_to
            .iter()
            .chain(metadata.dropped.iter().flatten())
            .map(|id| id.as_str())
            .collect();
        for sent in application.sent.iter().filter(|(ticket, _)| !application.ended.contains_key(ticket)) {
            let Sent::Message { text, everyone, .. } = sent.1 else { continue };
            let Some(ids) = application.transmitted.get(text) else { continue };
            if ids.keys().any(|id| named.contains(id.as_str()) && !application.accepted.contains(id)) {
                application.dropped.insert((*everyone, number_in(text)));
            }
        }
    }

    /// Checks that a client sends a dropped message again before later ones to the same recipient.
    pub(super) fn note_transmitted(&mut self, user: usize, text: &str) {
        let limits = Limits::default();
        let frame = PayloadRef::from_client(text, &limits).unwrap();
        let application = &mut self.users[user].application;
        if let Some(Ok(Command::Authenticate { resume: Some(resume), .. })) = frame.command(&limits) {
            assert_eq!(resume.received.get(), application.texts);
        }
        let ContentRef::Msg(message) = frame.content() else { return };
        let text = message.text().decode().into_owned();
        let lane = (frame.recipient() == RecipientRef::Broadcast, number_in(&text));
        application.dropped.remove(&lane);
        let ids = application.transmitted.entry(text).or_default();
        if ids.is_empty() {
            let skipped = application.dropped.range((lane.0, 0)..lane).next();
            assert_eq!(skipped, None, "{lane:?} was sent before what was dropped");
        }
        *ids.entry(frame.payload_id().to_owned()).or_default() += 1;
    }

    pub(super) fn see(&mut self, user: usize, event: Event) {
        let now = self.now;
        let User { application, other, .. } = &mut self.users[user];
        match event {
            Event::Ended(ticket, outcome) => {
                let Some(sent) = application.sent.get(&ticket) else {
                    panic!("a ticket ended that was never given")
                };
                if let Sent::Message { text, everyone, .. } = sent {
                    application.dropped.remove(&(*everyone, number_in(text)));
                }
                assert!(application.ended.insert(ticket, (outcome, now)).is_none(), "a ticket ended twice");
            }
            Event::Message(payload, receipt) => {
                let Content::Msg(message) = payload.content() else { panic!("a message is a MSG") };
                assert!(
                    application.payload_ids.insert(payload.payload_id().to_string()),
                    "a message reached the application twice"
                );
                let is_copy = *payload.sender() != Sender::User(other.clone());
                // A message that is tried again under another payload ID did not arrive under the first. Only copies for the
                // sender's other devices did, if it was kept for a connection that is gone now.
                let message_id = (payload.sender().to_string(), message.message_id().to_string());
                assert!(
                    application.message_ids.insert(message_id)
                        || is_copy && self.scenario.resumable.is_some(),
                    "a message reached the application under two payload IDs"
                );
                let text = (!is_copy).then(|| message.text().to_owned());
                application.received.extend(text.clone());
                application.inbox.push_back((receipt, text));
                if application.inbox.len() == 1 {
                    self.take_later(user);
                }
            }
            Event::Unreadable(fault) => panic!("the server sent something unreadable: {fault}"),
            Event::Notice(notice) => {
                let answers = notice.metadata().in_reply_to.is_some()
                    && notice.code() != SysCode::PartiallyDelivered
                    && notice.code().kind() != CodeKind::Closing;
                assert!(!answers, "a late answer reached the application: {}", notice.code());
            }
            _ => {}
        }
    }
}

/// Returns the number of a message among those of its sender.
pub(super) fn number_in(text: &str) -> usize {
    text.split('.').nth(1).and_then(|number| number.parse().ok()).unwrap()
}
