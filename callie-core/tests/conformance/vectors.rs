//! Every vector has its documented result.

use std::collections::BTreeSet;

use callie_core::command::{Command, CommandFault, Push};
use callie_core::{
    Attachment, Content, ContentRef, EnvelopeIds, Fault, Limits, PayloadId, PayloadRef, Recipient,
};
use serde_json::{Value, json};

use crate::vector::{self, From, TypedCommand, Valid, Vector, Verdict, join_parts};

/// The fewest vectors that the test accepts, so that it fails if it does not find them.
const LEAST: usize = 300;

/// The length of a session token of Callie's server: 256 bits in URL-safe base64.
const SESSION_TOKEN_BYTES: usize = 43;

#[test]
fn vectors_have_distinct_names() {
    let all = vector::all();
    assert!(all.len() >= LEAST, "{}", all.len());
    let names: BTreeSet<_> = all.iter().map(|(_, vector)| vector.name.as_str()).collect();
    assert_eq!(names.len(), all.len());
    assert!(all.iter().all(|(_, vector)| vector.schema_blind.as_deref() != Some("")));
}

#[test]
fn every_vector_has_its_result() {
    let wrong: Vec<_> = vector::all()
        .iter()
        .filter_map(|(file, vector)| check(vector).err().map(|why| format!("{file}: {}: {why}", vector.name)))
        .collect();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

fn check(vector: &Vector) -> Result<(), String> {
    let text = vector.payload();
    let frame = match vector.from {
        From::Client => PayloadRef::from_client(&text, &Limits::default()),
        From::Server => PayloadRef::from_server(&text),
    };
    match (&vector.valid, &vector.fault, frame) {
        (Some(valid), None, Ok(frame)) => {
            compare_frame(valid, &frame)?;
            compare_pass_on(vector, &frame)?;
            compare_command(vector, &frame)
        }
        (None, Some(expected), Err(fault)) => {
            compare_fault(expected, &fault, vector.connection_token.as_deref())
        }
        (Some(_), None, Err(fault)) => Err(format!("refused: {fault}")),
        (None, Some(expected), Ok(_)) => Err(format!("taken, but for {expected:?}")),
        _ => Err("a vector is either valid or at fault".into()),
    }
}

fn equal<T: PartialEq + std::fmt::Debug>(what: &str, found: T, expected: T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what}: {found:?} is not {expected:?}")) }
}

fn compare_fault(expected: &Verdict, fault: &Fault, connection_token: Option<&str>) -> Result<(), String> {
    let notice = fault.notice(connection_token);
    equal("code", notice.code().as_str(), expected.code.as_str())?;
    equal("path", notice.metadata().path.as_deref(), Some(expected.path.as_str()))?;
    let in_reply_to = notice.metadata().in_reply_to.as_ref().map(PayloadId::as_str);
    equal("inReplyTo", in_reply_to, expected.in_reply_to.as_deref())
}

fn compare_frame(valid: &Valid, frame: &PayloadRef<'_>) -> Result<(), String> {
    equal("type", frame.payload_type().as_str(), valid.payload_type.as_str())?;
    equal("token", frame.token(), &valid.token)?;
    equal("sender", frame.sender(), &valid.sender)?;
    equal("recipient", Recipient::try_from(frame.recipient()).unwrap().to_string(), valid.recipient.clone())?;
    equal("timestamp", frame.timestamp().to_string(), valid.timestamp.clone())?;
    equal("payloadID", frame.payload_id(), &valid.payload_id)?;
    equal("metadata", frame.metadata(), &valid.metadata.join())?;
    equal("ack", frame.wants_ack(), valid.ack)?;
    equal("inReplyTo", frame.in_reply_to(), valid.in_reply_to.as_deref())?;
    let mut content = valid.content.clone();
    for (name, member) in content.as_object_mut().ok_or("content must be an object")? {
        if name != "attachments" {
            *member = join_parts(member);
        }
    }
    equal("content", content_of(frame), content)
}

/// The content in the form of the vectors.
fn content_of(frame: &PayloadRef<'_>) -> Value {
    match frame.content() {
        ContentRef::Ping | ContentRef::Pong => json!({}),
        ContentRef::Msg(message) => json!({
            "messageID": message.message_id(),
            "text": message.text().decode(),
            "attachments": attachments_of(message.attachments()),
        }),
        ContentRef::Sys(system) => {
            json!({ "code": system.code(), "description": system.description().decode() })
        }
        ContentRef::Cmd(call) => json!({ "command": call.name(), "parameters": call.parameters() }),
    }
}

