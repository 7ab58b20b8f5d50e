//! The commands in Swift.

use callie_core::command::{CommandSpec, ParameterSpec, ParameterType};

use crate::NOTE;
use crate::command::{
    Paged, is_unanswered, iterator_parameters, meaning, method, paged, paragraphs, refusals,
};
use crate::text::{camel, wrapped};
use crate::typed::{Spelling, WIDTH, fitting};

const SWIFT: Spelling = Spelling {
    none: "nil",
    empty: "[]",
    private: ".private",
    list: |item| format!("[{item}]"),
    instant: "Date",
    json: "JSONValue",
    presence: "[String: Bool]",
    nothing: "",
};
const COMMENT: &str = "    /// ";

/// Writes a method for each command.
pub(crate) fn methods(commands: &[&'static CommandSpec]) -> String {
    let mut methods = String::new();
    for spec in commands {
        let result = SWIFT.result(spec.result);
        let effects = if is_unanswered(spec) { "throws" } else { "async throws" };
        let wait = if is_unanswered(spec) { "try" } else { "try await" };
        let name = camel(&method(spec));
        methods += &documentation(spec);
        methods += &signature(&name, &spec.parameters.iter().collect::<Vec<_>>(), effects, &result);
        let arguments: Vec<String> = spec.parameters.iter().map(argument).collect();
        methods += &body(wait, &name, &arguments);
        methods += "    }\n\n";
        if let Some(pages) = paged(spec) {
            methods += &iterator(spec, &pages);
        }
    }
    format!(
        "// {NOTE}\nimport CallieNative\nimport Foundation\n\n\
         /// The commands. A refusal is a `CallieError` of the kind `refused` with the server's code, such as `FORBIDDEN`.\n\
         extension Client {{\n{}\n}}\n",
        methods.trim_end(),
    )
}

fn documentation(spec: &CommandSpec) -> String {
    let code = |text: &str| {
        let is_parameter = spec.parameters.iter().any(|parameter| parameter.field == text);
        format!("`{}`", if is_parameter { camel(text) } else { text.to_owned() })
    };
    let mut blocks: Vec<String> =
        paragraphs(spec, code).iter().map(|text| wrapped(text, COMMENT, "", WIDTH)).collect();
    let mut list = String::new();
    if !spec.parameters.is_empty() {
        list += "    /// - Parameters:\n";
        for parameter in spec.parameters {
            let item = format!("  - {}: {}", camel(parameter.field), meaning(parameter, code));
            let item = wrapped(item.trim_start(), "    ///   ", "  ", WIDTH);
            list += &item;
        }
    }
    if let Some(codes) = refusals(spec, code) {
        let item = format!("- Throws: `CallieError` of the kind `refused` {codes}.");
        list += &wrapped(&item, COMMENT, "  ", WIDTH);
    }
    if !list.is_empty() {
        blocks.push(list);
    }
    blocks.join("    ///\n")
}

fn signature(name: &str, parameters: &[&ParameterSpec], effects: &str, result: &str) -> String {
    let declared = SWIFT.declarations(parameters).join(", ");
    let effects = if effects.is_empty() { String::new() } else { format!(" {effects}") };
    let result = if result.is_empty() { String::new() } else { format!(" -> {result}") };
    fitting([
        format!("    public func {name}({declared}){effects}{result} {{\n"),
        format!("    public func {name}(\n        {declared}\n    ){effects}{result} {{\n"),
    ])
}

/// A parameter as the native library takes it.
fn argument(parameter: &ParameterSpec) -> String {
    let name = camel(parameter.field);
    let maybe = if parameter.is_optional { "?" } else { "" };
    match parameter.ty {
        ParameterType::PageLimit => format!("{name}: {name}.map(UInt16.init(clamping:))"),
        ParameterType::Timestamp => format!("{name}: {name}{maybe}.clamped"),
        ParameterType::SignalData => format!("{name}: {name}{maybe}.json"),
        _ => format!("{name}: {name}"),
    }
}

fn body(wait: &str, name: &str, arguments: &[String]) -> String {
    let arguments = arguments.join(", ");
    let call = format!("{wait} native.{name}({arguments})");
    let block = fitting([
        format!("            {call}\n"),
        format!("            {wait} native.{name}(\n                {arguments}\n            )\n"),
    ]);
    fitting([
        format!("        {wait} calling {{ {call} }}\n"),
        format!("        {wait} calling {{\n{block}        }}\n"),
    ])
}

/// A sequence over all pages of a list.
fn iterator(spec: &'static CommandSpec, pages: &Paged) -> String {
    let item = pages.item.unwrap_or("String");
    let name = camel(&method(spec));
    let parameters = iterator_parameters(spec);
    let mut given: Vec<String> =
        parameters.iter().map(|parameter| format!("{0}: {0}", camel(parameter.field))).collect();
    given.push("after: after".to_owned());
    format!(
        "    /// Returns a sequence over all pages of `{name}`.\n{}        Pages {{ after in\n            \
         let page = try await self.{name}({})\n            return (page.{}, page.next)\n        }}\n    }}\n\n",
        signature(&camel(&pages.iterator), &parameters, "", &format!("Pages<{item}>")),
        given.join(", "),
        pages.items,
    )
}
