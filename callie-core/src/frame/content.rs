//! What a received frame says, by type, borrowed from its text.

use std::borrow::Cow;

use crate::json::JsonText;

/// The content of a received frame.
#[derive(Debug, Clone)]
pub enum ContentRef<'a> {
    /// Asks for a sign of life.
    Ping,
    /// The sign of life.
    Pong,
    /// A chat message.
    Msg(MessageRef<'a>),
    /// A notice of the server.
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
    /// The message's ID; a text that [`MessageId`](crate::MessageId) would take.
    #[must_use]
    pub fn message_id(&self) -> &str {
        &self.message_id
    }

    /// The text, in Markdown.
    #[must_use]
    pub fn text(&self) -> JsonText<'a> {
        self.text
    }

    /// The attachments as written, a JSON array; `[]` where they were left out.
    #[must_use]
    pub fn attachments(&self) -> &'a str {
        self.attachments
    }

    /// How many attachments there are.
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
    /// The code; a text that [`CodeName`](crate::CodeName) would take, known to this version or not.
    #[must_use]
    pub fn code(&self) -> &str {
        &self.code
    }

    /// What is said to people.
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
    /// The command's name; a text that [`CodeName`](crate::CodeName) would take, known to this version or not.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The parameters as written, a JSON object.
    #[must_use]
    pub fn parameters(&self) -> &'a str {
        self.parameters
    }
}
