//! The session: its inputs, its outputs and its deadlines.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use uuid::Builder;

use super::config::SessionConfig;
use super::event::{Down, Event, Failure, Output, Receipt, State, Ticket, TicketOutcome};
use super::inbox::Inbox;
use super::link::{Attempts, Link, Wish};
use super::pacing::Pacing;
use super::tickets::{Due, Expects, Tickets};
use crate::close::{CloseCode, LINK_LOST, should_reconnect};
use crate::command::Command;
use crate::content::Content;
use crate::limits::Limits;
use crate::name::{PayloadId, Username};
use crate::notice::Notice;
use crate::party::{Recipient, Sender};
use crate::payload::{Payload, Stamp};
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
/// The driver passes in events with the time of each call. After every call it must call [`poll`](Self::poll) until it
/// returns `None`, and read the next [`deadline`](Self::deadline). The session neither sleeps nor reads a clock.
///
/// ```
/// use std::time::Duration;
/// use callie_core::session::{Now, Output, Session, SessionConfig};
/// use callie_core::{Timestamp, Token, Username};
///
/// let config = SessionConfig::new(Username::parse("ada")?, Token::parse("c2VjcmV0")?);
/// let mut session = Session::new(config, Box::new(|| 4));
/// let now = Now { elapsed: Duration::ZERO, wall: Timestamp::UNIX_EPOCH };
/// session.connect(now);
/// let outputs: Vec<_> = std::iter::from_fn(|| session.poll()).collect();
/// assert!(outputs.iter().any(|output| matches!(output, Output::Open)));
/// # Ok::<(), callie_core::NameError>(())
/// ```
pub struct Session {
    pub(super) config: SessionConfig,
    random: Random,
    pub(super) link: Link,
    pub(super) attempts: Attempts,
    wish: Wish,
    /// The server asked for no connection before this time.
    sent_away_until: Duration,
    /// Whether the last connection was lost and not replaced yet.
    pub(super) lost: bool,
    state: State,
    pub(super) limits: Limits,
    pub(super) pacing: Pacing,
    /// When the pacing permits the next payload.
    pub(super) paced_until: Option<Duration>,
    /// The number of transmitted payloads when the pace was last reduced.
    pub(super) slowed_at: u64,
    pub(super) tickets: Tickets,
    pub(super) inbox: Inbox,
    /// The SYS that the server sent before the close.
    pub(super) farewell: Option<Notice>,
    out: VecDeque<Output>,
}

