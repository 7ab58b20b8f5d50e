//! A client that outlives its process, with a state file or a store of the application.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use callie_client::{
    BoxError, Client, Config, Credentials, ErrorKind, Event, SendOutcome, StateRecord, StateStore, code,
};
use tempfile::tempdir;

use crate::bed::{BOUND, TestEnv, online, user, within};
use crate::configs::with;
use crate::events::{closed, first, message, text};

/// Returns credentials of the same user, whose client keeps its state in `file`.
fn with_file(credentials: &Credentials, file: &Path) -> Credentials {
    let config = with(credentials.config().clone(), |config| config.state_file = Some(file.to_owned()));
    let (username, token) = (credentials.username().as_str(), credentials.token().expose());
    Credentials::new(config, username, token).unwrap()
}

/// Returns credentials that nobody checks.
fn unchecked(username: &str, file: &Path) -> Credentials {
    let config = Config::new("http://127.0.0.1:9").unwrap();
    with_file(&Credentials::new(config, username, "token").unwrap(), file)
}

/// The example of a program with a state file sends the message.
fn accepted_by_killed_program(credentials: &Credentials, file: &Path, text: &str) -> String {
    let tests = std::env::current_exe().unwrap();
    let program = tests.ancestors().nth(2).unwrap().join("examples/outbox");
    let url = credentials.config().address.to_string();
    let mut child = Command::new(&program)
        .args([&url, credentials.username().as_str(), credentials.token().expose(), "bob"])
        .arg(file)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| panic!("{}: {e}; `make build` builds it", program.display()));
    writeln!(child.stdin.as_mut().unwrap(), "{text}").unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let in_use = Client::new(&with_file(credentials, file)).unwrap_err();
    assert_eq!((in_use.kind(), in_use.code()), (ErrorKind::State, code::STATE_IN_USE));
    child.kill().unwrap();
    child.wait().unwrap();
    line.trim_end().strip_prefix("accepted ").unwrap_or_else(|| panic!("{line}")).to_owned()
}

#[tokio::test]
async fn killed_client_sends_what_it_accepted() {
    within(async {
        let folder = tempdir().unwrap();
        let file = folder.path().join("state");
        let (mut env, server) = TestEnv::with_server().await;
        let bob = online(&env.direct().await, "bob").await;
        let credentials = user(&server, "ada").await;
        env.ask("refuse").await;
        let accepted = accepted_by_killed_program(&credentials, &file, "before the kill");
        env.ask("accept").await;
        let ada = Client::new(&with_file(&credentials, &file)).unwrap();
        let pending = ada.pending().unwrap();
        assert_eq!(
            pending.iter().map(|ticket| ticket.message_id().as_str()).collect::<Vec<_>>(),
            [&accepted]
        );
        ada.connect().await.unwrap();
        let arrived = message(&bob).await;
        assert_eq!(
            (arrived.text.as_str(), arrived.message_id.as_str()),
            ("before the kill", accepted.as_str())
        );
        assert!(matches!(pending[0].outcome().await, SendOutcome::Delivered { .. }));
        let ended = first(&ada, |event| match event {
            Event::Ended { ticket, message_id, .. } => Some((ticket, message_id)),
            _ => None,
        });
        assert_eq!(ended.await, (pending[0].number(), pending[0].message_id().clone()));
        assert!(ada.pending().unwrap().is_empty());
        ada.disconnect().await;
        let next = Client::new(&with_file(&credentials, &file)).unwrap();
        assert!(next.pending().unwrap().is_empty());
        next.disconnect().await;
    })
    .await;
}

#[tokio::test]
async fn nothing_is_shown_twice_after_a_restart() {
    within(async {
        let folder = tempdir().unwrap();
        let mut env = TestEnv::new().await;
        let credentials = with_file(&env.hostile("liar", BOUND).await, &folder.path().join("state"));
        let ada = Client::open(&credentials).await.unwrap();
        assert_eq!(text(&ada).await, "once");
        ada.disconnect().await;
        let ada = Client::open(&credentials).await.unwrap();
        ada.ping("SERVER").await.unwrap();
        assert_eq!((ada.stats().messages_received, ada.stats().duplicates), (0, 2));
        ada.disconnect().await;
    })
    .await;
}

