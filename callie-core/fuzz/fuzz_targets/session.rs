//! A session keeps its guarantees for any input from the server and any loss of the connection.
#![no_main]

#[path = "../../tests/conformance/conversation.rs"]
mod conversation;

libfuzzer_sys::fuzz_target!(|script: &str| conversation::check_conversation(script));
