//! The text of a valid payload for its recipient is valid, has no token, and is otherwise unchanged.
#![no_main]

#[path = "../../tests/conformance/checks.rs"]
#[allow(dead_code, reason = "shared with the other target and the tests")]
mod checks;

libfuzzer_sys::fuzz_target!(|text: &str| checks::check_pass_on(text));
