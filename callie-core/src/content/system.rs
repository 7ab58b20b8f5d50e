//! The content of a SYS payload.

use serde::Serialize;

use crate::code::CodeName;
use crate::frame::SystemRef;

/// What a SYS payload says. It is read from a payload, or is a part of a [`Notice`](crate::Notice), which has the
/// metadata that its code asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct System {
    code: CodeName,
    description: String,
}

impl System {
    pub(crate) fn new(code: CodeName, description: impl Into<String>) -> Self {
        Self { code, description: description.into() }
    }

    /// Returns the code, for programs.
    #[must_use]
    pub fn code(&self) -> &CodeName {
        &self.code
    }

    /// Returns the description, for people.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    pub(crate) fn from_frame(frame: &SystemRef<'_>) -> Option<Self> {
        Some(Self::new(CodeName::parse(frame.code()).ok()?, frame.description().decode()))
    }
}
