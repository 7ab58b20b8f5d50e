//! The Callie protocol.

pub mod account;
mod close;
mod code;
mod limits;
mod name;
mod party;
mod payload;
mod route;
mod timestamp;
mod token;

pub use close::{CloseCode, LINK_LOST, comes_back};
pub use code::{CodeKind, CodeName, SysCode};
pub use limits::*;
pub use name::{
    GroupId, MAX_ID_BYTES, MAX_USERNAME_BYTES, MessageId, NameError, PayloadId, SessionId, Username,
};
pub use party::{Recipient, RecipientRef, Sender};
pub use payload::PayloadType;
pub use route::{RecipientKind, Route, route};
pub use timestamp::Timestamp;
pub use token::Token;
