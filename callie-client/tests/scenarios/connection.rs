//! Connecting: trust, states and statistics.

use callie_client::{Client, Config, ConnectionState, Credentials, ErrorKind, Event, Server, code};
use callie_core::Limits;

use crate::bed::{BOUND, PASSWORD, TestEnv, online, user, within};
use crate::configs::with;
use crate::events::{closed, next, text};

#[tokio::test]
async fn connects_and_authenticates() {
    within(async {
        let (_env, server) = TestEnv::with_server().await;
        let client = Client::new(&user(&server, "ada").await).unwrap();
        assert_eq!(client.state(), ConnectionState::Suspended);
        client.connect().await.unwrap();
        let ConnectionState::Online { expires_at: Some(_), limits, resumed: false } = client.state() else {
            panic!("{:?}", client.state())
        };
        assert_eq!(limits, client.limits());
        assert_eq!(limits.max_text_bytes, Limits::default().max_text_bytes);
        assert_eq!(*client.username(), "ada");
        client.connect().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn invalid_token_is_refused() {
    within(async {
        let (_env, server) = TestEnv::with_server().await;
        let session = user(&server, "ada").await;
        server.logout(&session).await.unwrap();
        let client = Client::new(&session).unwrap();
        let refused = client.connect().await.unwrap_err();
        assert_eq!((refused.kind(), refused.code()), (ErrorKind::Refused, "AUTH_FAILED"));
        let end = closed(&client).await;
        assert_eq!((end.close_code, end.code.as_str()), (4501, "AUTH_FAILED"));
        assert_eq!(client.state(), ConnectionState::Closed);
    })
    .await;
}

#[tokio::test]
async fn unused_port_is_unreachable() {
    within(async {
        let url = TestEnv::new().await.ask("nobody").await;
        let server = Server::new(&url).unwrap();
        let refused = server.login("ada", PASSWORD, None).await.unwrap_err();
        assert_eq!((refused.kind(), refused.code()), (ErrorKind::Unreachable, code::UNREACHABLE));
        let session = Credentials::new(server.config().clone(), "ada", "token").unwrap();
        let client = Client::new(&session).unwrap();
        let refused = client.connect().await.unwrap_err();
        assert_eq!((refused.kind(), refused.code()), (ErrorKind::Unreachable, code::UNREACHABLE));
        assert_eq!(client.state(), ConnectionState::Suspended, "it is not trying any more");
    })
    .await;
}

/// Starts a server with TLS. Returns its configuration, its root in PEM and the pin of its key.
async fn tls(env: &mut TestEnv) -> (Config, String, [u8; 32]) {
    let answer = env.ask("tls").await;
    let [url, root, pin] = answer.split(' ').collect::<Vec<_>>()[..] else { panic!("{answer}") };
    let pin: Vec<u8> =
        (0..pin.len()).step_by(2).map(|at| u8::from_str_radix(&pin[at..at + 2], 16).unwrap()).collect();
    (Config::new(url).unwrap(), std::fs::read_to_string(root).unwrap(), pin.try_into().unwrap())
}

/// Checks that logging in and connecting fail.
async fn is_not_trusted(config: Config) {
    let session = Credentials::new(config.clone(), "ada", "token").unwrap();
    let refused = Server::with_config(config).unwrap().login("ada", PASSWORD, None).await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Unreachable, code::TLS_FAILED));
    let refused = Client::open(&session).await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Unreachable, code::TLS_FAILED));
}

#[tokio::test]
async fn wrong_certificate_is_refused() {
    within(async {
        let mut env = TestEnv::new().await;
        let (config, ..) = tls(&mut env).await;
        is_not_trusted(config).await;
    })
    .await;
}

#[tokio::test]
async fn extra_root_is_trusted() {
    within(async {
        let mut env = TestEnv::new().await;
        let (config, root, _) = tls(&mut env).await;
        for bundled_roots in [true, false] {
            let config = with(config.clone(), |config| {
                config.extra_roots = vec![root.clone()];
                config.bundled_roots = bundled_roots;
            });
            let client = online(&Server::with_config(config).unwrap(), "ada").await;
            client.ping("SERVER").await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn unreadable_root_is_refused() {
    within(async {
        let mut env = TestEnv::new().await;
        let (config, root, _) = tls(&mut env).await;
        let cut = "-----BEGIN CERTIFICATE-----\nAAAA\n".to_owned();
        let refused =
            Server::with_config(with(config, |config| config.extra_roots = vec![root, cut])).unwrap_err();
        assert_eq!((refused.kind(), refused.code()), (ErrorKind::InvalidArgument, code::INVALID_ARGUMENT));
        assert!(refused.reason().contains("block 1 of extra root 2"), "{refused}");
    })
    .await;
}

#[tokio::test]
async fn pinned_key_is_required() {
    within(async {
        let mut env = TestEnv::new().await;
        let (config, root, pin) = tls(&mut env).await;
        let config = with(config, |config| config.extra_roots = vec![root]);
        let pinned = with(config.clone(), |config| config.pins = vec![[0; 32], pin]);
        online(&Server::with_config(pinned).unwrap(), "ada").await.ping("SERVER").await.unwrap();
        is_not_trusted(with(config, |config| config.pins = vec![[0; 32]])).await;
    })
    .await;
}

#[tokio::test]
async fn states_are_reported_in_order() {
    within(async {
        let (_env, server) = TestEnv::with_server().await;
        let client = Client::new(&user(&server, "ada").await).unwrap();
        client.start().unwrap();
        let event = next(&client).await;
        assert!(matches!(event, Event::ConnectionChanged(ConnectionState::Connecting)), "{event:?}");
        let event = next(&client).await;
        assert!(matches!(event, Event::ConnectionChanged(ConnectionState::Online { .. })), "{event:?}");
        client.disconnect().await;
        let Event::Closed(end) = next(&client).await else { panic!("not the end") };
        assert_eq!((end.close_code, end.code.as_str()), (1000, code::DISCONNECTED));
        let over = client.next_events(1, BOUND).await.unwrap_err();
        assert_eq!(over.kind(), ErrorKind::Closed);
    })
    .await;
}

#[tokio::test]
async fn statistics_count() {
    within(async {
        let (mut env, server) = TestEnv::with_server().await;
        let direct = env.direct().await;
        let (ada, bob) = (online(&server, "ada").await, online(&direct, "bob").await);
        for n in 0..3 {
            let ticket = ada.send("bob", &n.to_string()).submit().unwrap();
            assert_eq!(text(&bob).await, n.to_string());
            ticket.outcome().await;
        }
        let (sent, received) = (ada.stats(), bob.stats());
        assert_eq!((sent.messages_sent, sent.messages_received), (3, 0));
        assert_eq!((received.messages_sent, received.messages_received), (0, 3));
        assert_eq!((sent.connects, sent.reconnects, sent.waiting, received.duplicates), (1, 0, 0, 0));
        assert!(sent.payloads_sent >= 4 && sent.payloads_received >= 4, "{sent:?}");
        assert!(received.payloads_received >= 4 && received.payloads_sent >= 2, "{received:?}");
        // Every payload is at least as long.
        let least = |payloads: u64| payloads * 150;
        assert!(sent.bytes_sent > least(4) && sent.bytes_received > least(4), "{sent:?}");
        env.ask("cut").await;
        while ada.stats().connects < 2 {
            next(&ada).await;
        }
        assert_eq!(ada.stats().reconnects, 1);
    })
    .await;
}
