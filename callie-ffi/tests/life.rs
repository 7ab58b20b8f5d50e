//! A client's life: callbacks that do anything, tokens that end, calls given up, and an end on whatever thread.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod fake;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use callie::client::{
    BoxError, Client, Closed, Config, Ending, ErrorKind, Event, Session, State, TokenSource,
};
use callie_core::{Content, Message, MessageId, SysCode, Token};
use fake::{
    BOUND, Socket, connected, fake_sockets, listen, next, next_id, payload, refuse, send, welcome, write,
};
use tokio::time::timeout;

async fn messages(socket: &mut Socket, count: usize) {
    for n in 0..count {
        let id = MessageId::parse(&format!("m{n}")).unwrap();
        let message = Message::builder(id).text(n.to_string()).build().unwrap();
        send(socket, payload("bob", &format!("p{n}"), Content::Msg(message)).unwrap().encode()).await;
    }
}

/// Gives one token after the other, and counts how often it was asked.
struct Tokens(AtomicUsize, Option<&'static str>);

impl TokenSource for Tokens {
    fn token(&self, username: &str, reason: &str) -> Result<Token, BoxError> {
        assert_eq!((username, reason), ("ada", "SESSION_EXPIRED"));
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(Token::parse(self.1.ok_or("the user is away")?)?)
    }
}

/// A server that takes the token `new` and no other.
async fn only_new() -> Session {
    fake_sockets(async |_, mut socket| {
        if welcome(&mut socket).await.as_deref() == Some("new") {
            listen(socket).await;
        } else {
            refuse(socket, SysCode::SessionExpired).await;
        }
    })
    .await
    .unwrap()
}

async fn closed(client: &Client) -> Closed {
    loop {
        if let Event::Closed(closed) = next(client).await.unwrap() {
            return closed;
        }
    }
}

#[tokio::test]
async fn a_new_token_keeps_the_client_alive_and_what_it_sends() {
    let client = Client::new(&only_new().await).unwrap();
    let tokens = Arc::new(Tokens(AtomicUsize::new(0), Some("new")));
    client.set_token_source(Some(tokens.clone()));
    client.start();
    // Taken before the old token is refused, and sent with the new one.
    timeout(BOUND, async {
        while client.stats().connects < 2 {
            client.next_events(1, BOUND).await.unwrap();
        }
    })
    .await
    .unwrap();
    assert_eq!(tokens.0.load(Ordering::SeqCst), 1);
    assert!(matches!(client.state(), State::Online { .. }));
}

#[tokio::test]
async fn a_source_without_a_token_ends_the_client_with_the_servers_code() {
    let client = Client::new(&only_new().await).unwrap();
    client.set_token_source(Some(Arc::new(Tokens(AtomicUsize::new(0), None))));
    client.start();
    let closed = timeout(BOUND, closed(&client)).await.unwrap();
    assert_eq!((closed.close_code, closed.code.as_str()), (4501, "SESSION_EXPIRED"));
    assert!(closed.reason.contains("the user is away"), "{closed:?}");
}

#[tokio::test]
async fn a_session_that_ends_ends_the_client_and_what_waits() {
    let session = fake_sockets(async |_, mut socket| {
        welcome(&mut socket).await;
        let _ = next_id(&mut socket).await;
        refuse(socket, SysCode::SessionRevoked).await;
    })
    .await
    .unwrap();
    let client = timeout(BOUND, Client::open(&session)).await.unwrap().unwrap();
    let ticket = write(&client, "lost").unwrap();
    assert_eq!(closed(&client).await.code, "SESSION_REVOKED");
    assert_eq!(ticket.ending().await, Ending::Unconfirmed);
}

#[tokio::test]
async fn what_is_sent_before_the_first_connection_goes_out_with_it() {
    let (told, hears) = tokio::sync::oneshot::channel();
    let told = Mutex::new(Some(told));
    let session = fake_sockets(move |_, mut socket| {
        let told = told.lock().unwrap().take();
        async move {
            welcome(&mut socket).await;
            let id = next_id(&mut socket).await;
            if let Some(told) = told {
                let _ = told.send(id.is_some());
            }
            listen(socket).await;
        }
    })
    .await
    .unwrap();
    let client = Client::new(&session).unwrap();
    write(&client, "early").unwrap();
    timeout(BOUND, client.connect()).await.unwrap().unwrap();
    assert!(timeout(BOUND, hears).await.unwrap().unwrap());
}

#[tokio::test]
async fn a_connect_that_fails_leaves_the_client_as_it_was() {
    let unreachable = Config::new("http://127.0.0.1:1").unwrap();
    let client = Client::new(&Session::resume(unreachable, "ada", "token").unwrap()).unwrap();
    for _ in 0..3 {
        let refused = timeout(BOUND, client.connect()).await.unwrap().unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unreachable);
        assert_eq!(client.state(), State::Suspended);
    }
    let ticket = write(&client, "x").unwrap();
    timeout(BOUND, client.disconnect()).await.unwrap();
    assert!(matches!(ticket.ending().await, Ending::Failed(failure) if failure.code == "DISCONNECTED"));
}

