//! Waiting for events.

use callie_client::{Client, Closed, ConnectionState, Event, Message};
use callie_core::{Notice, SysCode};

use crate::bed::BOUND;

/// Waits for the next event.
pub(crate) async fn next(client: &Client) -> Event {
    client.next_events(1, BOUND).await.unwrap().pop().expect("an event in time")
}

/// Waits for an event for which `wanted` returns a value, and discards others.
pub(crate) async fn first<T>(client: &Client, wanted: impl Fn(Event) -> Option<T>) -> T {
    loop {
        if let Some(found) = wanted(next(client).await) {
            return found;
        }
    }
}

/// Waits for the next message.
pub(crate) async fn message(client: &Client) -> Message {
    first(client, |event| match event {
        Event::Message(message) => Some(message),
        _ => None,
    })
    .await
}

/// Waits for the next message and returns its text.
pub(crate) async fn text(client: &Client) -> String {
    message(client).await.text
}

/// Waits for the next notice with this code.
pub(crate) async fn notice(client: &Client, code: SysCode) -> Notice {
    first(client, |event| match event {
        Event::Notice(notice) if notice.code() == code => Some(*notice),
        _ => None,
    })
    .await
}

/// Waits for a state that `wanted` accepts.
pub(crate) async fn state(client: &Client, wanted: impl Fn(&ConnectionState) -> bool) -> ConnectionState {
    first(client, |event| match event {
        Event::ConnectionChanged(state) if wanted(&state) => Some(state),
        _ => None,
    })
    .await
}

pub(crate) fn is_online(state: &ConnectionState) -> bool {
    matches!(state, ConnectionState::Online { .. })
}

/// Waits for the last event.
pub(crate) async fn closed(client: &Client) -> Closed {
    first(client, |event| match event {
        Event::Closed(closed) => Some(closed),
        _ => None,
    })
    .await
}
