//! The content of a SYS payload.

use serde::Serialize;

use crate::code::CodeName;
use crate::frame::SystemRef;

/// A notice of the server. Its metadata is part of the payload; [`Notice`](crate::Notice) puts both together.
///
/// ```
/// use callie_core::{SysCode, System};
///
/// let system = System::new(SysCode::Announcement.into(), "Tea is ready");
/// assert_eq!(system.code().sys_code(), Some(SysCode::Announcement));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct System {
    code: CodeName,
    description: String,
}

impl System {
    /// A notice with any code.
    #[must_use]
    pub fn new(code: CodeName, description: impl Into<String>) -> Self {
        Self { code, description: description.into() }
    }

    /// What it is about, for programs.
    #[must_use]
    pub fn code(&self) -> &CodeName {
        &self.code
    }

    /// What it is about, for people.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.description
    }

    pub(crate) fn from_frame(frame: &SystemRef<'_>) -> Option<Self> {
        Some(Self::new(CodeName::parse(frame.code()).ok()?, frame.description().decode()))
    }
}
