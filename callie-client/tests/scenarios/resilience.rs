//! Broken connections, killed servers, ended sessions, suspended clients.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use callie_client::{
    BoxError, Client, ConnectionState, ErrorKind, SendOutcome, Server, Ticket, TokenSource, code,
};
use callie_core::{SysCode, Token};
use tokio::runtime::Handle;

use crate::bed::{BOUND, PASSWORD, TestEnv, online, user, within};
use crate::events::{closed, is_online, notice, state, text};

const DELIVERED: SendOutcome =
    SendOutcome::Delivered { confirmed: Some(1), unconfirmed: Some(0), offline: Some(0), stored: Some(0) };

fn send(client: &Client, to: &str, text: &str) -> Ticket {
    client.send(to, text).submit().unwrap()
}

#[tokio::test]
async fn cut_connection_loses_nothing() {
    within(async {
        let (mut env, server) = TestEnv::with_server().await;
        let direct = env.direct().await;
        let (ada, bob) = (online(&server, "ada").await, online(&direct, "bob").await);
        let before = send(&ada, "bob", "before");
        assert_eq!(text(&bob).await, "before");
        assert_eq!(before.outcome().await, DELIVERED);
        env.ask("hold").await;
        let tickets = ["one", "two", "three"].map(|text| send(&ada, "bob", text));
        env.ask("cut").await;
        let waiting = state(&ada, |state| matches!(state, ConnectionState::Waiting { .. })).await;
        assert!(matches!(waiting, ConnectionState::Waiting { close_code: 1006, .. }), "{waiting:?}");
        env.ask("release").await;
        state(&ada, is_online).await;
        let after = send(&ada, "bob", "after");
        for expected in ["one", "two", "three", "after"] {
            assert_eq!(text(&bob).await, expected);
        }
        for ticket in tickets.into_iter().chain([after]) {
            assert_eq!(ticket.outcome().await, DELIVERED);
        }
        assert!(ada.stats().reconnects >= 1);
    })
    .await;
}

#[tokio::test]
async fn lost_connection_is_resumed() {
    within(async {
        let (mut env, server) = TestEnv::with_server().await;
        let (ada, bob) = (online(&server, "ada").await, online(&env.direct().await, "bob").await);
        env.ask("refuse").await;
        env.ask("cut").await;
        state(&ada, |state| matches!(state, ConnectionState::Waiting { .. })).await;
        let tickets = ["one", "two", "three"].map(|text| send(&bob, "ada", text));
        env.ask("accept").await;
        let back = state(&ada, is_online).await;
        assert!(matches!(back, ConnectionState::Online { resumed: true, .. }), "{back:?}");
        for expected in ["one", "two", "three"] {
            assert_eq!(text(&ada).await, expected);
        }
        for ticket in tickets {
            assert_eq!(ticket.outcome().await, DELIVERED);
        }
        ada.suspend().unwrap();
        ada.resume().unwrap();
        let again = state(&ada, is_online).await;
        assert!(matches!(again, ConnectionState::Online { resumed: false, .. }), "{again:?}");
        assert_eq!((ada.stats().reconnects, ada.stats().resumed), (2, 1));
    })
    .await;
}

