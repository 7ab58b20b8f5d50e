//! The commands in Kotlin.

use callie_core::command::{CommandSpec, ParameterSpec, ParameterType, ResultType};

use crate::NOTE;
use crate::command::{
    Paged, is_unanswered, iterator_parameters, meaning, method, paged, paragraphs, refusals,
};
use crate::text::{camel, wrapped};

/// The width of lines.
const WIDTH: usize = 120;

/// Writes an extension function for each command.
pub(crate) fn functions(commands: &[&'static CommandSpec]) -> String {
    let mut functions = String::new();
    for spec in commands {
        let (result, read) = result(spec.result);
        let kind = if is_unanswered(spec) { "fun" } else { "suspend fun" };
        let method = camel(&method(spec));
        let arguments: Vec<String> = spec.parameters.iter().map(value).collect();
        functions += &documentation(spec);
        functions += &signature(kind, &method, &spec.parameters.iter().collect::<Vec<_>>(), result);
        functions += " =\n";
        functions += &body(&method, &arguments, read);
        functions.push('\n');
        if let Some(pages) = paged(spec) {
            functions += &iterator(spec, &pages);
        }
    }
    format!(
        "// {NOTE}\npackage dev.callie\n\nimport kotlinx.coroutines.flow.Flow\nimport kotlinx.serialization.json.JsonElement\n\
         import java.time.Instant\n\n\
         // The commands. A refusal is a CallieException.Refused with the server's code, such as FORBIDDEN.\n\n{}\n",
        functions.trim_end(),
    )
}

fn documentation(spec: &CommandSpec) -> String {
    let code = |text: &str| {
        if spec.parameters.iter().any(|parameter| parameter.field == text) {
            format!("[{}]", camel(text))
        } else {
            format!("`{text}`")
        }
    };
    let mut blocks: Vec<String> =
        paragraphs(spec, code).iter().map(|text| wrapped(text, " * ", "", WIDTH)).collect();
    let mut tags = String::new();
    for parameter in spec.parameters {
        let tag = format!("@param {} {}", camel(parameter.field), meaning(parameter, code));
        tags += &wrapped(&tag, " * ", "  ", WIDTH);
    }
    if let Some(codes) = refusals(spec, code) {
        tags += &wrapped(&format!("@throws CallieException.Refused {codes}"), " * ", "  ", WIDTH);
    }
    if !tags.is_empty() {
        blocks.push(tags);
    }
    comment(&blocks.join(" *\n"))
}

/// Lines that begin with ` * ` as a comment, on one line where there is one.
fn comment(lines: &str) -> String {
    match lines.trim_end().strip_prefix(" * ") {
        Some(only) if !only.contains('\n') => format!("/** {only} */\n"),
        _ => format!("/**\n{lines} */\n"),
    }
}

fn signature(kind: &str, name: &str, parameters: &[&ParameterSpec], result: &str) -> String {
    let declared: Vec<String> = parameters.iter().map(|parameter| declaration(parameter)).collect();
    let line = format!("public {kind} Client.{name}({}): {result}", declared.join(", "));
    if line.chars().count() + 2 <= WIDTH {
        return line;
    }
    let lines: String = declared.iter().map(|parameter| format!("    {parameter},\n")).collect();
    format!("public {kind} Client.{name}(\n{lines}): {result}")
}

fn declaration(parameter: &ParameterSpec) -> String {
    let name = camel(parameter.field);
    let kind = match parameter.ty {
        ParameterType::Usernames if parameter.is_optional => {
            return format!("{name}: List<String> = emptyList()");
        }
        ParameterType::Usernames => "List<String>",
        ParameterType::Visibility => return format!("{name}: Visibility = Visibility.PRIVATE"),
        ParameterType::Role => "Role",
        ParameterType::PresenceAudience => "PresenceAudience",
        ParameterType::DirectMessages => "DirectMessages",
        ParameterType::PageLimit => "Int",
        ParameterType::Timestamp => "Instant",
        ParameterType::SignalData => "JsonElement",
        _ => "String",
    };
    if parameter.is_optional { format!("{name}: {kind}? = null") } else { format!("{name}: {kind}") }
}

/// A parameter, checked and made ready for the native library.
fn value(parameter: &ParameterSpec) -> String {
    let name = camel(parameter.field);
    let maybe = if parameter.is_optional { "?" } else { "" };
    match parameter.ty {
        ParameterType::Usernames => format!("{name}.checked(\"{name}\")"),
        ParameterType::Visibility
        | ParameterType::Role
        | ParameterType::PresenceAudience
        | ParameterType::DirectMessages => name,
        ParameterType::PageLimit => format!("{name}{maybe}.page()"),
        ParameterType::Timestamp => format!("{name}{maybe}.millis()"),
        ParameterType::SignalData => format!("{name}{maybe}.text(\"{name}\")"),
        _ => format!("{name}{maybe}.checked(\"{name}\")"),
    }
}

/// The type of a result, and how the native one becomes it.
fn result(result: Option<ResultType>) -> (&'static str, &'static str) {
    match result {
        Some(ResultType::Group) => ("Group", ""),
        Some(ResultType::GroupPage) => ("GroupPage", ""),
        Some(ResultType::GroupDetails) => ("GroupDetails", ""),
        Some(ResultType::BlockedPage) => ("BlockedPage", ""),
        Some(ResultType::PresenceMap) => ("Map<String, Boolean>", ""),
        Some(ResultType::Profile) => ("Profile", ""),
        Some(ResultType::Settings) => ("Settings", ""),
        Some(ResultType::ServerStats) => ("ServerStats", ""),
        Some(ResultType::SessionList) => ("List<SessionInfo>", ".map { it.own() }"),
        _ => ("Unit", ""),
    }
}

fn body(method: &str, arguments: &[String], read: &str) -> String {
    let line = format!("    calling {{ native.{method}({}) }}{read}\n", arguments.join(", "));
    if line.chars().count() <= WIDTH + 1 {
        return line;
    }
    let arguments: String = arguments.iter().map(|argument| format!("            {argument},\n")).collect();
    format!("    calling {{\n        native.{method}(\n{arguments}        )\n    }}{read}\n")
}

/// A flow over all pages of a list.
fn iterator(spec: &'static CommandSpec, pages: &Paged) -> String {
    let item = pages.item.unwrap_or("String");
    let method = camel(&method(spec));
    let parameters = iterator_parameters(spec);
    let mut given: Vec<String> = parameters.iter().map(|parameter| camel(parameter.field)).collect();
    given.push("after".to_owned());
    format!(
        "/** Returns a flow over all pages of [{method}]. */\n{} =\n    \
         pages {{ after -> {method}({}).let {{ Page(it.{}, it.next) }} }}\n\n",
        signature("fun", &camel(&pages.iterator), &parameters, &format!("Flow<{item}>")),
        given.join(", "),
        pages.items,
    )
}
