//! The commands that are wrapped, and their documentation in parts.

use callie_core::command::{Command, CommandSpec, ParameterSpec, ParameterType, Permission, ResultType};

use crate::text::replace_code;

/// The commands that applications call. `AUTHENTICATE` and `ACK` are sent by the session.
pub(crate) fn commands() -> Vec<&'static CommandSpec> {
    Command::SPECS.iter().filter(|spec| !matches!(spec.name, "AUTHENTICATE" | "ACK")).collect()
}

/// Whether a command is sent without waiting for an answer.
pub(crate) fn is_unanswered(spec: &CommandSpec) -> bool {
    spec.result.is_none()
}

/// A command whose result is one page of a list.
pub(crate) struct Paged {
    /// The name of the iterator over all pages, in snake case.
    pub(crate) iterator: String,
    /// The member of the page that holds the items, in snake case.
    pub(crate) items: &'static str,
    /// The type of an item, as every language names it; a string where there is none.
    pub(crate) item: Option<&'static str>,
}

/// How to iterate over the list that a command returns a page of.
pub(crate) fn paged(spec: &CommandSpec) -> Option<Paged> {
    let (items, item) = match spec.result? {
        ResultType::GroupPage => ("groups", Some("GroupSummary")),
        ResultType::GroupDetails => ("members", Some("Member")),
        ResultType::BlockedPage => ("usernames", None),
        _ => return None,
    };
    let list = spec.name.strip_prefix("LIST_").unwrap_or("MEMBERS");
    Some(Paged { iterator: format!("all_{}", list.to_lowercase()), items, item })
}

/// The parameters of the iterator over all pages: those of the command without `after`.
pub(crate) fn iterator_parameters(spec: &'static CommandSpec) -> Vec<&'static ParameterSpec> {
    spec.parameters.iter().filter(|parameter| parameter.ty != ParameterType::Cursor).collect()
}

/// The name of a command's method, in snake case.
pub(crate) fn method(spec: &CommandSpec) -> String {
    spec.name.to_lowercase()
}

/// The paragraphs that say what a command does, who may use it, and where a refusal is found that no call returns. `code`
/// writes what stands between backticks.
pub(crate) fn paragraphs(spec: &CommandSpec, code: impl Fn(&str) -> String) -> Vec<String> {
    let mut paragraphs = documented(spec);
    paragraphs.retain(|text| !text.starts_with(REFUSED));
    let refusal = codes(spec).filter(|_| is_unanswered(spec));
    let sentences = [
        requirement(spec.permission).map(str::to_owned),
        refusal.map(|codes| format!("A refusal arrives as a notice with the code {codes}.")),
    ];
    for sentence in sentences.into_iter().flatten() {
        match paragraphs.get_mut(1) {
            Some(details) => *details = format!("{details} {sentence}"),
            None => paragraphs.push(sentence),
        }
    }
    paragraphs.iter().map(|text| replace_code(text, &code)).collect()
}

/// How the paragraph begins that lists the codes of refusals.
const REFUSED: &str = "Refused with ";

fn documented(spec: &CommandSpec) -> Vec<String> {
    let lines: Vec<&str> = spec.documentation.lines().map(str::trim).collect();
    lines.split(|line| line.is_empty()).map(|lines| lines.join(" ")).filter(|text| !text.is_empty()).collect()
}

/// Who may use a command, unless everyone may.
fn requirement(permission: Permission) -> Option<&'static str> {
    match permission {
        Permission::Anyone => None,
        Permission::Member => Some("Requires membership in the group."),
        Permission::GroupAdmin => Some("Requires the role of admin or owner in the group."),
        Permission::GroupOwner => Some("Requires the role of owner in the group."),
        Permission::Author => Some("Requires authorship of the message."),
        Permission::AuthorOrGroupAdmin => {
            Some("Requires authorship of the message or, in a group, the role of admin or owner.")
        }
        Permission::ServerAdmin => Some("Requires the rights of a server administrator."),
    }
}

/// "A, B or C": the codes with which a command is refused in particular, between backticks.
fn codes(spec: &CommandSpec) -> Option<String> {
    documented(spec)
        .iter()
        .find_map(|text| Some(text.strip_prefix(REFUSED)?.trim_end_matches('.').to_owned()))
}

/// What a parameter means, as one line.
pub(crate) fn meaning(parameter: &ParameterSpec, code: impl Fn(&str) -> String) -> String {
    let text = parameter.documentation.lines().map(str::trim).collect::<Vec<_>>().join(" ");
    replace_code(text.trim(), code)
}

/// "with the code A, B or C" for the codes with which a command is refused, where its answer is waited for.
pub(crate) fn refusals(spec: &CommandSpec, code: impl Fn(&str) -> String) -> Option<String> {
    let codes = codes(spec).filter(|_| !is_unanswered(spec))?;
    Some(format!("with the code {}", replace_code(&codes, code)))
}
