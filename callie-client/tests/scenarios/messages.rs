//! Messages: delivery, outcomes, and what is refused before it is sent.

use std::time::Duration;

use callie_client::{Client, JsonObject, PayloadId, Server, code};
use callie_client::{Config, ErrorKind, Event, SendOutcome, Ticket};
use callie_core::command::{GroupName, Visibility};
use callie_core::{Attachment, AttachmentKind, Recipient, Sender, Username};

use tokio::time::timeout;

use crate::bed::{BOUND, TestEnv, online, user, within};
use crate::configs::with;
use crate::events::{first, message, text};

const DELIVERED: SendOutcome =
    SendOutcome::Delivered { confirmed: Some(1), unconfirmed: Some(0), offline: Some(0), stored: Some(0) };

/// Sends with the default options.
fn send(client: &Client, to: &str, text: &str) -> Ticket {
    client.send(to, text).submit().unwrap()
}

#[tokio::test]
async fn message_arrives() {
    const TEXT: &str = "# Grüße\n\n**fett** `code` \"quotes\" \\ \u{0} \u{7f} 你好 👋 \u{2028}";
    within(async {
        let (_env, server) = TestEnv::with_server().await;
        let (ada, bob) = (online(&server, "ada").await, online(&server, "bob").await);
        let ticket = send(&ada, "bob", TEXT);
        let message = message(&bob).await;
        assert_eq!(message.text, TEXT);
        assert_eq!(&message.message_id, ticket.message_id());
        assert_eq!(message.sender, Sender::User(Username::parse("ada").unwrap()));
        assert_eq!(message.recipient, Recipient::User(Username::parse("bob").unwrap()));
        // The next event is the next message, so the first one arrived once.
        send(&ada, "bob", "next");
        assert_eq!(text(&bob).await, "next");
    })
    .await;
}

#[tokio::test]
async fn attachment_arrives() {
    within(async {
        let (_env, server) = TestEnv::with_server().await;
        let (ada, bob) = (online(&server, "ada").await, online(&server, "bob").await);
        let image = Attachment::new(AttachmentKind::Image, "https://example.org/%E2%9C%93.png")
            .and_then(|image| image.with_filename("✓.png"))
            .and_then(|image| image.with_size((1 << 53) - 1))
            .and_then(|image| image.with_filetype("image/png"))
            .unwrap();
        ada.send("bob", "").attachment(image.clone()).submit().unwrap();
        let message = message(&bob).await;
        assert_eq!((message.text.as_str(), message.attachments.as_slice()), ("", &[image][..]));
    })
    .await;
}

#[tokio::test]
async fn message_is_confirmed() {
    within(async {
        let (_env, server) = TestEnv::with_server().await;
        let (ada, bob) = (online(&server, "ada").await, online(&server, "bob").await);
        let sent = send(&ada, "bob", "hello");
        assert_eq!(text(&bob).await, "hello");
        assert_eq!(sent.outcome().await, DELIVERED);
        assert_eq!(sent.outcome().await, DELIVERED, "it may be asked for again");
        let seen = first(&ada, |event| match event {
            Event::Ended { ticket, message_id, outcome } => Some((ticket, message_id, outcome)),
            _ => None,
        });
        assert_eq!(seen.await, (sent.number(), sent.message_id().clone(), DELIVERED));
        let sent = ada.send("bob", "no answer needed").confirm(false).submit().unwrap();
        assert_eq!(sent.outcome().await, SendOutcome::Sent);
    })
    .await;
}

#[tokio::test]
async fn offline_recipient_is_reported() {
    within(async {
        let (_env, server) = TestEnv::with_server().await;
        let ada = online(&server, "ada").await;
        user(&server, "bob").await;
        assert_eq!(send(&ada, "bob", "hello").outcome().await, SendOutcome::Offline);
    })
    .await;
}

