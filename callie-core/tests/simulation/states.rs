//! What devices want of their connections, logins that end, and what must hold of states and attempts.

use std::collections::BTreeMap;
use std::time::Duration;

use callie_core::session::{
    Attempt, AttemptFailure, ClosedBy, Now, Refusal, SendError, Session, SessionClosed, State,
};
use callie_core::{CloseCode, Recipient, Token};

use super::run::{Happening, Simulation, User};

/// How long a session awaits a token.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest time that fetching a token takes: some come too late.
const SLOWEST_FETCH: Duration = Duration::from_secs(12);

/// What a device's application knows of its connection.
pub(super) struct Connecting {
    state: State,
    /// All attempts, and whether each has its outcome.
    attempts: BTreeMap<Attempt, bool>,
    /// When the token was asked for that is being fetched.
    fetching: Option<Duration>,
    /// Fetching has failed.
    failed: bool,
    /// The token was fetched, and no server has accepted it yet.
    unproven: bool,
    /// The application has disconnected.
    left: bool,
}

impl Default for Connecting {
    fn default() -> Self {
        Self {
            state: State::Suspended,
            attempts: BTreeMap::new(),
            fetching: None,
            failed: false,
            unproven: false,
            left: false,
        }
    }
}

impl Simulation {
    /// A device begins.
    pub(super) fn begin(&mut self, user: usize) {
        let ends_logins = self.scenario.ends_logins;
        self.users[user].session.set_refreshable(ends_logins);
        if ends_logins && self.rng.bool() {
            self.connect_once(user);
        } else {
            self.ask(user, Session::start);
        }
        self.settle(user);
    }

    /// A device changes its mind about its connection, or its user's login ends.
    pub(super) fn disturb(&mut self, user: usize) {
        match self.rng.usize(..12) {
            0..=3 => self.ask(user, Session::suspend),
            4..=6 => self.ask(user, Session::resume),
            7 => self.ask(user, Session::start),
            8 | 9 => self.connect_once(user),
            10 if self.scenario.ends_logins && self.rng.usize(..4) == 0 => {
                let now = self.time();
                self.users[user].application.connecting.left = true;
                self.users[user].session.disconnect(now);
            }
            _ if self.scenario.ends_logins => {
                let name = self.users[user].name.clone();
                self.server.end_logins(self.now, &name);
                self.serve();
            }
            _ => {}
        }
    }

    fn ask(&mut self, user: usize, what: fn(&mut Session, Now) -> Result<(), SessionClosed>) {
        let now = self.time();
        what(&mut self.users[user].session, now).unwrap();
    }

    fn connect_once(&mut self, user: usize) {
        let now = self.time();
        let attempt = self.users[user].session.connect(now).unwrap();
        let answered = self.users[user].application.connecting.attempts.entry(attempt).or_default();
        assert!(!*answered, "an attempt was given again after its outcome");
    }

    /// Lets those who rest come back, so that everything can end.
    pub(super) fn calm_down(&mut self) {
        for user in 0..self.users.len() {
            if *self.users[user].session.state() == State::Suspended {
                self.ask(user, Session::start);
                self.settle(user);
            }
        }
    }

    /// A closed session takes nothing more.
    pub(super) fn check_closed(&mut self, user: usize) {
        let now = self.time();
        let session = &mut self.users[user].session;
        for what in [Session::start, Session::suspend, Session::resume] {
            assert_eq!(what(session, now), Err(SessionClosed));
        }
        assert_eq!(session.connect(now), Err(SessionClosed));
        assert_eq!(session.ping(now, Recipient::Server), Err(SendError::Closed(SessionClosed)));
        assert_eq!((session.waiting(), session.deadline()), (0, None));
    }

    /// A session asks for another token.
    pub(super) fn fetch_token(&mut self, user: usize, refusal: &Refusal) {
        assert_eq!(refusal.code, CloseCode::Authentication.as_u16());
        let connecting = &mut self.users[user].application.connecting;
        assert!(connecting.fetching.replace(self.now).is_none(), "two tokens are fetched at once");
        let wait = Duration::from_millis(self.rng.u64(0..SLOWEST_FETCH.as_millis() as u64));
        self.at(self.now + wait, Happening::Fetched(user));
    }

