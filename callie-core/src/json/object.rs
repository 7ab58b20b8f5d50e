//! A free-form JSON object, kept as it was written.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::value::RawValue;

use super::Scanner;
use crate::convert::parse_text;
use crate::limits::MAX_OPEN_DEPTH;

/// The object without members, by far the most frequent one, which needs no allocation.
const EMPTY: &str = "{}";

/// A JSON object whose members the protocol does not define: `metadata`, `parameters`, a `result`.
///
/// It keeps its text, so numbers of any size and the order of keys are preserved. It has no repeated keys, and at most
/// 16 levels.
///
/// ```
/// use callie_core::JsonObject;
///
/// let object = JsonObject::parse(r#"{"big":1e999}"#)?.with("small", &1)?;
/// assert_eq!(object.as_str(), r#"{"big":1e999,"small":1}"#);
/// assert_eq!(object.get("big"), Some("1e999"));
/// assert!(JsonObject::parse(r#"{"a":1,"a":2}"#).is_err());
/// # Ok::<(), callie_core::JsonObjectError>(())
/// ```
#[derive(Clone, Default)]
pub struct JsonObject(Option<Box<RawValue>>);

/// A text that is not a [`JsonObject`]; reads as a phrase that follows "must be".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonObjectError {
    /// Not JSON, or not an object.
    #[error("one JSON object{0}")]
    NotAnObject(&'static str),
    /// A key is repeated in one object.
    #[error("a JSON object that gives no key twice")]
    DuplicateKey,
    /// The object has more than 16 levels.
    #[error("a JSON object of at most {MAX_OPEN_DEPTH} levels")]
    TooDeep,
    /// The value cannot be represented in JSON.
    #[error("a value that can be written as JSON")]
    Unwritable,
}

impl JsonObject {
    /// Checks `text` and keeps it as written, without white space around it.
    ///
    /// # Errors
    /// [`JsonObjectError`] when `text` is not a valid object.
    pub fn parse(text: &str) -> Result<Self, JsonObjectError> {
        let text = text.trim_matches([' ', '\n', '\r', '\t']);
        let mut scanner = Scanner::new(text);
        let slot = scanner
            .root(&mut |scanner, key, depth| {
                scanner.note_key(key);
                Ok(scanner.value(depth)?.levels())
            })
            .map_err(|fault| JsonObjectError::NotAnObject(fault.objection()))?;
        if scanner.duplicate().is_some() {
            return Err(JsonObjectError::DuplicateKey);
        }
        if slot.levels() > MAX_OPEN_DEPTH {
            return Err(JsonObjectError::TooDeep);
        }
        Self::from_checked(text)
    }

    /// Serialises a struct or map as an object.
    ///
    /// # Errors
    /// [`JsonObjectError`] when `value` does not serialise as an object.
    pub fn from_serialize(value: &impl Serialize) -> Result<Self, JsonObjectError> {
        let text = serde_json::to_string(value).map_err(|_| JsonObjectError::Unwritable)?;
        Self::parse(&text)
    }

    /// Wraps a text that was checked already.
    pub(crate) fn from_checked(text: &str) -> Result<Self, JsonObjectError> {
        if text == EMPTY {
            return Ok(Self(None));
        }
        let raw = RawValue::from_string(text.to_owned()).map_err(|_| JsonObjectError::Unwritable)?;
        Ok(Self(Some(raw)))
    }

    /// Returns the object with one more member, or with the member of that name replaced.
    ///
    /// # Errors
    /// [`JsonObjectError`] when `value` does not serialise, or the object would be nested too deep.
    pub fn with(&self, key: &str, value: &impl Serialize) -> Result<Self, JsonObjectError> {
        let raw = serde_json::value::to_raw_value(value).map_err(|_| JsonObjectError::Unwritable)?;
        let key_text = serde_json::to_string(key).map_err(|_| JsonObjectError::Unwritable)?;
        if let Some(old) = self.get(key) {
            // The value borrows from this object's text, so the addresses give its position.
            let start = old.as_ptr() as usize - self.as_str().as_ptr() as usize;
            let (before, after) = (&self.as_str()[..start], &self.as_str()[start + old.len()..]);
            return Self::parse(&format!("{before}{raw}{after}"));
        }
        let body = self.as_str()[1..self.as_str().len() - 1].trim_end();
        let comma = if self.is_empty() { "" } else { "," };
        Self::parse(&format!("{{{body}{comma}{key_text}:{raw}}}"))
    }

