//! Events in the order of time, and what must hold in the end.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet};
use std::time::Duration;

use callie_core::command::{Command, GroupName, Visibility};
use callie_core::session::{Ending, Event, Now, Output, SendOptions, Session, SessionConfig, Ticket};
use callie_core::{Content, Message, Recipient, Sender, Timestamp, Token, Username};

use super::Scenario;
use super::server::{Action, Connection, Server};

/// How long things happen; after that the links hold and everything comes to its end.
const UNREST: Duration = Duration::from_secs(60);
/// When everything must have come to its end: the longest send after the unrest, and waits and heartbeats around it.
const END: Duration = Duration::from_secs(400);
const TICK: Duration = Duration::from_millis(500);

#[derive(Debug)]
enum Happening {
    /// A user does something.
    Act(usize),
    /// The WebSocket of a user opens.
    Open(usize, Connection),
    ToServer(Connection, String),
    ToClient(Connection, String),
    /// The client notices that its connection is gone.
    ClientGone(Connection, Option<u16>),
    /// The server notices that a connection is gone.
    ServerGone(Connection),
    Wake(usize),
    Tick,
}

struct Link {
    user: usize,
    /// What was put on it last arrives then, so that nothing overtakes.
    up: Duration,
    down: Duration,
    broken: bool,
}

/// What a user's application sent and saw.
#[derive(Default)]
struct Application {
    /// The text of each message by its ticket; empty for what is no message to the other user.
    sent: BTreeMap<Ticket, String>,
    /// Commands that must not be carried out twice.
    commands: HashSet<Ticket>,
    ended: BTreeMap<Ticket, Ending>,
    received: Vec<String>,
    payload_ids: HashSet<String>,
}

struct User {
    name: Username,
    session: Session,
    connection: Option<Connection>,
    application: Application,
    to_do: usize,
    suspended: bool,
}

pub(crate) struct World {
    rng: fastrand::Rng,
    scenario: Scenario,
    now: Duration,
    order: u64,
    queue: BinaryHeap<Reverse<(Duration, u64)>>,
    happenings: HashMap<u64, Happening>,
    links: Vec<Link>,
    users: Vec<User>,
    server: Server,
    trace: bool,
}

