//! Properties of all payloads, tested with arbitrary ones. A failing seed is printed and stored in `tests/regressions`.

use std::collections::BTreeSet;

use callie_core::command::{Command, Push};
use callie_core::{Content, ContentRef, Fault, Limits, Notice, Payload, PayloadRef, Recipient};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::test_runner::FileFailurePersistence;
use serde_json::Value;

use crate::checks::{check_pass_on, check_text};
use crate::{strategies, vector};

fn config() -> ProptestConfig {
    let regressions = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/regressions/properties.txt");
    ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(regressions))),
        max_global_rejects: 65_536,
        ..ProptestConfig::default()
    }
}

fn decode(text: &str) -> Result<PayloadRef<'_>, Fault> {
    PayloadRef::from_client(text, &Limits::default())
}

/// The texts that a mutation inserts into a valid text.
const SHARDS: &[&str] = &[
    "",
    "\"",
    "\\",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    " ",
    "\u{0}",
    "\n",
    "0",
    "-",
    "e9",
    ".",
    "null",
    "true",
    "\\u",
    "\\ud800",
    "\\udc00",
    "\\u0000",
    "é",
    "😀",
    "\u{feff}",
    "{}",
    "[[[[",
    "\"token\":\"\",",
    "\"x\":1,",
    "1e999",
    "//",
];