#[tokio::test]
async fn unknown_recipient_is_reported() {
    within(async {
        let (_env, server) = TestEnv::with_server().await;
        let ada = online(&server, "ada").await;
        let outcome = send(&ada, "nobody", "hello").outcome().await;
        let SendOutcome::Failed(failure) = outcome else { panic!("{outcome:?}") };
        assert_eq!(failure.code, "RECIPIENT_UNKNOWN");
    })
    .await;
}

#[tokio::test]
async fn group_message_arrives() {
    within(async {
        let (_env, server) = TestEnv::with_server().await;
        let (ada, bob, eve) =
            (online(&server, "ada").await, online(&server, "bob").await, online(&server, "eve").await);
        let members = ["bob", "eve"].map(|name| Username::parse(name).unwrap()).to_vec();
        let name = GroupName::parse("Friends").unwrap();
        let group = ada.create_group(name, members, Visibility::Private).await.unwrap();
        let ticket = send(&ada, &group.group_id.to_string(), "hello all");
        for client in [&bob, &eve] {
            let message = message(client).await;
            assert_eq!(message.text, "hello all");
            assert_eq!(message.recipient, Recipient::Group(group.group_id));
        }
        assert_eq!(
            ticket.outcome().await,
            SendOutcome::Delivered {
                confirmed: Some(2),
                unconfirmed: Some(0),
                offline: Some(0),
                stored: Some(0)
            }
        );
    })
    .await;
}

#[tokio::test]
async fn broadcast_arrives() {
    within(async {
        let (_env, server) = TestEnv::with_server().await;
        let (ada, bob, eve) =
            (online(&server, "ada").await, online(&server, "bob").await, online(&server, "eve").await);
        let ticket = send(&ada, "BROADCAST", "hello world");
        for client in [&bob, &eve] {
            let message = message(client).await;
            assert_eq!((message.text.as_str(), message.recipient), ("hello world", Recipient::Broadcast));
        }
        assert_eq!(ticket.outcome().await, SendOutcome::Sent);
    })
    .await;
}

#[tokio::test]
async fn events_keep_their_order() {
    const MESSAGES: usize = 300;
    within(async {
        let (_env, server) = TestEnv::with_server().await;
        let (ada, bob) = (online(&server, "ada").await, online(&server, "bob").await);
        for n in 0..MESSAGES {
            send(&ada, "bob", &n.to_string());
        }
        for n in 0..MESSAGES {
            assert_eq!(text(&bob).await, n.to_string());
        }
    })
    .await;
}

#[tokio::test]
async fn burst_of_10000_events_arrives() {
    const MESSAGES: usize = 10_000;
    within(async {
        let (_env, server) = TestEnv::with_server().await;
        let (ada, bob) = (online(&server, "ada").await, online(&server, "bob").await);
        let sends = async {
            let mut sent = 0;
            while sent < MESSAGES {
                match ada.send("bob", &sent.to_string()).submit() {
                    Ok(_) => sent += 1,
                    // Outcomes free room in the queue.
                    Err(full) if full.kind() == ErrorKind::QueueFull => {
                        ada.next_events(1_024, BOUND).await.unwrap();
                    }
                    Err(other) => panic!("{other}"),
                }
            }
        };
        let receives = async {
            let mut received = 0;
            while received < MESSAGES {
                for event in bob.next_events(64, BOUND).await.unwrap() {
                    if let Event::Message(message) = event {
                        assert_eq!(message.text, received.to_string());
                        received += 1;
                    }
                }
            }
        };
        tokio::join!(sends, receives);
    })
    .await;
}