fn attachments_of(json: &str) -> Value {
    let one = |attachment: &Attachment| {
        let mut out = json!({ "type": attachment.kind().as_str(), "url": attachment.url() });
        let members = [
            ("metadata", attachment.metadata().map(|m| json!(m.as_str()))),
            ("filename", attachment.filename().map(Value::from)),
            ("size", attachment.size().map(Value::from)),
            ("filetype", attachment.filetype().map(Value::from)),
        ];
        for (name, value) in members {
            if let Some(value) = value {
                out[name] = value;
            }
        }
        out
    };
    let attachments: Vec<Attachment> = serde_json::from_str(json).unwrap();
    attachments.iter().map(one).collect()
}

fn compare_pass_on(vector: &Vector, frame: &PayloadRef<'_>) -> Result<(), String> {
    if vector.from == From::Server {
        return equal("passOn of a server", vector.pass_on(), None);
    }
    let out = frame.pass_on();
    equal("passOn", Some(&out), vector.pass_on().as_ref())?;
    let again = PayloadRef::from_client(&out, &Limits::default().with_max_payload_bytes(usize::MAX))
        .map_err(|fault| format!("what is passed on is refused: {fault}"))?;
    equal("the token passed on", again.token(), "")?;
    // A shorter token may also be an ordinary word of the text.
    if frame.token().len() == SESSION_TOKEN_BYTES && out.contains(frame.token()) {
        return Err("what is passed on holds the token".into());
    }
    equal("what is passed on twice", again.pass_on(), out)
}

fn compare_command(vector: &Vector, frame: &PayloadRef<'_>) -> Result<(), String> {
    let read = match (frame.content(), vector.from) {
        (ContentRef::Cmd(_), From::Client) => {
            frame.command(&Limits::default()).map(|read| read.map(|command| command.to_content()))
        }
        (ContentRef::Cmd(call), From::Server) => {
            Some(Push::read(call.name(), call.parameters()).map(|push| {
                let ids =
                    EnvelopeIds { payload_id: PayloadId::parse("p").unwrap(), timestamp: frame.timestamp() };
                push.to_payload(Recipient::parse("ada").unwrap(), ids).content().clone()
            }))
        }
        _ => None,
    };
    match (&vector.command, &vector.command_fault, read) {
        (None, None, _) => Ok(()),
        (Some(expected), None, Some(Ok(content))) => compare_parameters(expected, &content),
        (None, Some(expected), Some(Err(fault))) => compare_command_fault(expected, &fault),
        (_, _, Some(Err(fault))) => Err(format!("the command is refused: {fault}")),
        _ => Err("the command is taken, or there is none".into()),
    }
}

fn compare_parameters(expected: &TypedCommand, content: &Content) -> Result<(), String> {
    let Content::Cmd(call) = content else { return Err("no command".into()) };
    equal("command", call.command().as_str(), expected.name.as_str())?;
    let mut parameters = expected.parameters.clone();
    for member in parameters.as_object_mut().ok_or("parameters must be an object")?.values_mut() {
        *member = join_parts(member);
    }
    let found: Value = call.parameters().read().map_err(|e| e.to_string())?;
    equal("parameters", found, parameters)
}

fn compare_command_fault(expected: &Verdict, fault: &CommandFault) -> Result<(), String> {
    equal("code of the command", fault.code().as_str(), expected.code.as_str())?;
    equal("path in the command", fault.path(), expected.path.clone())
}

#[test]
fn commands_and_pushes_have_vectors_on_both_sides() {
    let all = vector::all();
    let has = |from: From, taken: bool, name: &str| {
        all.iter().any(|(_, vector)| {
            let content = vector.valid.as_ref().map(|valid| &valid.content["command"]);
            vector.from == from
                && content == Some(&json!(name))
                && if taken { vector.command.is_some() } else { vector.command_fault.is_some() }
        })
    };
    for name in Command::NAMES {
        assert!(has(From::Client, true, name) && has(From::Client, false, name), "{name}");
    }
    for name in Push::NAMES {
        assert!(has(From::Server, true, name) && has(From::Server, false, name), "{name}");
    }
}
