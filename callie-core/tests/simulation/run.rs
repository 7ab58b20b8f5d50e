//! One run of the simulation: its events in the order of time.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::time::Duration;

use callie_core::command::{Command, Conversation, GroupName, SignalKind, Visibility};
use callie_core::session::{
    Event, Now, Output, SendError, SendOptions, Session, SessionConfig, State, Ticket,
};
use callie_core::{Limits, Message, Recipient, Timestamp, Token, Username};

use super::Scenario;
use super::application::{Application, Sent};
use super::backend::{Action, Connection, FIRST_TOKEN, Server};
use super::hub::HubServer;
use super::server::ConnectionServer;

/// How long faults and actions happen. Afterwards links do not break, and everything completes.
pub(super) const UNREST: Duration = Duration::from_secs(60);
/// When everything must have completed: after the longest send that begins at the end of [`UNREST`], with waits and
/// heartbeats.
const END: Duration = Duration::from_secs(400);
const TICK: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(super) enum Happening {
    /// A user acts.
    Act(usize),
    /// The WebSocket of a user opens.
    Open(usize, Connection),
    ToServer(Connection, String),
    ToClient(Connection, String),
    /// The client detects that its connection is lost.
    ClientGone(Connection, Option<u16>),
    /// The server detects that a connection ended: the client closed it, or it is lost.
    ServerGone(Connection, bool),
    /// An application takes waiting messages.
    Take(usize),
    Wake(usize),
    /// The fetching of a token ends.
    Fetched(usize),
    Tick,
}

struct Link {
    user: usize,
    /// When the last text arrives, so that no later one overtakes it.
    up: Duration,
    down: Duration,
    broken: bool,
}

/// One device of a user.
pub(super) struct User {
    pub(super) name: Username,
    pub(super) other: Username,
    pub(super) session: Session,
    connection: Option<Connection>,
    pub(super) application: Application,
    to_do: usize,
}

pub(crate) struct Simulation {
    pub(super) rng: fastrand::Rng,
    pub(super) scenario: Scenario,
    pub(super) now: Duration,
    order: u64,
    queue: BinaryHeap<Reverse<(Duration, u64)>>,
    happenings: HashMap<u64, Happening>,
    links: Vec<Link>,
    pub(super) users: Vec<User>,
    pub(super) server: Box<dyn Server>,
    restarted: bool,
    /// The points that were passed at which a link can break.
    points: u64,
    trace: bool,
}