/// Replaces a few characters at any position.
fn mutate(text: &str, strikes: &[(Index, usize, &'static str)]) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for (at, remove, shard) in strikes {
        let at = at.index(chars.len() + 1);
        let end = chars.len().min(at + remove);
        chars.splice(at..end, shard.chars());
    }
    chars.into_iter().collect()
}

fn strikes() -> impl Strategy<Value = Vec<(Index, usize, &'static str)>> {
    proptest::collection::vec((any::<Index>(), 0_usize..4, select(SHARDS)), 1..4)
}

/// Writes a value with white space, escapes and an order of keys that `dice` determines.
fn spell(value: &Value, dice: &mut impl Iterator<Item = u8>) -> String {
    let space = |dice: &mut dyn Iterator<Item = u8>| {
        ["", "", "", " ", "\n", "\t\r"][usize::from(dice.next().unwrap_or(0)) % 6]
    };
    match value {
        Value::String(text) => spell_string(text, dice),
        Value::Array(items) => {
            let items: Vec<_> = items
                .iter()
                .map(|item| format!("{}{}{}", space(dice), spell(item, dice), space(dice)))
                .collect();
            format!("[{}]", items.join(","))
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members
                .iter()
                .map(|(key, value)| {
                    let key = spell_string(key, dice);
                    format!("{}{key}{}:{}{}", space(dice), space(dice), space(dice), spell(value, dice))
                })
                .collect();
            if !members.is_empty() {
                let turns = usize::from(dice.next().unwrap_or(0)) % members.len();
                members.rotate_left(turns);
            }
            format!("{{{}{}}}", members.join(","), space(dice))
        }
        other => other.to_string(),
    }
}

fn spell_string(text: &str, dice: &mut impl Iterator<Item = u8>) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        if dice.next().unwrap_or(0).is_multiple_of(8) || c < ' ' || c == '"' || c == '\\' {
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
        } else {
            out.push(c);
        }
    }
    out + "\""
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn built_payload_is_valid_and_reads_back(payload in strategies::payload()) {
        let text = payload.encode();
        let frame = decode(&text).map_err(|fault| TestCaseError::fail(fault.to_string()))?;
        check_pass_on(&text);
        prop_assert_eq!(frame.to_payload(), Some(payload));
    }

    #[test]
    fn delivered_text_contains_no_token(payload in strategies::payload(), dice in any::<[u8; 64]>()) {
        let value: Value = match serde_json::from_str(&payload.encode()) {
            Ok(value) => value,
            // A number that this parser cannot represent.
            Err(_) => return Ok(()),
        };
        let token = payload.token().map(|token| token.expose().to_owned()).unwrap_or_default();
        let text = spell(&value, &mut dice.into_iter().cycle());
        // With escapes, the text may exceed the limit of metadata.
        let Ok(frame) = decode(&text) else { return Ok(()) };
        let out = frame.pass_on();
        prop_assert!(!out.contains(&token));
        let mut expected = value;
        expected["token"] = "".into();
        prop_assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), expected);
    }

    #[test]
    fn spelling_does_not_change_a_payload(payload in strategies::payload(), dice in any::<[u8; 64]>()) {
        let plain = payload.encode();
        let Ok(value) = serde_json::from_str::<Value>(&plain) else { return Ok(()) };
        let text = spell(&value, &mut dice.into_iter().cycle());
        let frame = match decode(&text) {
            Ok(frame) => frame,
            Err(fault) => {
                // Only sizes that are counted as sent can exceed a limit in another spelling.
                prop_assert!(fault.path().ends_with("metadata"), "{}", fault);
                return Ok(());
            }
        };
        check_pass_on(&text);
        let reference = decode(&plain).map_err(|fault| TestCaseError::fail(fault.to_string()))?;
        prop_assert_eq!(frame.token(), reference.token());
        prop_assert_eq!(frame.sender(), reference.sender());
        prop_assert_eq!(frame.recipient(), reference.recipient());
        prop_assert_eq!(frame.timestamp(), reference.timestamp());
        prop_assert_eq!(frame.payload_type(), reference.payload_type());
        prop_assert_eq!(frame.payload_id(), reference.payload_id());
        prop_assert_eq!(frame.message_id(), reference.message_id());
        prop_assert_eq!(frame.wants_ack(), reference.wants_ack());
        prop_assert_eq!(frame.in_reply_to(), reference.in_reply_to());
        if let (ContentRef::Msg(one), ContentRef::Msg(other)) = (frame.content(), reference.content()) {
            prop_assert_eq!(one.text().decode(), other.text().decode());
            prop_assert_eq!(one.text().len(), other.text().decode().len());
            prop_assert_eq!(one.attachment_count(), other.attachment_count());
        }
    }

    #[test]
    fn any_text_is_checked_as_serde_json_does(text in prop_oneof![strategies::text(), strategies::json(6), ".{0,200}"]) {
        check_text(&text);
    }

    #[test]
    fn any_object_is_checked_as_serde_json_does(object in strategies::object(), strikes in strikes()) {
        check_text(object.as_str());
        check_text(&mutate(object.as_str(), &strikes));
    }

    #[test]
    fn damaged_payload_is_checked_as_serde_json_does(payload in strategies::payload(), strikes in strikes()) {
        check_text(&mutate(&payload.encode(), &strikes));
    }

    #[test]
    fn damaged_vector_is_checked_as_serde_json_does(at in any::<Index>(), strikes in strikes()) {
        thread_local! {
            static PAYLOADS: Vec<String> =
                vector::all().iter().map(|(_, v)| v.payload()).filter(|text| text.len() < 4_096).collect();
        }
        check_text(&PAYLOADS.with(|payloads| mutate(at.get::<String>(payloads), &strikes)));
    }

    #[test]
    fn fault_never_contains_the_token(payload in strategies::payload(), strikes in strikes(), at in any::<Index>()) {
        let token = payload.token().map(|token| token.expose().to_owned()).unwrap_or_default();
        let plain = payload.encode();
        // The token again, as a key or a value anywhere.
        let places: Vec<_> = plain.match_indices(['{', '[', ':']).map(|(at, _)| at + 1).collect();
        let place = *at.get(&places);
        let more = [format!("\"{token}\":1,\"x{token}\":"), format!("\"{token}\",")];
        for shard in more {
            let text = mutate(&format!("{}{shard}{}", &plain[..place], &plain[place..]), &strikes);
            if let Err(fault) = decode(&text) {
                let notice = fault.notice(Some(&token));
                prop_assert!(!notice.metadata().path.as_deref().unwrap_or_default().contains(&token));
                prop_assert!(!fault.reason().contains(&token));
            }
        }
    }

    #[test]
    fn every_command_reads_back(commands in strategies::commands(), ids in strategies::envelope_ids(), sender in strategies::username()) {
        for command in commands {
            let payload = Payload::new(ids.clone(), sender.clone().into(), Recipient::Server, command.to_content());
            let text = payload.encode();
            let frame = decode(&text).map_err(|fault| TestCaseError::fail(fault.to_string()))?;
            prop_assert_eq!(frame.command(&Limits::default()), Some(Ok(command)));
        }
    }

    #[test]
    fn every_push_reads_back(pushes in strategies::pushes(), ids in strategies::envelope_ids(), to in strategies::username()) {
        for push in pushes {
            let text = push.to_payload(to.clone().into(), ids.clone()).encode();
            let frame = PayloadRef::from_server(&text).map_err(|fault| TestCaseError::fail(fault.to_string()))?;
            let ContentRef::Cmd(call) = frame.content() else { return Err(TestCaseError::fail("no command")) };
            prop_assert_eq!(Push::read(call.name(), call.parameters()), Ok(push));
        }
    }

    #[test]
    fn every_notice_reads_back(notice in strategies::notice(), ids in strategies::envelope_ids(), to in strategies::recipient()) {
        let text = notice.to_payload(to, ids).encode();
        let frame = PayloadRef::from_server(&text).map_err(|fault| TestCaseError::fail(fault.to_string()))?;
        let read = Notice::read(&frame).ok_or_else(|| TestCaseError::fail("no notice"))?;
        prop_assert_eq!(read.code(), notice.code());
        prop_assert_eq!(read.description(), notice.description());
        let written = |notice: &Notice| serde_json::to_string(notice.metadata()).unwrap();
        prop_assert_eq!(written(&read), written(&notice));
    }
}

#[test]
fn strategies_include_every_command_and_push() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let name = |content: Content| match content {
        Content::Cmd(call) => call.command().as_str().to_owned(),
        other => panic!("{other:?}"),
    };
    let mut commands = BTreeSet::new();
    for command in strategies::commands() {
        commands.insert(name(command.new_tree(&mut runner).unwrap().current().to_content()));
    }
    assert_eq!(commands, Command::NAMES.iter().map(|name| (*name).to_owned()).collect());
    let mut pushes = BTreeSet::new();
    for push in strategies::pushes() {
        pushes.insert(push.new_tree(&mut runner).unwrap().current().name());
    }
    assert_eq!(pushes, Push::NAMES.into_iter().collect());
}
