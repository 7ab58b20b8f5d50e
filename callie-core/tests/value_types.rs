//! Every value type can be parsed from text and written as text, and sent between threads.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::{Debug, Display};
use std::str::FromStr;

use callie_core::account::{DeviceName, Login, Problem};
use callie_core::command::{
    Command, Conversation, Cursor, DirectMessages, DisplayName, GroupDetails, GroupName, MessageText,
    PageLimit, Presence, PresenceAudience, Push, RemovalReason, Role, SignalData, SignalKind, Visibility,
};
use callie_core::server::{
    Answer, CloseReason, Closing, Connection, Delivery, Hub, PayloadKeys, Reply, Request, ServerConfig,
    UserState, Verified,
};
use callie_core::session::{
    Event, Output, SendError, SendOptions, Session, SessionConfig, State, TicketOutcome,
};
use callie_core::{
    AttachmentKind, CloseCode, CodeName, Fault, GroupId, JsonObject, Limits, Message, MessageId, NameError,
    Notice, NoticeBuilder, Payload, PayloadId, PayloadRef, PayloadType, PriorOutcome, Recipient, Sender,
    SessionId, SysCode, Timestamp, Token, Username,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Parses `text` in every way, and checks that all results are equal.
fn read<T>(text: &str) -> T
where
    T: FromStr<Err = NameError>
        + for<'a> TryFrom<&'a str, Error = NameError>
        + TryFrom<String, Error = NameError>,
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let value: T = text.parse().unwrap();
    assert_eq!(T::try_from(text), Ok(text.parse().unwrap()));
    assert_eq!(T::try_from(text.to_owned()), Ok(text.parse().unwrap()));
    let json = serde_json::to_string(&value).unwrap();
    assert_eq!(serde_json::from_str::<T>(&json).unwrap(), value);
    value
}

/// Does the same for a type with `Display`.
fn shown<T>(text: &str)
where
    T: FromStr<Err = NameError>
        + for<'a> TryFrom<&'a str, Error = NameError>
        + TryFrom<String, Error = NameError>,
    T: Serialize + DeserializeOwned + PartialEq + Debug + Display,
{
    assert_eq!(read::<T>(text).to_string(), text);
}

#[test]
fn value_types_convert_both_ways() {
    const GROUP: &str = "group:01890a5d-ac96-774b-bcce-b302099a8057";
    shown::<Username>("ada");
    shown::<PayloadId>("p:1");
    shown::<MessageId>("m.1");
    shown::<SessionId>("s-1");
    shown::<GroupId>(GROUP);
    shown::<Timestamp>("2026-01-02T03:04:05.678Z");
    shown::<SysCode>("RECIPIENT_OFFLINE");
    shown::<CodeName>("DANCE");
    for sender in ["SERVER", "ada"] {
        shown::<Sender>(sender);
    }
    for recipient in ["SERVER", "BROADCAST", "ada", GROUP] {
        shown::<Recipient>(recipient);
    }
    for conversation in ["ada", GROUP] {
        shown::<Conversation>(conversation);
    }
    shown::<GroupName>("Tea");
    shown::<DisplayName>("");
    shown::<DeviceName>("laptop");
    shown::<Cursor>("next");
    shown::<SignalKind>("typing");
    shown::<RemovalReason>("spam");
    shown::<MessageText>("**Hello**");
    shown::<SignalData>(r#"{"a":[1]}"#);
    shown::<Visibility>("public");
    shown::<Role>("owner");
    shown::<PresenceAudience>("groups");
    shown::<DirectMessages>("everyone");
    shown::<Presence>("offline");
    for payload_type in PayloadType::ALL {
        shown::<PayloadType>(payload_type.as_str());
    }
    for kind in AttachmentKind::ALL {
        shown::<AttachmentKind>(kind.as_str());
    }
    // As a value that is written between nodes it has no text.
    for outcome in PriorOutcome::ALL {
        assert_eq!(outcome.to_string().parse(), Ok(outcome));
        assert_eq!(serde_json::to_string(&outcome).unwrap(), format!("\"{outcome}\""));
        assert_eq!(serde_json::from_str::<PriorOutcome>(&format!("\"{outcome}\"")).unwrap(), outcome);
    }
    for code in CloseCode::ALL {
        assert_eq!(CloseCode::try_from(u16::from(code)), Ok(code));
    }
    for (text, fits) in [("1", true), ("200", true), ("0", false), ("201", false), ("many", false)] {
        assert_eq!(text.parse::<PageLimit>().map(|limit| limit.to_string() == text).is_ok(), fits, "{text}");
    }
    let object: JsonObject = r#"{"a":[1]}"#.parse().unwrap();
    assert_eq!(object.to_string(), r#"{"a":[1]}"#);
    assert_eq!(JsonObject::try_from(r#"{"a":[1]}"#), Ok(object.clone()));
    assert_eq!(serde_json::from_str::<JsonObject>(&serde_json::to_string(&object).unwrap()).unwrap(), object);
    read::<Token>("c2VjcmV0");
    let unauthenticated = serde_json::to_string(&Recipient::Unauthenticated).unwrap();
    assert_eq!(serde_json::from_str::<Recipient>(&unauthenticated).unwrap(), Recipient::Unauthenticated);
    assert_eq!(serde_json::from_str::<PageLimit>("20").unwrap(), PageLimit::try_from(20).unwrap());
    assert!(serde_json::from_str::<PageLimit>("201").is_err());
}

#[test]
fn invalid_texts_are_refused_by_serde() {
    assert!(serde_json::from_str::<Username>(r#""Ada""#).is_err());
    assert!(serde_json::from_str::<Recipient>(r#""Server""#).is_err());
    assert!(serde_json::from_str::<Role>(r#""king""#).is_err());
    assert!(serde_json::from_str::<MessageText>(r#""""#).is_err());
    let error = serde_json::from_str::<Token>(r#""se cret""#).unwrap_err();
    assert!(!error.to_string().contains("se cret"), "{error}");
}

#[test]
fn public_types_cross_threads() {
    fn crosses<T: Send + Sync + 'static>() {}
    crosses::<Username>();
    crosses::<Recipient>();
    crosses::<Sender>();
    crosses::<Timestamp>();
    crosses::<Token>();
    crosses::<JsonObject>();
    crosses::<Limits>();
    crosses::<Message>();
    crosses::<Notice>();
    crosses::<Payload>();
    crosses::<PayloadRef<'static>>();
    crosses::<SessionConfig>();
    crosses::<SendOptions>();
    crosses::<Event>();
    crosses::<Output>();
    crosses::<State>();
    crosses::<TicketOutcome>();
    crosses::<SendError>();
    crosses::<NoticeBuilder>();
    crosses::<Fault>();
    crosses::<Command>();
    crosses::<Push>();
    crosses::<GroupDetails>();
    crosses::<Login>();
    crosses::<Problem>();
    crosses::<ServerConfig>();
    crosses::<PayloadKeys>();
    crosses::<UserState>();
    crosses::<Verified<'static>>();
    crosses::<Reply>();
    crosses::<Answer>();
    crosses::<CloseReason>();
    crosses::<Closing>();
    crosses::<Delivery>();
    crosses::<Request>();
    // A state machine is used from one thread at a time: it need not be `Sync`.
    fn moves<T: Send + 'static>() {}
    moves::<Session>();
    moves::<Connection<()>>();
    moves::<Hub>();
}
