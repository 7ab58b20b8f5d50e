//! The content of a CMD payload.

use serde::Serialize;

use crate::code::CodeName;
use crate::frame::CommandRef;
use crate::json::JsonObject;

/// A command by name with encoded parameters. [`Command`](crate::command::Command) is the typed form of known commands.
///
/// ```
/// use callie_core::{CodeName, CommandCall, JsonObject};
///
/// let call = CommandCall::new(CodeName::parse("DANCE")?, JsonObject::parse(r#"{"steps":3}"#)?);
/// assert_eq!(call.parameters().get("steps"), Some("3"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CommandCall {
    command: CodeName,
    parameters: JsonObject,
}

impl CommandCall {
    /// Creates a call of any command.
    #[must_use]
    pub fn new(command: CodeName, parameters: JsonObject) -> Self {
        Self { command, parameters }
    }

    /// Returns the command's name.
    #[must_use]
    pub fn command(&self) -> &CodeName {
        &self.command
    }

    /// Returns the parameters.
    #[must_use]
    pub fn parameters(&self) -> &JsonObject {
        &self.parameters
    }

    pub(crate) fn from_frame(frame: &CommandRef<'_>) -> Option<Self> {
        Some(Self::new(
            CodeName::parse(frame.name()).ok()?,
            JsonObject::from_checked(frame.parameters()).ok()?,
        ))
    }
}
