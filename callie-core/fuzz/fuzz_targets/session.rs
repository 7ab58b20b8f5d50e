//! Whatever the server says and whenever the link breaks, a session keeps its promises.
#![no_main]

#[path = "../../tests/conformance/conversation.rs"]
mod conversation;

libfuzzer_sys::fuzz_target!(|script: &str| conversation::check_conversation(script));
