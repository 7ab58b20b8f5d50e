//! Servers that lie, stall, babble or vanish: each ends in a typed error or event, in bounded time, and nothing panics.

use std::time::Duration;

use callie::client::{Client, Closed, Config, ErrorKind, Event, Server, Session};
use callie_core::{
    Content, Frame, Message, MessageId, Notice, Payload, PayloadId, Recipient, Sender, Stamp, SysCode,
    Timestamp, Username,
};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message as Text;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

type Socket = WebSocketStream<TcpStream>;
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Far over what any of these takes, far under a hang.
const BOUND: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(300);

/// Serves one connection with `serve` and gives the settings to reach it, with short times.
async fn fake<F>(serve: impl FnOnce(TcpStream) -> F + Send + 'static) -> Result<Config, Failure>
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let config = Config::new(&format!("http://{}", listener.local_addr()?))?;
    tokio::spawn(async move {
        if let Ok((stream, _)) = listener.accept().await {
            serve(stream).await;
        }
    });
    Ok(Config { exchange_timeout: SHORT, answer_timeout: SHORT, ..config })
}

/// The same behind a WebSocket upgrade.
async fn fake_socket<F>(serve: impl FnOnce(Socket) -> F + Send + 'static) -> Result<Session, Failure>
where
    F: Future<Output = ()> + Send + 'static,
{
    let config = fake(async move |stream| {
        if let Ok(socket) = accept(stream).await {
            serve(socket).await;
        }
    })
    .await?;
    Ok(Session::resume(Config { exchange_timeout: BOUND, ..config }, "ada", "token")?)
}

#[allow(clippy::result_large_err, reason = "the library's own type")]
async fn accept(stream: TcpStream) -> Result<Socket, Failure> {
    let agree = |request: &Request, mut response: Response| {
        for (name, value) in request.headers() {
            if name == "sec-websocket-protocol" {
                response.headers_mut().insert(name.clone(), value.clone());
            }
        }
        Ok(response)
    };
    Ok(accept_hdr_async(stream, agree).await?)
}

/// Authenticates the client as a real server would, then goes on with `serve`.
async fn connected<F>(serve: impl FnOnce(Socket) -> F + Send + 'static) -> Result<Client, Failure>
where
    F: Future<Output = ()> + Send + 'static,
{
    let session = fake_socket(async move |mut socket| {
        if let Some(id) = next_id(&mut socket).await {
            say(&mut socket, &Notice::new(SysCode::Authenticated).in_reply_to(id)).await;
            serve(socket).await;
        }
    })
    .await?;
    Ok(timeout(BOUND, Client::connect(&session)).await??)
}

async fn next_id(socket: &mut Socket) -> Option<PayloadId> {
    let received = socket.next().await?.ok()?;
    let text = received.to_text().ok()?;
    let frame = Frame::from_client(text, &callie_core::Limits::default()).ok()?;
    PayloadId::parse(frame.payload_id()).ok()
}

fn stamp(id: &str) -> Option<Stamp> {
    Some(Stamp { payload_id: PayloadId::parse(id).ok()?, timestamp: Timestamp::from_unix_millis(0)? })
}

async fn say(socket: &mut Socket, notice: &Notice) {
    if let (Ok(name), Some(stamp)) = (Username::parse("ada"), stamp("n")) {
        send(socket, notice.to_payload(Recipient::User(name), stamp).encode()).await;
    }
}

async fn send(socket: &mut Socket, text: String) {
    // A client that has gone is what some of these tests are about.
    let _ = socket.send(Text::text(text)).await;
}

/// A payload from `sender` to the client.
fn payload(sender: &str, id: &str, content: Content) -> Option<Payload> {
    let to = Recipient::User(Username::parse("ada").ok()?);
    Some(Payload::new(stamp(id)?, Sender::parse(sender).ok()?, to, content))
}

/// Keeps the connection open without a word until the client goes.
async fn listen(mut socket: Socket) {
    while let Some(Ok(_)) = socket.next().await {}
}

async fn events(client: &Client) -> Result<Vec<Event>, Failure> {
    Ok(client.next_events(64, BOUND).await?)
}

async fn http(answer: &'static str) -> Result<ErrorKind, Failure> {
    let config = fake(async move |mut stream| {
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).await;
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.shutdown().await;
    })
    .await?;
    let refused = timeout(BOUND, Server::with_config(config).login("ada", "password", None)).await?;
    Ok(refused.err().ok_or("the login worked")?.kind())
}

#[tokio::test]
async fn a_login_answered_with_nonsense_is_a_bad_answer() {
    for nonsense in [
        "what?\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nnot json",
        "HTTP/1.1 500 Oh\r\ncontent-length: 2\r\n\r\n{}",
        "HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 302 Go\r\nlocation: http://elsewhere/\r\ncontent-length: 0\r\n\r\n",
    ] {
        assert_eq!(http(nonsense).await.unwrap(), ErrorKind::BadAnswer, "{nonsense:?}");
    }
}

#[tokio::test]
async fn a_login_cut_short_is_unreachable() {
    assert_eq!(http("").await.unwrap(), ErrorKind::Unreachable);
}

#[tokio::test]
async fn an_endless_answer_to_a_login_is_not_read_to_its_end() {
    let config = fake(async |mut stream| {
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        while stream.write_all(&[b' '; 4096]).await.is_ok() {}
    })
    .await
    .unwrap();
    let config = Config { exchange_timeout: BOUND, ..config };
    let refused = timeout(BOUND, Server::with_config(config).login("ada", "password", None)).await.unwrap();
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::BadAnswer);
}

