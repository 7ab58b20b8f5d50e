//! The Callie protocol as values and state machines: payloads, how to build and how to check them. No I/O, no clock, no
//! runtime.
//!
//! A server receives [`PayloadRef`]s, asks [`route`] where they go, and answers with [`Notice`]s. A client builds
//! [`Payload`]s and reads [`PayloadRef`]s and [`Notice`]s. Both agree on [`command`]s, [`account`]s, [`Limits`] and
//! codes because they are defined only here. "Protocol" in this documentation is `docs/protocol.md` of the project.
//!
//! # Build a payload
//!
//! The caller provides clock and randomness, in a [`EnvelopeIds`]. An invalid payload cannot be built.
//!
//! ```
//! use callie_core::{Content, Message, MessageId, Payload, PayloadId, Recipient, Sender, EnvelopeIds, Timestamp, Username};
//!
//! let ids = EnvelopeIds { payload_id: PayloadId::parse("p1")?, timestamp: Timestamp::parse("2026-01-02T03:04:05.678Z")? };
//! let message = Message::builder(MessageId::parse("m1")?).text("Hello, *Bob*").build()?;
//! let payload = Payload::new(ids, Sender::User(Username::parse("ada")?), Recipient::parse("bob")?, Content::Msg(message));
//! assert!(payload.encode().contains("Hello, *Bob*"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Check a payload
//!
//! The first fault has a code, a path (a JSON Pointer), and a reason that never contains a value.
//!
//! ```
//! use callie_core::{PayloadRef, Limits, SysCode};
//!
//! let text = r#"{"token":"","sender":"ada","recipient":"Bob"}"#;
//! let fault = PayloadRef::from_client(text, &Limits::default()).unwrap_err();
//! assert_eq!((fault.code(), fault.path().as_str()), (SysCode::InvalidField, "/recipient"));
//! ```

pub mod account;
pub mod account_data;
mod close;
mod code;
pub mod command;
mod content;
mod convert;
mod fault;
mod frame;
mod json;
mod limits;
mod name;
mod notice;
mod party;
mod payload;
mod payload_type;
mod refusal;
mod route;
mod rules;
pub mod server;
pub mod session;
mod setters;
pub mod times;
mod timestamp;
mod token;

pub use close::{CloseCode, LINK_LOST, should_reconnect};
pub use code::{CodeKind, CodeName, SysCode};
pub use content::{
    Attachment, AttachmentError, AttachmentKind, CommandCall, Content, Message, MessageBuilder, MessageError,
    System,
};
pub use convert::NameError;
pub use fault::Fault;
pub use frame::{CommandRef, ContentRef, MessageRef, PayloadRef, SystemRef};
pub use json::{JsonObject, JsonObjectError, JsonText};
pub use limits::{
    DEFAULT_PAGE, Limits, MAX_ACKS, MAX_ATTACHMENT_SIZE, MAX_DEPTH, MAX_DROPPED_NAMES, MAX_FEATURES,
    MAX_FILENAME_BYTES, MAX_INVALID, MAX_METADATA_BYTES, MAX_OFFLINE_NAMES, MAX_OPEN_DEPTH, MAX_PAGE,
    MAX_PATH_BYTES, MAX_PRESENCE_NAMES, MAX_SIGNAL_DATA_BYTES, MAX_URL_BYTES, UPKEEP_FACTOR,
};
pub use name::{
    ConnectionId, GroupId, MAX_ID_BYTES, MAX_USERNAME_BYTES, MessageId, PayloadId, SessionId, Username,
};
pub use notice::{Notice, NoticeBuilder, NoticeMetadata, PriorOutcome};
pub use party::{Recipient, RecipientRef, Sender};
pub use payload::{EnvelopeIds, PAYLOAD_VERSION_TEXT, Payload, PayloadError};
pub use payload_type::PayloadType;
pub use route::{RecipientKind, Route, route};
pub use timestamp::Timestamp;
pub use token::Token;
