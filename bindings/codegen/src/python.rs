//! The commands in Python, for asyncio and blocking.

use callie_core::command::{CommandSpec, ParameterSpec, ParameterType, ResultType};

use crate::NOTE;
use crate::command::{
    Paged, is_unanswered, iterator_parameters, meaning, method, paged, paragraphs, refusals,
};
use crate::text::wrapped;

/// The width of lines.
const WIDTH: usize = 120;

/// Writes the mixin of `callie.Client`.
pub(crate) fn asynchronous(commands: &[&'static CommandSpec]) -> String {
    let mut methods = String::new();
    for spec in commands {
        let is_async = if is_unanswered(spec) { "" } else { "async " };
        let (result, read) = result(spec.result);
        methods += &head(is_async, &method(spec), spec.parameters, result);
        methods += &documentation(spec);
        let mut call = vec![format!("\"{}\"", method(spec))];
        call.extend(spec.parameters.iter().map(value));
        methods += &match read {
            Some(read) => reading(read, &call),
            None if is_unanswered(spec) => statement("self._tell(", &call, ")"),
            None => statement("await self._ask(", &call, ")"),
        };
        methods.push('\n');
        if let Some(pages) = paged(spec) {
            methods += &iterator(spec, &pages, "async ", "AsyncIterator", "await ");
        }
    }
    format!(
        "# {NOTE}\n\"\"\"The commands of the protocol, one method each, for asyncio.\"\"\"\n\nfrom __future__ import annotations\n\n\
         from datetime import datetime\n\
         from typing import Any, AsyncIterator, Dict, Iterable, List, Optional, Union\n\n\
         from . import arguments, results\nfrom .requests import Requests\n{VALUES}\n\n\
         class Commands(Requests):\n    \"\"\"The commands. A refusal is a :class:`callie.Refused` with the server's code.\"\"\"\n\n{}",
        methods.trim_end().to_owned() + "\n",
    )
}

/// Writes the mixin of `callie.blocking.Client`.
pub(crate) fn blocking(commands: &[&'static CommandSpec]) -> String {
    let mut methods = String::new();
    for spec in commands {
        let (result, _) = result(spec.result);
        let method = method(spec);
        methods += &head("", &method, spec.parameters, result);
        let summary = paragraphs(spec, code).into_iter().next().unwrap_or_default();
        methods += &docstring(&[format!("{summary} See :meth:`callie.Client.{method}`.")], &[]);
        let given: Vec<String> = spec.parameters.iter().map(passed_on).collect();
        let call = format!("self._client.{method}(");
        methods += &if is_unanswered(spec) {
            statement(&call, &given, ")")
        } else if result == "None" {
            statement(&format!("self._run({call}"), &given, "))")
        } else {
            statement(&format!("return self._run({call}"), &given, "))")
        };
        methods.push('\n');
        if let Some(pages) = paged(spec) {
            methods += &iterator(spec, &pages, "", "Iterator", "");
        }
    }
    format!(
        "# {NOTE}\n\"\"\"The commands of the protocol, one method each, without asyncio.\"\"\"\n\nfrom __future__ import annotations\n\n\
         from datetime import datetime\n\
         from typing import Any, Coroutine, Dict, Iterable, Iterator, List, Optional, TypeVar, Union\n\n\
         from . import commands\n{VALUES}\n\
         T = TypeVar(\"T\")\n\n\n\
         class Commands:\n    \"\"\"The commands. A refusal is a :class:`callie.Refused` with the server's code.\"\"\"\n\n    \
         _client: commands.Commands\n\n    \
         def _run(self, work: Coroutine[Any, Any, T]) -> T:\n        raise NotImplementedError\n\n{}",
        methods.trim_end().to_owned() + "\n",
    )
}

/// The import of the types of parameters and results.
const VALUES: &str = "from .values import (
    BlockedPage,
    DirectMessages,
    Group,
    GroupDetails,
    GroupPage,
    GroupSummary,
    Member,
    PresenceAudience,
    Profile,
    Role,
    ServerStats,
    SessionInfo,
    Settings,
    Visibility,
)
";

fn code(text: &str) -> String {
    format!("``{text}``")
}

/// The line or lines that begin a method.
fn head(is_async: &str, name: &str, parameters: &[ParameterSpec], result: &str) -> String {
    signature(is_async, name, &parameters.iter().collect::<Vec<_>>(), result)
}

fn signature(is_async: &str, name: &str, parameters: &[&ParameterSpec], result: &str) -> String {
    let (named, placed): (Vec<&ParameterSpec>, Vec<&ParameterSpec>) =
        parameters.iter().copied().partition(|parameter| is_named(parameter));
    let mut declared = vec!["self".to_owned()];
    declared.extend(placed.into_iter().map(declaration));
    if !named.is_empty() {
        declared.push("*".to_owned());
        declared.extend(named.into_iter().map(declaration));
    }
    let all = declared.join(", ");
    let line = format!("    {is_async}def {name}({all}) -> {result}:\n");
    if line.chars().count() <= WIDTH + 1 {
        return line;
    }
    let line = format!("        {all}\n");
    let lines = if line.chars().count() <= WIDTH + 1 {
        line
    } else {
        declared.iter().map(|parameter| format!("        {parameter},\n")).collect()
    };
    format!("    {is_async}def {name}(\n{lines}    ) -> {result}:\n")
}

/// Whether a parameter is given by its name alone.
fn is_named(parameter: &ParameterSpec) -> bool {
    matches!(
        parameter.ty,
        ParameterType::PageLimit
            | ParameterType::Cursor
            | ParameterType::Visibility
            | ParameterType::DisplayName
            | ParameterType::PresenceAudience
            | ParameterType::DirectMessages
    )
}

fn declaration(parameter: &ParameterSpec) -> String {
    let field = parameter.field;
    let name = match parameter.ty {
        ParameterType::Usernames if parameter.is_optional => return format!("{field}: Iterable[str] = ()"),
        ParameterType::Usernames => "Iterable[str]",
        ParameterType::SignalData => return format!("{field}: Any = None"),
        ParameterType::Visibility => {
            return format!("{field}: Union[Visibility, str] = Visibility.PRIVATE");
        }
        ParameterType::Role => "Union[Role, str]",
        ParameterType::PresenceAudience => "Union[PresenceAudience, str, None]",
        ParameterType::DirectMessages => "Union[DirectMessages, str, None]",
        ParameterType::PageLimit => "Optional[int]",
        ParameterType::Timestamp => "Optional[datetime]",
        _ if parameter.is_optional => "Optional[str]",
        _ => "str",
    };
    if parameter.is_optional { format!("{field}: {name} = None") } else { format!("{field}: {name}") }
}

/// A parameter, checked and made ready for the native library.
fn value(parameter: &ParameterSpec) -> String {
    let field = parameter.field;
    let check = match parameter.ty {
        ParameterType::Usernames => "texts",
        ParameterType::PageLimit => "page_limit",
        ParameterType::Role => "role",
        ParameterType::Visibility => "visibility",
        ParameterType::PresenceAudience => "presence_audience",
        ParameterType::DirectMessages => "direct_messages",
        ParameterType::Timestamp => "instant",
        ParameterType::SignalData => "json",
        _ if parameter.is_optional => "optional_text",
        _ => "text",
    };
    format!("arguments.{check}({field}, \"{field}\")")
}

fn passed_on(parameter: &ParameterSpec) -> String {
    let field = parameter.field;
    if is_named(parameter) { format!("{field}={field}") } else { field.to_owned() }
}

/// The type of a result, and the function of `results` that reads it.
fn result(result: Option<ResultType>) -> (&'static str, Option<&'static str>) {
    match result {
        Some(ResultType::Group) => ("Group", Some("results.group")),
        Some(ResultType::GroupPage) => ("GroupPage", Some("results.group_page")),
        Some(ResultType::GroupDetails) => ("GroupDetails", Some("results.group_details")),
        Some(ResultType::BlockedPage) => ("BlockedPage", Some("results.blocked_page")),
        Some(ResultType::PresenceMap) => ("Dict[str, bool]", Some("results.presence")),
        Some(ResultType::Profile) => ("Profile", Some("results.profile")),
        Some(ResultType::Settings) => ("Settings", Some("results.settings")),
        Some(ResultType::ServerStats) => ("ServerStats", Some("results.server_stats")),
        Some(ResultType::SessionList) => ("List[SessionInfo]", Some("results.sessions")),
        _ => ("None", None),
    }
}

fn documentation(spec: &CommandSpec) -> String {
    let mut fields: Vec<String> = spec
        .parameters
        .iter()
        .map(|parameter| format!(":param {}: {}", parameter.field, meaning(parameter, code)))
        .collect();
    fields.extend(refusals(spec, code).map(|codes| format!(":raises callie.Refused: {codes}.")));
    docstring(&paragraphs(spec, code), &fields)
}

fn docstring(paragraphs: &[String], fields: &[String]) -> String {
    let prefix = "        ";
    let mut blocks: Vec<String> =
        paragraphs.iter().map(|text| wrapped(text, prefix, "", WIDTH - 3)).collect();
    let fields: String = fields.iter().map(|field| wrapped(field, prefix, "    ", WIDTH)).collect();
    if !fields.is_empty() {
        blocks.push(fields);
    }
    let text = blocks.join("\n");
    let text = text.trim();
    if text.contains('\n') {
        format!("{prefix}\"\"\"{text}\n{prefix}\"\"\"\n")
    } else {
        format!("{prefix}\"\"\"{text}\"\"\"\n")
    }
}

/// Returns what `read` makes of an answer.
fn reading(read: &str, call: &[String]) -> String {
    let line = format!("        return {read}(await self._ask({}))\n", call.join(", "));
    if line.chars().count() <= WIDTH + 1 {
        return line;
    }
    statement("answer = await self._ask(", call, ")") + &format!("        return {read}(answer)\n")
}

/// A call, on one line or with an argument on each.
fn statement(begin: &str, arguments: &[String], end: &str) -> String {
    let line = format!("        {begin}{}{end}\n", arguments.join(", "));
    if line.chars().count() <= WIDTH + 1 {
        return line;
    }
    let arguments: String = arguments.iter().map(|argument| format!("            {argument},\n")).collect();
    format!("        {begin}\n{arguments}        {end}\n")
}

/// A generator over all pages of a list.
fn iterator(spec: &'static CommandSpec, pages: &Paged, is_async: &str, kind: &str, wait: &str) -> String {
    let item = pages.item.unwrap_or("str");
    let parameters = iterator_parameters(spec);
    let method = method(spec);
    let mut given: Vec<String> = parameters.iter().map(|parameter| passed_on(parameter)).collect();
    given.push("after=after".to_owned());
    signature(is_async, &pages.iterator, &parameters, &format!("{kind}[{item}]"))
        + &docstring(&[format!("Iterates over all pages of :meth:`{method}`.")], &[])
        + &format!(
            "        after: Optional[str] = None
        while True:
            page = {wait}self.{method}({})
            for item in page.{}:
                yield item
            if page.next is None:
                return
            after = page.next

",
            given.join(", "),
            pages.items,
        )
}
