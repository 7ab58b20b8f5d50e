//! What callie-ffi exports to uniffi.

use std::collections::BTreeSet;

use callie_core::command::{CommandSpec, ParameterSpec, ParameterType, ResultType};

use crate::NOTE;
use crate::command::{is_unanswered, method};
use crate::rust::{documentation, fields, type_name, uses};

/// Writes an exported method for each command.
pub(crate) fn exports(commands: &[&'static CommandSpec]) -> String {
    let mut names = BTreeSet::from(["Command".to_owned()]);
    let mut methods = String::new();
    for spec in commands {
        let defaults: Vec<String> = spec
            .parameters
            .iter()
            .filter(|p| p.is_optional)
            .map(|p| format!("{} = {}", p.field, default(p)))
            .collect();
        let parameters: String =
            spec.parameters.iter().map(|p| format!(", {}: {}", p.field, foreign_type(p))).collect();
        for parameter in spec.parameters {
            if value(parameter).contains("::parse") {
                names.insert(type_name(parameter.ty).to_owned());
            }
        }
        methods += &documentation(spec, "CallError");
        if !defaults.is_empty() {
            methods += &format!("#[uniffi::method(default({}))]\n", defaults.join(", "));
        }
        let call = method(spec);
        methods += &if is_unanswered(spec) {
            let values: Vec<String> = spec.parameters.iter().map(value).collect();
            format!(
                "pub fn {call}(&self{parameters}) -> Result<(), CallError> {{ \
                 self.inner.{call}({})?; Ok(()) }}\n\n",
                values.join(", "),
            )
        } else {
            let (result, run, read) = result(spec.result);
            format!(
                "pub async fn {call}(&self{parameters}) -> Result<{result}, CallError> {{ \
                 let command = Command::{} {{ {} }}; {run}{read} }}\n\n",
                spec.variant,
                fields(spec, value),
            )
        };
    }
    format!(
        "// {NOTE}\n//! One method for each command. A refusal carries the server's code, such as `FORBIDDEN`.\n\n\
         use std::collections::HashMap;\nuse std::time::SystemTime;\n\nuse callie_core::command;\n{}\n\
         use super::client::Client;\nuse super::error::CallError;\n\
         use super::requests::{{instant, message_text, online, optional, page_limit, parsed, read, users}};\n\
         use super::values::{{BlockedPage, DirectMessages, Group, GroupDetails, GroupPage, PresenceAudience, Profile, \
         Role, ServerStats, SessionInfo, Settings, Visibility}};\n\n\
         #[uniffi::export]\nimpl Client {{ {methods} }}\n",
        uses(&names),
    )
}

/// The name of an enum that callie-ffi has a twin of.
fn foreign_enum(ty: ParameterType) -> Option<&'static str> {
    match ty {
        ParameterType::DirectMessages
        | ParameterType::PresenceAudience
        | ParameterType::Role
        | ParameterType::Visibility => Some(type_name(ty)),
        _ => None,
    }
}

fn foreign_type(parameter: &ParameterSpec) -> String {
    let name = match parameter.ty {
        ParameterType::Usernames => return "Vec<String>".to_owned(),
        ParameterType::PageLimit => "u16",
        ParameterType::Timestamp => "SystemTime",
        other => foreign_enum(other).unwrap_or("String"),
    };
    if parameter.is_optional { format!("Option<{name}>") } else { name.to_owned() }
}

fn default(parameter: &ParameterSpec) -> &'static str {
    match parameter.ty {
        ParameterType::Usernames => "[]",
        _ => "None",
    }
}

/// The value of a field of a command's variant.
fn value(parameter: &'static ParameterSpec) -> String {
    let (field, wire, ty) = (parameter.field, parameter.name, type_name(parameter.ty));
    match parameter.ty {
        ParameterType::Usernames => format!("users(&{field}, \"{wire}\")?"),
        ParameterType::PageLimit => format!("page_limit({field})?"),
        ParameterType::Timestamp => format!("instant({field}, \"{wire}\")?"),
        ParameterType::MessageText => format!("message_text({field}, &self.inner.limits(), \"{wire}\")?"),
        ParameterType::Visibility => format!("{field}.map(Into::into).unwrap_or_default()"),
        other if foreign_enum(other).is_some() => {
            if parameter.is_optional {
                format!("{field}.map(Into::into)")
            } else {
                format!("{field}.into()")
            }
        }
        _ if parameter.is_optional => format!("optional({field}.as_deref(), \"{wire}\", {ty}::parse)?"),
        _ => format!("parsed(&{field}, \"{wire}\", {ty}::parse)?"),
    }
}

/// The type of a result, the call that gives it, and how it is read.
fn result(result: Option<ResultType>) -> (&'static str, String, &'static str) {
    let read_result = |core: &str| format!("let result: {core} = read(self.call(command).await?)?;");
    match result {
        Some(ResultType::Group) => ("Group", read_result("command::Group"), "Ok(result.into())"),
        Some(ResultType::GroupPage) => ("GroupPage", read_result("command::GroupPage"), "Ok(result.into())"),
        Some(ResultType::GroupDetails) => {
            ("GroupDetails", read_result("command::GroupDetails"), "Ok(result.into())")
        }
        Some(ResultType::BlockedPage) => {
            ("BlockedPage", read_result("command::BlockedPage"), "Ok(result.into())")
        }
        Some(ResultType::PresenceMap) => {
            ("HashMap<String, bool>", read_result("command::PresenceMap"), "Ok(online(result))")
        }
        Some(ResultType::Profile) => ("Profile", read_result("command::Profile"), "Ok(result.into())"),
        Some(ResultType::Settings) => ("Settings", read_result("command::Settings"), "Ok(result.into())"),
        Some(ResultType::ServerStats) => {
            ("ServerStats", read_result("command::ServerStats"), "Ok(result.into())")
        }
        Some(ResultType::SessionList) => (
            "Vec<SessionInfo>",
            read_result("callie_core::account::SessionList"),
            "Ok(result.sessions.into_iter().map(SessionInfo::from).collect())",
        ),
        _ => ("()", "self.call_unit(command).await".to_owned(), ""),
    }
}
