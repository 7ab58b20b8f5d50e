//! The states of a session: one attempt or many, suspension, another token, and the end.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod desk;

use std::time::Duration;

use callie_core::server::CloseReason;
use callie_core::session::{
    Attempt, AttemptFailure, ClosedBy, Failure, Refusal, SendError, SendOptions, SessionClosed, State,
    TicketOutcome,
};
use callie_core::{CloseCode, LINK_LOST, Message, Recipient, SysCode, Token};
use desk::{Desk, envelope_ids, millis};

const LOST: AttemptFailure = AttemptFailure::Lost { code: LINK_LOST };

impl Desk {
    fn connect(&mut self) -> Attempt {
        let attempt = self.session.connect(self.now()).unwrap();
        self.drain();
        attempt
    }

    fn start(&mut self) {
        self.session.start(self.now()).unwrap();
        self.drain();
    }

    fn suspend(&mut self) {
        self.session.suspend(self.now()).unwrap();
        self.drain();
    }

    fn resume(&mut self) {
        self.session.resume(self.now()).unwrap();
        self.drain();
    }

    /// The server does not take the token.
    fn refuse(&mut self) {
        self.session.opened(self.now());
        let closing = CloseReason::session_expired().unauthenticated(envelope_ids());
        let code = closing.code;
        closing.into_texts().for_each(|text| self.receive(&text));
        self.session.closed(self.now(), Some(code), None);
        self.drain();
    }

    fn token(&mut self, token: &str) {
        self.session.token_refreshed(self.now(), Token::parse(token).unwrap());
        self.drain();
    }

    fn no_token(&mut self) {
        self.session.token_refresh_failed(self.now(), "the user is away".to_owned());
        self.drain();
    }

    fn state(&self) -> &State {
        self.session.state()
    }

    /// The outcomes of attempts since the last call.
    fn answers(&mut self) -> Vec<(Attempt, Result<(), AttemptFailure>)> {
        std::mem::take(&mut self.attempts)
    }

    fn is_online(&self) -> bool {
        matches!(self.state(), State::Online { .. })
    }
}

/// A session whose token the server has refused and that awaits another.
fn refused() -> Desk {
    let mut desk = Desk::new();
    desk.session.set_refreshable(true);
    desk.start();
    desk.refuse();
    assert_eq!(desk.refreshes, [expired()]);
    assert_eq!(*desk.state(), State::RefreshingToken(expired()));
    desk
}

/// The refusal of a token, as a session without another one tells it.
fn expired() -> Refusal {
    let mut desk = Desk::new();
    desk.start();
    desk.refuse();
    let State::Closed(ClosedBy::Server(refusal)) = desk.state().clone() else { panic!("{:?}", desk.state()) };
    assert_eq!((refusal.code, &refusal.reason), (4501, &Some(SysCode::SessionExpired.into())));
    assert_eq!(refusal.description, SysCode::SessionExpired.description());
    refusal
}

fn no_token(error: &str) -> State {
    State::Closed(ClosedBy::NoToken { refusal: expired(), error: error.to_owned() })
}

#[test]
fn failed_attempt_suspends_unstarted_session() {
    let mut desk = Desk::new();
    let ticket = desk.send("bob", "1", true);
    let attempt = desk.connect();
    desk.lose_link();
    assert_eq!(*desk.state(), State::Suspended);
    assert_eq!(desk.states, [State::Connecting, State::Suspended]);
    assert_eq!(desk.answers(), [(attempt, Err(LOST))]);
    assert!(desk.session.deadline().is_some(), "the ticket is still in progress");
    assert!(desk.ended.is_empty(), "{ticket:?}");
    // It can be resumed, and goes on by itself from then on.
    desk.resume();
    assert_eq!(*desk.state(), State::Connecting);
    desk.lose_link();
    assert!(matches!(desk.state(), State::Waiting { .. }));
    assert!(desk.answers().is_empty());
}

#[test]
fn failed_attempt_does_not_stop_started_session() {
    let mut desk = Desk::new();
    desk.start();
    let attempt = desk.connect();
    desk.lose_link();
    assert!(matches!(desk.state(), State::Waiting { code: LINK_LOST, .. }));
    assert_eq!(desk.answers(), [(attempt, Err(LOST))]);
    // Another attempt is made at once.
    let next = desk.connect();
    assert_ne!(next, attempt);
    assert_eq!(*desk.state(), State::Connecting);
    desk.session.closed(desk.now(), Some(1013), None);
    desk.drain();
    assert_eq!(desk.answers(), [(next, Err(AttemptFailure::Lost { code: 1013 }))]);
}

