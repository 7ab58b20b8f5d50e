//! Reads the JSON of results and events: C has no JSON parser.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::c_char;

use serde_json::value::RawValue;

use super::ffi_guard::{Place, guard, text};
use super::status::{CallieStatus, Failure, malformed};
use super::text::give;

/// The value at a JSON Pointer (RFC 6901) in a JSON text, such as `/groupID` or `/groups/0/name`: the text of a string,
/// or the JSON of any other value, unchanged. The caller frees it.
///
/// `value` is NULL if there is no such value, which is not an error: a loop over `/groups/0`, `/groups/1` and so on
/// ends there. `CALLIE_STATUS_INVALID_ARGUMENT`: `json` is not JSON, `pointer` is neither empty nor
/// starts with `/`, or the string contains a NUL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_json_get(
    json: *const c_char,
    pointer: *const c_char,
    value: *mut *mut c_char,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the texts end in NUL, the value can be written to.
        let (json, pointer, place) = unsafe {
            let place = Place::at(value, "value", std::ptr::null_mut())?;
            (text(json, "json")?, text(pointer, "pointer")?, place)
        };
        if let Some(found) = find(json, pointer)? {
            place.put(give(found)?);
        }
        Ok(())
    })
}

/// The value at `pointer`.
fn find(json: &str, pointer: &str) -> Result<Option<String>, Failure> {
    let not_json = |_| malformed("json", "one JSON value");
    let mut value: &RawValue = serde_json::from_str(json).map_err(not_json)?;
    if !pointer.is_empty() && !pointer.starts_with('/') {
        return Err(malformed("pointer", "empty or start with /"));
    }
    for step in pointer.split('/').skip(1) {
        let step = step.replace("~1", "/").replace("~0", "~");
        let found = match value.get().as_bytes().first() {
            Some(b'{') => serde_json::from_str::<BTreeMap<Cow<'_, str>, &RawValue>>(value.get())
                .map_err(not_json)?
                .remove(step.as_str()),
            Some(b'[') => match index(&step) {
                Some(at) => {
                    serde_json::from_str::<Vec<&RawValue>>(value.get()).map_err(not_json)?.get(at).copied()
                }
                None => None,
            },
            _ => None,
        };
        let Some(found) = found else { return Ok(None) };
        value = found;
    }
    if !value.get().starts_with('"') {
        return Ok(Some(value.get().to_owned()));
    }
    let text: String = serde_json::from_str(value.get()).map_err(not_json)?;
    if text.contains('\0') {
        return Err(Failure::form(
            "the string at that place holds a NUL, which a text of C cannot".to_owned(),
        ));
    }
    Ok(Some(text))
}

/// The array index in a pointer's segment: digits without a leading zero.
fn index(step: &str) -> Option<usize> {
    let plain = step.bytes().all(|b| b.is_ascii_digit()) && (step == "0" || !step.starts_with('0'));
    if plain { step.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(json: &str, pointer: &str) -> Option<String> {
        find(json, pointer).expect("it is JSON and a pointer")
    }

    #[test]
    fn value_is_found_by_its_pointer() {
        let json = r#" {"groupID":"group:1","groups":[{"name":"a\"b"},{"n":12345678901234567890123}],"a/b":{"~":null},"":true} "#;
        assert_eq!(at(json, "/groupID").as_deref(), Some("group:1"));
        assert_eq!(at(json, "/groups/0/name").as_deref(), Some("a\"b"));
        assert_eq!(at(json, "/groups/1/n").as_deref(), Some("12345678901234567890123"));
        assert_eq!(at(json, "/groups/1").as_deref(), Some(r#"{"n":12345678901234567890123}"#));
        assert_eq!(at(json, "/a~1b/~0").as_deref(), Some("null"));
        assert_eq!(at(json, "/").as_deref(), Some("true"));
        assert_eq!(at(json, "").as_deref(), Some(json.trim()));
    }

    #[test]
    fn pointer_to_nothing_finds_nothing() {
        let json = r#"{"groups":[1,2],"name":"x"}"#;
        for pointer in [
            "/group",
            "/groups/2",
            "/groups/-",
            "/groups/01",
            "/groups/+1",
            "/groups/",
            "/name/0",
            "/groups/0/x",
        ] {
            assert_eq!(at(json, pointer), None, "{pointer}");
        }
    }

    #[test]
    fn bad_json_and_bad_pointers_are_refused() {
        for (json, pointer) in [
            ("", ""),
            ("{", "/a"),
            ("{}x", ""),
            ("{}", "a"),
            (r#"["\u0000"]"#, "/0"),
            (r#"["\ud800"]"#, "/0"),
        ] {
            assert!(find(json, pointer).is_err(), "{json} {pointer}");
        }
    }
}
