//! The commands in TypeScript, and the constants of the protocol that its driver needs.

use callie_core::account::{SUBPROTOCOL, path};
use callie_core::command::{CommandSpec, ParameterSpec, ParameterType, ResultType};

use crate::NOTE;
use crate::command::{
    Paged, is_unanswered, iterator_parameters, meaning, method, paged, paragraphs, refusals,
};
use crate::text::{camel, wrapped};
use crate::typed::{WIDTH, fitting};

const COMMENT: &str = "   * ";

/// Writes the class that `Client` extends.
pub(crate) fn commands(commands: &[&'static CommandSpec]) -> String {
    let mut methods = String::new();
    for spec in commands {
        methods += &documentation(spec);
        methods += &declaration(spec);
        methods += &body(spec);
        methods += "  }\n\n";
        if let Some(pages) = paged(spec) {
            methods += &iterator(spec, &pages);
        }
    }
    format!(
        "// {NOTE}\n\n\
         import * as check from \"./arguments.js\";\n\
         import type {{ JsonValue }} from \"./arguments.js\";\n\
         import * as results from \"./results.js\";\n\
         import type * as values from \"./values.js\";\n\n\
         /** The commands of the protocol, one method each. A refusal is a {{@link Refused}} with the server's code. */\n\
         export abstract class Commands {{\n  \
         /** Sends a command and returns its result; `undefined` if that was lost with a connection. */\n  \
         protected abstract request(name: string, parameters: object): Promise<unknown>;\n  \
         /** Sends a command without an answer. */\n  \
         protected abstract tell(name: string, parameters: object): void;\n\n{}\n}}\n",
        methods.trim_end(),
    )
}

/// Writes the constants of the protocol.
pub(crate) fn protocol() -> String {
    format!(
        "// Generated from callie-core/src/account.rs by `make generate`. Do not edit.\n\n\
         /** The paths of the HTTP calls and of the WebSocket. */\n\
         export const PATHS = {{\n  register: \"{}\",\n  login: \"{}\",\n  logout: \"{}\",\n  password: \"{}\",\n  \
         sessions: \"{}\",\n  socket: \"{}\",\n}};\n\n\
         /** The WebSocket subprotocol. */\n\
         export const SUBPROTOCOL = \"{SUBPROTOCOL}\";\n",
        path::REGISTER,
        path::LOGIN,
        path::LOGOUT,
        path::PASSWORD,
        path::SESSIONS,
        path::SOCKET,
    )
}

fn documentation(spec: &CommandSpec) -> String {
    let code = |text: &str| {
        let is_parameter = spec.parameters.iter().any(|parameter| parameter.field == text);
        format!("`{}`", if is_parameter { camel(text) } else { text.to_owned() })
    };
    let mut blocks: Vec<String> =
        paragraphs(spec, code).iter().map(|text| wrapped(text, COMMENT, "", WIDTH)).collect();
    let mut tags: String = spec
        .parameters
        .iter()
        .map(|parameter| {
            let name = camel(parameter.field);
            let name = if is_option(parameter) { format!("options.{name}") } else { name };
            wrapped(&format!("@param {name} {}", meaning(parameter, code)), COMMENT, "  ", WIDTH)
        })
        .collect();
    if let Some(codes) = refusals(spec, code) {
        tags += &wrapped(&format!("@throws {{@link Refused}} {codes}."), COMMENT, "  ", WIDTH);
    }
    if !tags.is_empty() {
        blocks.push(tags);
    }
    format!("  /**\n{}   */\n", blocks.join("   *\n"))
}

/// Whether a parameter is a member of the last argument, the options.
fn is_option(parameter: &ParameterSpec) -> bool {
    parameter.is_optional && !matches!(parameter.ty, ParameterType::Usernames | ParameterType::SignalData)
}

fn kind(parameter: &ParameterSpec) -> &'static str {
    match parameter.ty {
        ParameterType::Usernames => "Iterable<string>",
        ParameterType::SignalData => "JsonValue",
        ParameterType::Visibility => "values.Visibility",
        ParameterType::Role => "values.Role",
        ParameterType::PresenceAudience => "values.PresenceAudience",
        ParameterType::DirectMessages => "values.DirectMessages",
        ParameterType::PageLimit => "number",
        ParameterType::Timestamp => "Date",
        _ => "string",
    }
}

fn placed(parameter: &ParameterSpec) -> String {
    let (name, kind) = (camel(parameter.field), kind(parameter));
    match parameter.ty {
        ParameterType::Usernames if parameter.is_optional => format!("{name}: {kind} = []"),
        _ if parameter.is_optional => format!("{name}?: {kind}"),
        _ => format!("{name}: {kind}"),
    }
}

/// The members of the options.
fn options(parameters: &[&ParameterSpec]) -> Vec<String> {
    parameters
        .iter()
        .filter(|parameter| is_option(parameter))
        .map(|parameter| format!("{}?: {} | undefined", camel(parameter.field), kind(parameter)))
        .collect()
}

