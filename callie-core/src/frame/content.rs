//! The content of a received payload, borrowed from its text.

use std::borrow::Cow;

use crate::json::JsonText;

/// The content of a received payload.
#[derive(Debug, Clone)]
pub enum ContentRef<'a> {
    /// Requests a PONG.
    Ping,
    /// Answers a PING.
    Pong,
    /// A chat message.
    Msg(MessageRef<'a>),
    /// A notice from the server.
    Sys(SystemRef<'a>),
    /// A command.
    Cmd(CommandRef<'a>),
}

/// The content of a received MSG.
#[derive(Debug, Clone)]
pub struct MessageRef<'a> {
    pub(super) message_id: Cow<'a, str>,
    pub(super) text: JsonText<'a>,
    pub(super) attachments: &'a str,
    pub(super) attachment_count: usize,
}

impl<'a> MessageRef<'a> {
    /// Returns the message's ID, a valid [`MessageId`](crate::MessageId).
    #[must_use]
    pub fn message_id(&self) -> &str {
        &self.message_id
    }

    /// Returns the text, in Markdown.
    #[must_use]
    pub fn text(&self) -> JsonText<'a> {
        self.text
    }

    /// Returns the attachments as written, a JSON array; `[]` if they were omitted.
    #[must_use]
    pub fn attachments(&self) -> &'a str {
        self.attachments
    }

    /// Returns the number of attachments.
    #[must_use]
    pub fn attachment_count(&self) -> usize {
        self.attachment_count
    }
}

/// The content of a received SYS.
#[derive(Debug, Clone)]
pub struct SystemRef<'a> {
    pub(super) code: Cow<'a, str>,
    pub(super) description: JsonText<'a>,
}

impl<'a> SystemRef<'a> {
    /// Returns the code, a valid [`CodeName`](crate::CodeName), known to this version or not.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// Returns the description, for people.
    #[must_use]
    pub fn description(&self) -> JsonText<'a> {
        self.description
    }
}

/// The content of a received CMD.
#[derive(Debug, Clone)]
pub struct CommandRef<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) parameters: &'a str,
}

impl<'a> CommandRef<'a> {
    /// Returns the command's name, a valid [`CodeName`](crate::CodeName), known to this version or not.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the parameters as written, a JSON object.
    #[must_use]
    pub fn parameters(&self) -> &'a str {
        self.parameters
    }
}