impl World {
    pub(crate) fn new(seed: u64, scenario: &impl Fn(&mut fastrand::Rng) -> Scenario, trace: bool) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let scenario = scenario(&mut rng);
        if trace {
            println!("{scenario:?}");
        }
        let users = ["ada", "bob"].map(|name| {
            let name = Username::parse(name).unwrap();
            let mut random = rng.fork();
            let config = SessionConfig::new(name.clone(), Token::parse("token").unwrap());
            User {
                session: Session::new(config, Box::new(move || random.u64(..))),
                name,
                connection: None,
                application: Application::default(),
                to_do: scenario.actions,
                suspended: false,
            }
        });
        let server = Server::new(scenario.hidden_rate);
        let mut world = Self {
            rng,
            scenario,
            now: Duration::ZERO,
            order: 0,
            queue: BinaryHeap::new(),
            happenings: HashMap::new(),
            links: Vec::new(),
            users: users.into(),
            server,
            trace,
        };
        for user in 0..world.users.len() {
            let now = world.time();
            world.users[user].session.connect(now);
            world.settle(user);
            // Where everything must arrive, nothing is sent before both are there.
            let start = if world.scenario.faultless { Duration::from_secs(5) } else { Duration::ZERO };
            world.at(start, Happening::Act(user));
        }
        world.at(TICK, Happening::Tick);
        world
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
        self.judge();
    }

    fn time(&self) -> Now {
        let wall = 1_700_000_000_000 + i64::try_from(self.now.as_millis()).unwrap();
        Now { elapsed: self.now, wall: Timestamp::from_unix_millis(wall).unwrap() }
    }

    fn at(&mut self, at: Duration, happening: Happening) {
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
            Happening::ServerGone(connection) => {
                self.server.lost(self.now, connection);
                self.serve();
            }
            Happening::Wake(user) => {
                if self.users[user].session.deadline().is_some_and(|at| at <= self.now) {
                    self.users[user].session.wake(now);
                    self.settle(user);
                }
            }
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

    /// Lets those who rest come back, so that everything can end.
    fn calm_down(&mut self) {
        for user in 0..self.users.len() {
            if std::mem::take(&mut self.users[user].suspended) {
                let now = self.time();
                self.users[user].session.resume(now);
                self.settle(user);
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
        let restless = self.scenario.restless;
        match self.rng.usize(..10) {
            0 if restless => {
                let user = &mut self.users[user];
                user.suspended = !user.suspended;
                if user.suspended { user.session.suspend(now) } else { user.session.resume(now) }
            }
            1 if restless => self.users[user].session.network_changed(now),
            2 if self.scenario.forgetful => {
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
                let name = GroupName::parse("a group").unwrap();
                let command =
                    Command::CreateGroup { name, members: Vec::new(), visibility: Visibility::Private };
                let ticket = self.users[user].session.command(now, &command).unwrap();
                self.note(user, ticket, String::new());
                self.users[user].application.commands.insert(ticket);
            }
            4 => {
                let usernames = vec![self.users[1 - user].name.clone()];
                let ticket =
                    self.users[user].session.command(now, &Command::GetPresence { usernames }).unwrap();
                self.note(user, ticket, String::new());
            }
            5 => {
                let to = [Recipient::Server, self.users[1 - user].name.clone().into()];
                let to = self.rng.choice(to).unwrap();
                let ticket = self.users[user].session.ping(now, to).unwrap();
                self.note(user, ticket, String::new());
            }
            _ => {
                for _ in 0..self.rng.usize(1..6) {
                    self.send_message(user, now);
                }
            }
        }
        self.settle(user);
    }

    fn send_message(&mut self, user: usize, now: Now) {
        let text = format!("{}", self.users[user].application.sent.len());
        let to_everyone = self.rng.usize(..8) == 0;
        let recipient =
            if to_everyone { Recipient::Broadcast } else { self.users[1 - user].name.clone().into() };
        let options = SendOptions { confirm: self.rng.usize(..4) > 0, ..SendOptions::default() };
        let session = &mut self.users[user].session;
        let message = Message::builder(session.message_id(now)).text(&text).build().unwrap();
        let ticket = session.send(now, recipient, message, &options).unwrap();
        // A message to everyone tells nothing of who got it.
        self.note(user, ticket, if to_everyone { format!("all {text}") } else { text });
    }

    fn note(&mut self, user: usize, ticket: Ticket, text: String) {
        assert!(self.users[user].application.sent.insert(ticket, text).is_none(), "a ticket was given twice");
    }

    /// Carries out what a session wants, and asks when it wants to be woken.
    fn settle(&mut self, user: usize) {
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
                    let connection = self.users[user].connection.take().expect("closes a connection only");
                    let at = self.links[connection].up.max(self.now);
                    let unnoticed = self.links[connection].broken;
                    // What was sent before the close arrives before it.
                    if !unnoticed {
                        self.at(at, Happening::ServerGone(connection));
                    }
                }
                Output::Event(event) => self.see(user, event),
            }
        }
        if let Some(at) = self.users[user].session.deadline() {
            self.at(at.max(self.now), Happening::Wake(user));
        }
    }

    fn see(&mut self, user: usize, event: Event) {
        let other = self.users[1 - user].name.clone();
        let application = &mut self.users[user].application;
        match event {
            Event::Ended(ticket, ending) => {
                assert!(application.sent.contains_key(&ticket), "a ticket ended that was never given");
                assert!(application.ended.insert(ticket, ending).is_none(), "a ticket ended twice");
            }
            Event::Message(payload, _) => {
                let Content::Msg(message) = payload.content() else { panic!("a message is a MSG") };
                if *payload.sender() != Sender::User(other) {
                    return;
                }
                assert!(
                    application.payload_ids.insert(payload.payload_id().to_string()),
                    "a message reached the application twice"
                );
                let everyone = *payload.recipient() == Recipient::Broadcast;
                let text = message.text();
                application.received.push(if everyone { format!("all {text}") } else { text.to_owned() });
            }
            Event::Unreadable(fault) => panic!("the server sent something unreadable: {fault}"),
            _ => {}
        }
    }

    /// Carries out what the server wants.
    fn serve(&mut self) {
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

    /// Breaks a link by chance: what is on it is lost. Tells whether it is broken.
    fn break_around(&mut self, connection: Connection) -> bool {
        if self.links[connection].broken {
            return true;
        }
        if !self.unrest() || self.rng.f64() >= self.scenario.break_chance {
            return false;
        }
        self.links[connection].broken = true;
        let slowest = self.scenario.slowest_notice.as_millis() as u64;
        // One time in four the client learns nothing, and has to find out.
        if self.rng.usize(..4) > 0 {
            let at = self.now + Duration::from_millis(self.rng.u64(0..slowest));
            self.at(at, Happening::ClientGone(connection, None));
        }
        let at = self.now + Duration::from_millis(self.rng.u64(0..slowest));
        self.at(at, Happening::ServerGone(connection));
        true
    }

    fn judge(&self) {
        for (user, other) in [(0, 1), (1, 0)] {
            let (mine, theirs) = (&self.users[user].application, &self.users[other].application);
            for (ticket, text) in &mine.sent {
                let ending = mine.ended.get(ticket).unwrap_or_else(|| panic!("{ticket:?} never ended"));
                self.judge_ending(ending, text, theirs);
                if self.scenario.faultless {
                    let good = matches!(
                        ending,
                        Ending::Delivered { .. }
                            | Ending::Sent
                            | Ending::Done { result: Some(_) }
                            | Ending::Pong { .. }
                    );
                    assert!(good, "{ticket:?} ended as {ending:?} without any fault");
                }
            }
            if self.scenario.hidden_rate.is_none() && !self.scenario.forgetful {
                for everyone in [true, false] {
                    let numbers: Vec<u64> = theirs
                        .received
                        .iter()
                        .filter(|text| text.starts_with("all ") == everyone)
                        .map(|text| text.trim_start_matches("all ").parse().unwrap())
                        .collect();
                    assert!(numbers.is_sorted(), "messages came out of order: {numbers:?}");
                }
            }
        }
        if self.scenario.forgetful {
            return;
        }
        assert!(self.server.carried_out.values().all(|times| *times == 1), "a command was carried out twice");
        let done = self.users.iter().flat_map(|user| {
            let application = &user.application;
            application.commands.iter().filter(|t| matches!(application.ended[t], Ending::Done { .. }))
        });
        assert!(done.count() <= self.server.carried_out.len(), "a command was called done and was not");
    }

    fn judge_ending(&self, ending: &Ending, text: &str, theirs: &Application) {
        if text.is_empty() {
            return;
        }
        let arrived = theirs.received.iter().any(|received| received == text);
        match ending {
            Ending::Delivered { .. } => assert!(arrived, "{text:?} was called delivered and was not"),
            // A server that forgot the first time tells the truth about the second.
            Ending::Offline | Ending::Failed(_) if !self.scenario.forgetful => {
                assert!(!arrived, "{text:?} was called {ending:?} and did arrive");
            }
            _ => {}
        }
    }
}