#[test]
fn session_online_by_one_attempt_reconnects() {
    let mut desk = Desk::new();
    let attempt = desk.connect();
    assert_eq!(desk.connect(), attempt, "the same attempt is shared");
    desk.authenticate("{}");
    assert_eq!(desk.answers(), [(attempt, Ok(()))]);
    let again = desk.connect();
    assert_eq!(desk.answers(), [(again, Ok(()))]);
    desk.lose_link();
    assert!(matches!(desk.state(), State::Waiting { .. }));
    assert!(desk.answers().is_empty());
}

#[test]
fn start_during_an_attempt_outlives_its_failure() {
    let mut desk = Desk::new();
    let attempt = desk.connect();
    desk.start();
    desk.lose_link();
    assert!(matches!(desk.state(), State::Waiting { .. }));
    assert_eq!(desk.answers(), [(attempt, Err(LOST))]);
}

#[test]
fn unanswered_attempt_fails_in_time() {
    let mut desk = Desk::new();
    let attempt = desk.connect();
    desk.pass(Duration::from_secs(16));
    assert_eq!((desk.answers(), desk.aborts), (vec![(attempt, Err(LOST))], 1));
    let attempt = desk.connect();
    desk.session.opened(desk.now());
    desk.pass(Duration::from_secs(11));
    assert_eq!((desk.answers(), desk.aborts), (vec![(attempt, Err(LOST))], 2));
    assert_eq!(*desk.state(), State::Suspended);
}

#[test]
fn suspension_fails_the_attempt_and_keeps_tickets() {
    let mut desk = Desk::new();
    desk.send("bob", "1", true);
    let attempt = desk.connect();
    desk.suspend();
    assert_eq!(desk.answers(), [(attempt, Err(AttemptFailure::Suspended))]);
    assert_eq!((desk.state(), desk.closes), (&State::Suspended, 1));
    desk.suspend();
    desk.session.network_changed(desk.now());
    assert_eq!((desk.state(), desk.closes), (&State::Suspended, 1));
    desk.resume();
    desk.authenticate("{}");
    assert_eq!(desk.take_sent().len(), 1);
}

#[test]
fn unstarted_session_is_not_resumed() {
    let mut desk = Desk::new();
    desk.suspend();
    desk.resume();
    assert_eq!((desk.state(), &desk.states[..]), (&State::Suspended, &[][..]));
}

#[test]
fn attempt_succeeds_with_another_token() {
    let mut desk = Desk::new();
    desk.session.set_refreshable(true);
    desk.send("bob", "1", true);
    let attempt = desk.connect();
    desk.refuse();
    assert_eq!(desk.connect(), attempt);
    assert!(desk.answers().is_empty());
    desk.token("new");
    assert_eq!(*desk.state(), State::Connecting);
    assert_eq!(desk.session.token().expose(), "new");
    desk.authenticate("{}");
    assert_eq!(desk.answers(), [(attempt, Ok(()))]);
    // It was accepted, so the next refusal may be of its age.
    desk.session.closed(desk.now(), Some(CloseCode::Authentication.as_u16()), None);
    desk.drain();
    assert_eq!(desk.refreshes.len(), 2);
    assert!(desk.ended.is_empty());
}

#[test]
fn single_attempt_with_another_token_stays_single() {
    let mut desk = Desk::new();
    desk.session.set_refreshable(true);
    let attempt = desk.connect();
    desk.refuse();
    desk.token("new");
    desk.lose_link();
    assert_eq!(desk.answers(), [(attempt, Err(LOST))]);
    assert_eq!(*desk.state(), State::Suspended);
}

#[test]
fn refusal_closes_session_without_another_token() {
    // Nothing to fetch one from, another reason, or the fetched one is refused too.
    let mut never = Desk::new();
    let attempt = never.connect();
    never.send("bob", "1", true);
    never.refuse();
    assert_eq!(*never.state(), State::Closed(ClosedBy::Server(expired())));
    assert_eq!(never.answers(), [(attempt, Err(AttemptFailure::Closed))]);
    assert_eq!(never.outcomes(), [TicketOutcome::Failed(Failure::Disconnected)]);

    let mut banned = Desk::new();
    banned.session.set_refreshable(true);
    banned.log_in("{}");
    banned.session.closed(banned.now(), Some(CloseCode::Removed.as_u16()), None);
    banned.drain();
    assert!(matches!(banned.state(), State::Closed(ClosedBy::Server(_))), "{:?}", banned.state());

    let mut twice = refused();
    twice.token("new");
    twice.refuse();
    assert_eq!(*twice.state(), State::Closed(ClosedBy::Server(expired())));
    for desk in [never, banned, twice] {
        assert!(desk.refreshes.len() <= 1);
        assert_eq!(desk.session.deadline(), None);
    }
}

