//! Servers that send false replies or garbage, stall or disconnect: each results in a typed error or event, in bounded
//! time.

mod fake;

use std::time::Duration;

use callie_client::{Client, Closed, ConnectionState, Credentials, ErrorKind, Event, SendOutcome, Server};
use callie_core::{Content, Message, MessageId, Notice, PayloadId, SysCode};
use fake::configs::with;
use fake::{
    BOUND, Failure, SHORT, connected, fake, fake_socket, listen, next, next_id, payload, say, send, write,
};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message as Text;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

/// Waits until the client loses its connection, and returns why.
async fn lost(client: &Client) -> Result<(u16, String), Failure> {
    loop {
        let event = client.next_events(1, BOUND).await?.pop().ok_or("no event came in time")?;
        if let Event::ConnectionChanged(ConnectionState::Waiting { close_code, reason, .. }) = event {
            return Ok((close_code, reason));
        }
    }
}

async fn http(answer: &'static str) -> Result<ErrorKind, Failure> {
    let config = fake(async move |mut stream| {
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).await;
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.shutdown().await;
    })
    .await?;
    let refused = timeout(BOUND, Server::with_config(config)?.login("ada", "password", None)).await?;
    Ok(refused.err().ok_or("the login worked")?.kind())
}

#[tokio::test]
async fn login_answered_with_garbage_is_a_bad_answer() {
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
async fn truncated_login_answer_is_unreachable() {
    assert_eq!(http("").await.unwrap(), ErrorKind::Unreachable);
}

#[tokio::test]
async fn endless_login_answer_is_not_read_to_its_end() {
    let config = fake(async |mut stream| {
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        while stream.write_all(&[b' '; 4096]).await.is_ok() {}
    })
    .await
    .unwrap();
    let config = with(config, |config| config.request_timeout = BOUND);
    let refused =
        timeout(BOUND, Server::with_config(config).unwrap().login("ada", "password", None)).await.unwrap();
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::BadAnswer);
}