#[tokio::test]
async fn client_reconnects_to_restarted_server() {
    within(async {
        let (mut env, server) = TestEnv::with_server().await;
        let ada = online(&server, "ada").await;
        env.ask("kill").await;
        state(&ada, |state| matches!(state, ConnectionState::Waiting { .. })).await;
        env.ask("start").await;
        state(&ada, is_online).await;
        ada.ping("SERVER").await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn message_sent_offline_arrives_later() {
    within(async {
        let (mut env, server) = TestEnv::with_server().await;
        let ada = Client::new(&user(&server, "ada").await).unwrap();
        let bob = online(&server, "bob").await;
        let early = send(&ada, "bob", "before the first connection");
        ada.start().unwrap();
        assert_eq!(text(&bob).await, "before the first connection");
        assert_eq!(early.outcome().await, DELIVERED);
        env.ask("kill").await;
        state(&ada, |state| matches!(state, ConnectionState::Waiting { .. })).await;
        // Sent to oneself, so that no other user must reconnect first.
        let late = send(&ada, "ada", "while the server is away");
        env.ask("start").await;
        assert_eq!(text(&ada).await, "while the server is away");
        assert_eq!(late.outcome().await, DELIVERED);
    })
    .await;
}

#[tokio::test]
async fn deadline_ends_a_ticket() {
    within(async {
        let (_env, server) = TestEnv::with_server().await;
        let ada = Client::new(&user(&server, "ada").await).unwrap();
        let outcome = ada.send("bob", "too late").timeout(Duration::from_millis(50)).await.unwrap();
        let SendOutcome::Failed(failure) = outcome else { panic!("{outcome:?}") };
        assert_eq!(failure.code, code::EXPIRED);
        assert_eq!(ada.stats().waiting, 0);
    })
    .await;
}

#[tokio::test]
async fn revoked_session_ends_the_client() {
    within(async {
        let (mut env, server) = TestEnv::with_server().await;
        let ada = online(&server, "ada").await;
        env.ask("revoke ada").await;
        notice(&ada, SysCode::SessionRevoked).await;
        let end = closed(&ada).await;
        assert_eq!((end.close_code, end.code.as_str()), (4501, "SESSION_REVOKED"));
        assert_eq!(ada.next_events(1, BOUND).await.unwrap_err().kind(), ErrorKind::Closed);
        assert_eq!(ada.state(), ConnectionState::Closed);
    })
    .await;
}

/// Logs in again, and records the reason.
struct Again {
    server: Server,
    runtime: Handle,
    asked: Mutex<Vec<(String, String)>>,
}

impl TokenSource for Again {
    fn token(&self, username: &str, reason: &str) -> Result<Token, BoxError> {
        self.asked.lock().unwrap().push((username.to_owned(), reason.to_owned()));
        let session = self.runtime.block_on(self.server.login(username, PASSWORD, None))?;
        Ok(session.token().clone())
    }
}

#[tokio::test]
async fn token_is_refreshed() {
    within(async {
        let (mut env, server) = TestEnv::with_server().await;
        let ada = online(&server, "ada").await;
        state(&ada, is_online).await;
        let source = Arc::new(Again { server, runtime: Handle::current(), asked: Mutex::default() });
        ada.set_token_source(Some(source.clone()));
        env.ask("revoke ada").await;
        state(&ada, is_online).await;
        ada.ping("SERVER").await.unwrap();
        // The credentials have the new token, which can be used to log out.
        let session = ada.credentials().unwrap();
        assert_eq!(source.server.sessions(&session).await.unwrap().len(), 1);
        // The logout is another reason to ask.
        let asked = source.asked.lock().unwrap().clone();
        assert_eq!(asked, [("ada".to_owned(), "SESSION_REVOKED".to_owned())]);
        source.server.logout(&session).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn suspended_client_resumes() {
    within(async {
        let (_env, server) = TestEnv::with_server().await;
        let session = user(&server, "ada").await;
        let (ada, bob) = (Client::open(&session).await.unwrap(), online(&server, "bob").await);
        ada.suspend().unwrap();
        state(&ada, |state| *state == ConnectionState::Suspended).await;
        let kept = send(&ada, "bob", "for later");
        ada.resume().unwrap();
        state(&ada, is_online).await;
        assert_eq!(text(&bob).await, "for later");
        assert_eq!(kept.outcome().await, DELIVERED);
        assert_eq!(ada.stats().reconnects, 1);
    })
    .await;
}

#[tokio::test]
async fn suspend_and_connect_in_any_order() {
    within(async {
        let (mut env, server) = TestEnv::with_server().await;
        let ada = Arc::new(Client::new(&user(&server, "ada").await).unwrap());
        env.ask("hold").await;
        let waits = tokio::spawn({
            let ada = Arc::clone(&ada);
            async move { ada.connect().await }
        });
        state(&ada, |state| *state == ConnectionState::Connecting).await;
        ada.suspend().unwrap();
        assert_eq!(waits.await.unwrap().unwrap_err().code(), code::SUSPENDED);
        env.ask("release").await;
        for _ in 0..20 {
            ada.connect().await.unwrap();
            assert!(is_online(&ada.state()));
            ada.suspend().unwrap();
            assert_eq!(ada.state(), ConnectionState::Suspended);
        }
        ada.resume().unwrap();
        state(&ada, is_online).await;
        ada.connect().await.unwrap();
        ada.ping("SERVER").await.unwrap();
    })
    .await;
}
