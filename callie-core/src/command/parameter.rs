//! Reads the parameters of a command, each by its type, and reports the path of the first fault.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::code::SysCode;
use crate::json::{JsonObject, Pointer};
use crate::limits::Limits;
use crate::timestamp::Timestamp;

/// Why a command is invalid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandFault {
    pub(crate) code: SysCode,
    pub(crate) pointer: Pointer,
    pub(crate) reason: Cow<'static, str>,
}

impl CommandFault {
    pub(super) fn unknown_command() -> Self {
        let code = SysCode::UnknownCommand;
        Self { code, pointer: Pointer::root(), reason: code.description().into() }
    }

    /// Creates a fault of one parameter that the execution of the command has found. `reason` follows the parameter's
    /// name.
    #[must_use]
    pub fn of_parameter(name: &str, reason: impl Into<Cow<'static, str>>) -> Self {
        Self::at(parameters().child(name), reason)
    }

    fn at(pointer: Pointer, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { code: SysCode::InvalidParameters, pointer, reason: reason.into() }
    }

    /// Returns `UNKNOWN_COMMAND` or `INVALID_PARAMETERS`.
    #[must_use]
    pub fn code(&self) -> SysCode {
        self.code
    }

    /// Returns the path, a JSON Pointer from the payload's root; empty for an unknown command.
    #[must_use]
    pub fn path(&self) -> String {
        self.pointer.to_string()
    }

    /// Returns what was expected, for people: a predicate such as "must be a username", whose subject is the parameter.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Returns the fault as one clause with the parameter's name: "the parameter groupID is missing".
    #[must_use]
    pub fn description(&self) -> String {
        self.describe(&self.pointer)
    }

    /// Returns the description, with the parameter's name from `pointer`.
    pub(crate) fn describe(&self, pointer: &Pointer) -> String {
        let parameter = pointer.below(parameters().len());
        match parameter.as_str() {
            "" => self.reason.to_string(),
            name => format!("the parameter {name} {}", self.reason),
        }
    }
}

impl fmt::Display for CommandFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at \"{}\": {}", self.code, self.pointer, self.reason)
    }
}

impl std::error::Error for CommandFault {}

fn parameters() -> Pointer {
    Pointer::root().child("content").child("parameters")
}

/// One value with its position, and the limits that apply to it.
pub(super) struct Value<'a, 'l> {
    raw: &'a str,
    pointer: Pointer,
    limits: &'l Limits,
}

impl<'a, 'l> Value<'a, 'l> {
    pub(super) fn raw(&self) -> &'a str {
        self.raw
    }

    pub(super) fn limits(&self) -> &'l Limits {
        self.limits
    }

    pub(super) fn must_be(&self, expected: impl fmt::Display) -> CommandFault {
        CommandFault::at(self.pointer.clone(), format!("must be {expected}"))
    }

    /// Returns the string, or a fault with what was expected.
    pub(super) fn string(&self, expected: &'static str) -> Result<String, CommandFault> {
        serde_json::from_str(self.raw).map_err(|_| self.must_be(expected))
    }

    /// Returns the elements, whose number must be from `least` to `most`.
    pub(super) fn elements<T: Parameter>(&self, least: usize, most: usize) -> Result<Vec<T>, CommandFault> {
        let expected = || self.must_be(format_args!("an array of {least} to {most} elements"));
        let raw: Vec<&RawValue> = serde_json::from_str(self.raw).map_err(|_| expected())?;
        if !(least..=most).contains(&raw.len()) {
            return Err(expected());
        }
        let element = |(i, raw): (usize, &&'a RawValue)| {
            T::read(Value { raw: raw.get(), pointer: self.pointer.clone().index(i), limits: self.limits })
        };
        raw.iter().enumerate().map(element).collect()
    }

    /// Returns the members of an object.
    pub(super) fn members(&self) -> Result<Members<'a, 'l>, CommandFault> {
        Members::read(self.raw, self.pointer.clone(), self.limits).ok_or_else(|| self.must_be("an object"))
    }
}

/// The members of an object, which are taken one by one.
pub(super) struct Members<'a, 'l> {
    members: BTreeMap<String, &'a RawValue>,
    pointer: Pointer,
    limits: &'l Limits,
}

impl<'a, 'l> Members<'a, 'l> {
    /// The parameters of a command, from a JSON object that was checked.
    pub(super) fn of_command(raw: &'a str, limits: &'l Limits) -> Result<Self, CommandFault> {
        Self::read(raw, parameters(), limits)
            .ok_or_else(|| CommandFault::at(parameters(), "must be an object"))
    }

    fn read(raw: &'a str, pointer: Pointer, limits: &'l Limits) -> Option<Self> {
        Some(Self { members: serde_json::from_str(raw).ok()?, pointer, limits })
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.members.contains_key(name)
    }

    pub(super) fn take<T: Parameter>(&mut self, name: &'static str) -> Result<T, CommandFault> {
        let pointer = self.pointer.clone().child(name);
        match self.members.remove(name) {
            Some(raw) => T::read(Value { raw: raw.get(), pointer, limits: self.limits }),
            None => T::absent().ok_or_else(|| CommandFault::at(pointer, "is missing")),
        }
    }

    /// Refuses remaining members; of several, the first in the text.
    pub(super) fn finish(self) -> Result<(), CommandFault> {
        // All values borrow from one text, so their addresses have the same order as their positions.
        let first = self.members.into_iter().min_by_key(|(_, raw)| raw.get().as_ptr());
        match first {
            Some((name, _)) => {
                Err(CommandFault::at(self.pointer.child(name), "is not a parameter of this command"))
            }
            None => Ok(()),
        }
    }
}

/// A type that a parameter can have.
pub(super) trait Parameter: Serialize + Sized {
    fn read(value: Value<'_, '_>) -> Result<Self, CommandFault>;

    /// The default, if the parameter is optional.
    fn absent() -> Option<Self> {
        None
    }

    /// Returns the value as it is sent, or `None` if it is omitted.
    fn write(&self) -> Option<Box<RawValue>> {
        // Strings, numbers and lists of them always serialise.
        serde_json::value::to_raw_value(self).ok()
    }
}

impl<T: Parameter> Parameter for Option<T> {
    fn read(value: Value<'_, '_>) -> Result<Self, CommandFault> {
        T::read(value).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }

    fn write(&self) -> Option<Box<RawValue>> {
        self.as_ref().and_then(T::write)
    }
}

/// Types that are parsed from a string.
macro_rules! string_parameters {
    ($($name:ty),* $(,)?) => {
        $(impl Parameter for $name {
            fn read(value: Value<'_, '_>) -> Result<Self, CommandFault> {
                let text = value.string(Self::EXPECTED)?;
                Self::parse(&text).map_err(|e| value.must_be(e))
            }
        })*
    };
}
pub(super) use string_parameters;

string_parameters!(
    crate::name::Username,
    crate::name::GroupId,
    crate::name::PayloadId,
    crate::name::MessageId,
    crate::name::SessionId,
    Timestamp,
);

/// Encodes the parameters of a command that are present.
pub(super) fn write_parameters(members: &[(&'static str, Option<Box<RawValue>>)]) -> JsonObject {
    let present: Vec<_> = members.iter().filter_map(|(name, value)| Some((name, value.as_ref()?))).collect();
    let text = present.iter().map(|(name, value)| format!("\"{name}\":{}", value.get())).collect::<Vec<_>>();
    // Names of this crate and values that serde_json wrote: an object.
    JsonObject::from_checked(&format!("{{{}}}", text.join(","))).unwrap_or_default()
}
