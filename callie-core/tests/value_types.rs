//! Every value type can be parsed from text and written as text, and sent between threads.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::{Debug, Display};
use std::str::FromStr;

use callie_core::account::{DeviceName, SessionList};
use callie_core::command::{
    BlockedPage, Conversation, Cursor, DirectMessages, DisplayName, Group, GroupDetails, GroupName,
    GroupPage, MessageText, PageLimit, Presence, PresenceAudience, PresenceMap, Profile, RemovalReason, Role,
    ServerStats, Settings, SignalData, SignalKind, Visibility,
};
use callie_core::session::{Event, Output, Session, SessionConfig};
use callie_core::{
    CodeName, GroupId, JsonObject, Limits, Message, MessageId, NameError, Notice, Payload, PayloadId,
    PayloadRef, Recipient, Sender, SessionId, SysCode, Timestamp, Token, Username,
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

/// A result that was lost with a connection is `{}`, which must not parse as a result.
#[test]
fn empty_object_is_not_a_result() {
    fn is_refused<T: DeserializeOwned>() -> bool {
        serde_json::from_str::<T>("{}").is_err()
    }
    assert!(is_refused::<Group>() && is_refused::<GroupPage>() && is_refused::<GroupDetails>());
    assert!(is_refused::<PresenceMap>() && is_refused::<Profile>() && is_refused::<Settings>());
    assert!(is_refused::<BlockedPage>() && is_refused::<SessionList>() && is_refused::<ServerStats>());
}

#[test]
fn results_of_later_servers_are_accepted() {
    let group: GroupPage = serde_json::from_str(
        r#"{"groups":[{"groupID":"group:01890a5d-ac96-774b-bcce-b302099a8057","name":"Tea","topic":"leaves"}],"total":1}"#,
    )
    .unwrap();
    assert_eq!(group.groups[0].member_count, 0);
    let stats: ServerStats = serde_json::from_str(r#"{"uptimeSeconds":5,"nodes":3}"#).unwrap();
    assert_eq!((stats.uptime_seconds, stats.connections), (5, 0));
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
    crosses::<Event>();
    crosses::<Output>();
    // A session is used by one thread at a time, so it need not be `Sync`.
    fn moves<T: Send + 'static>() {}
    moves::<Session>();
}
