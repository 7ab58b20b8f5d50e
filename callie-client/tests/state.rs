//! Places in which a client cannot keep its state, and stores of the application that misbehave.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod configs;

use std::path::Path;
use std::sync::{Arc, Mutex};

use callie_client::{
    BoxError, Client, Closed, Config, Credentials, ErrorKind, Event, SendOutcome, StateRecord, StateStore,
    code,
};
use configs::with;
use tempfile::tempdir;

fn credentials() -> Credentials {
    Credentials::new(Config::new("http://127.0.0.1:9").unwrap(), "ada", "token").unwrap()
}

fn with_file(file: &Path) -> Credentials {
    let config = with(credentials().config().clone(), |config| config.state_file = Some(file.to_owned()));
    Credentials::new(config, "ada", "token").unwrap()
}

async fn closed(client: &Client) -> Closed {
    loop {
        for event in client.next_events(64, std::time::Duration::from_secs(20)).await.unwrap() {
            if let Event::Closed(closed) = event {
                return closed;
            }
        }
    }
}

#[cfg(unix)]
#[tokio::test]
async fn link_to_a_state_in_use_is_refused() {
    let folder = tempdir().unwrap();
    let (file, link) = (folder.path().join("state"), folder.path().join("link"));
    let client = Client::new(&with_file(&file)).unwrap();
    std::os::unix::fs::symlink(&file, &link).unwrap();
    let refused = Client::new(&with_file(&link)).unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::State, code::STATE_IN_USE));
    drop(client);
}

#[tokio::test]
async fn unusable_places_are_refused() {
    let folder = tempdir().unwrap();
    let newer = folder.path().join("newer");
    std::fs::write(&newer, "callie state 2\nwhatever follows").unwrap();
    let other = folder.path().join("other");
    std::fs::write(&other, "a file of another program").unwrap();
    for (path, expected, reason) in [
        (folder.path().join("missing/state"), code::STATE_UNAVAILABLE, "No such file"),
        (folder.path().to_owned(), code::STATE_UNAVAILABLE, "directory"),
        // A directory in which not even root can create a file.
        ("/proc/sys/callie".into(), code::STATE_UNAVAILABLE, "/proc/sys/callie"),
        (newer.clone(), code::STATE_TOO_NEW, "newer version"),
        (other.clone(), code::STATE_DAMAGED, "damaged"),
    ] {
        let refused = Client::new(&with_file(&path)).unwrap_err();
        assert_eq!((refused.kind(), refused.code()), (ErrorKind::State, expected), "{refused}");
        assert!(refused.reason().contains(reason), "{refused}");
    }
    assert!(newer.exists(), "a newer version can still read it");
    assert!(!other.exists(), "it was renamed");
}

#[tokio::test]
async fn device_is_no_state_file() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("state");
    std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
    let refused = Client::new(&with_file(&path)).unwrap_err();
    assert_eq!(refused.code(), code::STATE_UNAVAILABLE, "{refused}");
    assert!(refused.reason().contains("not a regular file"), "{refused}");
}

/// A refused state is free at once.
#[tokio::test]
async fn refused_state_is_not_in_use() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("state");
    Client::new(&with_file(&file)).unwrap().disconnect().await;
    let config = with_file(&file).config().clone();
    let other = Credentials::new(config, "bob", "token").unwrap();
    for _ in 0..100 {
        assert_eq!(Client::new(&other).unwrap_err().code(), code::STATE_OF_OTHER_USER);
        Client::new(&with_file(&file)).unwrap().disconnect().await;
    }
}

/// Without a state, nothing is pending after the end.
#[tokio::test]
async fn client_without_state_ends_its_messages() {
    let ada = Client::new(&credentials()).unwrap();
    let sent = ada.send("bob", "hello").submit().unwrap();
    assert_eq!(ada.pending().unwrap().len(), 1);
    ada.disconnect().await;
    assert!(matches!(sent.outcome().await, SendOutcome::Failed(_)));
    assert!(ada.pending().unwrap().is_empty());
}

/// A store whose calls do what the test tells.
struct Store<L, W>(L, W);

impl<L, W> StateStore for Store<L, W>
where
    L: FnMut() -> Result<Vec<StateRecord>, BoxError> + Send,
    W: FnMut(Vec<StateRecord>, Vec<String>) -> Result<(), BoxError> + Send,
{
    fn load(&mut self) -> Result<Vec<StateRecord>, BoxError> {
        (self.0)()
    }

    fn write(&mut self, puts: Vec<StateRecord>, deletes: Vec<String>) -> Result<(), BoxError> {
        (self.1)(puts, deletes)
    }
}

fn empty() -> Result<Vec<StateRecord>, BoxError> {
    Ok(Vec::new())
}

#[tokio::test]
async fn store_that_cannot_be_loaded_is_refused() {
    let file = tempdir().unwrap().path().join("state");
    let never = |_, _| panic!("nothing was loaded");
    let refused = Client::with_store(&with_file(&file), Box::new(Store(empty, never))).unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::InvalidArgument, code::INVALID_ARGUMENT));
    let locked = || Err("the database is locked".into());
    let refused = Client::with_store(&credentials(), Box::new(Store(locked, never))).unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::State, code::STATE_UNAVAILABLE));
    assert!(refused.reason().contains("the database is locked"), "{refused}");
    let foreign = || Ok(vec![StateRecord::new("key".to_owned(), b"value".to_vec())]);
    let refused = Client::with_store(&credentials(), Box::new(Store(foreign, never))).unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::State, code::STATE_DAMAGED));
    let panics = || -> Result<_, BoxError> { panic!("a fault of the application") };
    let refused = Client::with_store(&credentials(), Box::new(Store(panics, never))).unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::State, code::STATE_UNAVAILABLE));
}

#[tokio::test]
async fn panicking_store_ends_the_client() {
    let panics = |puts: Vec<StateRecord>, _| -> Result<(), BoxError> {
        assert!(!puts.iter().any(|record| record.key.starts_with("message/")), "a fault of the application");
        Ok(())
    };
    let ada = Client::with_store(&credentials(), Box::new(Store(empty, panics))).unwrap();
    let refused = ada.send("bob", "hello").submit().unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::State, code::STATE_UNAVAILABLE));
    assert_eq!(closed(&ada).await.code, code::STATE_UNAVAILABLE);
}

/// The store is called while a send waits for it, so its own send could never return.
#[tokio::test]
async fn store_cannot_send() {
    let client = Arc::new(Mutex::new(None::<Client>));
    let (given, (told, heard)) = (Arc::clone(&client), std::sync::mpsc::channel());
    let sends = move |puts: Vec<StateRecord>, _| -> Result<(), BoxError> {
        if puts.iter().any(|record| record.key.starts_with("message/")) {
            let client = given.lock().unwrap().clone().unwrap();
            told.send(client.send("bob", "from the store").submit().unwrap_err())?;
        }
        Ok(())
    };
    let ada = Client::with_store(&credentials(), Box::new(Store(empty, sends))).unwrap();
    *client.lock().unwrap() = Some(ada.clone());
    ada.send("bob", "hello").submit().unwrap();
    let refused = heard.recv().unwrap();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::InvalidArgument, code::INVALID_ARGUMENT));
    ada.disconnect().await;
}
