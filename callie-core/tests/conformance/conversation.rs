//! A session driven by a script, and its guarantees for any input from the server. Shared by the fuzz target, its seeds
//! and the replay of its findings. A violation panics.
//!
//! A script has one step per line. `$0` is the ID of the last transmitted payload, `$1` that of the one before.
//!
//! - `c` start, `i` one attempt to connect, `d` disconnect, `s` suspend, `r` resume, `n` network changed
//! - `R` tokens can be fetched, `f` the token comes, `F` there is none
//! - `o` the socket is open, `x1001` it is closed with a code, `l` the link is lost
//! - `t500` 500 ms pass, `w` time passes until the deadline
//! - `mb Hello` sends a message with confirmation, `Mb Hello` one without: to `b`ob, the `g`roup, `a`ll, one`s`elf
//! - `ps` pings the server, `pb` bob, `k3` sends a command
//! - `a` the application takes all messages, `y9` the upgrade is refused with a `Retry-After` of 9 s
//! - `A60` the server opens a connection that can be resumed for 60 s, `B60` it says that it has resumed the one before
//! - `!DELIVERED {"inReplyTo":"$0"}` the server sends a code, `<bob p7` a message by bob arrives, `>` any other text
//!   arrives

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use callie_core::command::{Command, Conversation, PageLimit, SignalKind};
use callie_core::session::{
    Attempt, Event, Now, Output, Receipt, SendOptions, Session, SessionClosed, SessionConfig, State, Ticket,
};
use callie_core::{
    Content, GroupId, Limits, Message, PayloadRef, Recipient, SysCode, Timestamp, Token, Username,
};

/// The length of a token of Callie's server.
const TOKEN: &str = "q3Zk8w2M5r7T9yB1nC4vX6sD0fGhJkLpQwErTyUiOpA";
const GROUP: &str = "group:01890a5d-ac96-774b-bcce-b302099a8057";
/// The most steps of a script; more would only be slow.
const MOST_STEPS: usize = 100;
/// The most wake-ups at one instant; more are an endless loop.
const MOST_WAKES: usize = 16;
/// The time within which a duplicate is not delivered to the application, as long as the server remembers payload IDs.
const ONCE: Duration = Duration::from_secs(300);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Socket {
    Closed,
    Opening,
    Open,
}

struct Driver {
    session: Session,
    elapsed: Duration,
    socket: Socket,
    /// Whether a payload was transmitted on this connection.
    begun: bool,
    transmitted: Vec<String>,
    open: BTreeSet<Ticket>,
    over: BTreeSet<Ticket>,
    attempts: BTreeSet<Attempt>,
    attempted: BTreeSet<Attempt>,
    /// Whether a token is to be fetched.
    refreshing: bool,
    handed_on: HashMap<(String, String), Duration>,
    /// The messages that the application has not taken yet, and the last one that it took.
    untaken: BTreeSet<(String, String)>,
    last: Option<Receipt>,
    /// Whether the server was asked to resume the connection before.
    resuming: bool,
    /// The number of texts that arrived since the first of the connections that continue each other.
    texts: u64,
    /// The last number of texts that was stated.
    stated: u64,
}

/// Runs a script and checks the session's guarantees.
pub fn check_conversation(script: &str) {
    let mut config = SessionConfig::new(Username::parse("ada").unwrap(), Token::parse(TOKEN).unwrap());
    config.max_waiting = 24;
    let mut random = 0_u64;
    let mut driver = Driver {
        session: Session::new(
            config,
            Box::new(move || {
                // An odd step visits all numbers before it repeats one.
                random = random.wrapping_add(0x9E37_79B9_7F4A_7C15);
                random
            }),
        ),
        elapsed: Duration::ZERO,
        socket: Socket::Closed,
        begun: false,
        transmitted: Vec::new(),
        open: BTreeSet::new(),
        over: BTreeSet::new(),
        attempts: BTreeSet::new(),
        attempted: BTreeSet::new(),
        refreshing: false,
        handed_on: HashMap::new(),
        untaken: BTreeSet::new(),
        last: None,
        resuming: false,
        texts: 0,
        stated: 0,
    };
    for line in script.lines().take(MOST_STEPS) {
        driver.step(line);
        driver.drain();
    }
    driver.session.disconnect(driver.now());
    driver.drain();
    assert!(driver.open.is_empty(), "not over: {:?}", driver.open);
    assert!(driver.attempts.is_empty(), "not answered: {:?}", driver.attempts);
    assert_eq!(driver.session.start(driver.now()), Err(SessionClosed));
    assert_eq!(driver.session.waiting(), 0);
    assert_eq!(driver.socket, Socket::Closed);
    assert_eq!(driver.session.deadline(), None);
}

impl Driver {
    fn now(&self) -> Now {
        let millis = i64::try_from(self.elapsed.as_millis()).unwrap();
        Now { elapsed: self.elapsed, wall: Timestamp::from_unix_millis(millis).unwrap() }
    }

