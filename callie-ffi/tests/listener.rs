//! A listener of the foreign language: called in order, from one thread, whatever it does.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../callie-client/tests/fake/mod.rs"]
mod fake;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use callie::api::{CallbackError, Client, Config, Credentials, Listener};
use callie_client::Event;
use callie_core::{Content, Message, MessageId};
use fake::{BOUND, fake_sockets, listen, payload, send, welcome};

const MESSAGES: usize = 300;

/// A listener that panics once, calls back, and drops the client in the end.
struct Careless {
    client: Arc<Mutex<Option<Client>>>,
    seen: AtomicUsize,
    panicked: AtomicBool,
    closed: mpsc::Sender<usize>,
}

impl Listener for Careless {
    fn on_events(&self, events: Vec<Event>) -> Result<(), CallbackError> {
        let mut client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        let messages = events.iter().filter(|event| matches!(event, Event::Message { .. })).count();
        let seen = self.seen.fetch_add(messages, Ordering::SeqCst) + messages;
        if let Some(client) = &*client {
            client.send("bob".to_owned(), "from a listener".to_owned(), Vec::new(), None).unwrap();
            client.take_batch(1).unwrap_err();
        }
        if seen >= MESSAGES {
            client.take();
        }
        if events.iter().any(|event| matches!(event, Event::Closed { .. })) {
            self.closed.send(seen).unwrap();
        }
        assert!(self.panicked.swap(true, Ordering::SeqCst), "a fault of the application");
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn listener_may_panic_call_back_and_drop_client() {
    let credentials = fake_sockets(async |_, mut socket| {
        welcome(&mut socket).await;
        for n in 0..MESSAGES {
            let id = MessageId::parse(&format!("m{n}")).unwrap();
            let message = Message::builder(id).text("x").build().unwrap();
            send(&mut socket, payload("bob", &format!("p{n}"), Content::Msg(message)).unwrap().encode())
                .await;
        }
        listen(socket).await;
    })
    .await
    .unwrap();
    let config = Config {
        url: credentials.config().address.to_string(),
        connect_timeout: None,
        request_timeout: None,
        send_timeout: None,
        max_waiting: None,
        event_queue: None,
        extra_roots: Vec::new(),
        bundled_roots: true,
        pins: Vec::new(),
        use_proxy: false,
        state_file: None,
    };
    let credentials = Credentials::new(config, "ada".to_owned(), "token".to_owned()).unwrap();
    let client = Client::new(Arc::new(credentials)).unwrap();
    client.start().unwrap();
    let client = Arc::new(Mutex::new(Some(client)));
    let (closed, closes) = mpsc::channel();
    let listener = Careless {
        client: Arc::clone(&client),
        seen: AtomicUsize::new(0),
        panicked: AtomicBool::new(false),
        closed,
    };
    client.lock().unwrap().as_ref().unwrap().listen(Box::new(listener)).unwrap();
    let seen = tokio::task::spawn_blocking(move || closes.recv_timeout(BOUND)).await.unwrap().unwrap();
    assert_eq!(seen, MESSAGES);
}