impl Simulation {
    pub(crate) fn new(seed: u64, scenario: &impl Fn(&mut fastrand::Rng) -> Scenario, trace: bool) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let scenario = scenario(&mut rng);
        if trace {
            println!("{scenario:?}");
        }
        let names = std::iter::repeat_n(("ada", "bob"), scenario.devices).chain([("bob", "ada")]);
        let users = names.map(|(name, other)| {
            let [name, other] = [name, other].map(|name| Username::parse(name).unwrap());
            let mut random = rng.fork();
            let config = SessionConfig::new(name.clone(), Token::parse(FIRST_TOKEN).unwrap());
            User {
                session: Session::new(config, Box::new(move || random.u64(..))),
                name,
                other,
                connection: None,
                application: Application::default(),
                to_do: scenario.actions,
            }
        });
        let users: Vec<_> = users.collect();
        let server: Box<dyn Server> = match scenario.resumable {
            Some(resumable) => {
                let limits = scenario.rates.map_or(scenario.limits, |rates| rates.limits);
                Box::new(HubServer::new(limits, resumable))
            }
            None => Box::new(ConnectionServer::new(scenario.limits, scenario.rates)),
        };
        let mut simulation = Self {
            rng,
            scenario,
            now: Duration::ZERO,
            order: 0,
            queue: BinaryHeap::new(),
            happenings: HashMap::new(),
            links: Vec::new(),
            users,
            server,
            restarted: false,
            points: 0,
            trace,
        };
        for user in 0..simulation.users.len() {
            simulation.begin(user);
            // If everything must arrive, nothing is sent before both users are connected.
            let start = if simulation.scenario.faultless { Duration::from_secs(5) } else { Duration::ZERO };
            simulation.at(start, Happening::Act(user));
        }
        simulation.at(TICK, Happening::Tick);
        simulation
    }

    pub(crate) fn run(mut self) {
        while let Some(Reverse((at, order))) = self.queue.pop() {
            if at > END {
                break;
            }
            self.now = at;
            let happening = self.happenings.remove(&order).unwrap();
            if self.trace && !matches!(happening, Happening::Tick | Happening::Wake(_)) {
                println!("{:>9.3} {happening:?}", at.as_secs_f64());
            }
            self.happen(happening);
        }
        self.check();
    }

    pub(super) fn time(&self) -> Now {
        let wall = 1_700_000_000_000 + i64::try_from(self.now.as_millis()).unwrap();
        Now { elapsed: self.now, wall: Timestamp::from_unix_millis(wall).unwrap() }
    }

    pub(super) fn at(&mut self, at: Duration, happening: Happening) {
        self.order += 1;
        self.queue.push(Reverse((at, self.order)));
        self.happenings.insert(self.order, happening);
    }

    fn happen(&mut self, happening: Happening) {
        let now = self.time();
        match happening {
            Happening::Act(user) => self.act(user),
            Happening::Open(user, connection) => {
                if self.users[user].connection == Some(connection) {
                    self.server.accept(self.now, connection);
                    self.users[user].session.opened(now);
                    self.settle(user);
                }
            }
            Happening::ToServer(connection, text) => {
                if !self.break_around(connection) {
                    self.server.received(self.now, connection, &text);
                    self.serve();
                    self.break_around(connection);
                }
            }
            Happening::ToClient(connection, text) => {
                let user = self.links[connection].user;
                if self.users[user].connection == Some(connection) && !self.break_around(connection) {
                    self.note_drops(user, &text);
                    self.note_arrival(user, connection, &text);
                    self.users[user].session.received(now, &text);
                    self.settle(user);
                    self.break_around(connection);
                }
            }
            Happening::ClientGone(connection, code) => {
                let user = self.links[connection].user;
                if self.users[user].connection == Some(connection) {
                    self.users[user].connection = None;
                    self.users[user].session.closed(now, code, None);
                    self.settle(user);
                }
            }
            Happening::ServerGone(connection, left) => {
                self.server.ended(self.now, connection, left);
                self.serve();
            }
            Happening::Take(user) => self.take(user),
            Happening::Wake(user) => {
                if self.users[user].session.deadline().is_some_and(|at| at <= self.now) {
                    self.users[user].session.wake(now);
                    self.settle(user);
                }
            }
            Happening::Fetched(user) => self.fetched(user),
            Happening::Tick => {
                self.server.tick(self.now);
                self.serve();
                if self.now >= UNREST {
                    self.calm_down();
                }
                self.at(self.now + TICK, Happening::Tick);
            }
        }
    }

    fn act(&mut self, user: usize) {
        let now = self.time();
        if self.users[user].to_do > 0 {
            self.users[user].to_do -= 1;
            let pause = Duration::from_millis(self.rng.u64(0..8_000)).min(UNREST);
            self.at(self.now + pause, Happening::Act(user));
        }
        if self.users[user].session.is_closed() {
            return self.check_closed(user);
        }
        let restless = self.scenario.restless;
        match self.rng.usize(..10) {
            0 if restless => self.disturb(user),
            1 if restless => self.users[user].session.network_changed(now),
            // If everything must arrive, connections are not closed so often that clients wait for long.
            2 if self.scenario.forgetful && self.unrest() && !(self.scenario.faultless && self.restarted) => {
                self.restarted = true;
                self.server.restart(self.now);
                self.serve();
            }
            2 if restless => {
                if let Some(connection) = self.users[user].connection {
                    self.server.send_away(self.now, connection);
                    self.serve();
                }
            }
            3 => {
                let number = self.number();
                let name = GroupName::parse(&format!("group {number}")).unwrap();
                let sent = Sent::Command(name.as_str().to_owned());
                let (members, visibility) = (Vec::new(), Visibility::Private);
                self.command(user, now, &Command::CreateGroup { name, members, visibility }, sent);
            }
            4 => {
                let username = Username::parse(&format!("user{}", self.number())).unwrap();
                let sent = Sent::Command(username.to_string());
                self.command(user, now, &Command::GetProfile { username }, sent);
            }
            5 => {
                let to = [Recipient::Server, self.users[user].other.clone().into()];
                let to = self.rng.choice(to).unwrap();
                let ticket = self.users[user].session.ping(now, to).unwrap();
                self.note(user, ticket, Sent::Ping);
            }
            6 => {
                let letters: String =
                    self.number().to_string().bytes().map(|digit| char::from(digit - b'0' + b'a')).collect();
                let kind = SignalKind::parse(&letters).unwrap();
                let recipient = Conversation::User(self.users[user].other.clone());
                self.command(
                    user,
                    now,
                    &Command::Signal { recipient, kind, data: None },
                    Sent::Signal(letters),
                );
            }
            _ => {
                for _ in 0..self.rng.usize(1..=self.scenario.most_at_once) {
                    self.send_message(user, now);
                }
            }
        }
        self.settle(user);
    }

    fn number(&mut self) -> usize {
        self.users.iter().map(|user| user.application.sent.len()).sum()
    }

    fn command(&mut self, user: usize, now: Now, command: &Command, sent: Sent) {
        let ticket = self.users[user].session.command(now, command).unwrap();
        self.note(user, ticket, sent);
    }

    fn send_message(&mut self, user: usize, now: Now) {
        let everyone = self.rng.usize(..8) == 0;
        let long = self.scenario.limits != Limits::default() && self.rng.usize(..8) == 0;
        let mut text = format!("{user}.{}", self.users[user].application.sent.len());
        if long {
            text.push_str(&".".repeat(self.rng.usize(50..1_000)));
        }
        let recipient = if everyone { Recipient::Broadcast } else { self.users[user].other.clone().into() };
        let options = SendOptions::default().with_confirm(self.rng.usize(..4) > 0);
        let session = &mut self.users[user].session;
        let message = Message::builder(session.message_id(now)).text(&text).build().unwrap();
        match session.send(now, recipient, message, &options) {
            Ok(ticket) => self.note(user, ticket, Sent::Message { text, everyone, long }),
            Err(SendError::TooLarge { .. } | SendError::Message(_)) if long => {}
            Err(error) => panic!("{error}"),
        }
    }

    fn note(&mut self, user: usize, ticket: Ticket, sent: Sent) {
        let application = &mut self.users[user].application;
        application.sent_at.insert(ticket, self.now);
        assert!(application.sent.insert(ticket, sent).is_none(), "a ticket was given twice");
    }

    /// Carries out the outputs of a session, and schedules its deadline.
    pub(super) fn settle(&mut self, user: usize) {
        while let Some(output) = self.users[user].session.poll() {
            if self.trace {
                println!("{:>9.3}   {}: {output:?}", self.now.as_secs_f64(), self.users[user].name);
            }
            match output {
                Output::Open => {
                    let connection = self.links.len();
                    self.links.push(Link { user, up: self.now, down: self.now, broken: false });
                    self.users[user].connection = Some(connection);
                    if self.unrest() && self.rng.f64() < self.scenario.break_chance {
                        let delay = self.delay();
                        self.at(self.now + delay, Happening::ClientGone(connection, None));
                    } else {
                        let delay = self.delay();
                        self.at(self.now + delay, Happening::Open(user, connection));
                    }
                }
                Output::Transmit(text) => {
                    self.note_transmitted(user, &text);
                    let connection = self.users[user].connection.expect("transmits on a connection only");
                    let delay = self.delay();
                    let link = &mut self.links[connection];
                    link.up = link.up.max(self.now + delay);
                    let at = link.up;
                    if !link.broken {
                        self.at(at, Happening::ToServer(connection, text));
                    }
                }
                Output::Close => {
                    let state = self.users[user].session.state();
                    assert!(matches!(state, State::Suspended | State::Closed(_)), "closes in {state:?}");
                    let connection = self.users[user].connection.take().expect("closes a connection only");
                    let at = self.links[connection].up.max(self.now);
                    let unnoticed = self.links[connection].broken;
                    // Texts that were sent before the close arrive before it.
                    if !unnoticed {
                        self.at(at, Happening::ServerGone(connection, true));
                    }
                }
                Output::Abort => {
                    let connection = self.users[user].connection.take().expect("gives up a connection only");
                    // The server detects it later, and receives nothing more.
                    if !std::mem::replace(&mut self.links[connection].broken, true) {
                        let wait = self.notice();
                        self.at(self.now + wait, Happening::ServerGone(connection, false));
                    }
                }
                Output::Store { .. } => panic!("no session of the simulation stores records"),
                Output::RefreshToken(refusal) => self.fetch_token(user, &refusal),
                Output::Event(Event::State(state)) => self.see_state(user, state),
                Output::Event(Event::Attempted(attempt, outcome)) => self.see_attempt(user, attempt, outcome),
                Output::Event(event) => self.see(user, event),
            }
        }
        if let Some(at) = self.users[user].session.deadline() {
            self.at(at.max(self.now), Happening::Wake(user));
        }
    }

    /// Carries out the actions of the server.
    pub(super) fn serve(&mut self) {
        for action in self.server.take_actions() {
            let delay = self.delay();
            let (Action::Write(connection, _) | Action::Close(connection, _)) = &action;
            let connection = *connection;
            let link = &mut self.links[connection];
            link.down = link.down.max(self.now + delay);
            let (at, broken) = (link.down, link.broken);
            match action {
                _ if broken => {}
                Action::Write(_, text) => self.at(at, Happening::ToClient(connection, text)),
                Action::Close(_, code) => {
                    let code = if self.unrest() && self.rng.usize(..4) == 0 { None } else { Some(code) };
                    self.at(at, Happening::ClientGone(connection, code));
                }
            }
        }
    }

    fn unrest(&self) -> bool {
        self.now < UNREST
    }

    fn delay(&mut self) -> Duration {
        let longest = if self.unrest() { self.scenario.longest_delay } else { Duration::from_millis(20) };
        Duration::from_micros(self.rng.u64(0..longest.as_micros() as u64))
    }

    /// Breaks the link with the probability of the scenario, and loses its texts. Returns `true` if it is broken.
    fn break_around(&mut self, connection: Connection) -> bool {
        if self.links[connection].broken {
            return true;
        }
        self.points += 1;
        let is_cut = self.scenario.cuts.is_some_and(|cuts| cuts.contains(&self.points));
        if !self.unrest() || !(is_cut || self.rng.f64() < self.scenario.break_chance) {
            return false;
        }
        self.links[connection].broken = true;
        // In one of four cases the client receives no close, and has to detect the loss.
        if self.rng.usize(..4) > 0 {
            let at = self.now + self.notice();
            self.at(at, Happening::ClientGone(connection, None));
        }
        let at = self.now + self.notice();
        self.at(at, Happening::ServerGone(connection, false));
        true
    }

    /// Returns the time until a side detects that its link broke.
    fn notice(&mut self) -> Duration {
        Duration::from_millis(self.rng.u64(0..self.scenario.slowest_notice.as_millis() as u64))
    }
}
