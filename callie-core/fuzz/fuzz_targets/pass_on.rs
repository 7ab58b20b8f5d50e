//! What a valid payload becomes when it is passed on is valid, without a token, and otherwise the same.
#![no_main]

#[path = "../../tests/conformance/checks.rs"]
#[allow(dead_code, reason = "shared with the other target and the tests")]
mod checks;

libfuzzer_sys::fuzz_target!(|text: &str| checks::check_pass_on(text));