#[tokio::test]
async fn a_server_that_never_answers_times_out() {
    let config = fake(async |mut stream| {
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await
    .unwrap();
    let refused = timeout(BOUND, Server::with_config(config).login("ada", "password", None)).await.unwrap();
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::TimedOut);
}

#[tokio::test]
async fn an_upgrade_that_never_ends_times_out() {
    let config = fake(async |mut stream| {
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await
    .unwrap();
    let session = Session::resume(config, "ada", "token").unwrap();
    let refused = timeout(BOUND, Client::connect(&session)).await.unwrap();
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::TimedOut);
}

#[tokio::test]
async fn an_upgrade_that_is_refused_says_so() {
    let problem = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 107\r\n\r\n\
        {\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,\"detail\":\"later\",\"code\":\"UNAVAILABLE\"}     ";
    for (answer, kind) in [
        ("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", ErrorKind::BadAnswer),
        (problem, ErrorKind::Refused),
        ("", ErrorKind::BadAnswer),
    ] {
        let config = fake(async move |mut stream| {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        })
        .await
        .unwrap();
        let session = Session::resume(config, "ada", "token").unwrap();
        let refused = timeout(BOUND, Client::connect(&session)).await.unwrap();
        assert_eq!(refused.unwrap_err().kind(), kind, "{answer:?}");
    }
}

#[tokio::test]
async fn a_close_in_place_of_a_welcome_is_unreachable() {
    for code in [1001_u16, 1013, 4501] {
        let session = fake_socket(async move |mut socket| {
            let _ = socket.close(Some(CloseFrame { code: code.into(), reason: "".into() })).await;
            listen(socket).await;
        })
        .await
        .unwrap();
        let refused = timeout(BOUND, Client::connect(&session)).await.unwrap().unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unreachable, "{code}");
        assert!(refused.reason().contains(&code.to_string()), "{refused}");
    }
}

#[tokio::test]
async fn nonsense_in_place_of_a_welcome_is_a_bad_answer() {
    for nonsense in [Text::text("hello"), Text::text("{}"), Text::binary(vec![1, 2, 3])] {
        let told = nonsense.clone();
        let session = fake_socket(async move |mut socket| {
            let _ = socket.send(told).await;
            listen(socket).await;
        })
        .await
        .unwrap();
        let refused = timeout(BOUND, Client::connect(&session)).await.unwrap().unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::BadAnswer, "{nonsense:?}");
    }
}

#[tokio::test]
async fn a_welcome_to_another_payload_is_a_bad_answer() {
    let session = fake_socket(async move |mut socket| {
        let other = PayloadId::parse("another").unwrap();
        say(&mut socket, &Notice::new(SysCode::Authenticated).in_reply_to(other)).await;
        listen(socket).await;
    })
    .await
    .unwrap();
    let refused = timeout(BOUND, Client::connect(&session)).await.unwrap().unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::BadAnswer);
}

