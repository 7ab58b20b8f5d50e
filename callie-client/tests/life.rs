//! The life cycle of a client: callbacks, ended tokens, cancelled calls, and the end on any thread.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod fake;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use callie_client::{
    BoxError, Client, Closed, Config, ConnectionState, Credentials, ErrorKind, Event, SendOutcome,
    TokenSource, code,
};
use callie_core::command::Command;
use callie_core::server::CloseReason;
use callie_core::{Content, Limits, Message, MessageId, Notice, PayloadRef, SysCode, Token};
use fake::configs::with;
use fake::{
    BOUND, SHORT, Socket, connected, fake_sockets, listen, next, next_id, payload, refuse, say, send,
    welcome, write,
};
use futures_util::StreamExt as _;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message as Text;

async fn messages(socket: &mut Socket, count: usize) {
    for n in 0..count {
        let id = MessageId::parse(&format!("m{n}")).unwrap();
        let message = Message::builder(id).text(n.to_string()).build().unwrap();
        send(socket, payload("bob", &format!("p{n}"), Content::Msg(message)).unwrap().encode()).await;
    }
}

/// A token source that returns one token after the other, and counts its calls.
struct Tokens(AtomicUsize, Option<&'static str>);

impl TokenSource for Tokens {
    fn token(&self, username: &str, reason: &str) -> Result<Token, BoxError> {
        assert_eq!((username, reason), ("ada", "SESSION_EXPIRED"));
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(Token::parse(self.1.ok_or("the user is away")?)?)
    }
}

/// Starts a server that accepts only the token `new`.
async fn only_new() -> Credentials {
    fake_sockets(async |_, mut socket| {
        if welcome(&mut socket).await.as_deref() == Some("new") {
            listen(socket).await;
        } else {
            refuse(socket, CloseReason::session_expired()).await;
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
async fn refreshed_token_keeps_client_and_its_messages() {
    let client = Client::new(&only_new().await).unwrap();
    let tokens = Arc::new(Tokens(AtomicUsize::new(0), Some("new")));
    client.set_token_source(Some(tokens.clone()));
    client.start().unwrap();
    // Accepted before the old token is refused, and sent with the new one.
    timeout(BOUND, async {
        while client.stats().connects < 2 {
            client.next_events(1, BOUND).await.unwrap();
        }
    })
    .await
    .unwrap();
    assert_eq!(tokens.0.load(Ordering::SeqCst), 1);
    assert!(matches!(client.state(), ConnectionState::Online { .. }));
}

#[tokio::test]
async fn failing_token_source_ends_client_with_server_code() {
    let client = Client::new(&only_new().await).unwrap();
    client.set_token_source(Some(Arc::new(Tokens(AtomicUsize::new(0), None))));
    client.start().unwrap();
    let closed = timeout(BOUND, closed(&client)).await.unwrap();
    assert_eq!((closed.close_code, closed.code.as_str()), (4501, "SESSION_EXPIRED"));
    assert!(closed.reason.contains("the user is away"), "{closed:?}");
}

#[tokio::test]
async fn ended_session_ends_client_and_pending_messages() {
    let session = fake_sockets(async |_, mut socket| {
        welcome(&mut socket).await;
        let _ = next_id(&mut socket).await;
        refuse(socket, CloseReason::session_revoked()).await;
    })
    .await
    .unwrap();
    let client = timeout(BOUND, Client::open(&session)).await.unwrap().unwrap();
    let ticket = write(&client, "lost").unwrap();
    assert_eq!(closed(&client).await.code, "SESSION_REVOKED");
    assert_eq!(ticket.outcome().await, SendOutcome::Unconfirmed);
}

#[tokio::test]
async fn message_sent_before_connect_is_sent_on_connect() {
    let (seen, was_seen) = tokio::sync::oneshot::channel();
    let seen = Mutex::new(Some(seen));
    let session = fake_sockets(move |_, mut socket| {
        let seen = seen.lock().unwrap().take();
        async move {
            welcome(&mut socket).await;
            let id = next_id(&mut socket).await;
            if let Some(seen) = seen {
                let _ = seen.send(id.is_some());
            }
            listen(socket).await;
        }
    })
    .await
    .unwrap();
    let client = Client::new(&session).unwrap();
    write(&client, "early").unwrap();
    timeout(BOUND, client.connect()).await.unwrap().unwrap();
    assert!(timeout(BOUND, was_seen).await.unwrap().unwrap());
}

#[tokio::test]
async fn failed_connect_leaves_client_unchanged() {
    let unreachable = Config::new("http://127.0.0.1:1").unwrap();
    let client = Client::new(&Credentials::new(unreachable, "ada", "token").unwrap()).unwrap();
    for _ in 0..3 {
        let refused = timeout(BOUND, client.connect()).await.unwrap().unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unreachable);
        assert_eq!(client.state(), ConnectionState::Suspended);
    }
    let ticket = write(&client, "x").unwrap();
    timeout(BOUND, client.disconnect()).await.unwrap();
    assert!(matches!(ticket.outcome().await, SendOutcome::Failed(failure) if failure.code == "DISCONNECTED"));
}

#[tokio::test]
async fn messages_are_sent_again_after_a_broken_connection() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let received = Arc::clone(&seen);
    let session = fake_sockets(move |count, mut socket| {
        let received = Arc::clone(&received);
        async move {
            welcome(&mut socket).await;
            if let Some(id) = next_id(&mut socket).await {
                received.lock().unwrap().push(id);
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
async fn resumed_client_reconnects() {
    let session = fake_sockets(async |_, mut socket| {
        welcome(&mut socket).await;
        listen(socket).await;
    })
    .await
    .unwrap();
    let client = timeout(BOUND, Client::open(&session)).await.unwrap().unwrap();
    client.suspend().unwrap();
    while client.state() != ConnectionState::Suspended {
        client.next_events(1, BOUND).await.unwrap();
    }
    client.resume().unwrap();
    while !matches!(client.state(), ConnectionState::Online { .. }) {
        client.next_events(1, BOUND).await.unwrap();
    }
    assert_eq!(client.stats().connects, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelled_calls_lose_nothing() {
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
                if let Event::Message(message) = event {
                    assert_eq!(message.text, seen.to_string());
                    seen += 1;
                }
            }
        }
        // Commands and connects may be cancelled as well.
        let _ = timeout(Duration::ZERO, client.ping("SERVER")).await;
        let _ = timeout(Duration::ZERO, client.connect()).await;
    }
}

/// A client ends with its runtime, and may be dropped afterwards on another thread.
#[test]
fn client_ends_with_its_runtime() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let client = runtime.block_on(connected(listen)).unwrap();
    let ticket = write(&client, "x").unwrap();
    drop(runtime);
    assert_eq!(write(&client, "y").unwrap_err().kind(), ErrorKind::Closed);
    let another = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    another.block_on(async {
        assert_eq!(ticket.outcome().await, SendOutcome::Unconfirmed);
        let seen = next(&client).await.unwrap();
        assert!(matches!(seen, Event::Closed(_)), "{seen:?}");
        client.disconnect().await;
    });
    std::thread::spawn(move || drop(client)).join().unwrap();
}

#[test]
fn client_needs_a_runtime() {
    let session = Credentials::new(Config::new("http://127.0.0.1:1").unwrap(), "ada", "token").unwrap();
    assert_eq!(Client::new(&session).unwrap_err().kind(), ErrorKind::Internal);
}

/// A client with room for five events and five sends, connected to a server that never answers.
async fn small() -> Client {
    let session = fake_sockets(async |_, mut socket| {
        welcome(&mut socket).await;
        listen(socket).await;
    })
    .await
    .unwrap();
    let small = with(session.config().clone(), |config| {
        config.event_queue = 5;
        config.max_waiting = 5;
        config.send_timeout = Duration::from_millis(1);
    });
    Client::new(&Credentials::new(small, "ada", "token").unwrap()).unwrap()
}

/// Sends until a send is refused, at most `most` times.
async fn refused(client: &Client, most: usize) -> Option<ErrorKind> {
    for _ in 0..most {
        match write(client, "x") {
            Ok(ticket) => drop(timeout(BOUND, ticket.outcome()).await.unwrap()),
            Err(error) => return Some(error.kind()),
        }
    }
    None
}

#[tokio::test]
async fn send_is_refused_while_too_many_events_wait() {
    let client = small().await;
    client.take_events(1).unwrap();
    assert_eq!(refused(&client, 100).await, Some(ErrorKind::QueueFull));
    client.next_events(64, BOUND).await.unwrap();
    write(&client, "again").unwrap();
}

#[tokio::test]
async fn untaken_events_are_limited_to_the_newest() {
    let client = small().await;
    assert_eq!(refused(&client, 200).await, None);
    let events = client.take_events(1_000).unwrap();
    assert_eq!(events.len(), 5);
    let Some(Event::Ended { ticket, .. }) = events.last() else { panic!("{events:?}") };
    assert_eq!(*ticket, 200, "the last of them");
}

/// Connects a client that receives `count` messages with a request for confirmation. Also returns a receiver of the
/// payloads that the client confirms, batch by batch.
async fn asked_to_confirm(count: usize) -> (Client, UnboundedReceiver<Vec<String>>) {
    let (tells, seen) = unbounded_channel();
    let client = connected(async move |mut socket| {
        for n in 0..count {
            let message =
                Message::builder(MessageId::parse(&format!("m{n}")).unwrap()).text("x").build().unwrap();
            let payload = payload("bob", &format!("p{n}"), Content::Msg(message)).unwrap();
            send(&mut socket, payload.with_ack().unwrap().encode()).await;
        }
        while let Some(Ok(text)) = socket.next().await {
            let Ok(frame) = PayloadRef::from_client(text.to_text().unwrap(), &Limits::default()) else {
                continue;
            };
            let Some(Content::Cmd(call)) = frame.to_payload().map(|payload| payload.content().clone()) else {
                continue;
            };
            let (name, parameters) = (call.command().as_str(), call.parameters().as_str());
            if let Ok(Command::Ack { payloads, .. }) = Command::read(name, parameters, &Limits::default()) {
                let _ = tells.send(payloads.iter().map(|p| p.payload_id.to_string()).collect());
            }
        }
    })
    .await
    .unwrap();
    (client, seen)
}

/// Fetches until `count` messages have arrived, and returns the number of each.
async fn fetch(client: &Client, count: usize) -> Vec<u64> {
    let mut numbers = Vec::new();
    while numbers.len() < count {
        let fetched = timeout(BOUND, client.fetch_events(2, BOUND)).await.unwrap().unwrap();
        for (event, number) in fetched.events.iter().zip(fetched.first..) {
            if matches!(event, Event::Message { .. }) {
                numbers.push(number);
            }
        }
    }
    numbers
}

#[tokio::test]
async fn fetched_messages_wait_for_confirm_taken() {
    let (client, mut seen) = asked_to_confirm(4).await;
    let numbers = fetch(&client, 4).await;
    assert!(numbers.is_sorted() && numbers[0] >= 1, "{numbers:?}");
    for (at, expected) in [(1, vec!["p0", "p1"]), (0, vec![]), (3, vec!["p2", "p3"])] {
        client.confirm_taken(numbers[at]);
        if !expected.is_empty() {
            assert_eq!(timeout(BOUND, seen.recv()).await.unwrap().unwrap(), expected);
        }
    }
    // Taking confirms immediately.
    let (client, mut seen) = asked_to_confirm(1).await;
    while seen.is_empty() {
        client.next_events(1, Duration::from_millis(5)).await.unwrap();
    }
    assert_eq!(seen.recv().await.unwrap(), ["p0"]);
}

#[tokio::test]
async fn taking_does_not_confirm_held_messages() {
    let (client, mut seen) = asked_to_confirm(2).await;
    let mut held = None;
    while held.is_none() {
        let fetched = client.fetch_events(1, BOUND).await.unwrap();
        held = fetched
            .events
            .iter()
            .any(|event| matches!(event, Event::Message { .. }))
            .then_some(fetched.first);
    }
    assert!(matches!(next(&client).await.unwrap(), Event::Message { .. }));
    client.confirm_taken(held.unwrap());
    assert_eq!(timeout(BOUND, seen.recv()).await.unwrap().unwrap(), ["p0", "p1"]);
}

/// While untaken events delay an answer, requests that were sent before and after fail with that reason.
#[tokio::test]
async fn untaken_events_are_named_as_the_reason() {
    let session = fake_sockets(async |_, mut socket| {
        welcome(&mut socket).await;
        messages(&mut socket, 10).await;
        while let Some(id) = next_id(&mut socket).await {
            say(&mut socket, &Notice::builder(SysCode::CommandOk).in_reply_to(id)).await;
        }
    })
    .await
    .unwrap();
    let small = with(session.config().clone(), |config| {
        config.event_queue = 5;
        config.send_timeout = SHORT;
    });
    let client = Client::new(&Credentials::new(small, "ada", "token").unwrap()).unwrap();
    // Sent before the queue is full.
    let early = client.command("LIST_SESSIONS", "{}");
    client.start().unwrap();
    let early = timeout(BOUND, early).await.unwrap().unwrap_err();
    assert_eq!((early.kind(), early.code()), (ErrorKind::QueueFull, code::QUEUE_FULL), "{early}");
    let late = client.ping("SERVER").await.unwrap_err();
    assert_eq!(late.kind(), ErrorKind::QueueFull, "{late}");
    assert_eq!(write(&client, "x").unwrap_err().kind(), ErrorKind::QueueFull);
    assert!(late.reason().contains("take events"), "{late}");
    let mut seen = 0;
    while seen < 10 {
        let events = client.next_events(3, BOUND).await.unwrap();
        seen += events.iter().filter(|event| matches!(event, Event::Message { .. })).count();
    }
    timeout(BOUND, client.command("LIST_SESSIONS", "{}")).await.unwrap().unwrap();
}

#[tokio::test]
async fn calls_during_a_reader_are_refused() {
    let client = Arc::new(connected(listen).await.unwrap());
    while !client.take_events(64).unwrap().is_empty() {}
    let waits = tokio::spawn({
        let client = Arc::clone(&client);
        async move { client.next_events(1, BOUND).await }
    });
    tokio::task::yield_now().await;
    let reader = client.event_reader().unwrap();
    client.event_reader().unwrap_err();
    let refused = [
        timeout(SHORT, waits).await.unwrap().unwrap().unwrap_err(),
        client.next_events(1, BOUND).await.unwrap_err(),
        client.fetch_events(1, BOUND).await.unwrap_err(),
        client.take_events(1).unwrap_err(),
        client.await_events(BOUND).await.unwrap_err(),
    ];
    assert!(refused.iter().all(|error| error.kind() == ErrorKind::InvalidArgument), "{refused:?}");
    drop(reader);
    client.take_events(1).unwrap();
}

/// The call that fetches may hold events that another one waits for.
#[tokio::test]
async fn all_waits_return_when_one_call_fetches() {
    let client = connected(listen).await.unwrap();
    while !client.take_events(64).unwrap().is_empty() {}
    let waits = [client.clone(), client.clone(), client.clone()].map(|client| {
        tokio::spawn(async move {
            client.await_events(10 * BOUND).await.unwrap();
            client.fetch_events_now(64).unwrap().events.len()
        })
    });
    tokio::task::yield_now().await;
    client.suspend().unwrap();
    let mut fetched = 0;
    for wait in waits {
        fetched += timeout(BOUND, wait).await.unwrap().unwrap();
    }
    assert!(fetched > 0);
}

#[tokio::test]
async fn reader_ends_on_disconnect() {
    let client = Arc::new(connected(listen).await.unwrap());
    while !client.take_events(64).unwrap().is_empty() {}
    let waits = tokio::spawn({
        let client = Arc::clone(&client);
        async move { client.next_events(1, BOUND).await }
    });
    tokio::task::yield_now().await;
    client.begin_disconnect();
    let events = timeout(BOUND / 2, waits).await.unwrap().unwrap().unwrap();
    assert!(matches!(events[..], [Event::Closed(_)]), "{events:?}");
}

/// Starts a server that accepts connections and stays silent.
async fn silent() -> (TcpListener, Credentials) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = Config::new(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    (listener, Credentials::new(config, "ada", "token").unwrap())
}

#[tokio::test]
async fn suspend_ends_a_pending_connect() {
    let (_listener, session) = silent().await;
    let client = Arc::new(Client::new(&session).unwrap());
    let waits = tokio::spawn({
        let client = Arc::clone(&client);
        async move { client.connect().await }
    });
    while client.state() != ConnectionState::Connecting {
        client.next_events(1, BOUND).await.unwrap();
    }
    client.suspend().unwrap();
    assert_eq!(client.state(), ConnectionState::Suspended);
    let error = timeout(BOUND, waits).await.unwrap().unwrap().unwrap_err();
    assert_eq!(error.code(), code::SUSPENDED);
}

#[tokio::test(flavor = "multi_thread")]
async fn connect_right_after_suspend_comes_online() {
    let session = fake_sockets(async |_, mut socket| {
        welcome(&mut socket).await;
        listen(socket).await;
    })
    .await
    .unwrap();
    let client = timeout(BOUND, Client::open(&session)).await.unwrap().unwrap();
    for round in 0..50 {
        client.suspend().unwrap();
        timeout(BOUND, client.connect()).await.unwrap().unwrap();
        assert!(
            matches!(client.state(), ConnectionState::Online { .. }),
            "round {round}: {:?}",
            client.state()
        );
    }
    assert_eq!(client.stats().connects, 51);
}

#[tokio::test]
async fn failed_connect_does_not_stop_a_started_client() {
    let unreachable = Config::new("http://127.0.0.1:1").unwrap();
    let client = Client::new(&Credentials::new(unreachable, "ada", "token").unwrap()).unwrap();
    client.start().unwrap();
    for _ in 0..3 {
        let refused = timeout(BOUND, client.connect()).await.unwrap().unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unreachable);
        assert!(matches!(client.state(), ConnectionState::Waiting { .. }), "{:?}", client.state());
    }
    client.suspend().unwrap();
    client.resume().unwrap();
    assert_eq!(client.state(), ConnectionState::Connecting);
}

/// After any order of calls from two threads, the client can still connect.
#[tokio::test(flavor = "multi_thread")]
async fn concurrent_calls_leave_client_able_to_connect() {
    let session = fake_sockets(async |_, mut socket| {
        welcome(&mut socket).await;
        listen(socket).await;
    })
    .await
    .unwrap();
    let client = Arc::new(Client::new(&session).unwrap());
    let calls = [Client::suspend, Client::resume, Client::start];
    for round in 0..100_usize {
        let other = Arc::clone(&client);
        let storm = std::thread::spawn(move || {
            for n in 0..4 {
                calls[(round + n * n) % 3](&other).unwrap();
                other.network_changed();
            }
        });
        // The call returns in any case: online, or suspended meanwhile.
        if let Err(error) = timeout(BOUND, client.connect()).await.unwrap() {
            assert_eq!(error.code(), code::SUSPENDED);
        }
        storm.join().unwrap();
        timeout(BOUND, client.connect()).await.unwrap().unwrap();
        assert!(matches!(client.state(), ConnectionState::Online { .. }), "round {round}");
    }
}

/// A disconnect on any thread at any time: every accepted message is written or has failed, has exactly one outcome,
/// and the close frame is sent.
#[tokio::test(flavor = "multi_thread")]
async fn disconnect_closes_and_reports_every_outcome() {
    let (close_codes, mut closed) = unbounded_channel();
    let session = fake_sockets(move |_, mut socket| {
        let close_codes = close_codes.clone();
        async move {
            welcome(&mut socket).await;
            let mut code = None;
            while let Some(Ok(text)) = socket.next().await {
                if let Text::Close(Some(frame)) = text {
                    code = Some(u16::from(frame.code));
                }
            }
            let _ = close_codes.send(code);
        }
    })
    .await
    .unwrap();
    for round in 0..100_u32 {
        let client = Arc::new(timeout(BOUND, Client::open(&session)).await.unwrap().unwrap());
        let sender = Arc::clone(&client);
        let sends = std::thread::spawn(move || {
            let mut tickets = Vec::new();
            while let Ok(ticket) = write(&sender, "x") {
                tickets.push(ticket.number());
            }
            tickets
        });
        std::thread::sleep(Duration::from_micros(u64::from(round) * 7));
        timeout(BOUND, client.disconnect()).await.unwrap();
        let sent = sends.join().unwrap();
        let mut ended = Vec::new();
        while let Ok(events) = client.next_events(64, BOUND).await {
            ended.extend(events.iter().filter_map(|event| match event {
                Event::Ended { ticket, .. } => Some(*ticket),
                _ => None,
            }));
        }
        assert_eq!(ended, sent, "round {round}");
        assert_eq!(timeout(BOUND, closed.recv()).await.unwrap().unwrap(), Some(1000), "round {round}");
    }
}
