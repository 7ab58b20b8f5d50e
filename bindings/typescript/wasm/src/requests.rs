//! What the application asks for. The package has checked the types of all values.

use std::time::Duration;

use callie_core::session::{SendOptions, SessionConfig};
use callie_core::{
    Attachment, AttachmentKind, CodeName, CommandCall, Limits, Message, MessageId, Recipient, Token, Username,
};

use crate::error::Error;
use crate::fields::Fields;

/// Returns the configuration of a client: username, token, request timeout, send timeout, payloads that may wait.
pub(crate) fn config(fields: &mut Fields) -> Result<SessionConfig, Error> {
    let username = Username::parse(&fields.text()).map_err(|e| Error::argument("username", e))?;
    let token = Token::parse(&fields.text()).map_err(|e| Error::argument("token", e))?;
    let request_timeout = fields.duration().unwrap_or(Duration::MAX);
    let send_timeout = fields.duration().unwrap_or(Duration::MAX);
    let max_waiting = fields.whole().and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
    Ok(SessionConfig::new(username, token)
        .with_max_waiting(max_waiting)
        .with_send_timeout(send_timeout)
        .with_open_timeout(request_timeout)
        .with_authentication_timeout(request_timeout)
        .with_refresh_timeout(request_timeout))
}

/// A message that the application sends.
pub(crate) struct Outgoing {
    pub(crate) recipient: Recipient,
    /// The ID, if the application chose it.
    pub(crate) message_id: Option<MessageId>,
    pub(crate) options: SendOptions,
    text: String,
    attachments: Vec<Attachment>,
}

impl Outgoing {
    /// Reads recipient, text, message ID, whether it is to be confirmed, metadata and timeout, and for each attachment its
    /// kind, URL, metadata, filename, size and file type.
    pub(crate) fn read(fields: &mut Fields) -> Result<Self, Error> {
        let expected = "a username, a group ID or BROADCAST";
        let recipient =
            Recipient::parse(&fields.text()).map_err(|_| Error::argument("recipient", expected))?;
        let text = fields.text();
        let message_id = fields
            .optional()
            .map(|id| MessageId::parse(&id).map_err(|e| Error::argument("messageId", e)))
            .transpose()?;
        let options = SendOptions::default()
            .with_confirm(fields.flag())
            .with_metadata(fields.object("metadata")?.unwrap_or_default())
            .with_timeout(fields.duration());
        let mut attachments = Vec::new();
        while fields.has_more() {
            attachments.push(attachment(fields)?);
        }
        Ok(Self { recipient, message_id, options, text, attachments })
    }

    pub(crate) fn message(self, message_id: MessageId, limits: &Limits) -> Result<Message, Error> {
        let builder = Message::builder(message_id).text(self.text);
        self.attachments
            .into_iter()
            .fold(builder, |builder, attachment| builder.attachment(attachment))
            .build_within(limits)
            .map_err(Error::invalid)
    }
}

fn attachment(fields: &mut Fields) -> Result<Attachment, Error> {
    let kind =
        AttachmentKind::parse(&fields.text()).map_err(|e| Error::argument("an attachment's kind", e))?;
    let mut attachment = Attachment::new(kind, fields.text()).map_err(Error::invalid)?;
    if let Some(metadata) = fields.object("an attachment's metadata")? {
        attachment = attachment.with_metadata(metadata).map_err(Error::invalid)?;
    }
    if let Some(filename) = fields.optional() {
        attachment = attachment.with_filename(&filename).map_err(Error::invalid)?;
    }
    if let Some(size) = fields.whole() {
        attachment = attachment.with_size(size).map_err(Error::invalid)?;
    }
    if let Some(filetype) = fields.optional() {
        attachment = attachment.with_filetype(&filetype).map_err(Error::invalid)?;
    }
    Ok(attachment)
}

/// Reads a command, by its name and parameters in the protocol. Only the server checks the parameters: what reads them in the
/// core would add a tenth to the module.
pub(crate) fn command(fields: &mut Fields) -> Result<CommandCall, Error> {
    let name = CodeName::parse(&fields.text()).map_err(|e| Error::argument("name", e))?;
    Ok(CommandCall::new(name, fields.object("parameters")?.unwrap_or_default()))
}
