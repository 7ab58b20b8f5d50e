//! Checks of every received text, shared by the property tests, the fuzz targets and the replay of their findings. A
//! violation panics.

use std::fmt;

use callie_core::{Limits, MAX_PATH_BYTES, Notice, PayloadRef, SysCode};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Checks that the result for any text, valid or not, agrees with serde_json.
pub fn check_text(text: &str) {
    let limits = Limits::default().with_max_payload_bytes(usize::MAX);
    let reference = is_object(text);
    for received in [PayloadRef::from_client(text, &limits), PayloadRef::from_server(text)] {
        match received {
            Ok(frame) => {
                assert!(reference, "taken, but no JSON object");
                check_frame(&frame);
            }
            Err(fault) => {
                assert_eq!(fault.code() == SysCode::InvalidJson, !reference, "{fault}");
                assert!(fault.code().counts_as_invalid());
                assert!(fault.path().len() <= MAX_PATH_BYTES);
            }
        }
    }
}

/// Checks that the delivered text is valid, has no token, and otherwise differs only in the timestamp.
pub fn check_pass_on(text: &str) {
    if let Ok(frame) = PayloadRef::from_client(text, &Limits::default()) {
        check_frame(&frame);
    }
}

fn check_frame(frame: &PayloadRef<'_>) {
    let out = frame.pass_on();
    let limits = Limits::default().with_max_payload_bytes(usize::MAX);
    let again = PayloadRef::from_client(&out, &limits)
        .or_else(|_| PayloadRef::from_server(&out))
        .unwrap_or_else(|fault| panic!("what is passed on is refused: {fault}"));
    assert_eq!(again.token(), "");
    assert_eq!(again.pass_on(), out);
    let (before, after) = (members(frame.text()), members(&out));
    assert_eq!(before.len(), after.len());
    for ((key, value), (key_after, value_after)) in before.iter().zip(&after) {
        assert_eq!(key, key_after);
        match key.as_str() {
            "token" => assert_eq!(value_after, "\"\""),
            "timestamp" => assert_eq!(value_after, &format!("\"{}\"", frame.timestamp())),
            _ => assert_eq!(value_after, value),
        }
    }
    // Reading the rest must not panic either, and an owned payload encodes validly.
    let _ = (frame.command(&Limits::default()), Notice::read(frame));
    if let Some(payload) = frame.to_payload() {
        let encoded = payload.encode();
        assert!(
            PayloadRef::from_client(&encoded, &limits).is_ok() || PayloadRef::from_server(&encoded).is_ok()
        );
    }
}

fn members(text: &str) -> Vec<(String, String)> {
    let members: Members = serde_json::from_str(text).unwrap();
    members.0.into_iter().map(|(key, value)| (key, value.get().to_owned())).collect()
}

/// The members of an object in order, including repeated keys.
struct Members(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// Returns `true` if `text` is one JSON object of at most 32 levels, without unpaired surrogates.
pub fn is_object(text: &str) -> bool {
    serde_json::from_str::<Members>(text).is_ok_and(|members| members_hold(&members, 1))
}

fn members_hold(members: &Members, depth: u8) -> bool {
    depth <= callie_core::MAX_DEPTH && members.0.iter().all(|(_, value)| holds(value, depth + 1))
}

/// Checks what serde_json skips: it does not decode the strings of a raw value.
fn holds(value: &RawValue, depth: u8) -> bool {
    let text = value.get();
    match text.as_bytes()[0] {
        b'"' => serde_json::from_str::<String>(text).is_ok(),
        b'{' => serde_json::from_str::<Members>(text).is_ok_and(|members| members_hold(&members, depth)),
        b'[' => {
            let items = serde_json::from_str::<Vec<Box<RawValue>>>(text);
            depth <= callie_core::MAX_DEPTH
                && items.is_ok_and(|items| items.iter().all(|item| holds(item, depth + 1)))
        }
        _ => true,
    }
}