#[tokio::test]
async fn a_text_that_is_no_payload_is_told_and_the_connection_goes_on() {
    let client = connected(async |mut socket| {
        send(&mut socket, "nonsense".to_owned()).await;
        let id = next_id(&mut socket).await.unwrap();
        let pong = payload("SERVER", "p", Content::Pong).unwrap().with_in_reply_to(&id).unwrap();
        send(&mut socket, pong.encode()).await;
        listen(socket).await;
    })
    .await
    .unwrap();
    let told = events(&client).await.unwrap();
    assert!(
        matches!(&told[..], [Event::Unreadable(fault)] if fault.code() == SysCode::InvalidJson),
        "{told:?}"
    );
    client.ping("SERVER").await.unwrap();
}

#[tokio::test]
async fn the_end_is_told_once_with_its_code_and_whether_to_come_back() {
    for (code, comes_back) in [(1001_u16, true), (4408, true), (4501, false), (4503, false)] {
        let client = connected(async move |mut socket| {
            let _ = socket.close(Some(CloseFrame { code: code.into(), reason: "why".into() })).await;
            listen(socket).await;
        })
        .await
        .unwrap();
        let closed = Closed { code, reason: "why".to_owned(), comes_back };
        assert_eq!(events(&client).await.unwrap(), [Event::Closed(closed)]);
        let after = client.next_events(1, BOUND).await.unwrap_err();
        assert_eq!(after.kind(), ErrorKind::Closed);
        assert!(after.reason().contains(&code.to_string()), "{after}");
        let sent = client.send_text("bob", "x", Vec::new()).await.unwrap_err();
        assert_eq!(sent.kind(), ErrorKind::Closed);
    }
}

#[tokio::test]
async fn a_link_that_breaks_is_lost_and_may_come_back() {
    let client = connected(async |socket| drop(socket)).await.unwrap();
    let told = events(&client).await.unwrap();
    assert!(matches!(&told[..], [Event::Closed(Closed { code: 1006, comes_back: true, .. })]), "{told:?}");
}

#[tokio::test]
async fn a_binary_message_ends_the_connection() {
    let client = connected(async |mut socket| {
        let _ = socket.send(Text::binary(vec![0])).await;
        listen(socket).await;
    })
    .await
    .unwrap();
    let told = events(&client).await.unwrap();
    assert!(matches!(&told[..], [Event::Closed(Closed { code: 1003, .. })]), "{told:?}");
}

#[tokio::test]
async fn a_message_without_end_ends_the_connection_before_it_fills_the_memory() {
    let client = connected(async |mut socket| {
        send(&mut socket, "x".repeat(2 * 1024 * 1024)).await;
        listen(socket).await;
    })
    .await
    .unwrap();
    let told = events(&client).await.unwrap();
    assert!(matches!(&told[..], [Event::Closed(Closed { code: 1009, .. })]), "{told:?}");
}

#[tokio::test]
async fn a_ping_without_an_answer_times_out() {
    let client = connected(listen).await.unwrap();
    assert_eq!(client.ping("SERVER").await.unwrap_err().kind(), ErrorKind::TimedOut);
    assert_eq!(client.command("LIST_GROUPS", "{}").await.unwrap_err().kind(), ErrorKind::TimedOut);
}

#[tokio::test]
async fn only_the_one_who_was_pinged_can_answer() {
    let client = connected(async |mut socket| {
        let id = next_id(&mut socket).await.unwrap();
        let wrong = payload("eve", "p1", Content::Pong).unwrap().with_in_reply_to(&id).unwrap();
        send(&mut socket, wrong.encode()).await;
        // From the right one it need not name the ping.
        let _ = next_id(&mut socket).await.unwrap();
        send(&mut socket, payload("bob", "p2", Content::Pong).unwrap().encode()).await;
        listen(socket).await;
    })
    .await
    .unwrap();
    assert_eq!(client.ping("bob").await.unwrap_err().kind(), ErrorKind::TimedOut);
    client.ping("bob").await.unwrap();
}

