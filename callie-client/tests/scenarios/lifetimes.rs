//! Cancelled waits, callbacks that call back or fail, clients that are dropped or have ended.

use std::sync::{Arc, Mutex, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use callie_client::{Client, ErrorKind, Event, SendOutcome, Ticket};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::bed::{BOUND, TestEnv, online, within};
use crate::events::{closed, text};

fn send(client: &Client, to: &str, text: &str) -> Ticket {
    client.send(to, text).submit().unwrap()
}

/// Passes all events of a client to `callback`, on a new thread.
fn listen(client: &Client, mut callback: impl FnMut(Vec<Event>) + Send + 'static) -> JoinHandle<()> {
    let reader = client.event_reader().unwrap();
    std::thread::spawn(move || {
        while reader.wait() {
            callback(reader.take());
        }
    })
}

#[tokio::test]
async fn cancelled_wait_loses_nothing() {
    const MESSAGES: usize = 100;
    within(async {
        let (_env, server) = TestEnv::with_server().await;
        let (ada, bob) = (online(&server, "ada").await, online(&server, "bob").await);
        let mut received = 0;
        for n in 0..MESSAGES {
            send(&ada, "bob", &n.to_string());
        }
        while received < MESSAGES {
            // A wait that is cancelled and a wait that times out, both before any event, lose nothing.
            let given_up = timeout(Duration::ZERO, bob.next_events(1, BOUND)).await.ok().transpose();
            let ran_out = bob.next_events(1, Duration::ZERO).await;
            let events = [given_up.unwrap().unwrap_or_default(), ran_out.unwrap()].concat();
            for event in events {
                if let Event::Message(message) = event {
                    assert_eq!(message.text, received.to_string());
                    received += 1;
                }
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn callback_may_call_back() {
    within(async {
        let (_env, server) = TestEnv::with_server().await;
        let (ada, bob) = (Arc::new(online(&server, "ada").await), online(&server, "bob").await);
        let (tells, mut seen) = mpsc::unbounded_channel();
        let (back, runtime): (Weak<Client>, _) = (Arc::downgrade(&ada), Handle::current());
        let callback = move |events: Vec<Event>| {
            for event in events {
                match (event, back.upgrade()) {
                    (Event::Message(message), Some(client)) if message.text == "enough" => {
                        runtime.block_on(client.disconnect());
                    }
                    (Event::Message(message), Some(client)) => {
                        send(&client, "bob", &format!("{}, {:?}", message.text, client.username()));
                        assert!(client.stats().messages_received > 0);
                        runtime.block_on(client.ping("SERVER")).unwrap();
                    }
                    (Event::Closed(end), _) => tells.send(end.close_code).unwrap(),
                    _ => {}
                }
            }
        };
        let reader = listen(&ada, callback);
        assert_eq!(ada.event_reader().unwrap_err().kind(), ErrorKind::InvalidArgument);
        send(&bob, "ada", "hello");
        assert_eq!(text(&bob).await, format!("hello, {:?}", ada.username()));
        send(&bob, "ada", "enough");
        assert_eq!(seen.recv().await, Some(1000));
        reader.join().unwrap();
    })
    .await;
}

#[tokio::test]
async fn failing_callback_is_survived() {
    within(async {
        let (_env, server) = TestEnv::with_server().await;
        let (ada, bob) = (online(&server, "ada").await, online(&server, "bob").await);
        let (tells, mut seen) = mpsc::unbounded_channel();
        let callback = move |events: Vec<Event>| {
            for event in events {
                if let Event::Message(message) = event {
                    tells.send(message.text.clone()).unwrap();
                    assert_ne!(message.text, "bad", "this scenario's callback fails here");
                }
            }
        };
        let mut reader = listen(&ada, callback.clone());
        for text in ["bad", "good"] {
            send(&bob, "ada", text);
            assert_eq!(seen.recv().await.as_deref(), Some(text));
            if text == "bad" {
                reader.join().unwrap_err();
                // The next reader continues where the previous one stopped.
                reader = listen(&ada, callback.clone());
            }
        }
        ada.ping("SERVER").await.unwrap();
        ada.disconnect().await;
        reader.join().unwrap();
    })
    .await;
}

/// Waits until a user is offline.
async fn has_gone(bob: &Client, name: &str) {
    loop {
        let sent = bob.send(name, "still there?").submit().unwrap();
        match sent.outcome().await {
            SendOutcome::Offline => return,
            // The last connection may still be closing.
            SendOutcome::Delivered { .. } | SendOutcome::Unconfirmed => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn client_may_be_dropped_on_another_thread() {
    within(async {
        let (_env, server) = TestEnv::with_server().await;
        let (ada, bob) = (online(&server, "ada").await, online(&server, "bob").await);
        std::thread::spawn(move || drop(ada)).join().unwrap();
        has_gone(&bob, "ada").await;
        // Also inside its own callback.
        let eve = Arc::new(Mutex::new(Some(online(&server, "eve").await)));
        let owner = Arc::clone(&eve);
        let callback = move |events: Vec<Event>| {
            if events.iter().any(|event| matches!(event, Event::Message { .. })) {
                drop(owner.lock().unwrap().take());
            }
        };
        listen(eve.lock().unwrap().as_ref().unwrap(), callback);
        send(&bob, "eve", "go");
        has_gone(&bob, "eve").await;
    })
    .await;
}

#[tokio::test]
async fn use_after_disconnect_is_an_error() {
    within(async {
        let (_env, server) = TestEnv::with_server().await;
        let ada = online(&server, "ada").await;
        ada.disconnect().await;
        ada.disconnect().await;
        let refused = ada.send("bob", "hello").submit().unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Closed);
        assert_eq!(ada.ping("SERVER").await.unwrap_err().kind(), ErrorKind::Closed);
        assert_eq!(ada.command("LIST_GROUPS", "{}").await.unwrap_err().kind(), ErrorKind::Closed);
        assert_eq!(ada.connect().await.unwrap_err().kind(), ErrorKind::Closed);
        closed(&ada).await;
        assert_eq!(ada.next_events(1, BOUND).await.unwrap_err().kind(), ErrorKind::Closed);
        for refused in [Client::start, Client::suspend, Client::resume] {
            assert_eq!(refused(&ada).unwrap_err().kind(), ErrorKind::Closed);
        }
        assert_eq!(ada.event_reader().unwrap_err().kind(), ErrorKind::Closed);
        ada.network_changed();
    })
    .await;
}

#[tokio::test]
async fn disconnect_writes_what_was_sent() {
    const MESSAGES: usize = 50;
    within(async {
        let (_env, server) = TestEnv::with_server().await;
        let (ada, bob) = (online(&server, "ada").await, online(&server, "bob").await);
        let sent: Vec<_> = (0..MESSAGES).map(|n| send(&ada, "bob", &n.to_string()).number()).collect();
        ada.disconnect().await;
        for n in 0..MESSAGES {
            assert_eq!(text(&bob).await, n.to_string());
        }
        let mut ended = Vec::new();
        while let Ok(events) = ada.next_events(64, BOUND).await {
            ended.extend(events.iter().filter_map(|event| match event {
                Event::Ended { ticket, .. } => Some(*ticket),
                _ => None,
            }));
        }
        ended.sort_unstable();
        assert_eq!(ended, sent, "each has its one ending");
    })
    .await;
}

#[tokio::test]
async fn abandoned_iterator_loses_nothing() {
    const MESSAGES: usize = 20;
    within(async {
        let (_env, server) = TestEnv::with_server().await;
        let (ada, bob) = (online(&server, "ada").await, online(&server, "bob").await);
        for n in 0..MESSAGES {
            send(&ada, "bob", &n.to_string());
        }
        let mut seen = Vec::new();
        while seen.len() < MESSAGES {
            // An iteration that is cancelled at any time, and one that is left after its first message.
            let patience = Duration::from_micros(u64::try_from(seen.len()).unwrap() * 100);
            if let Ok(events) = tokio::time::timeout(patience, bob.next_events(1, BOUND)).await {
                seen.extend(events.unwrap().into_iter().filter_map(text_of));
            }
            if let Some(event) = bob.next_events(1, Duration::from_millis(1)).await.unwrap().pop() {
                seen.extend(text_of(event));
            }
        }
        assert_eq!(seen, (0..MESSAGES).map(|n| n.to_string()).collect::<Vec<_>>());
    })
    .await;
}

fn text_of(event: Event) -> Option<String> {
    match event {
        Event::Message(message) => Some(message.text),
        _ => None,
    }
}
