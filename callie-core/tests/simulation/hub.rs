//! A server whose connections can be resumed: the hub of the core.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use callie_core::command::{Command, Empty, Feature, Features};
use callie_core::server::{
    CloseReason, ConnectionId, Hub, Identity, Output, PayloadKeys, Request, Requester, ServerConfig, Times,
};
use callie_core::{
    CodeKind, ContentRef, Limits, Notice, PayloadRef, PayloadType, SessionId, SysCode, Timestamp, Username,
};

use super::Resumable;
use super::backend::{Action, Arrivals, Connection, Logins, Records, Server, envelope_ids, text_of};
use super::chains::Chains;

pub(super) struct HubServer {
    config: Arc<ServerConfig>,
    hub: Hub,
    ids: Arc<AtomicU64>,
    /// The open connections and their users, by both of their IDs.
    sockets: BTreeMap<Connection, (ConnectionId, Option<Username>)>,
    connections: HashMap<ConnectionId, Connection>,
    /// All connections of each user, also those that are away or gone.
    of_user: HashMap<Username, Vec<ConnectionId>>,
    chains: Chains,
    logins: Logins,
    records: Records,
    /// The texts of messages by the ID of their payload.
    messages: HashMap<String, String>,
    /// The payload IDs of the reports about dropped payloads.
    reports: HashSet<String>,
    actions: Vec<Action>,
}

impl HubServer {
    pub(super) fn new(limits: Limits, resumable: Resumable) -> Self {
        let keys = PayloadKeys::new(BuildHasherDefault::<DefaultHasher>::new());
        let config = ServerConfig::new(keys)
            .with_limits(limits)
            .with_features(Features::NONE.with(Feature::Resume))
            .with_max_kept_bytes(resumable.max_kept_bytes)
            .with_times(Times::default().with_resumption(resumable.window));
        let (config, ids) = (Arc::new(config), Arc::default());
        Self {
            hub: new_hub(&config, &ids),
            config,
            ids,
            sockets: BTreeMap::new(),
            connections: HashMap::new(),
            of_user: HashMap::new(),
            chains: Chains::default(),
            logins: Logins::default(),
            records: Records::default(),
            messages: HashMap::new(),
            reports: HashSet::new(),
            actions: Vec::new(),
        }
    }

    /// Notes the first payload of a connection, and the first arrival of a message.
    fn note_received(&mut self, now: Duration, connection: Connection, text: &str) {
        let limits = Limits::default();
        let frame = PayloadRef::from_client(text, &limits).expect("a session sends valid payloads");
        if frame.payload_type() == PayloadType::Msg {
            let text = text_of(&frame);
            self.messages.insert(frame.payload_id().to_owned(), text.clone());
            let arrivals = self.records.arrivals.entry(text);
            arrivals.or_insert(Arrivals { first: now, taken: 0 }).taken += 1;
        }
        let Some((id, user)) = self.sockets.get_mut(&connection) else { return };
        if user.is_none() {
            let name = Username::parse(frame.sender()).unwrap();
            self.of_user.entry(name.clone()).or_default().push(*id);
            *user = Some(name);
        }
        if let Some(Ok(Command::Authenticate { resume: Some(resume), .. })) = frame.command(&limits) {
            self.chains.asked(connection, resume.received.get());
        }
    }

    fn execute(&mut self, now: Duration, command: &Command, requester: &Requester) {
        let name = match command {
            Command::CreateGroup { name, .. } => name.as_str(),
            Command::GetProfile { username } => username.as_str(),
            Command::Signal { kind, .. } => kind.as_str(),
            other => panic!("a session sent {}", other.name()),
        };
        *self.records.carried_out.entry(name.to_owned()).or_default() += 1;
        if let Command::Signal { .. } = command {
            return self.hub.done(requester);
        }
        let done = requester.reply().result(&Empty {}, envelope_ids(&self.ids));
        self.hub.answer(now, requester, done);
    }