#[tokio::test]
async fn a_link_that_breaks_is_mended_and_what_was_sent_is_sent_again() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&seen);
    let session = fake_sockets(move |count, mut socket| {
        let told = Arc::clone(&told);
        async move {
            welcome(&mut socket).await;
            if let Some(id) = next_id(&mut socket).await {
                told.lock().unwrap().push(id);
            }
            if count > 0 {
                listen(socket).await;
            }
        }
    })
    .await
    .unwrap();
    let client = timeout(BOUND, Client::open(&session)).await.unwrap().unwrap();
    write(&client, "twice").unwrap();
    timeout(BOUND, async {
        while seen.lock().unwrap().len() < 2 {
            client.next_events(1, Duration::from_millis(50)).await.unwrap();
        }
    })
    .await
    .unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(seen[0], seen[1], "the same payload");
    assert_eq!(client.stats().reconnects, 1);
}

#[tokio::test]
async fn a_suspended_client_comes_back_when_it_is_resumed() {
    let session = fake_sockets(async |_, mut socket| {
        welcome(&mut socket).await;
        listen(socket).await;
    })
    .await
    .unwrap();
    let client = timeout(BOUND, Client::open(&session)).await.unwrap().unwrap();
    client.suspend();
    while client.state() != State::Suspended {
        client.next_events(1, BOUND).await.unwrap();
    }
    client.resume();
    while !matches!(client.state(), State::Online { .. }) {
        client.next_events(1, BOUND).await.unwrap();
    }
    assert_eq!(client.stats().connects, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_may_panic_call_back_and_drop_the_client() {
    let client = connected(async |mut socket| {
        messages(&mut socket, 300).await;
        listen(socket).await;
    })
    .await
    .unwrap();
    let client = Arc::new(Mutex::new(Some(client)));
    let (told, hears) = mpsc::channel();
    let (held, mut seen, mut first) = (Arc::clone(&client), 0, true);
    let listener = move |events: Vec<Event>| {
        let mut client = held.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        seen += events.iter().filter(|event| matches!(event, Event::Message { .. })).count();
        if let Some(client) = &*client {
            write(client, "from a listener").unwrap();
            client.listen(|_| {}).unwrap_err();
        }
        if seen >= 300 {
            // The owner lets go of it on this very thread.
            client.take();
        }
        if events.iter().any(|event| matches!(event, Event::Closed(_))) {
            told.send(seen).unwrap();
        }
        assert!(!std::mem::take(&mut first), "a fault of the application");
    };
    client.lock().unwrap().as_ref().unwrap().listen(listener).unwrap();
    let seen = tokio::task::spawn_blocking(move || hears.recv_timeout(BOUND)).await.unwrap().unwrap();
    assert_eq!(seen, 300);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_are_given_up_lose_nothing() {
    const MESSAGES: usize = 500;
    let client = connected(async |mut socket| {
        messages(&mut socket, MESSAGES).await;
        listen(socket).await;
    })
    .await
    .unwrap();
    let mut seen = 0;
    while seen < MESSAGES {
        let patience = Duration::from_micros(seen as u64 % 7 * 30);
        if let Ok(events) = timeout(patience, client.next_events(3, BOUND)).await {
            for event in events.unwrap() {
                if let Event::Message { message, .. } = event {
                    assert_eq!(message.text(), seen.to_string());
                    seen += 1;
                }
            }
        }
        // Commands and connects may be given up as well.
        let _ = timeout(Duration::ZERO, client.ping("SERVER")).await;
        let _ = timeout(Duration::ZERO, client.connect()).await;
    }
}

#[test]
fn a_client_ends_with_its_runtime_and_may_be_dropped_after_it_on_another_thread() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let client = runtime.block_on(connected(listen)).unwrap();
    let ticket = write(&client, "x").unwrap();
    drop(runtime);
    assert_eq!(write(&client, "y").unwrap_err().kind(), ErrorKind::Closed);
    let another = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    another.block_on(async {
        assert_eq!(ticket.ending().await, Ending::Unconfirmed);
        let told = next(&client).await.unwrap();
        assert!(matches!(told, Event::Closed(_)), "{told:?}");
        client.disconnect().await;
    });
    std::thread::spawn(move || drop(client)).join().unwrap();
}

#[test]
fn a_client_needs_a_runtime() {
    let session = Session::resume(Config::new("http://127.0.0.1:1").unwrap(), "ada", "token").unwrap();
    assert_eq!(Client::new(&session).unwrap_err().kind(), ErrorKind::Internal);
}

#[tokio::test]
async fn who_takes_no_events_is_refused_more_sends_and_not_more_memory() {
    let session = fake_sockets(async |_, mut socket| {
        welcome(&mut socket).await;
        listen(socket).await;
    })
    .await
    .unwrap();
    let small = Config {
        event_queue: 5,
        max_waiting: 5,
        send_timeout: Duration::from_millis(1),
        ..session.config().clone()
    };
    let client = Client::new(&Session::resume(small, "ada", "token").unwrap()).unwrap();
    let refused = timeout(BOUND, async {
        loop {
            match write(&client, "x") {
                Ok(ticket) => drop(ticket.ending().await),
                Err(error) => break error,
            }
        }
    });
    assert_eq!(refused.await.unwrap().kind(), ErrorKind::QueueFull);
    client.next_events(64, BOUND).await.unwrap();
    write(&client, "again").unwrap();
}
