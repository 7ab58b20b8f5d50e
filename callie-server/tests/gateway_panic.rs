//! A panic in the task of a connection ends only that connection.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod chat;
mod support;

use chat::start;
use sqlx::{Connection as _, Executor as _};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt as _};

/// The log line of a database failure while a connection is served.
const WRITTEN: &str = "cannot look up a recipient";

/// A logger that panics when it is given [`WRITTEN`], in the task of the connection. The server itself has no code that
/// a test could make panic.
struct PanickingLog;

impl<S: Subscriber> Layer<S> for PanickingLog {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        event.record(&mut PanicOn);
    }
}

struct PanicOn;

impl Visit for PanicOn {
    fn record_debug(&mut self, _: &Field, value: &dyn std::fmt::Debug) {
        assert!(!format!("{value:?}").contains(WRITTEN), "as the test wants it");
    }
}

#[tokio::test]
async fn panic_ends_only_its_connection() {
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(PanickingLog)).unwrap();
    let chat = start().await;
    let (mut ada, mut bob, mut eve) =
        (chat.user("ada").await, chat.user("bob").await, chat.user("eve").await);
    let mut database = sqlx::SqliteConnection::connect(&chat.database.url).await.unwrap();
    database.execute("ALTER TABLE users RENAME TO elsewhere").await.unwrap();
    let message = eve.message("nobody", "this one is looked up");
    eve.send(&message).await;
    // There is no answer and no close frame, because the task has ended.
    assert!(matches!(eve.raw().await, None | Some(Err(_))));
    database.execute("ALTER TABLE elsewhere RENAME TO users").await.unwrap();
    // Other connections continue, and the user can reconnect.
    let message = ada.message("bob", "did you hear that?");
    ada.send(&message).await;
    bob.msg("did you hear that?").await;
    let message = bob.message("eve", "are you there?");
    bob.answered(&message, "RECIPIENT_OFFLINE").await;
    assert_eq!(chat.server.gateway().connections(), 2);
    let login = chat.login("eve").await;
    let mut eve = chat.connect(&login).await;
    let message = ada.message("eve", "welcome back");
    ada.send(&message).await;
    eve.msg("welcome back").await;
}
