//! Servers that send garbage or false replies, stay silent, or close: each is survived or results in a typed error.

use std::time::Duration;

use callie_client::{Client, ConnectionState, ErrorKind, Event, SendOutcome, Server};
use callie_core::SysCode;
use callie_core::command::PageLimit;

use crate::bed::{BOUND, PASSWORD, TestEnv, within};
use crate::events::{next, notice, text};

/// How long these clients wait for a server that may never answer.
const SHORT: Duration = Duration::from_millis(300);

#[tokio::test]
async fn garbage_is_survived() {
    within(async {
        let mut env = TestEnv::new().await;
        let ada = Client::open(&env.hostile("garbage", BOUND).await).await.unwrap();
        let mut seen = Vec::new();
        loop {
            match next(&ada).await {
                Event::ConnectionChanged(_) => {}
                Event::Unreadable(fault) => seen.push(fault.code().to_string()),
                Event::Unknown(_) => seen.push("unknown".to_owned()),
                Event::Message(message) => {
                    assert_eq!(message.text, "still here");
                    break;
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(seen, ["INVALID_JSON", "MISSING_FIELD", "INVALID_JSON", "unknown"]);
        ada.ping("SERVER").await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn lying_server_is_survived() {
    within(async {
        let mut env = TestEnv::new().await;
        let ada = Client::open(&env.hostile("liar", BOUND).await).await.unwrap();
        assert_eq!(text(&ada).await, "once");
        ada.ping("SERVER").await.unwrap();
        assert_eq!((ada.stats().messages_received, ada.stats().duplicates), (1, 1));
        let refused = ada.list_groups(PageLimit::default(), None).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::BadAnswer);
        let sent = ada.send("bob", "hello").submit().unwrap();
        notice(&ada, SysCode::Delivered).await;
        ada.ping("SERVER").await.unwrap();
        // The false DELIVERED has no effect: the message has no outcome until the end.
        assert_eq!(ada.stats().waiting, 1);
        ada.disconnect().await;
        assert_eq!(sent.outcome().await, SendOutcome::Unconfirmed);
    })
    .await;
}

#[tokio::test]
async fn silent_server_times_out() {
    within(async {
        let mut env = TestEnv::new().await;
        let session = env.hostile("silent", SHORT).await;
        let server = Server::with_config(session.config().clone()).unwrap();
        let refused = server.login("ada", PASSWORD, None).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::TimedOut);
        let client = Client::new(&session).unwrap();
        assert_eq!(client.connect().await.unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!(client.state(), ConnectionState::Suspended);
    })
    .await;
}

#[tokio::test]
async fn close_at_every_step_is_an_error() {
    within(async {
        let mut env = TestEnv::new().await;
        for step in [
            "close-on-accept",
            "close-in-upgrade",
            "close-after-upgrade",
            "close-after-authenticate",
            "close-in-frame",
        ] {
            let client = Client::new(&env.hostile(step, BOUND).await).unwrap();
            let refused = client.connect().await.unwrap_err();
            assert!(
                matches!(refused.kind(), ErrorKind::Unreachable | ErrorKind::BadAnswer),
                "{step}: {refused:?}"
            );
            assert_eq!(client.state(), ConnectionState::Suspended, "{step}");
        }
    })
    .await;
}