    /// The token comes, or does not; one that comes may have been ended on its way.
    pub(super) fn fetched(&mut self, user: usize) {
        let now = self.time();
        let name = self.users[user].name.clone();
        let token = Token::parse(&self.server.token(&name)).unwrap();
        let fails = self.rng.usize(..8) == 0;
        if self.rng.usize(..4) == 0 {
            self.server.end_logins(self.now, &name);
            self.serve();
        }
        let User { session, application, .. } = &mut self.users[user];
        application.connecting.fetching = None;
        let before = session.state().clone();
        if fails {
            application.connecting.failed = true;
            session.token_refresh_failed(now, "the user is away".to_owned());
            assert!(session.is_closed());
        } else {
            application.connecting.unproven = true;
            session.token_refreshed(now, token);
        }
        if let State::Closed(_) = before {
            assert_eq!(*session.state(), before, "a token that came too late changed something");
        }
        self.settle(user);
    }

    /// Each state follows from the one before, and a closed session has its reason.
    pub(super) fn see_state(&mut self, user: usize, state: State) {
        let now = self.now;
        let ends_logins = self.scenario.ends_logins;
        let application = &mut self.users[user].application;
        if let State::Online { resumed, .. } = state {
            assert_eq!(resumed, application.welcomed_back, "it is the server who knows");
            application.online_at.get_or_insert(now);
            if !resumed {
                application.texts = 0;
                application.beginnings += 1;
            }
        }
        let connecting = &mut application.connecting;
        let before = std::mem::replace(&mut connecting.state, state.clone());
        let follows = match (&before, &state) {
            (State::Closed(_), _) => false,
            (_, State::Closed(_)) => true,
            (State::Suspended, State::Connecting | State::RefreshingToken(_)) => true,
            (State::Connecting, State::Online { .. } | State::Waiting { .. }) => true,
            (State::Online { .. }, State::Waiting { .. }) => true,
            (State::Connecting | State::Online { .. }, State::RefreshingToken(_)) => true,
            (State::Waiting { .. } | State::RefreshingToken(_), State::Connecting) => true,
            (State::Suspended, _) => false,
            (_, State::Suspended) => true,
            _ => false,
        };
        assert!(follows, "{state:?} came after {before:?}");
        match state {
            State::Online { .. } => connecting.unproven = false,
            State::Closed(ClosedBy::Application) => assert!(connecting.left),
            State::Closed(ClosedBy::Server(_)) => assert!(ends_logins && connecting.unproven),
            State::Closed(ClosedBy::NoToken { .. }) => {
                let late = connecting.fetching.is_some_and(|since| now >= since + PATIENCE);
                assert!(late || connecting.failed);
            }
            State::Closed(by) => panic!("closed by {by:?}"),
            _ => {}
        }
    }

    /// Each attempt has one outcome, which is true when it is told.
    pub(super) fn see_attempt(&mut self, user: usize, attempt: Attempt, outcome: Result<(), AttemptFailure>) {
        let user = &mut self.users[user];
        let answered = user.application.connecting.attempts.insert(attempt, true);
        assert_eq!(answered, Some(false), "{attempt:?} ended twice, or was never given");
        let state = user.session.state();
        let is_true = match outcome {
            Ok(()) => matches!(state, State::Online { .. }),
            Err(AttemptFailure::Lost { .. }) => matches!(state, State::Waiting { .. } | State::Suspended),
            Err(AttemptFailure::Suspended) => *state == State::Suspended,
            Err(_) => matches!(state, State::Closed(_)),
        };
        assert!(is_true, "{outcome:?} in {state:?}");
    }

    /// What must hold in the end.
    pub(super) fn check_states(&self) {
        for user in &self.users {
            let connecting = &user.application.connecting;
            assert_eq!(connecting.state, *user.session.state(), "every state is told");
            assert!(connecting.attempts.values().all(|answered| *answered), "an attempt has no outcome");
            let rests = matches!(connecting.state, State::Online { .. } | State::Closed(_));
            assert!(rests, "{:?}", connecting.state);
        }
    }
}