    /// Notes what is written to a client.
    fn note_written(&mut self, connection: Connection, text: &str) {
        let frame = PayloadRef::from_server(text).expect("the server sends valid payloads");
        let is_copy = self.sockets[&connection].1.as_ref().is_some_and(|user| *user == *frame.sender());
        if let ContentRef::Msg(_) = frame.content()
            && !is_copy
        {
            self.records.passed_on.insert(text_of(&frame));
        }
        let Some(notice) = Notice::read(&frame) else { return };
        let code = notice.code();
        match code {
            SysCode::RecipientOffline => {
                let answered = notice.metadata().in_reply_to.as_ref().unwrap();
                self.records.discarded.extend(self.messages.get(answered.as_str()).cloned());
            }
            // A report that is written again is counted once.
            SysCode::RateLimited if self.reports.insert(frame.payload_id().to_owned()) => {
                for dropped in notice.metadata().dropped.iter().flatten() {
                    let text = self.messages.get(dropped.as_str());
                    if let Some(arrivals) = text.and_then(|text| self.records.arrivals.get_mut(text)) {
                        arrivals.taken -= 1;
                    }
                }
            }
            SysCode::RateLimited => {}
            _ => assert_ne!(code.kind(), CodeKind::Refused, "a session was refused: {text}"),
        }
    }

    fn collect(&mut self) {
        while let Some(output) = self.hub.poll() {
            let (Output::Write(id, _) | Output::Close(id, _)) = &output;
            let Some(connection) = self.connections.get(id).copied() else { continue };
            match output {
                Output::Write(_, text) => {
                    self.note_written(connection, &text);
                    self.chains.wrote(connection, &text);
                    self.actions.push(Action::Write(connection, text));
                }
                Output::Close(id, code) => {
                    self.chains.closed(connection);
                    self.connections.remove(&id);
                    self.sockets.remove(&connection);
                    self.actions.push(Action::Close(connection, code));
                }
            }
        }
    }
}

fn new_hub(config: &Arc<ServerConfig>, ids: &Arc<AtomicU64>) -> Hub {
    let (payloads, connections) = (ids.clone(), ids.clone());
    Hub::new(config.clone(), move || envelope_ids(&payloads)).with_connection_ids(move || {
        let id = connections.fetch_add(1, Ordering::Relaxed);
        callie_core::ConnectionId::parse(&format!("connection-{id}")).unwrap()
    })
}

impl Server for HubServer {
    fn accept(&mut self, now: Duration, connection: Connection) {
        let id = self.hub.accept(now);
        self.sockets.insert(connection, (id, None));
        self.connections.insert(id, connection);
        self.collect();
    }

    fn received(&mut self, now: Duration, connection: Connection, text: &str) {
        let Some((id, _)) = self.sockets.get(&connection) else { return };
        let id = *id;
        self.note_received(now, connection, text);
        let user = self.sockets[&connection].1.clone().unwrap();
        let live = self.logins.token(&user);
        let identify = |token: &str| {
            let session = SessionId::parse(token).unwrap();
            (token == live).then(|| Identity::new(user, session, Timestamp::UNIX_EPOCH))
        };
        match self.hub.receive(now, id, text, identify) {
            Some(Request::Execute(command, requester)) => self.execute(now, &command, &requester),
            Some(other) => panic!("{other:?}"),
            None => {}
        }
        self.collect();
    }

    fn ended(&mut self, now: Duration, connection: Connection, left: bool) {
        let Some((id, _)) = self.sockets.remove(&connection) else { return };
        self.connections.remove(&id);
        if left {
            self.hub.left(now, id);
        } else {
            self.hub.lost(now, id);
        }
        self.collect();
    }

    fn send_away(&mut self, now: Duration, connection: Connection) {
        if let Some((id, _)) = self.sockets.get(&connection) {
            self.hub.close(now, *id, CloseReason::shutting_down(Duration::from_millis(1_500)));
        }
        self.collect();
    }

    fn token(&self, user: &Username) -> String {
        self.logins.token(user)
    }

    fn end_logins(&mut self, now: Duration, user: &Username) {
        self.logins.end(user);
        for id in self.of_user.remove(user).unwrap_or_default() {
            self.hub.close(now, id, CloseReason::session_revoked());
        }
        self.collect();
    }

    fn restart(&mut self, now: Duration) {
        for connection in self.sockets.keys().copied().collect::<Vec<_>>() {
            self.send_away(now, connection);
        }
        self.hub = new_hub(&self.config, &self.ids);
    }

    fn tick(&mut self, now: Duration) {
        for (id, _) in self.sockets.values().cloned().collect::<Vec<_>>() {
            self.hub.wake(now, id);
        }
        self.collect();
    }

    fn take_actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }

    fn records(&self) -> &Records {
        &self.records
    }

    fn check_arrival(&self, connection: Connection, number: u64, text: &str) {
        self.chains.check_arrival(connection, number, text);
    }
}