fn signature(name: &str, parameters: &[&ParameterSpec], result: &str) -> String {
    let mut declared: Vec<String> = parameters
        .iter()
        .filter(|parameter| !is_option(parameter))
        .map(|parameter| placed(parameter))
        .collect();
    let options = options(parameters);
    if !options.is_empty() {
        let line = format!("options?: {{ {} }}", options.join("; "));
        let lines = format!("options?: {{\n      {};\n    }}", options.join(";\n      "));
        declared.push(if line.len() + "    ,".len() <= WIDTH { line } else { lines });
    }
    let line = format!("  {name}({}): {result} {{\n", declared.join(", "));
    let lines = format!("  {name}(\n    {},\n  ): {result} {{\n", declared.join(",\n    "));
    if line.matches('\n').count() > 1 { lines } else { fitting([line, lines]) }
}

fn declaration(spec: &CommandSpec) -> String {
    let name = camel(&method(spec));
    let parameters: Vec<&ParameterSpec> = spec.parameters.iter().collect();
    if is_unanswered(spec) {
        return signature(&name, &parameters, "void");
    }
    signature(&format!("async {name}"), &parameters, &format!("Promise<{}>", result(spec.result).0))
}

/// The type of a result, and the function that reads it.
fn result(result: Option<ResultType>) -> (&'static str, Option<&'static str>) {
    match result {
        Some(ResultType::Group) => ("values.Group", Some("group")),
        Some(ResultType::GroupPage) => ("values.GroupPage", Some("groupPage")),
        Some(ResultType::GroupDetails) => ("values.GroupDetails", Some("groupDetails")),
        Some(ResultType::BlockedPage) => ("values.BlockedPage", Some("blockedPage")),
        Some(ResultType::PresenceMap) => ("Map<string, boolean>", Some("presence")),
        Some(ResultType::Profile) => ("values.Profile", Some("profile")),
        Some(ResultType::Settings) => ("values.Settings", Some("settings")),
        Some(ResultType::ServerStats) => ("values.ServerStats", Some("serverStats")),
        Some(ResultType::SessionList) => ("values.SessionInfo[]", Some("sessions")),
        _ => ("void", None),
    }
}

/// A member of the parameters: its name in the protocol, and its checked value.
fn value(parameter: &ParameterSpec) -> String {
    let name = camel(parameter.field);
    let check = match parameter.ty {
        ParameterType::Usernames => "texts",
        ParameterType::PageLimit => "pageLimit",
        ParameterType::Timestamp => "instant",
        ParameterType::SignalData => return format!("{}: {name}", parameter.name),
        _ if parameter.is_optional => "optionalText",
        _ => "text",
    };
    format!("{}: check.{check}({name}, \"{name}\")", parameter.name)
}

fn body(spec: &CommandSpec) -> String {
    let parameters: Vec<&ParameterSpec> = spec.parameters.iter().collect();
    let names: Vec<String> =
        parameters.iter().filter(|parameter| is_option(parameter)).map(|p| camel(p.field)).collect();
    let unpacked = if names.is_empty() {
        String::new()
    } else {
        format!("    const {{ {} }} = check.options(options);\n", names.join(", "))
    };
    let members: Vec<String> = spec.parameters.iter().map(value).collect();
    let call = if is_unanswered(spec) { "this.tell" } else { "await this.request" };
    let (before, after) = match result(spec.result).1 {
        Some(read) => (format!("return results.{read}("), ")"),
        None => (String::new(), ""),
    };
    let line = if members.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", members.join(", ")) };
    let lines = format!("{{\n      {},\n    }}", members.join(",\n      "));
    let statement = |given: &str| format!("    {before}{call}(\"{}\", {given}){after};\n", spec.name);
    unpacked + &fitting([statement(&line), statement(&lines)])
}

/// A generator over all pages of a list.
fn iterator(spec: &'static CommandSpec, pages: &Paged) -> String {
    let item = pages.item.map_or("string".to_owned(), |item| format!("values.{item}"));
    let name = camel(&method(spec));
    let parameters = iterator_parameters(spec);
    let mut given: Vec<String> =
        parameters.iter().filter(|parameter| !is_option(parameter)).map(|p| camel(p.field)).collect();
    given.push("{ ...check.options(options), after }".to_owned());
    format!(
        "  /** Iterates over all pages of {{@link {name}}}. */\n{}    \
         for (let after: string | undefined; ; ) {{\n      \
         const page = await this.{name}({});\n      \
         yield* page.{};\n      \
         if (page.next === undefined) return;\n      \
         after = page.next;\n    }}\n  }}\n\n",
        signature(
            &format!("async *{}", camel(&pages.iterator)),
            &parameters,
            &format!("AsyncGenerator<{item}, void>")
        ),
        given.join(", "),
        pages.items,
    )
}
