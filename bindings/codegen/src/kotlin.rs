//! The commands in Kotlin.

use callie_core::command::{CommandSpec, ParameterSpec, ParameterType};

use crate::NOTE;
use crate::command::{
    Paged, is_unanswered, iterator_parameters, meaning, method, paged, paragraphs, refusals,
};
use crate::text::{camel, wrapped};
use crate::typed::{Spelling, WIDTH, fitting};

const KOTLIN: Spelling = Spelling {
    none: "null",
    empty: "emptyList()",
    private: "Visibility.PRIVATE",
    list: |item| format!("List<{item}>"),
    instant: "Instant",
    json: "JsonElement",
    presence: "Map<String, Boolean>",
    nothing: "Unit",
};

/// Writes an extension function for each command.
pub(crate) fn functions(commands: &[&'static CommandSpec]) -> String {
    let mut functions = String::new();
    for spec in commands {
        let result = KOTLIN.result(spec.result);
        let kind = if is_unanswered(spec) { "fun" } else { "suspend fun" };
        let method = camel(&method(spec));
        let arguments: Vec<String> = spec.parameters.iter().map(value).collect();
        functions += &documentation(spec);
        functions += &signature(kind, &method, &spec.parameters.iter().collect::<Vec<_>>(), &result);
        functions += &body(&method, &arguments);
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
    let declared = KOTLIN.declarations(parameters);
    let lines: String = declared.iter().map(|parameter| format!("    {parameter},\n")).collect();
    fitting([
        format!("public {kind} Client.{name}({}): {result} =\n", declared.join(", ")),
        format!("public {kind} Client.{name}(\n{lines}): {result} =\n"),
    ])
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
        | ParameterType::DirectMessages
        | ParameterType::Timestamp => name,
        ParameterType::PageLimit => format!("{name}{maybe}.page()"),
        ParameterType::SignalData => format!("{name}{maybe}.text(\"{name}\")"),
        _ => format!("{name}{maybe}.checked(\"{name}\")"),
    }
}

fn body(method: &str, arguments: &[String]) -> String {
    let lines: String = arguments.iter().map(|argument| format!("            {argument},\n")).collect();
    fitting([
        format!("    calling {{ native.{method}({}) }}\n", arguments.join(", ")),
        format!("    calling {{\n        native.{method}(\n{lines}        )\n    }}\n"),
    ])
}

/// A flow over all pages of a list.
fn iterator(spec: &'static CommandSpec, pages: &Paged) -> String {
    let item = pages.item.unwrap_or("String");
    let method = camel(&method(spec));
    let parameters = iterator_parameters(spec);
    let mut given: Vec<String> = parameters.iter().map(|parameter| camel(parameter.field)).collect();
    given.push("after".to_owned());
    format!(
        "/** Returns a flow over all pages of [{method}]. */\n{}    \
         pages {{ after -> {method}({}).let {{ Page(it.{}, it.next) }} }}\n\n",
        signature("fun", &camel(&pages.iterator), &parameters, &format!("Flow<{item}>")),
        given.join(", "),
        pages.items,
    )
}
