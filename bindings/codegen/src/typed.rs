//! What Kotlin and Swift have in common: the declarations of parameters, the types of results, and signatures that fit a line.

use callie_core::command::{ParameterSpec, ParameterType, ResultType};

use crate::text::camel;

/// The width of lines.
pub(crate) const WIDTH: usize = 120;

/// The spellings of one language.
pub(crate) struct Spelling {
    /// No value.
    pub(crate) none: &'static str,
    /// The empty list.
    pub(crate) empty: &'static str,
    /// The visibility that a group has unless another is given.
    pub(crate) private: &'static str,
    /// The type of a list of items of a type.
    pub(crate) list: fn(&str) -> String,
    /// The types of an instant and of a JSON value.
    pub(crate) instant: &'static str,
    pub(crate) json: &'static str,
    /// The type of a map from usernames to whether they are online.
    pub(crate) presence: &'static str,
    /// The type of a call without a result.
    pub(crate) nothing: &'static str,
}

impl Spelling {
    /// A parameter with its type, and its default if it can be left out.
    pub(crate) fn declaration(&self, parameter: &ParameterSpec) -> String {
        let name = camel(parameter.field);
        let kind = match parameter.ty {
            ParameterType::Usernames if parameter.is_optional => {
                return format!("{name}: {} = {}", (self.list)("String"), self.empty);
            }
            ParameterType::Usernames => (self.list)("String"),
            ParameterType::Visibility => return format!("{name}: Visibility = {}", self.private),
            ParameterType::Role => "Role".to_owned(),
            ParameterType::PresenceAudience => "PresenceAudience".to_owned(),
            ParameterType::DirectMessages => "DirectMessages".to_owned(),
            ParameterType::PageLimit => "Int".to_owned(),
            ParameterType::Timestamp => self.instant.to_owned(),
            ParameterType::SignalData => self.json.to_owned(),
            _ => "String".to_owned(),
        };
        if parameter.is_optional {
            format!("{name}: {kind}? = {}", self.none)
        } else {
            format!("{name}: {kind}")
        }
    }

    /// The declarations of all parameters.
    pub(crate) fn declarations(&self, parameters: &[&ParameterSpec]) -> Vec<String> {
        parameters.iter().map(|parameter| self.declaration(parameter)).collect()
    }

    /// The type of a result: the same in the native library and in the package.
    pub(crate) fn result(&self, result: Option<ResultType>) -> String {
        match result {
            Some(ResultType::PresenceMap) => self.presence.to_owned(),
            Some(ResultType::SessionList) => (self.list)("SessionInfo"),
            Some(ResultType::Empty) | None => self.nothing.to_owned(),
            Some(other) => format!("{other:?}"),
        }
    }
}

/// The first text that fits a line, without its line break; else the last.
pub(crate) fn fitting(texts: [String; 2]) -> String {
    let [line, lines] = texts;
    if line.trim_end_matches('\n').chars().count() <= WIDTH { line } else { lines }
}