    /// Returns the object without the member `key`. The others keep their order and the text of their values.
    ///
    /// # Errors
    /// [`JsonObjectError::Unwritable`], which never happens for an object that was parsed.
    pub fn without(&self, key: &str) -> Result<Self, JsonObjectError> {
        let mut members: Members<'_> = self.read().map_err(|_| JsonObjectError::Unwritable)?;
        members.0.retain(|(name, _)| name != key);
        let text = serde_json::to_string(&members).map_err(|_| JsonObjectError::Unwritable)?;
        Self::from_checked(&text)
    }

    /// Returns the value of the member `key` as written, or `None`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.members().remove(key).map(RawValue::get)
    }

    /// Deserialises the object as `T`.
    ///
    /// # Errors
    /// The errors of `T`, for example for numbers that `T` cannot represent.
    pub fn read<'a, T: Deserialize<'a>>(&'a self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.as_str())
    }

    fn members(&self) -> BTreeMap<Cow<'_, str>, &RawValue> {
        // Checked when it was created, so it always parses.
        self.read().unwrap_or_default()
    }

    /// Returns `true` if it has no members.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.as_str()[1..].trim_start().starts_with('}')
    }

    /// Returns the object's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_ref().map_or(EMPTY, |raw| raw.get())
    }
}

/// The members of an object, in order.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> de::Visitor<'de> for Reader {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

parse_text!(JsonObject => JsonObjectError);

impl std::fmt::Display for JsonObject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

impl PartialEq for JsonObject {
    /// Compares the texts: the same members in another order or spelling are a different object.
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for JsonObject {}

impl std::fmt::Debug for JsonObject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "JsonObject({})", self.as_str())
    }
}

impl Serialize for JsonObject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Some(raw) => raw.serialize(serializer),
            None => serializer.serialize_map(Some(0))?.end(),
        }
    }
}

impl<'de> Deserialize<'de> for JsonObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Self::parse(raw.get()).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_order_survive() {
        let text = r#"{"z": 1e999, "a":123456789012345678901234567890}"#;
        assert_eq!(JsonObject::parse(text).unwrap().as_str(), text);
    }

    #[test]
    fn members_are_added_and_replaced() {
        let object = JsonObject::default().with("a", &1).unwrap().with("b\"", &"x").unwrap();
        assert_eq!(object.as_str(), r#"{"a":1,"b\"":"x"}"#);
        assert_eq!(object.with("a", &[true]).unwrap().as_str(), r#"{"a":[true],"b\"":"x"}"#);
        assert_eq!(object.get("b\""), Some("\"x\""));
        assert_eq!(JsonObject::parse("{ }").unwrap().with("a", &1).unwrap().as_str(), r#"{"a":1}"#);
        let object = JsonObject::parse(r#"{"z":1e999, "\u0061":{ "b":1}, "y":2.50}"#).unwrap();
        assert_eq!(object.without("a").unwrap().as_str(), r#"{"z":1e999,"y":2.50}"#);
        assert_eq!(
            object.without("none").unwrap().without("z").unwrap().as_str(),
            r#"{"a":{ "b":1},"y":2.50}"#
        );
        assert!(JsonObject::parse(r#"{"a":1}"#).unwrap().without("a").unwrap().is_empty());
    }

    #[test]
    fn repeated_keys_and_deep_objects_are_refused() {
        assert!(matches!(JsonObject::parse("[]"), Err(JsonObjectError::NotAnObject(_))));
        assert_eq!(JsonObject::parse(r#"{"a":{"b":1,"b":1}}"#), Err(JsonObjectError::DuplicateKey));
        let nested = |levels: usize| format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
        assert!(JsonObject::parse(&nested(16)).is_ok());
        assert_eq!(JsonObject::parse(&nested(17)), Err(JsonObjectError::TooDeep));
        assert_eq!(JsonObject::from_serialize(&"text"), JsonObject::parse("\"text\""));
    }
}