    fn step(&mut self, line: &str) {
        let (now, mut chars) = (self.now(), line.chars());
        let Some(verb) = chars.next() else { return };
        let rest = chars.as_str();
        match verb {
            'c' => self.asked(Session::start),
            's' => self.asked(Session::suspend),
            'r' => self.asked(Session::resume),
            'i' => {
                let closed = self.session.is_closed();
                match self.session.connect(now) {
                    Ok(attempt) => {
                        assert!(!closed && !self.attempted.contains(&attempt), "{attempt:?} given twice");
                        self.attempts.insert(attempt);
                    }
                    Err(SessionClosed) => assert!(closed),
                }
            }
            'd' => self.session.disconnect(now),
            'R' => self.session.set_refreshable(true),
            'f' if std::mem::take(&mut self.refreshing) => {
                self.session.token_refreshed(now, Token::parse(TOKEN).unwrap());
            }
            'F' if std::mem::take(&mut self.refreshing) => {
                self.session.token_refresh_failed(now, "none".to_owned());
            }
            'n' => self.session.network_changed(now),
            'o' if self.socket == Socket::Opening => {
                (self.socket, self.begun) = (Socket::Open, false);
                self.session.opened(now);
            }
            'x' if self.socket != Socket::Closed => {
                self.socket = Socket::Closed;
                self.session.closed(now, rest.parse().ok(), None);
            }
            'l' if self.socket != Socket::Closed => {
                self.socket = Socket::Closed;
                self.session.closed(now, None, None);
            }
            'a' => {
                self.untaken.clear();
                if let Some(last) = self.last {
                    self.session.taken(now, last);
                }
            }
            'y' if self.socket == Socket::Opening => {
                self.socket = Socket::Closed;
                self.session.closed(now, None, rest.parse().ok().map(Duration::from_secs));
            }
            't' => self.pass(Duration::from_millis(rest.parse::<u32>().unwrap_or(0).min(400_000).into())),
            'w' => {
                let due = self.session.deadline().unwrap_or_default().saturating_sub(self.elapsed);
                // A server can require a wait beyond the range of the wall clock.
                self.pass(due.min(Duration::from_secs(400)));
            }
            'm' | 'M' => self.send(rest, verb == 'm'),
            'p' => {
                let ticket = self.session.ping(now, recipient(rest));
                self.began(ticket.ok());
            }
            'k' => self.command(rest),
            'A' | 'B' => {
                let seconds: u32 = rest.parse().unwrap_or(60);
                let metadata = format!(
                    r#"{{"inReplyTo":"$0","features":["resume"],"connectionID":"c","resumeSeconds":{seconds},"resumed":{}}}"#,
                    verb == 'B'
                );
                let content = r#"{"code":"AUTHENTICATED","description":"x"}"#;
                self.receive(&payload("SERVER", "ada", "SYS", content, &metadata, "s"));
            }
            '!' => {
                let (code, metadata) = rest.split_once(' ').unwrap_or((rest, r#"{"inReplyTo":"$0"}"#));
                let content = format!(r#"{{"code":"{code}","description":"x"}}"#);
                self.receive(&payload("SERVER", "ada", "SYS", &content, metadata, "s"));
            }
            '<' => {
                let (sender, id) = rest.split_once(' ').unwrap_or((rest, "p7"));
                let content = r#"{"messageID":"m","text":"x"}"#;
                self.receive(&payload(sender, "ada", "MSG", content, r#"{"ack":true}"#, id));
            }
            '>' => self.receive(rest),
            _ => {}
        }
    }

    /// What a closed session refuses.
    fn asked(&mut self, what: fn(&mut Session, Now) -> Result<(), SessionClosed>) {
        let closed = self.session.is_closed();
        let now = self.now();
        assert_eq!(what(&mut self.session, now).is_err(), closed);
    }

    fn pass(&mut self, time: Duration) {
        self.elapsed += time;
        for _ in 0..MOST_WAKES {
            self.session.wake(self.now());
            self.drain();
            if self.session.deadline().is_none_or(|at| at > self.elapsed) {
                return;
            }
        }
        panic!("woken again and again at {:?} for {:?}", self.elapsed, self.session.deadline());
    }

    fn send(&mut self, rest: &str, confirm: bool) {
        let id = self.session.message_id(self.now());
        let text = rest.get(1..).unwrap_or("x");
        let Ok(message) = Message::builder(id).text(text).build() else { return };
        let options = SendOptions::default().with_confirm(confirm);
        let ticket = self.session.send(self.now(), recipient(rest), message, &options);
        self.began(ticket.ok());
    }

    fn command(&mut self, rest: &str) {
        let page = || PageLimit::new(10).unwrap();
        let bob = || Username::parse("bob").unwrap();
        let kind = || SignalKind::parse("typing").unwrap();
        let command = match rest.parse().unwrap_or(0) % 5 {
            0_u8 => Command::GetSettings {},
            1 => Command::ListGroups { limit: page(), after: None },
            2 => Command::BlockUser { username: bob() },
            3 => Command::Signal { recipient: Conversation::User(bob()), kind: kind(), data: None },
            _ => Command::LeaveGroup { group_id: GroupId::parse(GROUP).unwrap() },
        };
        let ticket = self.session.command(self.now(), &command);
        self.began(ticket.ok());
    }

    fn began(&mut self, ticket: Option<Ticket>) {
        if let Some(ticket) = ticket {
            assert!(!self.over.contains(&ticket) && self.open.insert(ticket), "{ticket:?} given twice");
        }
    }

    fn receive(&mut self, text: &str) {
        if self.socket != Socket::Open {
            return;
        }
        let mut text = text.to_owned();
        for (back, id) in self.transmitted.iter().rev().take(5).enumerate() {
            text = text.replace(&format!("${back}"), id);
        }
        self.texts += u64::from(matches!(self.session.state(), State::Online { .. }));
        self.session.received(self.now(), &text);
    }

    fn drain(&mut self) {
        while let Some(output) = self.session.poll() {
            match output {
                Output::Open => {
                    assert_eq!(self.socket, Socket::Closed, "opened twice");
                    self.socket = Socket::Opening;
                }
                Output::Close | Output::Abort => {
                    assert_ne!(self.socket, Socket::Closed, "closed twice");
                    self.socket = Socket::Closed;
                }
                Output::Store { .. } => panic!("the session stores no records"),
                Output::RefreshToken(_) => {
                    assert!(!self.refreshing, "a token is asked for while one is fetched");
                    self.refreshing = true;
                }
                Output::Transmit(text) => self.check_transmitted(&text),
                Output::Event(event) => self.check_event(event),
            }
        }
        assert_eq!(self.session.waiting(), self.open.len());
    }

    /// Checks that every transmitted payload is valid, on an open connection, by its user and with the token. The first
    /// one authenticates.
    fn check_transmitted(&mut self, text: &str) {
        assert_eq!(self.socket, Socket::Open, "sent without a connection");
        let limits = Limits::default();
        let frame = PayloadRef::from_client(text, &limits).unwrap_or_else(|fault| panic!("{fault}: {text}"));
        assert_eq!((frame.token(), frame.sender()), (TOKEN, "ada"));
        if !self.begun {
            let Some(Ok(Command::Authenticate { resume, .. })) = frame.command(&limits) else {
                panic!("the first payload is {text}")
            };
            self.resuming = resume.is_some();
            assert!(resume.is_none_or(|resume| resume.received.get() == self.texts), "{}", self.texts);
        }
        self.begun = true;
        if let Some(Ok(Command::Ack { payloads, received })) = frame.command(&limits) {
            if let Some(received) = received {
                assert!((self.stated + 1..=self.texts).contains(&received.get()), "{received:?}");
                self.stated = received.get();
            }
            for entry in payloads {
                let name = (entry.sender.to_string(), entry.payload_id.to_string());
                assert!(!self.untaken.contains(&name), "confirmed before it was taken");
            }
        }
        self.transmitted.push(frame.payload_id().to_owned());
    }

    fn check_event(&mut self, event: Event) {
        match event {
            Event::Ended(ticket, outcome) => {
                assert!(self.over.insert(ticket), "{ticket:?} ended twice: {outcome:?}");
                assert!(self.open.remove(&ticket), "{ticket:?} was never given");
            }
            Event::Attempted(attempt, outcome) => {
                assert!(self.attempted.insert(attempt), "{attempt:?} answered twice: {outcome:?}");
                assert!(self.attempts.remove(&attempt), "{attempt:?} was never given");
            }
            Event::Message(payload, receipt) => {
                assert!(self.last.is_none_or(|last| last < receipt), "receipts count up");
                self.last = Some(receipt);
                assert!(matches!(payload.content(), Content::Msg(_)));
                let name = (payload.sender().to_string(), payload.payload_id().to_string());
                self.untaken.insert(name.clone());
                let before = self.handed_on.insert(name, self.elapsed);
                assert!(before.is_none_or(|at| self.elapsed > at + ONCE), "handed on twice");
            }
            Event::State(State::Online { resumed: true, .. }) => {
                assert!(self.resuming, "resumed without a request");
            }
            Event::State(State::Online { resumed: false, .. }) => (self.texts, self.stated) = (0, 0),
            Event::Notice(notice) => assert!(SysCode::ALL.contains(&notice.code())),
            _ => {}
        }
    }
}

fn recipient(rest: &str) -> Recipient {
    match rest.chars().next() {
        Some('g') => Recipient::Group(GroupId::parse(GROUP).unwrap()),
        Some('a') => Recipient::Broadcast,
        Some('s') => Recipient::Server,
        _ => Recipient::parse("bob").unwrap(),
    }
}

fn payload(sender: &str, recipient: &str, kind: &str, content: &str, metadata: &str, id: &str) -> String {
    format!(
        r#"{{"token":"","sender":"{sender}","recipient":"{recipient}","timestamp":"2026-01-02T03:04:05.678Z","type":"{kind}","content":{content},"metadata":{metadata},"payloadID":"{id}","payloadVersion":"1.0"}}"#
    )
}
