//! Any text is accepted or refused without a panic, and serde_json agrees on which texts are JSON.
#![no_main]

#[path = "../../tests/conformance/checks.rs"]
#[allow(dead_code, reason = "shared with the other target and the tests")]
mod checks;

libfuzzer_sys::fuzz_target!(|text: &str| checks::check_text(text));
