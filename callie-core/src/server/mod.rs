//! The server's side of one connection as a state machine without I/O, clock or randomness: the mirror of
//! [`session`](crate::session).
//!
//! A [`Handshake`] takes the first payload of a connection. Once its token and sender are verified it becomes a
//! [`Connection`], which checks every further payload in the order of the protocol (validity, token, sender, rate,
//! duplicate, route) and returns an [`Action`]. What the connections of one user share is a [`UserState`], or the
//! server's own [`SharedState`], and is handed in with each payload; so the server decides how it is locked. A server
//! whose connections are all behind one lock has them in a [`Hub`], which also passes payloads on from one to the
//! other. Answers are made from the payload that they answer, by its [`Reply`]; a connection ends with a
//! [`CloseReason`].
//!
//! # Contract
//!
//! - `now` is the time since a fixed moment. The moment is the same for all connections of a user, and the time must
//!   not
//!   decrease.
//! - After every call the server writes the texts of [`Connection::poll`], in their order, before anything else that is
//!   queued for the connection. It calls [`Connection::wake`] at the [`Connection::deadline`].
//! - An [`Answer`] is written through [`Connection::answer`], or directly behind [`Connection::report_before`]: a
//!   payload
//!   that was dropped for its rate is named before any later payload is answered.
//! - A connection on which `resume` is in force outlives its WebSocket: [`Connection::go_away`] and
//!   [`Connection::resume`]. Meanwhile the server keeps what is addressed to it. Each text that the server writes itself
//!   is passed to [`Connection::count_written`].
//! - A written payload with a request for confirmation is passed to [`Connection::written`] with a receipt of the
//!   server's
//!   choice, which [`Action::Confirm`] returns. [`Delivery`] counts the receipts of one message.
//!
//! # A connection from its first payload to its end
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//! use std::hash::RandomState;
//! use callie_core::server::{
//!     Action, CloseReason, Connection, Handshake, Identity, PayloadKeys, ServerConfig, UserState,
//! };
//! use callie_core::{PayloadId, SessionId, EnvelopeIds, Timestamp, Username};
//!
//! let config = Arc::new(ServerConfig::new(PayloadKeys::new(RandomState::new())));
//! let mut now = Duration::ZERO;
//! let envelope_ids = || EnvelopeIds { payload_id: PayloadId::parse("s1").unwrap(), timestamp: Timestamp::UNIX_EPOCH };
//! let payload = |kind: &str, to: &str, content: &str, id: &str| format!(
//!     r#"{{"token":"t","sender":"ada","recipient":"{to}","timestamp":"2026-01-02T03:04:05.678Z","type":"{kind}",
//!         "content":{content},"payloadID":"{id}","payloadVersion":"1.0"}}"#
//! );
//!
//! // The first payload names a token and a sender, which the server looks up.
//! let first = payload("CMD", "SERVER", r#"{"command":"AUTHENTICATE","parameters":{}}"#, "p1");
//! let authentication = Handshake::new(now, config.clone()).receive(&first).unwrap();
//! assert_eq!(authentication.token(), "t");
//! let ada = Identity::new(Username::parse("ada")?, SessionId::parse("s")?, Timestamp::UNIX_EPOCH);
//! let verified = authentication.verify(Some(ada)).unwrap();
//! let mut user = UserState::new(&config.limits);
//! let (mut connection, _) = Connection::<()>::open(now, verified, Box::new(envelope_ids), &mut user);
//! assert!(connection.poll(now).unwrap().contains("AUTHENTICATED"));
//!
//! // Delivers a message, and answers its sender with the outcome.
//! now += Duration::from_secs(1);
//! let text = payload("MSG", "bob", r#"{"messageID":"m1","text":"Hello"}"#, "p2");
//! let Action::Deliver(accepted) = connection.receive(now, &text, &mut user) else { unreachable!() };
//! let answer = connection.reply(&accepted).refuse(callie_core::SysCode::RecipientOffline, envelope_ids());
//! connection.answer(now, answer);
//! assert!(connection.poll(now).unwrap().contains("RECIPIENT_OFFLINE"));
//!
//! // The end.
//! let closing = connection.close(now, CloseReason::shutting_down(Duration::from_secs(2)));
//! assert!(closing.last.unwrap().contains("SERVER_SHUTDOWN"));
//! assert_eq!(closing.code, 1001);
//! # Ok::<(), callie_core::NameError>(())
//! ```
//!
//! # Files
//!
//! - `config`: limits and times
//! - `handshake`: the first payload
//! - `connection`: the state machine; `action` is what it returns
//! - `reply`: answers to payloads
//! - `close`: the end of a connection
//! - `dropped`, `strikes`, `heartbeat`, `pending_acks`: the parts of a connection's state
//! - `user`: what the connections of a user share, with `rates` and `recent`
//! - `resumption`, `written`: what is kept so that a lost connection can be resumed; `resuming` is the
//!   request for that, and `moved` the same for another process
//! - `delivery`: the confirmations of one message
//! - `hub`: all of it together, for a server of one process

mod action;
mod close;
mod config;
mod connection;
mod delivery;
mod dropped;
mod handshake;
mod heartbeat;
mod hub;
mod moved;
mod pending_acks;
mod rates;
mod recent;
mod reply;
mod resuming;
mod resumption;
mod strikes;
mod user;
mod written;

pub use action::{Accepted, Action};
pub use close::{CloseReason, Closing};
pub use config::{ServerConfig, Times};
pub use connection::{Connection, EnvelopeIdSource};
pub use delivery::{Delivery, DeliveryCounts, Part};
pub use handshake::{Authentication, Greeting, Handshake, Identity, Verified};
pub use hub::{ConnectionId, Hub, Outgoing, Output, Request, Requester};
pub use moved::MovedConnection;
pub use rates::{BucketKind, Rates};
pub use recent::{PayloadKey, PayloadKeys, RecentPayloads, Remembered};
pub use reply::{Answer, Reply};
pub use resuming::Resuming;
pub use user::{Admission, Denied, SharedState, UserState};
pub use written::{Text, WrittenTexts};
