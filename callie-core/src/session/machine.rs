//! The session: its inputs, its outputs and its deadlines.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use uuid::Builder;

use super::config::SessionConfig;
use super::desired::DesiredState;
use super::event::{Attempt, Event, Failure, Output, TicketOutcome};
use super::inbox::Inbox;
use super::link::{Attempts, Link};
use super::pacing::Pacing;
use super::resumption::Resumption;
use super::state::{Refresh, State};
use super::ticket::Ticket;
use super::tickets::{Due, Tickets};
use crate::content::Content;
use crate::limits::Limits;
use crate::name::{PayloadId, Username};
use crate::notice::Notice;
use crate::party::{Recipient, Sender};
use crate::payload::{EnvelopeIds, Payload};
use crate::timestamp::Timestamp;
use crate::token::Token;

/// The current time, monotonic and of day.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// The time since a fixed moment, which must not decrease.
    pub elapsed: Duration,
    /// The time of day, for timestamps only.
    pub wall: Timestamp,
}

/// The longest wait that a server can require before the next attempt.
pub(super) const MOST_PATIENCE: Duration = Duration::from_secs(300);

/// The session's randomness. It makes IDs unique and spreads reconnections. No secret depends on it.
pub type Random = Box<dyn FnMut() -> u64 + Send>;

/// The protocol session of one user with a server, across connections.
///
/// The [module](super) describes its states and the contract with its driver.
///
/// ```
/// use std::time::Duration;
/// use callie_core::session::{Now, Output, Session, SessionConfig};
/// use callie_core::{Timestamp, Token, Username};
///
/// let config = SessionConfig::new(Username::parse("ada")?, Token::parse("c2VjcmV0")?);
/// let mut session = Session::new(config, Box::new(|| 4));
/// let now = Now { elapsed: Duration::ZERO, wall: Timestamp::UNIX_EPOCH };
/// session.start(now)?;
/// let outputs: Vec<_> = std::iter::from_fn(|| session.poll()).collect();
/// assert!(outputs.iter().any(|output| matches!(output, Output::Open)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Session {
    pub(super) config: SessionConfig,
    random: Random,
    pub(super) link: Link,
    pub(super) attempts: Attempts,
    pub(super) desired: DesiredState,
    /// The attempt to connect that is being made, and the number of the last one.
    pub(super) attempt: Option<Attempt>,
    pub(super) last_attempt: u64,
    /// Whether the driver can fetch another token.
    pub(super) refreshable: bool,
    /// The token that is being fetched.
    pub(super) refresh: Option<Refresh>,
    /// The token was fetched because the server refused another, and was not accepted yet.
    pub(super) is_token_new: bool,
    /// The server asked for no connection before this time.
    pub(super) sent_away_until: Duration,
    /// Whether the last connection was lost and not replaced yet.
    pub(super) lost: bool,
    pub(super) state: State,
    pub(super) limits: Limits,
    pub(super) pacing: Pacing,
    /// When the pacing permits the next payload.
    pub(super) paced_until: Option<Duration>,
    /// The number of transmitted payloads when the pace was last reduced.
    pub(super) slowed_at: u64,
    pub(super) tickets: Tickets,
    pub(super) inbox: Inbox,
    /// The connection that can be resumed: the open one, or the last one.
    pub(super) resumption: Option<Resumption>,
    /// The number of the last change of the records; `None` if the session stores none.
    pub(super) changes: Option<u64>,
    /// The SYS that the server sent before the close.
    pub(super) closing_notice: Option<Notice>,
    out: VecDeque<Output>,
}

impl Session {
    /// Creates a session that is not connected, and that ends with the process.
    #[must_use]
    pub fn new(config: SessionConfig, random: Random) -> Self {
        let limits = Limits::default();
        Self {
            config,
            random,
            link: Link::Down,
            attempts: Attempts::default(),
            desired: DesiredState::Nothing,
            attempt: None,
            last_attempt: 0,
            refreshable: false,
            refresh: None,
            is_token_new: false,
            sent_away_until: Duration::ZERO,
            lost: false,
            state: State::Suspended,
            pacing: Pacing::new(&limits),
            limits,
            paced_until: None,
            slowed_at: 0,
            tickets: Tickets::default(),
            inbox: Inbox::default(),
            resumption: None,
            changes: None,
            closing_notice: None,
            out: VecDeque::new(),
        }
    }

