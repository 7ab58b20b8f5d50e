//! The result of a command.

use callie_core::command::CommandFault;
use callie_core::{Notice, NoticeBuilder, SysCode};
use serde::Serialize;

use crate::cache::JobFailed;
use crate::store::{GroupError, StoreError};

/// The answer to a command that was carried out.
pub(crate) enum Answer {
    /// It is answered with this notice, usually `COMMAND_OK`.
    Result(Box<NoticeBuilder>),
    /// It is not answered.
    Silence,
}

impl Answer {
    /// Returns `COMMAND_OK` with a result.
    pub(super) fn result(result: &impl Serialize) -> Self {
        Self::Result(Box::new(Notice::builder(SysCode::CommandOk).result(result)))
    }

    /// Returns `COMMAND_OK` with an empty result.
    pub(super) fn done() -> Self {
        Self::result(&callie_core::command::Empty {})
    }
}

/// Why a command was not carried out. It had no effect, unless the code is `INTERNAL_ERROR` or `DELIVERY_UNCONFIRMED`.
#[derive(Debug)]
pub(crate) struct Refusal {
    code: SysCode,
    description: Option<String>,
    path: Option<String>,
    /// The error for the operator's log.
    fault: Option<String>,
}

impl Refusal {
    /// Creates a refusal with the description of `code`.
    pub(super) fn new(code: SysCode) -> Self {
        Self { code, description: None, path: None, fault: None }
    }

    /// Creates a refusal with another description.
    pub(super) fn because(code: SysCode, description: &str) -> Self {
        Self { description: Some(description.to_owned()), ..Self::new(code) }
    }

    /// Creates a refusal of the parameter with the index `index` of the command named `command`, which is well-formed
    /// and not possible.
    pub(super) fn parameter(command: &str, index: usize, reason: &'static str) -> Self {
        let name = callie_core::command::Command::parameters_of(command)
            .and_then(|names| names.get(index))
            .copied()
            .unwrap_or_default();
        let fault = CommandFault::of_parameter(name, reason);
        let description = Some(fault.description());
        Self { code: fault.code(), description, path: Some(fault.path()), fault: None }
    }

    /// Logs the error of the server, if there is one.
    pub(crate) fn log(&self) {
        if let Some(fault) = &self.fault {
            tracing::error!(fault, "cannot carry out a command");
        }
    }

    /// Returns the notice that answers the command.
    pub(crate) fn into_notice(self) -> NoticeBuilder {
        let mut notice = Notice::builder(self.code);
        if let Some(description) = self.description {
            notice = notice.describe(description);
        }
        if let Some(path) = self.path {
            notice = notice.path(path);
        }
        notice
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self { fault: Some(error.to_string()), ..Self::new(SysCode::InternalError) }
    }
}

impl From<JobFailed> for Refusal {
    fn from(error: JobFailed) -> Self {
        Self { fault: Some(error.to_string()), ..Self::new(SysCode::InternalError) }
    }
}

impl From<GroupError> for Refusal {
    fn from(error: GroupError) -> Self {
        match error {
            GroupError::Store(error) => error.into(),
            other => Self { description: Some(other.to_string()), ..Self::new(other.code()) },
        }
    }
}