impl Session {
    /// Creates a session that is not connected.
    #[must_use]
    pub fn new(config: SessionConfig, random: Random) -> Self {
        let limits = Limits::default();
        Self {
            config,
            random,
            link: Link::Down,
            attempts: Attempts::default(),
            wish: Wish::Nothing,
            sent_away_until: Duration::ZERO,
            lost: false,
            state: State::Down(Down::NotWanted),
            pacing: Pacing::new(&limits),
            limits,
            paced_until: None,
            slowed_at: 0,
            tickets: Tickets::default(),
            inbox: Inbox::default(),
            farewell: None,
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
            self.tickets.deadline(),
            self.paced_until.filter(|_| online),
            self.inbox.flush_at().filter(|_| online),
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

    // What the application wants.

    /// Connects, and keeps connecting after every loss until [`disconnect`](Self::disconnect).
    pub fn connect(&mut self, now: Now) {
        self.wish = Wish::Connected;
        if matches!(self.link, Link::Down | Link::Waiting { .. }) {
            self.attempts.reset();
            self.open(now);
        }
    }

    /// Disconnects. Every ticket gets its outcome: unconfirmed if its payload was sent, otherwise failed.
    pub fn disconnect(&mut self, now: Now) {
        self.wish = Wish::Nothing;
        self.inbox_before_close(now);
        self.drop_link();
        for ticket in self.tickets.those(|_| true) {
            self.give_up_on(ticket, Failure::Disconnected);
        }
        self.tell(Event::State(State::Down(Down::NotWanted)));
    }

    /// Closes the connection until [`resume`](Self::resume), as for an app in the background. Tickets continue to wait.
    pub fn suspend(&mut self, now: Now) {
        if self.wish != Wish::Connected {
            return;
        }
        self.wish = Wish::Suspended;
        self.inbox_before_close(now);
        self.drop_link();
        self.tell(Event::State(State::Down(Down::Suspended)));
    }

    /// Connects again after [`suspend`](Self::suspend).
    pub fn resume(&mut self, now: Now) {
        if self.wish == Wish::Suspended {
            self.connect(now);
        }
    }

    /// Tells the session that the network has changed. A session that waits to reconnect tries immediately, unless the
    /// server asked for a longer wait. A connected one checks that its connection is alive.
    pub fn network_changed(&mut self, now: Now) {
        match &self.link {
            // A change of the network does not override the server's request to wait.
            Link::Waiting { .. } if now.elapsed >= self.sent_away_until => self.open(now),
            Link::Online(_) => self.ask_for_sign_of_life(now),
            _ => {}
        }
    }

    /// Sets the token of a new login of the same user, for the next connection.
    pub fn set_token(&mut self, token: Token) {
        self.config.token = token;
    }

    // What happens to the connection.

    /// Handles that the WebSocket is open.
    pub fn opened(&mut self, now: Now) {
        if !matches!(self.link, Link::Opening { .. }) {
            return;
        }
        let token = self.config.token.clone();
        let payload = self.payload(now, Recipient::Server, Command::Authenticate {}.to_content());
        let payload_id = payload.payload_id().clone();
        let deadline = now.elapsed.saturating_add(self.config.authentication_timeout);
        self.transmit(payload.with_token(token.clone()).encode());
        self.link = Link::Authenticating { deadline, payload_id, token };
    }

    /// Handles a text message.
    pub fn received(&mut self, now: Now, text: &str) {
        if !matches!(self.link, Link::Authenticating { .. } | Link::Online(_)) {
            return;
        }
        self.heard(now);
        self.read(now, text);
        self.flush(now);
    }

    /// Records that the application has taken the messages up to and including the one with this receipt.
    ///
    /// Those with a request for confirmation are confirmed within [`SessionConfig::ack_delay`], if the connection on
    /// which they arrived still exists. A smaller receipt than an earlier one has no effect.
    pub fn taken(&mut self, now: Now, receipt: Receipt) {
        self.inbox.taken(now.elapsed, self.config.ack_delay, receipt);
        self.flush(now);
    }

    /// Handles that the WebSocket could not be opened, or is closed with this code; `None` if it was lost.
    ///
    /// `retry_after` is the `Retry-After` of a 429 or 503 that answered the upgrade. The session already knows the wait
    /// that a SYS before the close asked for.
    pub fn closed(&mut self, now: Now, code: Option<u16>, retry_after: Option<Duration>) {
        if matches!(self.link, Link::Down | Link::Waiting { .. }) {
            return;
        }
        let farewell = self.farewell.take();
        // If the close frame was lost, the SYS before it determines the code.
        let said = farewell.as_ref().and_then(|notice| notice.code().closes()).map(|code| code.as_u16());
        let code = code.filter(|code| *code != LINK_LOST).or(said).unwrap_or(LINK_LOST);
        self.link_lost(now);
        if !should_reconnect(code) {
            self.wish = Wish::Nothing;
            self.tell(Event::State(State::Down(Down::Refused {
                code,
                reason: farewell.as_ref().map(|notice| notice.code().into()),
                description: farewell.map(|notice| notice.description().to_owned()).unwrap_or_default(),
            })));
            return;
        }
        let said = farewell.and_then(|notice| notice.metadata().retry_after_ms).map(Duration::from_millis);
        let flooding = code == CloseCode::Flooding.as_u16();
        let limited = flooding.then(|| self.pacing.paused_until().saturating_sub(now.elapsed));
        self.wait(now, code, said.max(retry_after).max(limited).unwrap_or_default().min(MOST_PATIENCE));
    }

    /// Records that the driver reads nothing at the moment, because the application does not take its events, so that
    /// the silence is not counted. Must be called before [`wake`](Self::wake) as long as that lasts.
    pub fn read_paused(&mut self, now: Now) {
        if let Link::Online(online) = &self.link
            && online.answer_by.is_some_and(|by| now.elapsed >= by)
        {
            self.heard(now);
        }
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
        self.flush(now);
        self.pump(now);
    }

    fn open(&mut self, now: Now) {
        self.link = Link::Opening { deadline: now.elapsed.saturating_add(self.config.open_timeout) };
        self.farewell = None;
        self.tell(Event::State(State::Connecting));
        self.out.push_back(Output::Open);
    }

    /// Treats the connection as lost.
    pub(super) fn give_up(&mut self, now: Now) {
        self.out.push_back(Output::Close);
        self.link_lost(now);
        self.wait(now, LINK_LOST, Duration::ZERO);
    }

    fn wait(&mut self, now: Now, code: u16, at_least: Duration) {
        let random = (self.random)();
        self.sent_away_until = now.elapsed.saturating_add(at_least);
        let retry_in = self.attempts.next_wait(&self.config.backoff, random).max(at_least);
        self.link = Link::Waiting { until: now.elapsed.saturating_add(retry_in) };
        self.tell(Event::State(State::Waiting { retry_in, code }));
    }

    fn drop_link(&mut self) {
        if matches!(self.link, Link::Opening { .. } | Link::Authenticating { .. } | Link::Online(_)) {
            self.out.push_back(Output::Close);
        }
        self.link = Link::Down;
        self.lost = false;
        self.after_link();
    }

    fn link_lost(&mut self, now: Now) {
        if let Link::Online(online) = &self.link {
            self.lost = true;
            self.attempts.ended(now.elapsed.saturating_sub(online.since));
        }
        self.link = Link::Down;
        self.after_link();
    }

    /// Resets the state of the connection. Payloads that were sent on it wait for the next one.
    fn after_link(&mut self) {
        self.inbox.forget_acks();
        self.paced_until = None;
        self.farewell = None;
        for ticket in self.tickets.those(|waiting| waiting.expects == Expects::Pong && waiting.may_be_taken())
        {
            self.end(ticket, TicketOutcome::Unconfirmed);
        }
        self.tickets.requeue_all();
    }

    /// Sends the confirmations of taken messages before the connection is closed.
    fn inbox_before_close(&mut self, now: Now) {
        if matches!(self.link, Link::Online(_)) {
            let soon = Now { elapsed: now.elapsed.saturating_add(self.config.ack_delay), ..now };
            self.flush(soon);
        }
    }

    pub(super) fn end(&mut self, ticket: Ticket, ending: TicketOutcome) {
        if self.tickets.end(ticket).is_some() {
            self.tell(Event::Ended(ticket, ending));
        }
    }

    /// Ends the tickets whose payloads can no longer be sent, with the known outcome.
    pub(super) fn give_up_on(&mut self, ticket: Ticket, failure: Failure) {
        let ending = match self.tickets.get(ticket) {
            Some(waiting) if waiting.may_be_taken() => TicketOutcome::Unconfirmed,
            Some(waiting) if waiting.retries > 0 => TicketOutcome::Offline,
            _ => TicketOutcome::Failed(failure),
        };
        self.end(ticket, ending);
    }

    pub(super) fn tell(&mut self, event: Event) {
        if let Event::State(state) = &event {
            self.state = state.clone();
        }
        self.out.push_back(Output::Event(event));
    }

    pub(super) fn transmit(&mut self, text: String) {
        self.out.push_back(Output::Transmit(text));
    }

    pub(super) fn payload(&mut self, now: Now, recipient: Recipient, content: Content) -> Payload {
        let payload_id = PayloadId::from_uuid(self.uuid(now));
        let stamp = Stamp { payload_id, timestamp: now.wall };
        Payload::new(stamp, Sender::User(self.config.username.clone()), recipient, content)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::{CodeName, SysCode};
    use crate::content::CommandCall;
    use crate::json::JsonObject;
    use crate::session::SendError;

    fn at(seconds: u64) -> Now {
        Now { elapsed: Duration::from_secs(seconds), wall: Timestamp::UNIX_EPOCH }
    }

    fn texts(session: &mut Session) -> Vec<String> {
        let outputs = std::iter::from_fn(|| session.poll());
        outputs
            .filter_map(|output| if let Output::Transmit(text) = output { Some(text) } else { None })
            .collect()
    }

    /// Returns a session that is online.
    fn online() -> Session {
        let (username, token) = (Username::parse("ada").unwrap(), Token::parse("t").unwrap());
        let mut random = 0;
        let count = move || {
            random += 1;
            random
        };
        let mut session = Session::new(SessionConfig::new(username, token), Box::new(count));
        session.connect(at(0));
        session.opened(at(0));
        let asked = texts(&mut session).pop().unwrap();
        let frame = crate::PayloadRef::from_client(&asked, &Limits::default()).unwrap();
        let id = PayloadId::parse(frame.payload_id()).unwrap();
        let stamp = Stamp { payload_id: PayloadId::parse("s").unwrap(), timestamp: Timestamp::UNIX_EPOCH };
        let welcome = Notice::builder(SysCode::Authenticated).in_reply_to(id);
        session.received(at(0), &welcome.to_payload(Recipient::parse("ada").unwrap(), stamp).encode());
        session
    }

    fn is_online(session: &Session) -> bool {
        matches!(session.link, Link::Online(_))
    }

    #[test]
    fn silence_ends_a_link_that_is_read_and_not_one_that_is_held_back() {
        for read_paused in [false, true] {
            let mut session = online();
            let mut asked = 0;
            for second in 1..=120 {
                if read_paused {
                    session.read_paused(at(second));
                }
                session.wake(at(second));
                asked += texts(&mut session).len();
            }
            assert_eq!(is_online(&session), read_paused);
            assert!(!read_paused || asked >= 2, "the server hears from it all the same");
        }
    }

    fn message(id: &str) -> String {
        format!(
            r#"{{"token":"","sender":"bob","recipient":"ada","timestamp":"2026-01-02T03:04:05.678Z","type":"MSG","content":{{"messageID":"m","text":"x"}},"metadata":{{"ack":true}},"payloadID":"{id}","payloadVersion":"1.0"}}"#
        )
    }

    /// Returns what happened since the last call: receipts of messages, and payload IDs of confirmations.
    fn seen(session: &mut Session) -> (Vec<Receipt>, Vec<String>) {
        let (mut receipts, mut confirmed) = (Vec::new(), Vec::new());
        while let Some(output) = session.poll() {
            match output {
                Output::Event(Event::Message(_, receipt)) => receipts.push(receipt),
                Output::Transmit(text) => {
                    let limits = Limits::default();
                    let frame = crate::PayloadRef::from_client(&text, &limits).unwrap();
                    if let Some(Ok(Command::Ack { payloads })) = frame.command(&limits) {
                        confirmed.extend(payloads.iter().map(|entry| entry.payload_id.to_string()));
                    }
                }
                _ => {}
            }
        }
        (receipts, confirmed)
    }

    #[test]
    fn message_is_confirmed_when_it_is_taken() {
        let mut session = online();
        for id in ["p1", "p2", "p3"] {
            session.received(at(1), &message(id));
        }
        session.received(at(1), &message("p1"));
        session.wake(at(2));
        let (receipts, confirmed) = seen(&mut session);
        assert_eq!((receipts.len(), confirmed), (3, vec![]));
        session.taken(at(2), receipts[1]);
        session.wake(at(3));
        assert_eq!(seen(&mut session).1, ["p1", "p2"]);
        // Taken messages are confirmed again immediately, others are not.
        session.taken(at(3), receipts[0]);
        session.received(at(3), &message("p2"));
        session.received(at(3), &message("p3"));
        session.wake(at(4));
        assert_eq!(seen(&mut session), (vec![], vec!["p2".to_owned()]));
        session.taken(at(4), receipts[2]);
        session.suspend(at(4));
        assert_eq!(seen(&mut session).1, ["p3"]);
    }

    #[test]
    fn state_is_exact_before_its_event_is_polled() {
        let mut session = online();
        assert!(matches!(session.state(), State::Online { .. }));
        session.suspend(at(1));
        assert_eq!(*session.state(), State::Down(Down::Suspended));
        session.connect(at(1));
        assert_eq!(*session.state(), State::Connecting);
        session.closed(at(2), None, Some(Duration::from_secs(9)));
        let State::Waiting { retry_in, .. } = session.state() else { panic!("{:?}", session.state()) };
        assert_eq!(*retry_in, Duration::from_secs(9));
        session.disconnect(at(3));
        assert_eq!(*session.state(), State::Down(Down::NotWanted));
    }

    #[test]
    fn changed_network_does_not_shorten_what_the_server_asked_for() {
        let mut session = online();
        session.closed(at(1), Some(1013), Some(Duration::from_secs(9)));
        session.network_changed(at(2));
        assert!(matches!(session.state(), State::Waiting { .. }));
        session.network_changed(at(10));
        assert_eq!(*session.state(), State::Connecting);
    }

    #[test]
    fn server_keeps_a_client_away_for_five_minutes_at_most() {
        let mut session = online();
        session.closed(at(1), Some(1013), Some(Duration::MAX));
        let State::Waiting { retry_in, .. } = session.state() else { panic!("{:?}", session.state()) };
        assert_eq!(*retry_in, MOST_PATIENCE);
    }

    #[test]
    fn metadata_of_a_received_message_is_sent_again() {
        let mut session = online();
        texts(&mut session);
        let send = |session: &mut Session, metadata, confirm| {
            let metadata = JsonObject::parse(metadata).unwrap();
            let message = crate::Message::builder(session.message_id(at(1))).text("x").build().unwrap();
            let options = super::super::SendOptions { confirm, metadata, ..Default::default() };
            session.send(at(1), Recipient::parse("bob").unwrap(), message, &options)?;
            Ok::<_, SendError>(texts(session).remove(0))
        };
        let text = send(&mut session, r#"{"ack":true,"inReplyTo":"p1","a":1}"#, false).unwrap();
        assert!(text.contains(r#""metadata":{"inReplyTo":"p1","a":1}"#), "{text}");
        let text = send(&mut session, r#"{"a":1,"ack":"no"}"#, true).unwrap();
        assert!(text.contains(r#""metadata":{"a":1,"ack":true}"#), "{text}");
        for wrong in [r#"{"inReplyTo":"p 1"}"#, r#"{"inReplyTo":1}"#, r#"{"inReplyTo":null}"#] {
            let refused = send(&mut session, wrong, true).unwrap_err();
            assert!(refused.to_string().starts_with("the metadata's inReplyTo must be"), "{refused}");
        }
    }

    #[test]
    fn a_command_of_any_name_is_sent_but_for_the_sessions_own() {
        let mut session = online();
        texts(&mut session);
        let call = |name: &'static str, parameters| {
            CommandCall::new(CodeName::parse(name).unwrap(), JsonObject::parse(parameters).unwrap())
        };
        session.call(at(1), call("OF_LATER", r#"{"a":1}"#)).unwrap();
        session.call(at(1), call("LIST_GROUPS", r#"{"limit":9999}"#)).unwrap();
        assert_eq!(texts(&mut session).len(), 2);
        let own =
            [call("AUTHENTICATE", "{}"), call("ACK", r#"{"payloads":[{"sender":"bob","payloadID":"p"}]}"#)];
        for call in own {
            assert_eq!(session.call(at(1), call), Err(SendError::OwnCommand));
        }
    }
}