    /// Returns the next output, or `None` if there is no more.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// Returns when [`wake`](Self::wake) must be called at the latest, or `None` while nothing is due. The time can be
    /// beyond the range of the driver's clock if the application chose such a timeout.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        let online = matches!(self.link, Link::Online(_));
        let deadlines = [
            self.link.deadline(),
            self.refresh.as_ref().map(|refresh| refresh.deadline),
            self.tickets.deadline(),
            self.paced_until.filter(|_| online),
            self.inbox.flush_at().filter(|_| online),
            self.resumption.as_ref().and_then(Resumption::state_at).filter(|_| online),
        ];
        // `Duration::MAX` means never.
        deadlines.into_iter().flatten().min().filter(|at| *at < Duration::MAX)
    }

    /// Returns the connection state after the last call, including changes whose [`Event::State`] was not polled yet.
    ///
    /// `Waiting`'s `retry_in` counts from the moment of the change.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Returns the user.
    #[must_use]
    pub fn username(&self) -> &Username {
        &self.config.username
    }

    /// Returns the token of the next connection.
    #[must_use]
    pub fn token(&self) -> &Token {
        &self.config.token
    }

    /// Returns the number of tickets without an outcome.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.tickets.len()
    }

    /// Returns the number of duplicates that were received and discarded.
    #[must_use]
    pub fn duplicates(&self) -> u64 {
        self.inbox.duplicates()
    }

    /// Returns the server's limits; the protocol's defaults before the first connection.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Handles the passing of time. Must be called at the [`deadline`](Self::deadline), and may be called at any time.
    pub fn wake(&mut self, now: Now) {
        while let Some((ticket, due)) = self.tickets.due(now.elapsed) {
            if due == Due::Expired {
                self.give_up_on(ticket, Failure::Expired);
            }
        }
        if self.link.deadline().is_some_and(|at| now.elapsed >= at) {
            match &self.link {
                Link::Waiting { .. } => self.open(now),
                Link::Opening { .. } | Link::Authenticating { .. } => self.give_up(now),
                Link::Online(online) if online.answer_by.is_some_and(|by| now.elapsed >= by) => {
                    self.give_up(now)
                }
                Link::Online(_) => self.look_after(now),
                Link::Down => {}
            }
        }
        self.check_refresh(now);
        self.flush(now);
        self.pump(now);
    }

    pub(super) fn end(&mut self, ticket: Ticket, outcome: TicketOutcome) {
        if let Some(waiting) = self.tickets.end(ticket) {
            // In this order: a kill between the two repeats the outcome instead of losing it.
            self.tell(Event::Ended(ticket, outcome));
            self.delete_message(ticket, &waiting);
        }
    }

    /// Ends the tickets whose payloads can no longer be sent, with the known outcome.
    pub(super) fn give_up_on(&mut self, ticket: Ticket, failure: Failure) {
        let outcome = match self.tickets.get(ticket) {
            Some(waiting) if waiting.may_be_taken() => TicketOutcome::Unconfirmed,
            Some(waiting) if waiting.retries > 0 => TicketOutcome::Offline,
            _ => TicketOutcome::Failed(failure),
        };
        self.end(ticket, outcome);
    }

    pub(super) fn tell(&mut self, event: Event) {
        if let Event::State(state) = &event {
            self.state = state.clone();
        }
        self.output(Output::Event(event));
    }

    pub(super) fn transmit(&mut self, text: String) {
        self.output(Output::Transmit(text));
    }

    pub(super) fn output(&mut self, output: Output) {
        self.out.push_back(output);
    }

    pub(super) fn payload(&mut self, now: Now, recipient: Recipient, content: Content) -> Payload {
        let payload_id = PayloadId::from_uuid(self.uuid(now));
        let ids = EnvelopeIds { payload_id, timestamp: now.wall };
        Payload::new(ids, Sender::User(self.config.username.clone()), recipient, content)
    }

    pub(super) fn random(&mut self) -> u64 {
        (self.random)()
    }

    pub(super) fn uuid(&mut self, now: Now) -> uuid::Uuid {
        let mut random = [0; 16];
        random[..8].copy_from_slice(&(self.random)().to_le_bytes());
        random[8..].copy_from_slice(&(self.random)().to_le_bytes());
        let [bytes @ .., _, _, _, _, _, _] = random;
        let millis = u64::try_from(now.wall.unix_millis()).unwrap_or_default();
        Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("username", &self.config.username)
            .field("link", &self.link)
            .field("waiting", &self.tickets.len())
            .finish_non_exhaustive()
    }
}