#[tokio::test]
async fn invalid_arguments_are_refused() {
    within(async {
        let (_env, server) = TestEnv::with_server().await;
        let ada = online(&server, "ada").await;
        let long = "x".repeat(ada.limits().max_text_bytes + 1);
        for (to, text) in [
            ("", "hello"),
            ("Not A Name", "hello"),
            ("group:1", "hello"),
            ("SERVER", "hello"),
            ("bob", ""),
            ("bob", &long),
        ] {
            let refused = ada.send(to, text).submit().unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::InvalidArgument, "{to}: {refused}");
        }
        assert!(Attachment::new(AttachmentKind::File, "ftp://example.org/file").is_err());
        for (command, parameters) in [("lower case", "{}"), ("GET_SETTINGS", "[]"), ("GET_SETTINGS", "{")] {
            let refused = ada.command(command, parameters).await.unwrap_err();
            assert_eq!(
                (refused.kind(), refused.code()),
                (ErrorKind::InvalidArgument, code::INVALID_ARGUMENT)
            );
        }
        assert_eq!(ada.ping("No One").await.unwrap_err().kind(), ErrorKind::InvalidArgument);
        assert_eq!(ada.next_events(0, BOUND).await.unwrap_err().kind(), ErrorKind::InvalidArgument);
        for url in ["", "no url", "ftp://example.org", "https://user@example.org", "https://example.org/?a=b"]
        {
            assert_eq!(Config::new(url).unwrap_err().code(), code::INVALID_ARGUMENT, "{url}");
        }
        assert_eq!((ada.stats().messages_sent, ada.stats().waiting), (0, 0));
        assert_eq!(ada.stats().payloads_sent, 1, "the authentication and nothing more");
    })
    .await;
}

#[tokio::test]
async fn sent_message_arrives() {
    const MESSAGES: usize = 150;
    within(async {
        let (_env, server) = TestEnv::with_strict_server().await;
        let carl = online(&server, "carl").await;
        let (one, two) = (online(&server, "ada").await, online(&server, "ada").await);
        let mut tickets = Vec::new();
        for n in 0..MESSAGES {
            for device in [&one, &two] {
                tickets.push(device.send("carl", &n.to_string()).confirm(false).submit().unwrap());
            }
        }
        let mut seen = Vec::new();
        while seen.len() < tickets.len() {
            seen.push(text(&carl).await.parse::<usize>().unwrap());
        }
        for ticket in tickets {
            assert_eq!(ticket.outcome().await, SendOutcome::Sent);
        }
        seen.sort_unstable();
        assert_eq!(seen, (0..2 * MESSAGES).map(|n| n / 2).collect::<Vec<_>>());
    })
    .await;
}

#[tokio::test]
async fn untaken_message_is_not_delivered() {
    within(async {
        let (_env, server) = TestEnv::with_server().await;
        let (ada, bob) = (online(&server, "ada").await, online(&server, "bob").await);
        let ticket = send(&ada, "bob", "not taken yet");
        // Far longer than confirmations are delayed. The answer to the ping shows that the message has arrived.
        let still_open = async {
            let early = timeout(Duration::from_millis(700), ticket.outcome()).await;
            assert!(early.is_err(), "{early:?}");
            ada.ping("bob").await.unwrap();
        };
        still_open.await;
        let mut fetched = 0;
        while fetched == 0 {
            let batch = bob.fetch_events(1, BOUND).await.unwrap();
            if matches!(batch.events[..], [Event::Message { .. }]) {
                fetched = batch.first;
            }
        }
        let early = timeout(Duration::from_millis(700), ticket.outcome()).await;
        assert!(early.is_err(), "fetched is not taken: {early:?}");
        bob.confirm_taken(fetched);
        assert_eq!(ticket.outcome().await, DELIVERED);
    })
    .await;
}

