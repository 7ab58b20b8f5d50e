//! What a server answers is read from servers of other versions: with members that are new, and without those that may be
//! left out.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Debug;

use callie_core::account::{Login, Problem, Registered, SessionInfo, SessionList};
use callie_core::command::{
    BlockedPage, Empty, Group, GroupDetails, GroupPage, GroupSummary, Member, PresenceMap, Profile,
    ServerStats, Settings,
};
use callie_core::{Limits, NoticeMetadata};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

const GROUP: &str = "group:01890a5d-ac96-774b-bcce-b302099a8057";
const TIME: &str = "2026-01-02T03:04:05.678Z";

/// Adds a member that no version knows to every object of the value, but not to maps of usernames and to free-form objects.
fn with_unknown_members(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let grown = members.iter().map(|(name, value)| match name.as_str() {
                "presence" | "result" if value.is_object() => (name.clone(), value.clone()),
                _ => (name.clone(), with_unknown_members(value)),
            });
            Value::Object(grown.chain([("later".to_owned(), json!({ "x": [1] }))]).collect())
        }
        Value::Array(items) => items.iter().map(with_unknown_members).collect(),
        other => other.clone(),
    }
}

/// Checks that `T` is read from `full`, with and without unknown members, and written again as it was; that each of the
/// `optional` members may be left out, and that no other may.
fn check<T: DeserializeOwned + Serialize + Debug>(full: &Value, optional: &[&str]) {
    let name = std::any::type_name::<T>();
    let read = |value: &Value| serde_json::from_str::<T>(&value.to_string());
    for value in [full.clone(), with_unknown_members(full)] {
        let written = serde_json::to_value(read(&value).unwrap()).unwrap();
        assert_eq!(written, *full, "{name}");
    }
    let members = full.as_object().unwrap();
    for left_out in members.keys() {
        let leaner: Map<_, _> = members.clone().into_iter().filter(|(name, _)| name != left_out).collect();
        let is_optional = optional.contains(&left_out.as_str());
        assert_eq!(read(&Value::Object(leaner)).is_ok(), is_optional, "{name} without {left_out}");
    }
    let needed: Map<_, _> =
        members.clone().into_iter().filter(|(name, _)| !optional.contains(&name.as_str())).collect();
    read(&Value::Object(needed)).unwrap();
}

#[test]
fn results_of_other_versions_are_accepted() {
    let summary = json!({ "groupID": GROUP, "name": "Tea", "role": "admin", "memberCount": 3 });
    let member = json!({ "username": "ada", "role": "owner", "online": true });
    let session = json!({
        "sessionID": "s1", "device": "laptop", "createdAt": TIME, "lastSeenAt": TIME, "expiresAt": TIME, "current": true,
    });
    check::<Empty>(&json!({}), &[]);
    check::<Group>(
        &json!({ "groupID": GROUP, "name": "Tea", "visibility": "public", "members": ["ada"] }),
        &["members"],
    );
    check::<GroupSummary>(&summary, &["role", "memberCount"]);
    check::<GroupPage>(&json!({ "groups": [summary], "next": "n" }), &["next"]);
    check::<Member>(&member, &["online"]);
    check::<GroupDetails>(
        &json!({
            "groupID": GROUP, "name": "Tea", "visibility": "private", "memberCount": 1, "members": [member], "next": "n",
        }),
        &["memberCount", "members", "next"],
    );
    check::<PresenceMap>(&json!({ "presence": { "ada": "online" } }), &[]);
    check::<Profile>(&json!({ "username": "ada", "displayName": "Ada" }), &[]);
    check::<Settings>(
        &json!({ "displayName": "Ada", "presence": "everyone", "directMessages": "groups" }),
        &[],
    );
    check::<BlockedPage>(&json!({ "blocked": ["bob"], "next": "n" }), &["next"]);
    check::<ServerStats>(
        &json!({
            "uptimeSeconds": 1, "connections": 2, "usersOnline": 3, "payloadsReceived": 4, "payloadsSent": 5,
        }),
        &["connections", "usersOnline", "payloadsReceived", "payloadsSent"],
    );
    check::<Registered>(&json!({ "username": "ada" }), &[]);
    check::<Login>(
        &json!({ "token": "c2VjcmV0", "username": "ada", "sessionID": "s1", "expiresAt": TIME }),
        &[],
    );
    check::<SessionInfo>(&session, &["device", "current"]);
    check::<SessionList>(&json!({ "sessions": [session] }), &[]);
    check::<Problem>(
        &json!({ "type": "about:blank", "title": "Forbidden", "status": 403, "detail": "no", "code": "BANNED" }),
        &["type", "title", "detail"],
    );
}

#[test]
fn limits_and_metadata_of_other_versions_are_accepted() {
    let limits = serde_json::to_value(Limits::default()).unwrap();
    let names: Vec<_> = limits.as_object().unwrap().keys().map(String::as_str).collect();
    check::<Limits>(&limits, &names);
    let metadata = json!({
        "inReplyTo": "p1", "command": "ACK", "path": "/a", "messageID": "m1", "username": "ada", "groupID": GROUP,
        "sessionID": "s1", "expiresAt": TIME, "heartbeatSeconds": 30, "limits": limits, "retryAfterMs": 5,
        "dropped": ["p1"], "droppedCount": 2, "delivered": 1, "unconfirmed": 1, "offline": ["bob"], "offlineCount": 1,
        "outcome": "sent", "reason": "spam", "until": TIME, "result": {},
    });
    let names: Vec<_> = metadata.as_object().unwrap().keys().map(String::as_str).collect();
    check::<NoticeMetadata>(&metadata, &names);
}

/// A result that was lost with a connection is read as `{}`, which must not pass for a result.
#[test]
fn empty_object_is_not_a_result() {
    fn is_refused<T: DeserializeOwned>() -> bool {
        serde_json::from_str::<T>("{}").is_err()
    }
    assert!(is_refused::<Group>() && is_refused::<GroupPage>() && is_refused::<GroupDetails>());
    assert!(is_refused::<PresenceMap>() && is_refused::<Profile>() && is_refused::<Settings>());
    assert!(is_refused::<BlockedPage>() && is_refused::<SessionList>() && is_refused::<ServerStats>());
}