#[tokio::test]
async fn silent_server_times_out_at_login() {
    let config = fake(async |mut stream| {
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await
    .unwrap();
    let refused =
        timeout(BOUND, Server::with_config(config).unwrap().login("ada", "password", None)).await.unwrap();
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::TimedOut);
}

#[tokio::test]
async fn endless_upgrade_times_out() {
    let config = fake(async |mut stream| {
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await
    .unwrap();
    let session = Credentials::new(config, "ada", "token").unwrap();
    let refused = timeout(BOUND, Client::open(&session)).await.unwrap();
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::TimedOut);
}

#[tokio::test]
async fn refused_upgrade_is_reported() {
    let problem = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 107\r\n\r\n\
        {\"type\":\"about:blank\",\"title\":\"Service Unavailable\",\"status\":503,\"detail\":\"later\",\"code\":\"UNAVAILABLE\"}     ";
    for (answer, kind) in [
        ("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", ErrorKind::BadAnswer),
        (problem, ErrorKind::Refused),
        ("", ErrorKind::Unreachable),
    ] {
        let config = fake(async move |mut stream| {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        })
        .await
        .unwrap();
        let session = Credentials::new(config, "ada", "token").unwrap();
        let refused = timeout(BOUND, Client::open(&session)).await.unwrap();
        assert_eq!(refused.unwrap_err().kind(), kind, "{answer:?}");
    }
}

/// A close in place of `AUTHENTICATED` reports its code, and whether the client may try again.
#[tokio::test]
async fn close_before_authentication_reports_its_code() {
    for (code, kind, state) in [
        (1001_u16, ErrorKind::Unreachable, ConnectionState::Suspended),
        (1013, ErrorKind::Unreachable, ConnectionState::Suspended),
        (4501, ErrorKind::Refused, ConnectionState::Closed),
    ] {
        let session = fake_socket(async move |mut socket| {
            let _ = socket.close(Some(CloseFrame { code: code.into(), reason: "".into() })).await;
            listen(socket).await;
        })
        .await
        .unwrap();
        let client = Client::new(&session).unwrap();
        let refused = timeout(BOUND, client.connect()).await.unwrap().unwrap_err();
        assert_eq!(refused.kind(), kind, "{code}");
        assert!(refused.reason().contains(&code.to_string()), "{refused}");
        assert_eq!(client.state(), state, "{code}");
    }
}

#[tokio::test]
async fn garbage_before_authentication_is_a_bad_answer() {
    for nonsense in [Text::text("hello"), Text::text("{}"), Text::binary(vec![1, 2, 3])] {
        let seen = nonsense.clone();
        let session = fake_socket(async move |mut socket| {
            let _ = socket.send(seen).await;
            listen(socket).await;
        })
        .await
        .unwrap();
        let refused = timeout(BOUND, Client::open(&session)).await.unwrap().unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::BadAnswer, "{nonsense:?}");
    }
}

#[tokio::test]
async fn authenticated_for_another_payload_is_ignored() {
    let session = fake_socket(async move |mut socket| {
        let other = PayloadId::parse("another").unwrap();
        say(&mut socket, &Notice::builder(SysCode::Authenticated).in_reply_to(other)).await;
        listen(socket).await;
    })
    .await
    .unwrap();
    let hasty = with(session.config().clone(), |config| config.request_timeout = SHORT);
    let session = Credentials::new(hasty, "ada", "token").unwrap();
    let refused = timeout(BOUND, Client::open(&session)).await.unwrap().unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::TimedOut);
}

#[tokio::test]
async fn invalid_text_is_reported_and_connection_continues() {
    let client = connected(async |mut socket| {
        send(&mut socket, "nonsense".to_owned()).await;
        let id = next_id(&mut socket).await.unwrap();
        let pong = payload("SERVER", "p", Content::Pong).unwrap().with_in_reply_to(&id).unwrap();
        send(&mut socket, pong.encode()).await;
        listen(socket).await;
    })
    .await
    .unwrap();
    let seen = next(&client).await.unwrap();
    assert!(matches!(&seen, Event::Unreadable(fault) if fault.code() == SysCode::InvalidJson), "{seen:?}");
    client.ping("SERVER").await.unwrap();
}

#[tokio::test]
async fn final_close_code_ends_the_client() {
    for code in [1009_u16, 4501, 4503] {
        let client = connected(async move |mut socket| {
            let _ = socket.close(Some(CloseFrame { code: code.into(), reason: "why".into() })).await;
            listen(socket).await;
        })
        .await
        .unwrap();
        let seen = next(&client).await.unwrap();
        assert!(matches!(&seen, Event::Closed(Closed { close_code, .. }) if *close_code == code), "{seen:?}");
        let after = client.next_events(1, BOUND).await.unwrap_err();
        assert_eq!(after.kind(), ErrorKind::Closed);
        assert!(after.reason().contains(&code.to_string()), "{after}");
        assert_eq!(write(&client, "x").unwrap_err().kind(), ErrorKind::Closed);
        assert_eq!(client.ping("SERVER").await.unwrap_err().kind(), ErrorKind::Closed);
        assert_eq!(client.connect().await.unwrap_err().kind(), ErrorKind::Closed);
        assert_eq!(client.state(), ConnectionState::Closed);
        client.disconnect().await;
    }
}

#[tokio::test]
async fn temporary_close_code_leads_to_a_reconnection() {
    for code in [1001_u16, 1013, 4408] {
        let client = connected(async move |mut socket| {
            let _ = socket.close(Some(CloseFrame { code: code.into(), reason: "why".into() })).await;
            listen(socket).await;
        })
        .await
        .unwrap();
        let (close_code, reason) = lost(&client).await.unwrap();
        assert_eq!(close_code, code);
        assert!(reason.contains("why"), "{reason}");
    }
}

#[tokio::test]
async fn broken_connection_is_replaced() {
    let client = connected(async |socket| drop(socket)).await.unwrap();
    assert_eq!(lost(&client).await.unwrap().0, 1006);
}

#[tokio::test]
async fn binary_message_closes_the_connection() {
    let client = connected(async |mut socket| {
        let _ = socket.send(Text::binary(vec![0])).await;
        listen(socket).await;
    })
    .await
    .unwrap();
    let (code, reason) = lost(&client).await.unwrap();
    assert!(code == 1006 && reason.contains("binary"), "{code} {reason}");
}

/// The connection is closed before the message fills the memory.
#[tokio::test]
async fn endless_message_closes_the_connection() {
    let client = connected(async |mut socket| {
        send(&mut socket, "x".repeat(2 * 1024 * 1024)).await;
        listen(socket).await;
    })
    .await
    .unwrap();
    assert_eq!(lost(&client).await.unwrap().0, 1006);
}

#[tokio::test]
async fn unanswered_request_ends_at_its_deadline() {
    let client = connected(listen).await.unwrap();
    assert_eq!(client.ping("SERVER").await.unwrap_err().kind(), ErrorKind::TimedOut);
    assert_eq!(client.command("LIST_GROUPS", "{}").await.unwrap_err().kind(), ErrorKind::TimedOut);
    assert_eq!(write(&client, "x").unwrap().outcome().await, SendOutcome::Unconfirmed);
}

#[tokio::test]
async fn pong_to_no_ping_is_ignored() {
    let client = connected(async |mut socket| {
        let _ = next_id(&mut socket).await.unwrap();
        let other = PayloadId::parse("another").unwrap();
        let pong = payload("SERVER", "p1", Content::Pong).unwrap().with_in_reply_to(&other).unwrap();
        send(&mut socket, pong.encode()).await;
        listen(socket).await;
    })
    .await
    .unwrap();
    assert_eq!(client.ping("bob").await.unwrap_err().kind(), ErrorKind::TimedOut);
}

#[tokio::test]
async fn invalid_result_is_a_bad_answer() {
    let client = connected(async |mut socket| {
        let id = next_id(&mut socket).await.unwrap();
        say(&mut socket, &Notice::builder(SysCode::CommandOk).in_reply_to(id)).await;
        listen(socket).await;
    })
    .await
    .unwrap();
    let asked = client.list_groups(Default::default(), None).await;
    assert_eq!(asked.unwrap_err().kind(), ErrorKind::BadAnswer);
}

#[tokio::test]
async fn full_queue_applies_backpressure_and_loses_nothing() {
    const MESSAGES: usize = 5_000;
    let session = fake_socket(async |mut socket| {
        let id = next_id(&mut socket).await.unwrap();
        say(&mut socket, &Notice::builder(SysCode::Authenticated).in_reply_to(id)).await;
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
        Credentials::new(with(session.config().clone(), |config| config.event_queue = 4), "ada", "token")
            .unwrap();
    let client = timeout(BOUND, Client::open(&session)).await.unwrap().unwrap();
    for expected in 0..MESSAGES {
        match next(&client).await.unwrap() {
            Event::Message(message) => assert_eq!(message.text, expected.to_string()),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn disconnect_ends_if_the_server_ignores_it() {
    let client = connected(async |socket| {
        // The server reads nothing, so it never receives the close frame.
        std::future::pending::<()>().await;
        drop(socket);
    })
    .await
    .unwrap();
    timeout(BOUND, client.disconnect()).await.unwrap();
    let seen = next(&client).await.unwrap();
    assert!(
        matches!(&seen, Event::Closed(Closed { close_code: 1000, code, .. }) if code == "DISCONNECTED"),
        "{seen:?}"
    );
}

#[tokio::test]
async fn dropped_client_sends_a_close_frame() {
    let (seen, was_seen) = tokio::sync::oneshot::channel();
    let client = connected(async |mut socket| {
        let last = socket.next().await;
        let _ = seen.send(matches!(last, Some(Ok(Text::Close(_)))));
    })
    .await
    .unwrap();
    drop(client);
    assert!(timeout(BOUND, was_seen).await.unwrap().unwrap());
}

#[tokio::test]
async fn wait_for_events_times_out_and_loses_nothing() {
    let client = connected(async |mut socket| {
        let _ = next_id(&mut socket).await;
        let id = MessageId::parse("m").unwrap();
        let message = Message::builder(id).text("late").build().unwrap();
        send(&mut socket, payload("bob", "p", Content::Msg(message)).unwrap().encode()).await;
        listen(socket).await;
    })
    .await
    .unwrap();
    while !client.next_events(1, Duration::ZERO).await.unwrap().is_empty() {}
    assert!(client.next_events(1, SHORT).await.unwrap().is_empty());
    assert!(timeout(SHORT, client.next_events(1, BOUND)).await.is_err());
    write(&client, "now").unwrap();
    let seen = next(&client).await.unwrap();
    assert!(matches!(&seen, Event::Message(message) if message.text == "late"), "{seen:?}");
    assert_eq!(client.next_events(0, BOUND).await.unwrap_err().kind(), ErrorKind::InvalidArgument);
}

#[tokio::test]
async fn payload_over_the_server_limit_is_not_sent() {
    let session = fake_socket(async |mut socket| {
        let id = next_id(&mut socket).await.unwrap();
        let limits = callie_core::Limits::default().with_max_payload_bytes(500);
        say(&mut socket, &Notice::builder(SysCode::Authenticated).limits(limits).in_reply_to(id)).await;
        listen(socket).await;
    })
    .await
    .unwrap();
    let client = timeout(BOUND, Client::open(&session)).await.unwrap().unwrap();
    let refused = write(&client, &"x".repeat(400)).unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::InvalidArgument, "PAYLOAD_TOO_LARGE"));
    write(&client, "short").unwrap();
}

/// The client waits as long as `Retry-After` of a 503 answer to the upgrade requires, each time.
#[tokio::test]
async fn retry_after_of_the_upgrade_is_kept() {
    let config = fake(async |mut stream| {
        let mut request = [0; 1_024];
        let _ = stream.read(&mut request).await;
        let answer = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 200\r\ncontent-length: 0\r\n\r\n";
        let _ = stream.write_all(answer).await;
        let _ = stream.shutdown().await;
    })
    .await
    .unwrap();
    let config = with(config, |config| config.request_timeout = BOUND);
    let client = Client::new(&Credentials::new(config, "ada", "token").unwrap()).unwrap();
    client.start().unwrap();
    loop {
        let events = client.next_events(1, BOUND).await.unwrap();
        if let Some(Event::ConnectionChanged(ConnectionState::Waiting { retry_in, reason, .. })) =
            events.first()
        {
            assert!(*retry_in >= Duration::from_secs(200), "{retry_in:?}");
            assert!(reason.contains("503"), "{reason}");
            break;
        }
    }
}
