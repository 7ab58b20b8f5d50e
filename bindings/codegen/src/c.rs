//! What callie-ffi exports to C.

use std::collections::BTreeSet;

use callie_core::command::{CommandSpec, ParameterSpec, ParameterType, ResultType};

use crate::NOTE;
use crate::command::{is_unanswered, method, refusals};
use crate::rust::{fields, lines, outline, type_name, uses};
use crate::text::alternatives;

/// Writes a function for each command.
pub(crate) fn functions(commands: &[&'static CommandSpec]) -> String {
    let mut names = BTreeSet::from(["Command".to_owned()]);
    let mut functions = String::new();
    for spec in commands {
        let mut parameters = String::from("client: *mut CallieClient");
        for parameter in spec.parameters {
            if value(parameter).contains("::parse") {
                names.insert(type_name(parameter.ty).to_owned());
            }
            parameters += &format!(", {}", declared(parameter));
        }
        let shape = shape(spec.result);
        if shape.is_some() {
            parameters += ", result: *mut *mut c_char";
            names.extend(spec.result.map(|result| format!("{result:?}")));
        }
        let needs_client = spec.parameters.iter().any(|p| {
            p.ty == ParameterType::MessageText || (p.ty == ParameterType::Usernames && p.is_optional)
        });
        let client = if needs_client || is_unanswered(spec) { "client" } else { "_" };
        let command = format!("Ok(Command::{} {{ {} }})", spec.variant, fields(spec, value));
        let call = if is_unanswered(spec) {
            let values: Vec<String> = spec.parameters.iter().map(value).collect();
            format!(
                "call_unanswered(client, |client| Ok(client.client.{}({})?))",
                method(spec),
                values.join(", ")
            )
        } else if let (Some(_), Some(result)) = (shape, spec.result) {
            format!("call_value::<{result:?}>(client, result, |{client}| {command})")
        } else {
            format!("call_unit(client, |{client}| {command})")
        };
        functions += &documentation(spec, shape);
        functions += &format!(
            "#[unsafe(no_mangle)]\npub unsafe extern \"C\" fn callie_client_{}({parameters}) -> CallieStatus {{ {call} }}\n\n",
            method(spec),
        );
    }
    format!(
        "// {NOTE}\n//! One function for each command.\n\n\
         #![allow(\n    unsafe_op_in_unsafe_fn,\n    reason = \"the caller's promise: texts are NULL or end in NUL, arrays have their length, results can be \
         written to\"\n)]\n\nuse std::ffi::c_char;\n\nuse callie_core::MAX_PRESENCE_NAMES;\n{}\n\
         use super::super::held::CallieClient;\nuse super::super::status::CallieStatus;\n\
         use super::{{call_unanswered, call_unit, call_value, message_text, optional, or_default, page, parsed, users}};\n\n{functions}",
        uses(&names),
    )
}

fn documentation(spec: &CommandSpec, shape: Option<&str>) -> String {
    let mut text = outline(spec);
    let mut notes = String::new();
    let nullable: Vec<String> = spec
        .parameters
        .iter()
        .filter(|p| p.is_optional && p.ty != ParameterType::PageLimit)
        .map(|p| format!("`{}`", p.field))
        .collect();
    match nullable.as_slice() {
        [] => {}
        [only] => notes += &format!("{only} may be NULL. "),
        several => {
            notes += &format!("Each of {} may be NULL. ", alternatives(several).replace(" or ", " and "))
        }
    }
    if spec.parameters.iter().any(|p| p.ty == ParameterType::PageLimit) {
        notes += "A `limit` of 0 stands for 100. ";
    }
    if spec.parameters.iter().any(|p| p.ty == ParameterType::Timestamp) {
        notes += "A time is a text such as `2030-01-02T03:04:05.678Z`. ";
    }
    if let Some(shape) = shape {
        notes += &format!("The result is `{shape}`; the caller frees it. ");
    }
    if let Some(codes) = refusals(spec, |code| format!("`{code}`")) {
        notes += &format!("`CALLIE_STATUS_REFUSED` {codes} if the server refuses.");
    }
    if !notes.is_empty() {
        text += "///\n";
        text += &lines(&[notes]);
    }
    text
}

/// The JSON of a result.
fn shape(result: Option<ResultType>) -> Option<&'static str> {
    match result? {
        ResultType::Group => Some("{groupID, name, visibility, members}"),
        ResultType::GroupPage => Some("{groups: [{groupID, name, role?, memberCount}], next?}"),
        ResultType::GroupDetails => {
            Some("{groupID, name, visibility, memberCount, members: [{username, role, online}], next?}")
        }
        ResultType::BlockedPage => Some("{blocked: [username], next?}"),
        ResultType::PresenceMap => Some("{presence: {username: \"online\"|\"offline\"}}"),
        ResultType::Profile => Some("{username, displayName}"),
        ResultType::Settings => Some("{displayName, presence, directMessages}"),
        ResultType::SessionList => {
            Some("{sessions: [{sessionID, device, createdAt, lastSeenAt, expiresAt, current}]}")
        }
        ResultType::ServerStats => {
            Some("{uptimeSeconds, connections, usersOnline, payloadsReceived, payloadsSent}")
        }
        _ => None,
    }
}

fn declared(parameter: &ParameterSpec) -> String {
    let field = parameter.field;
    match parameter.ty {
        ParameterType::Usernames => format!("{field}: *const *const c_char, {}: usize", count(parameter)),
        ParameterType::PageLimit => format!("{field}: u16"),
        _ => format!("{field}: *const c_char"),
    }
}

/// The name of the parameter that has the length of an array: `member_count` for `members`.
fn count(parameter: &ParameterSpec) -> String {
    format!("{}_count", parameter.field.trim_end_matches('s'))
}

/// The value of a field of a command's variant.
fn value(parameter: &'static ParameterSpec) -> String {
    let (field, ty) = (parameter.field, type_name(parameter.ty));
    match parameter.ty {
        ParameterType::Usernames => {
            let most = if parameter.is_optional {
                "client.client.limits().max_group_members"
            } else {
                "MAX_PRESENCE_NAMES"
            };
            format!("users({field}, {}, {most}, \"{field}\")?", count(parameter))
        }
        ParameterType::PageLimit => format!("page({field})?"),
        ParameterType::MessageText => format!("message_text(client, {field}, \"{field}\")?"),
        ParameterType::Visibility => format!("or_default({field}, \"{field}\", {ty}::parse)?"),
        _ if parameter.is_optional => format!("optional({field}, \"{field}\", {ty}::parse)?"),
        _ => format!("parsed({field}, \"{field}\", {ty}::parse)?"),
    }
}