#[tokio::test]
async fn who_waits_hears_at_once_that_the_link_is_gone() {
    let session = fake_socket(async |mut socket| {
        let id = next_id(&mut socket).await.unwrap();
        say(&mut socket, &Notice::new(SysCode::Authenticated).in_reply_to(id)).await;
        let _ = next_id(&mut socket).await;
    })
    .await
    .unwrap();
    let patient = Config { answer_timeout: Duration::from_secs(3600), ..session.config().clone() };
    let session = Session::resume(patient, "ada", "token").unwrap();
    let client = timeout(BOUND, Client::connect(&session)).await.unwrap().unwrap();
    let refused = timeout(BOUND, client.command("LIST_GROUPS", "{}")).await.unwrap().unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn a_result_that_is_none_is_a_bad_answer() {
    let client = connected(async |mut socket| {
        let id = next_id(&mut socket).await.unwrap();
        say(&mut socket, &Notice::new(SysCode::CommandOk).in_reply_to(id)).await;
        listen(socket).await;
    })
    .await
    .unwrap();
    assert_eq!(client.list_groups(None).await.unwrap_err().kind(), ErrorKind::BadAnswer);
}

#[tokio::test]
async fn a_full_queue_holds_the_server_back_and_loses_nothing() {
    const MESSAGES: usize = 5_000;
    let session = fake_socket(async |mut socket| {
        let id = next_id(&mut socket).await.unwrap();
        say(&mut socket, &Notice::new(SysCode::Authenticated).in_reply_to(id)).await;
        for n in 0..MESSAGES {
            let id = MessageId::parse(&format!("m{n}")).unwrap();
            let message = Message::builder(id).text(format!("{n}")).build().unwrap();
            send(&mut socket, payload("bob", &format!("p{n}"), Content::Msg(message)).unwrap().encode())
                .await;
        }
        let _ = socket.close(None).await;
        listen(socket).await;
    })
    .await
    .unwrap();
    let session =
        Session::resume(Config { event_queue: 4, ..session.config().clone() }, "ada", "token").unwrap();
    let client = timeout(BOUND, Client::connect(&session)).await.unwrap().unwrap();
    let mut taken = 0;
    loop {
        let batch = events(&client).await.unwrap();
        assert!(!batch.is_empty());
        for event in batch {
            match event {
                Event::Message { message, .. } => {
                    assert_eq!(message.text(), taken.to_string());
                    taken += 1;
                }
                Event::Closed(_) => {
                    assert_eq!(taken, MESSAGES);
                    return;
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn disconnecting_ends_though_the_server_takes_no_notice() {
    let client = connected(async |socket| {
        // It reads nothing, so it never sees the goodbye.
        std::future::pending::<()>().await;
        drop(socket);
    })
    .await
    .unwrap();
    timeout(BOUND, client.disconnect()).await.unwrap();
    let told = events(&client).await.unwrap();
    assert!(matches!(&told[..], [Event::Closed(Closed { code: 1000, comes_back: false, .. })]), "{told:?}");
}

#[tokio::test]
async fn dropping_the_client_says_goodbye() {
    let (told, hears) = tokio::sync::oneshot::channel();
    let client = connected(async |mut socket| {
        let last = socket.next().await;
        let _ = told.send(matches!(last, Some(Ok(Text::Close(_)))));
    })
    .await
    .unwrap();
    drop(client);
    assert!(timeout(BOUND, hears).await.unwrap().unwrap());
}

#[tokio::test]
async fn waiting_for_events_ends_in_time_and_dropping_it_loses_nothing() {
    let client = connected(async |mut socket| {
        let _ = next_id(&mut socket).await;
        let id = MessageId::parse("m").unwrap();
        let message = Message::builder(id).text("late").build().unwrap();
        send(&mut socket, payload("bob", "p", Content::Msg(message)).unwrap().encode()).await;
        listen(socket).await;
    })
    .await
    .unwrap();
    assert!(client.next_events(1, SHORT).await.unwrap().is_empty());
    assert!(timeout(SHORT, client.next_events(1, BOUND)).await.is_err());
    client.send_text("bob", "now", Vec::new()).await.unwrap();
    let told = events(&client).await.unwrap();
    assert!(matches!(&told[..], [Event::Message { message, .. }] if message.text() == "late"), "{told:?}");
    assert_eq!(client.next_events(0, BOUND).await.unwrap_err().kind(), ErrorKind::InvalidArgument);
}

#[tokio::test]
async fn a_payload_over_the_servers_limit_is_not_sent() {
    let session = fake_socket(async |mut socket| {
        let id = next_id(&mut socket).await.unwrap();
        let limits = callie_core::Limits { max_payload_bytes: 500, ..Default::default() };
        say(&mut socket, &Notice::new(SysCode::Authenticated).in_reply_to(id).limits(limits)).await;
        listen(socket).await;
    })
    .await
    .unwrap();
    let client = timeout(BOUND, Client::connect(&session)).await.unwrap().unwrap();
    let refused = client.send_text("bob", &"x".repeat(400), Vec::new()).await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::InvalidArgument, "PAYLOAD_TOO_LARGE"));
    client.send_text("bob", "short", Vec::new()).await.unwrap();
}
