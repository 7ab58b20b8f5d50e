//! What serde_json says of a text: the reference for which texts are JSON.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of an object in their order, a key given twice included.
pub(crate) struct Members(pub(crate) Vec<(String, Box<RawValue>)>);

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

/// Whether `text` is one JSON object of at most 32 levels, without half a surrogate pair.
pub(crate) fn is_object(text: &str) -> bool {
    serde_json::from_str::<Members>(text).is_ok_and(|members| members_hold(&members, 1))
}

fn members_hold(members: &Members, depth: u8) -> bool {
    depth <= callie_core::MAX_DEPTH && members.0.iter().all(|(_, value)| holds(value, depth + 1))
}

/// Looks into what serde_json skips: a raw value's strings are not decoded by it.
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