#[tokio::test]
async fn sender_may_take_no_events() {
    const MESSAGES: usize = 1_300;
    within(async {
        let (_env, server) = TestEnv::with_server().await;
        let (ada, bob) = (online(&server, "ada").await, online(&server, "bob").await);
        let taker = tokio::spawn(async move {
            for n in 0..MESSAGES {
                assert_eq!(text(&bob).await, n.to_string());
            }
        });
        let mut sent = 0;
        while sent < MESSAGES {
            let batch: Vec<_> =
                (sent..MESSAGES).take(100).map(|n| send(&ada, "bob", &n.to_string())).collect();
            sent += batch.len();
            for ticket in batch {
                assert_eq!(ticket.outcome().await, DELIVERED);
            }
        }
        taker.await.unwrap();
        ada.ping("SERVER").await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn longest_timeout_is_accepted() {
    within(async {
        let (_env, server) = TestEnv::with_server().await;
        let endless = with(server.config().clone(), |config| {
            config.connect_timeout = Duration::MAX;
            config.request_timeout = Duration::MAX;
            config.send_timeout = Duration::MAX;
        });
        let (ada, bob) =
            (online(&Server::with_config(endless).unwrap(), "ada").await, online(&server, "bob").await);
        for timeout in [None, Some(Duration::MAX)] {
            let ticket = ada.send("bob", "no hurry").timeout(timeout).submit().unwrap();
            let events = bob.next_events(64, Duration::MAX).await.unwrap();
            let taken = events.iter().any(|event| matches!(event, Event::Message { .. }));
            if !taken {
                assert_eq!(text(&bob).await, "no hurry");
            }
            assert_eq!(ticket.outcome().await, DELIVERED);
        }
        ada.ping("SERVER").await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn reply_names_its_message() {
    within(async {
        let (_env, server) = TestEnv::with_server().await;
        let (ada, bob) = (online(&server, "ada").await, online(&server, "bob").await);
        let green = JsonObject::parse(r#"{"colour":"green"}"#).unwrap();
        let asked = ada.send("bob", "question").metadata(green).submit();
        let received = message(&bob).await;
        assert_eq!(received.metadata.get("ack"), Some("true"));
        // The received metadata, with the message that this one replies to.
        let metadata = received.metadata.with("inReplyTo", &received.payload_id).unwrap();
        let reply = bob.send("ada", "answer").metadata(metadata).submit().unwrap();
        let answer = message(&ada).await;
        let named: PayloadId = serde_json::from_str(answer.metadata.get("inReplyTo").unwrap()).unwrap();
        assert_eq!(named, received.payload_id);
        assert_eq!(answer.metadata.get("colour"), Some(r#""green""#));
        assert_eq!(reply.outcome().await, DELIVERED);
        assert_eq!(asked.unwrap().outcome().await, DELIVERED);
        let wrong = JsonObject::parse(r#"{"inReplyTo":7}"#).unwrap();
        let refused = bob.send("ada", "answer").metadata(wrong).submit().unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidArgument);
    })
    .await;
}

/// A Rust `String` is always valid text, but JSON in it may not be.
#[tokio::test]
async fn invalid_text_is_refused() {
    within(async {
        let (_env, server) = TestEnv::with_server().await;
        let (ada, bob) = (online(&server, "ada").await, online(&server, "bob").await);
        for bad in [r#"{"half":"\ud83d"}"#, r#"{"number":NaN}"#, r#"{"number":Infinity}"#, "[]", "{"] {
            JsonObject::parse(bad).unwrap_err();
            let refused = ada.command("LIST_GROUPS", bad).await.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::InvalidArgument, "{bad}");
        }
        let ticket = send(&ada, "bob", "x \u{1f642} y");
        assert_eq!(text(&bob).await, "x \u{1f642} y");
        assert_eq!(ticket.outcome().await, DELIVERED);
    })
    .await;
}

#[tokio::test]
async fn reserved_names_are_refused_as_recipients() {
    within(async {
        let (_env, server) = TestEnv::with_server().await;
        let ada = online(&server, "ada").await;
        for (name, hint) in [
            ("broadcast", "BROADCAST is written in capitals"),
            ("server", "SERVER is written in capitals"),
            ("admin", "reserved"),
            ("SERVER", "cannot go to SERVER"),
        ] {
            let refused = ada.send(name, "x").submit().unwrap_err();
            assert_eq!((refused.kind(), refused.code()), (ErrorKind::InvalidArgument, "INVALID_RECIPIENT"));
            assert!(refused.reason().contains(hint), "{refused}");
        }
    })
    .await;
}
