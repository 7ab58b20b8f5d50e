//! How a command ends: with a result, without a word, or refused.

use callie_core::command::CommandFault;
use callie_core::{Notice, Outcome, SysCode};
use serde::Serialize;

use crate::cache::JobFailed;
use crate::store::{GroupError, StoreError};

/// A command that was carried out.
pub(crate) enum Answer {
    /// It is answered with this `COMMAND_OK`, or another code that says the same.
    Result(Box<Notice>),
    /// It is not answered.
    Silence,
}

impl Answer {
    /// `COMMAND_OK` with a result.
    pub(super) fn result(result: &impl Serialize) -> Self {
        Self::Result(Box::new(Notice::new(SysCode::CommandOk).result(result)))
    }

    /// `COMMAND_OK` with nothing to tell.
    pub(super) fn done() -> Self {
        Self::result(&callie_core::command::Empty {})
    }
}

/// Why a command was not carried out. Nothing of it was, unless its [`Refusal::outcome`] is open.
#[derive(Debug)]
pub(crate) struct Refusal {
    code: SysCode,
    description: Option<String>,
    path: Option<String>,
    /// What the operator should know.
    fault: Option<String>,
}

impl Refusal {
    /// A refusal in the code's own words.
    pub(super) fn new(code: SysCode) -> Self {
        Self { code, description: None, path: None, fault: None }
    }

    /// A refusal in other words.
    pub(super) fn because(code: SysCode, description: &str) -> Self {
        Self { description: Some(description.to_owned()), ..Self::new(code) }
    }

    /// A parameter that is well formed and makes no sense: the `index`-th of the command called `command`.
    pub(super) fn parameter(command: &str, index: usize, reason: &'static str) -> Self {
        let name = callie_core::command::Command::parameters_of(command)
            .and_then(|names| names.get(index))
            .copied()
            .unwrap_or_default();
        let fault = CommandFault::of_parameter(name, reason);
        let description = Some(fault.reason().to_owned());
        Self { code: fault.code(), description, path: Some(fault.path()), fault: None }
    }

    /// What became of the command.
    pub(crate) fn outcome(&self) -> Outcome {
        match self.code {
            // It may have been carried out.
            SysCode::DeliveryUnconfirmed | SysCode::InternalError => Outcome::Unconfirmed,
            _ => Outcome::Failed,
        }
    }

    /// Tells the operator of a fault of the server.
    pub(crate) fn log(&self) {
        if let Some(fault) = &self.fault {
            tracing::error!(fault, "a command could not be carried out");
        }
    }

    /// The answer.
    pub(crate) fn into_notice(self) -> Notice {
        let mut notice = Notice::new(self.code);
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