#[test]
fn missing_or_late_token_closes_session() {
    let mut fails = refused();
    let attempt = fails.connect();
    fails.no_token();
    assert_eq!(*fails.state(), no_token("the user is away"));
    assert_eq!(fails.answers(), [(attempt, Err(AttemptFailure::Closed))]);

    let mut late = refused();
    late.pass(millis(9_999));
    assert_eq!(*late.state(), State::RefreshingToken(expired()));
    late.pass(millis(1));
    assert_eq!(*late.state(), no_token("no new token came in time"));
    late.token("new");
    late.no_token();
    assert_eq!(*late.state(), no_token("no new token came in time"));
}

#[test]
fn token_of_suspended_session_is_used_on_resume() {
    let mut desk = refused();
    desk.suspend();
    assert_eq!(*desk.state(), State::Suspended);
    desk.token("new");
    assert_eq!(*desk.state(), State::Suspended);
    desk.resume();
    assert_eq!(*desk.state(), State::Connecting);
    desk.authenticate("{}");
    assert!(desk.is_online());
    assert_eq!(desk.session.token().expose(), "new");
}

#[test]
fn resumed_session_awaits_its_token() {
    let mut desk = refused();
    desk.suspend();
    desk.resume();
    assert_eq!(*desk.state(), State::RefreshingToken(expired()));
    desk.suspend();
    let attempt = desk.connect();
    assert_eq!(*desk.state(), State::RefreshingToken(expired()));
    desk.token("new");
    desk.authenticate("{}");
    assert_eq!(desk.answers(), [(attempt, Ok(()))]);
    assert_eq!(desk.refreshes.len(), 1, "one token was asked for");
}

#[test]
fn missing_token_closes_suspended_session() {
    let mut fails = refused();
    fails.suspend();
    fails.no_token();
    assert_eq!(*fails.state(), no_token("the user is away"));
    let mut late = refused();
    late.suspend();
    late.pass(Duration::from_secs(10));
    assert_eq!(*late.state(), no_token("no new token came in time"));
}

#[test]
fn unrequested_token_has_no_effect() {
    let mut desk = Desk::online();
    desk.token("other");
    desk.no_token();
    assert!(desk.is_online());
    assert_eq!(desk.session.token().expose(), "t");
}

#[test]
fn closed_session_refuses_every_request() {
    let mut desk = refused();
    let attempt = desk.connect();
    desk.session.disconnect(desk.now());
    desk.drain();
    assert_eq!(desk.answers(), [(attempt, Err(AttemptFailure::Closed))]);
    let now = desk.now();
    let session = &mut desk.session;
    assert_eq!(session.start(now), Err(SessionClosed));
    assert_eq!(session.connect(now), Err(SessionClosed));
    assert_eq!(session.suspend(now), Err(SessionClosed));
    assert_eq!(session.resume(now), Err(SessionClosed));
    assert_eq!(session.ping(now, Recipient::Server), Err(SendError::Closed(SessionClosed)));
    let message = Message::builder(session.message_id(now)).text("x").build().unwrap();
    let sent = session.send(now, Recipient::parse("bob").unwrap(), message, &SendOptions::default());
    assert_eq!(sent, Err(SendError::Closed(SessionClosed)));
    // The first reason stays, and reports change nothing.
    session.disconnect(now);
    session.abandon(now);
    session.network_changed(now);
    session.token_refreshed(now, Token::parse("new").unwrap());
    session.opened(now);
    session.closed(now, None, None);
    assert!(session.poll().is_none());
    assert_eq!(*session.state(), State::Closed(ClosedBy::Application));
    assert_eq!(session.deadline(), None);
}

#[test]
fn abandoned_session_ends_its_tickets() {
    let mut desk = Desk::online();
    desk.send("bob", "1", true);
    desk.session.abandon(desk.now());
    desk.drain();
    assert_eq!(desk.outcomes(), [TicketOutcome::Unconfirmed]);
    assert_eq!(*desk.state(), State::Closed(ClosedBy::Driver));
}

#[test]
fn reserved_names_and_long_lists_get_no_ticket() {
    let mut desk = Desk::online();
    let refused = desk.session.ping(desk.now(), Recipient::parse("server").unwrap()).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "no user can have the reserved name server; SERVER is written in capitals"
    );
    let command = callie_core::command::Command::GetPresence { usernames: Vec::new() };
    let refused = desk.session.command(desk.now(), &command).unwrap_err();
    assert!(matches!(refused, SendError::Parameters(_)), "{refused}");
    assert_eq!(desk.session.waiting(), 0);
}
