//! What all Rust code has in common that is written here.

use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::process::{Command as Process, Stdio};

use callie_core::command::{CommandSpec, ParameterSpec, ParameterType};

use crate::command::{meaning, paragraphs, refusals};
use crate::text::wrapped;

/// The width of comments.
const WIDTH: usize = 110;

/// The documentation of a method, with its errors.
pub(crate) fn documentation(spec: &CommandSpec, error: &str) -> String {
    let refused = refusals(spec, |code| format!("`{code}`")).map(|codes| format!("; refused {codes}"));
    let errors = format!("[`{error}`]{}.", refused.unwrap_or_default());
    outline(spec) + &format!("///\n/// # Errors\n{}", wrapped(&errors, "/// ", "", WIDTH))
}

/// The documentation of a method without its errors: paragraphs, and a list of the parameters.
pub(crate) fn outline(spec: &CommandSpec) -> String {
    let code = |code: &str| format!("`{code}`");
    let mut text = lines(&paragraphs(spec, code));
    if !spec.parameters.is_empty() {
        text += "///\n";
        for parameter in spec.parameters {
            let item = format!("- `{}`: {}", parameter.field, meaning(parameter, code));
            text += &wrapped(&item, "/// ", "  ", WIDTH);
        }
    }
    text
}

/// Paragraphs as a comment of documentation.
pub(crate) fn lines(paragraphs: &[String]) -> String {
    paragraphs.iter().map(|text| wrapped(text, "/// ", "", WIDTH)).collect::<Vec<_>>().join("///\n")
}

/// The fields of a command's variant, each with its value.
pub(crate) fn fields(spec: &'static CommandSpec, value: impl Fn(&'static ParameterSpec) -> String) -> String {
    let field = |parameter: &'static ParameterSpec| {
        let value = value(parameter);
        if value == parameter.field { value } else { format!("{}: {value}", parameter.field) }
    };
    spec.parameters.iter().map(field).collect::<Vec<_>>().join(", ")
}

/// The name of the Rust type of a parameter, or of its elements.
pub(crate) fn type_name(ty: ParameterType) -> &'static str {
    match ty {
        ParameterType::Conversation => "Conversation",
        ParameterType::Cursor => "Cursor",
        ParameterType::DirectMessages => "DirectMessages",
        ParameterType::DisplayName => "DisplayName",
        ParameterType::GroupId => "GroupId",
        ParameterType::GroupName => "GroupName",
        ParameterType::MessageId => "MessageId",
        ParameterType::MessageText => "MessageText",
        ParameterType::PageLimit => "PageLimit",
        ParameterType::PresenceAudience => "PresenceAudience",
        ParameterType::RemovalReason => "RemovalReason",
        ParameterType::Role => "Role",
        ParameterType::SessionId => "SessionId",
        ParameterType::SignalData => "SignalData",
        ParameterType::SignalKind => "SignalKind",
        ParameterType::Timestamp => "Timestamp",
        ParameterType::Visibility => "Visibility",
        ParameterType::Username | ParameterType::Usernames => "Username",
        // There is no Rust type of this name: a type that is new in the table does not compile until it stands here.
        _ => "Unknown",
    }
}

/// Imports types of `callie-core`.
pub(crate) fn uses(names: &BTreeSet<String>) -> String {
    const AT_THE_ROOT: [&str; 5] = ["GroupId", "MessageId", "SessionId", "Timestamp", "Username"];
    let from = |wanted: &dyn Fn(&str) -> bool| {
        names.iter().filter(|name| wanted(name)).cloned().collect::<Vec<_>>().join(", ")
    };
    let root = from(&|name| AT_THE_ROOT.contains(&name));
    let account = from(&|name| name == "SessionList");
    let command = from(&|name| !AT_THE_ROOT.contains(&name) && name != "SessionList");
    let path = |path: &str, names: String| {
        if names.is_empty() { String::new() } else { format!("use callie_core::{path}{{{names}}};\n") }
    };
    path("account::", account) + &path("command::", command) + &path("", root)
}

/// Formats a file as `cargo fmt` does.
pub(crate) fn format(source: &str) -> io::Result<String> {
    let config = crate::repository().join("rustfmt.toml");
    let mut rustfmt = Process::new("rustfmt")
        .args(["--edition", "2024", "--config-path"])
        .arg(config)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    if let Some(mut input) = rustfmt.stdin.take() {
        input.write_all(source.as_bytes())?;
    }
    let output = rustfmt.wait_with_output()?;
    if !output.status.success() {
        return Err(io::Error::other(format!("rustfmt refuses what was written:\n{source}")));
    }
    String::from_utf8(output.stdout).map_err(io::Error::other)
}
