//! `stop_callbacks`, which affects the process: one test, in its own program.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../callie-client/tests/fake/mod.rs"]
mod fake;

use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use callie::api::{
    CallbackError, Client, Config, Credentials, Listener, LogLevel, LogSink, TokenSource, set_logger,
    stop_callbacks,
};
use callie_client::Event;
use callie_core::{Content, Message, MessageId};
use fake::{BOUND, fake_sockets, payload, send, welcome};
use futures_util::StreamExt as _;
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::timeout;

/// What the foreign language sees: every call and every drop.
static SEEN: AtomicUsize = AtomicUsize::new(0);

struct Slow {
    entered: mpsc::Sender<()>,
    leave: Mutex<mpsc::Receiver<()>>,
}

impl Listener for Slow {
    fn on_events(&self, _: Vec<Event>) -> Result<(), CallbackError> {
        SEEN.fetch_add(1, Ordering::SeqCst);
        let _ = self.entered.send(());
        let _ = self.leave.lock().unwrap().recv();
        Ok(())
    }
}

impl Drop for Slow {
    fn drop(&mut self) {
        SEEN.fetch_add(1, Ordering::SeqCst);
    }
}

struct Counts;

impl LogSink for Counts {
    fn log(&self, _: LogLevel, _: String, _: String) -> Result<(), CallbackError> {
        SEEN.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

impl TokenSource for Counts {
    fn token(&self, _: String, _: String) -> Result<String, CallbackError> {
        SEEN.fetch_add(1, Ordering::SeqCst);
        Ok("token".to_owned())
    }
}

impl Drop for Counts {
    fn drop(&mut self) {
        SEEN.fetch_add(1, Ordering::SeqCst);
    }
}

/// The continuation of a call that waits.
struct Goes;

impl Wake for Goes {
    fn wake(self: Arc<Self>) {
        SEEN.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_called_after_stop_callbacks() {
    let (clients, mut connected) = unbounded_channel();
    let credentials = fake_sockets(move |_, mut socket| {
        let clients = clients.clone();
        async move {
            welcome(&mut socket).await;
            let _ = clients.send(socket);
        }
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
    set_logger(LogLevel::Trace, Some(Box::new(Counts)));
    let credentials = Arc::new(Credentials::new(config, "ada".to_owned(), "token".to_owned()).unwrap());
    let (client, other) = (Client::new(Arc::clone(&credentials)).unwrap(), Client::new(credentials).unwrap());
    client.set_token_source(Some(Box::new(Counts)));
    let (entered, enters) = mpsc::channel();
    let (leave, leaves) = mpsc::channel();
    client.listen(Box::new(Slow { entered, leave: Mutex::new(leaves) })).unwrap();
    timeout(BOUND, client.connect()).await.unwrap().unwrap();
    let mut socket = timeout(BOUND, connected.recv()).await.unwrap().unwrap();
    timeout(BOUND, other.connect()).await.unwrap().unwrap();
    let mut other_socket = timeout(BOUND, connected.recv()).await.unwrap().unwrap();
    while other.take_batch(64).unwrap() != "" {}
    // A call waits, and a callback is stuck.
    let mut waits = pin!(other.await_events(Duration::from_secs(60)));
    let waker = Waker::from(Arc::new(Goes));
    let first = waits.as_mut().poll(&mut Context::from_waker(&waker));
    assert!(matches!(first, Poll::Pending), "{first:?}");
    let enters = tokio::task::spawn_blocking(move || {
        enters.recv_timeout(BOUND).unwrap();
        enters
    })
    .await
    .unwrap();
    assert!(!stop_callbacks(20), "the listener is stuck");
    leave.send(()).unwrap();
    let stopped = tokio::task::spawn_blocking(|| stop_callbacks(10_000)).await.unwrap();
    assert!(stopped);
    let seen = SEEN.load(Ordering::SeqCst);
    // Events for both, and ends that drop what the language gave.
    for socket in [&mut socket, &mut other_socket] {
        for n in 0..50 {
            let id = MessageId::parse(&format!("m{n}")).unwrap();
            let message = Message::builder(id).text("x").build().unwrap();
            send(socket, payload("bob", &format!("p{n}"), Content::Msg(message)).unwrap().encode()).await;
        }
    }
    while other.fetch_batch(64).unwrap() != "" || other.stats().messages_received < 50 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    client.set_token_source(None);
    client.begin_disconnect();
    // The close shows that the client's own thread goes on.
    while let Some(Ok(_)) = timeout(BOUND, socket.next()).await.unwrap() {}
    drop((client, leave, enters));
    assert_eq!(SEEN.load(Ordering::SeqCst), seen);
}