#[tokio::test]
async fn damaged_state_is_set_aside() {
    within(async {
        let folder = tempdir().unwrap();
        let file = folder.path().join("state");
        let credentials = unchecked("ada", &file);
        let ada = Client::new(&credentials).unwrap();
        ada.send("bob", "kept").submit().unwrap();
        ada.disconnect().await;
        let mut bytes = std::fs::read(&file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&file, &bytes).unwrap();
        let refused = Client::new(&credentials).unwrap_err();
        assert_eq!((refused.kind(), refused.code()), (ErrorKind::State, code::STATE_DAMAGED));
        let aside = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .find(|path| path.to_string_lossy().contains("state.damaged-"))
            .unwrap();
        assert_eq!(std::fs::read(&aside).unwrap(), bytes);
        assert!(refused.reason().contains(&*aside.to_string_lossy()), "{refused}");
        let ada = Client::new(&credentials).unwrap();
        assert!(ada.pending().unwrap().is_empty());
        ada.disconnect().await;
    })
    .await;
}

#[tokio::test]
async fn state_of_another_user_is_refused() {
    within(async {
        let folder = tempdir().unwrap();
        let file = folder.path().join("state");
        Client::new(&unchecked("ada", &file)).unwrap().disconnect().await;
        let refused = Client::new(&unchecked("bob", &file)).unwrap_err();
        assert_eq!((refused.kind(), refused.code()), (ErrorKind::State, code::STATE_OF_OTHER_USER));
        let other = Credentials::new(Config::new("http://127.0.0.1:10").unwrap(), "ada", "token").unwrap();
        let refused = Client::new(&with_file(&other, &file)).unwrap_err();
        assert_eq!((refused.kind(), refused.code()), (ErrorKind::State, code::STATE_OF_OTHER_SERVER));
        Client::new(&unchecked("ada", &file)).unwrap().disconnect().await;
    })
    .await;
}

#[tokio::test]
async fn state_in_use_is_refused() {
    within(async {
        let folder = tempdir().unwrap();
        let credentials = unchecked("ada", &folder.path().join("state"));
        let ada = Client::new(&credentials).unwrap();
        let refused = Client::new(&credentials).unwrap_err();
        assert_eq!((refused.kind(), refused.code()), (ErrorKind::State, code::STATE_IN_USE));
        ada.send("bob", "the first client continues").submit().unwrap();
        ada.disconnect().await;
        Client::new(&credentials).unwrap().disconnect().await;
    })
    .await;
}

/// A store in memory, which can be made to fail.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Contents>>);

#[derive(Default)]
struct Contents {
    records: BTreeMap<String, Vec<u8>>,
    fails: bool,
}

impl StateStore for Memory {
    fn load(&mut self) -> Result<Vec<StateRecord>, BoxError> {
        let contents = self.0.lock().unwrap();
        Ok(contents.records.iter().map(|(key, value)| StateRecord::new(key.clone(), value.clone())).collect())
    }

    fn write(&mut self, puts: Vec<StateRecord>, deletes: Vec<String>) -> Result<(), BoxError> {
        let mut contents = self.0.lock().unwrap();
        if contents.fails {
            return Err("the database is locked".into());
        }
        contents.records.extend(puts.into_iter().map(|record| (record.key, record.value)));
        contents.records.retain(|key, _| !deletes.contains(key));
        Ok(())
    }
}

#[tokio::test]
async fn application_store_keeps_the_state() {
    within(async {
        let store = Memory::default();
        let (env, server) = TestEnv::with_server().await;
        let (bob, credentials) = (online(&server, "bob").await, user(&server, "ada").await);
        let ada = Client::with_store(&credentials, Box::new(store.clone())).unwrap();
        let sent = ada.send("bob", "from the store").submit().unwrap();
        ada.disconnect().await;
        assert_eq!(sent.outcome().await, SendOutcome::Pending);
        let ada = Client::with_store(&credentials, Box::new(store.clone())).unwrap();
        assert_eq!(ada.pending().unwrap()[0].message_id(), sent.message_id());
        ada.connect().await.unwrap();
        assert_eq!(text(&bob).await, "from the store");
        ada.disconnect().await;
        drop(env);
    })
    .await;
}

#[tokio::test]
async fn failing_store_ends_the_client() {
    within(async {
        let store = Memory::default();
        let credentials =
            Credentials::new(Config::new("http://127.0.0.1:9").unwrap(), "ada", "token").unwrap();
        let ada = Client::with_store(&credentials, Box::new(store.clone())).unwrap();
        let stored = ada.send("bob", "stored").submit().unwrap();
        store.0.lock().unwrap().fails = true;
        let refused = ada.send("bob", "not stored").submit().unwrap_err();
        assert_eq!((refused.kind(), refused.code()), (ErrorKind::State, code::STATE_UNAVAILABLE));
        assert!(refused.reason().contains("the database is locked"), "{refused}");
        assert_eq!(stored.outcome().await, SendOutcome::Pending);
        assert_eq!(closed(&ada).await.code, code::STATE_UNAVAILABLE);
        let records =
            store.0.lock().unwrap().records.keys().filter(|key| key.starts_with("message/")).count();
        assert_eq!(records, 1);
    })
    .await;
}
