//! The rules for a received payload, applied in the protocol's order. The first violation is the result.

use std::borrow::Cow;

use super::content::{CommandRef, ContentRef, MessageRef, SystemRef};
use super::raw::{AttachmentNames, BindingMetadata, Contents, Envelope, Raw, RawAttachment};
use super::{PayloadRef, RecipientForm};
use crate::code::{CodeName, SysCode};
use crate::content::AttachmentKind;
use crate::fault::Fault;
use crate::json::{JsonText, Kind, Names, Pointer, Scanner, Slot, Syntax};
use crate::limits::{Limits, MAX_METADATA_BYTES, MAX_OPEN_DEPTH};
use crate::name::{MessageId, PayloadId};
use crate::party::{RecipientRef, Sender};
use crate::payload::PAYLOAD_VERSION_TEXT;
use crate::payload_type::PayloadType;
use crate::rules::{self, Reason};
use crate::timestamp::Timestamp;

/// Who sent the payload, which determines the rules.
#[derive(Clone, Copy)]
pub(super) enum Origin<'l> {
    /// A client: all rules, within the server's limits.
    Client(&'l Limits),
    /// A server: there is no token, and the server's limits do not apply.
    Server,
}

/// Tokens shorter than this are not removed from paths, because they could be ordinary words.
const SHORTEST_SECRET: usize = 16;

pub(super) fn check<'a>(text: &'a str, origin: Origin<'_>) -> Result<PayloadRef<'a>, Fault> {
    let max_attachments = match origin {
        Origin::Client(limits) if text.len() > limits.max_payload_bytes => {
            return Err(Fault {
                code: SysCode::PayloadTooLarge,
                pointer: Pointer::root(),
                reason: format!("a payload has at most {} bytes", limits.max_payload_bytes).into(),
                payload_id: None,
            });
        }
        Origin::Client(limits) => limits.max_attachments,
        Origin::Server => usize::MAX,
    };
    let mut scanner = Scanner::new(text);
    let mut raw = Raw::new();
    raw.scan(&mut scanner, max_attachments).map_err(|syntax| not_json(text, syntax))?;
    let check = Check { text, origin, raw: &raw };
    if let Some(key) = scanner.duplicate() {
        let pointer = Pointer::to_key(text, key);
        return Err(check.fault(SysCode::DuplicateField, pointer, "no key may be given twice"));
    }
    check.frame()
}

#[cold]
fn not_json(text: &str, syntax: Syntax) -> Fault {
    let mut raw = Raw::new();
    // If the only fault is an unpaired surrogate, the payload's ID can still be read.
    let readable =
        syntax == Syntax::LoneSurrogate && raw.scan(&mut Scanner::past_lone_surrogates(text), 0).is_ok();
    if !readable {
        raw = Raw::new();
    }
    let check = Check { text, origin: Origin::Server, raw: &raw };
    check.fault(SysCode::InvalidJson, Pointer::root(), syntax.reason())
}

struct Check<'a, 'r, 'l> {
    text: &'a str,
    origin: Origin<'l>,
    raw: &'r Raw,
}

impl<'a> Check<'a, '_, '_> {
    fn frame(&self) -> Result<PayloadRef<'a>, Fault> {
        let envelope = &self.raw.envelope;
        let text_of = |index| self.string(envelope.get(index), || envelope_at(index));

        let token = text_of(Envelope::TOKEN)?;
        if matches!(self.origin, Origin::Server) && !token.is_empty() {
            return Err(
                self.invalid(envelope_at(Envelope::TOKEN), "must be empty in a payload of the server")
            );
        }
        let sender = text_of(Envelope::SENDER)?.decode();
        if matches!(self.origin, Origin::Server) && !Sender::is_valid(&sender) {
            return Err(self.must_be(envelope_at(Envelope::SENDER), Sender::EXPECTED));
        }
        let recipient = text_of(Envelope::RECIPIENT)?.decode();
        let recipient_form = self.recipient_form(&recipient)?;
        let timestamp = Timestamp::parse(&text_of(Envelope::TIMESTAMP)?.decode())
            .map_err(|e| self.must_be(envelope_at(Envelope::TIMESTAMP), e.expected))?;
        let payload_type = PayloadType::parse(&text_of(Envelope::TYPE)?.decode()).map_err(|_| {
            self.fault(
                SysCode::UnsupportedType,
                envelope_at(Envelope::TYPE),
                SysCode::UnsupportedType.description(),
            )
        })?;
        self.object(envelope.get(Envelope::CONTENT), || envelope_at(Envelope::CONTENT))?;
        let metadata =
            self.metadata_text(envelope.get(Envelope::METADATA), || envelope_at(Envelope::METADATA))?;
        let payload_id = text_of(Envelope::PAYLOAD_ID)?.decode();
        if !PayloadId::is_valid(&payload_id) {
            return Err(self.must_be(envelope_at(Envelope::PAYLOAD_ID), PayloadId::EXPECTED));
        }
        if text_of(Envelope::PAYLOAD_VERSION)?.decode() != PAYLOAD_VERSION_TEXT {
            let code = SysCode::UnsupportedVersion;
            return Err(self.fault(code, envelope_at(Envelope::PAYLOAD_VERSION), code.description()));
        }
        if let Some(key) = envelope.unknown() {
            return Err(self.unknown(Pointer::root().child(key.decode(self.text))));
        }

        let content = self.content(payload_type)?;
        let (ack, in_reply_to) = self.binding_metadata(payload_type, recipient_form)?;
        Ok(PayloadRef {
            text: self.text,
            token: token.decode(),
            token_at: span(envelope.get(Envelope::TOKEN)),
            sender,
            recipient,
            recipient_form,
            timestamp,
            timestamp_at: span(envelope.get(Envelope::TIMESTAMP)),
            content,
            metadata: metadata.unwrap_or("{}"),
            ack,
            in_reply_to,
            payload_id,
        })
    }

    fn recipient_form(&self, recipient: &str) -> Result<RecipientForm, Fault> {
        if recipient.is_empty() && matches!(self.origin, Origin::Server) {
            return Ok(RecipientForm::Unauthenticated);
        }
        match RecipientRef::parse(recipient) {
            Ok(RecipientRef::Server) => Ok(RecipientForm::Server),
            Ok(RecipientRef::Broadcast) => Ok(RecipientForm::Broadcast),
            Ok(RecipientRef::Group(id)) => Ok(RecipientForm::Group(id)),
            Ok(RecipientRef::User(_)) => Ok(RecipientForm::User),
            Ok(RecipientRef::Unauthenticated) => Ok(RecipientForm::Unauthenticated),
            Err(e) => Err(self.must_be(envelope_at(Envelope::RECIPIENT), e.expected)),
        }
    }

    fn content(&self, payload_type: PayloadType) -> Result<ContentRef<'a>, Fault> {
        match payload_type {
            PayloadType::Ping => self.only(0..0).map(|()| ContentRef::Ping),
            PayloadType::Pong => self.only(0..0).map(|()| ContentRef::Pong),
            PayloadType::Msg => self.message().map(ContentRef::Msg),
            PayloadType::Sys => self.system().map(ContentRef::Sys),
            PayloadType::Cmd => self.command().map(ContentRef::Cmd),
        }
    }

    fn message(&self) -> Result<MessageRef<'a>, Fault> {
        let content = &self.raw.content;
        let message_id = self
            .string(content.get(Contents::MESSAGE_ID), || self.in_content(Contents::MESSAGE_ID))?
            .decode();
        if !MessageId::is_valid(&message_id) {
            return Err(self.must_be(self.in_content(Contents::MESSAGE_ID), MessageId::EXPECTED));
        }
        let text = self.string(content.get(Contents::TEXT), || self.in_content(Contents::TEXT))?;
        if text.is_empty() && self.raw.attachment_count == 0 {
            return Err(
                self.invalid(self.in_content(Contents::TEXT), "may be empty only beside an attachment")
            );
        }
        if let Origin::Client(limits) = self.origin
            && text.len() > limits.max_text_bytes
        {
            let reason = format!("must have at most {} bytes", limits.max_text_bytes);
            return Err(self.invalid(self.in_content(Contents::TEXT), reason));
        }
        let attachments = self.attachments(content.get(Contents::ATTACHMENTS))?;
        self.only(Contents::MESSAGE_ID..Contents::ATTACHMENTS + 1)?;
        Ok(MessageRef { message_id, text, attachments, attachment_count: self.raw.attachment_count })
    }

    fn attachments(&self, slot: Slot) -> Result<&'a str, Fault> {
        match slot.kind() {
            Kind::Absent => return Ok("[]"),
            Kind::Array => {}
            _ => return Err(self.invalid(self.in_content(Contents::ATTACHMENTS), "must be an array")),
        }
        if let Origin::Client(limits) = self.origin
            && self.raw.attachment_count > limits.max_attachments
        {
            let reason = format!("must have at most {} elements", limits.max_attachments);
            return Err(self.invalid(self.in_content(Contents::ATTACHMENTS), reason));
        }
        for (i, attachment) in self.raw.attachments.iter().enumerate() {
            self.attachment(attachment, || self.in_content(Contents::ATTACHMENTS).index(i))?;
        }
        Ok(slot.raw(self.text))
    }

    fn attachment(&self, attachment: &RawAttachment, place: impl Fn() -> Pointer) -> Result<(), Fault> {
        let fields = &attachment.fields;
        let place_of = |index: usize| place().child(AttachmentNames::NAMES[index]);
        if !attachment.is_object {
            return Err(self.invalid(place(), "must be an object"));
        }
        let kind = self.string(fields.get(AttachmentNames::TYPE), || place_of(AttachmentNames::TYPE))?;
        if AttachmentKind::parse(&kind.decode()).is_err() {
            return Err(self.must_be(place_of(AttachmentNames::TYPE), AttachmentKind::EXPECTED));
        }
        let url = self.string(fields.get(AttachmentNames::URL), || place_of(AttachmentNames::URL))?;
        rules::check_url(&url.decode())
            .map_err(|reason| self.invalid(place_of(AttachmentNames::URL), reason))?;
        self.metadata_text(fields.get(AttachmentNames::METADATA), || place_of(AttachmentNames::METADATA))?;
        rules::check_attachment_metadata(&attachment.metadata, self.text).map_err(|(name, reason)| {
            self.invalid(place_of(AttachmentNames::METADATA).child(name), reason)
        })?;
        match fields.unknown() {
            Some(key) => Err(self.unknown(place().child(key.decode(self.text)))),
            None => Ok(()),
        }
    }

    fn system(&self) -> Result<SystemRef<'a>, Fault> {
        let content = &self.raw.content;
        let code = self.code_name(Contents::CODE)?;
        let description =
            self.string(content.get(Contents::DESCRIPTION), || self.in_content(Contents::DESCRIPTION))?;
        self.only(Contents::CODE..Contents::DESCRIPTION + 1)?;
        Ok(SystemRef { code, description })
    }

    fn command(&self) -> Result<CommandRef<'a>, Fault> {
        let name = self.code_name(Contents::COMMAND)?;
        let slot = self.raw.content.get(Contents::PARAMETERS);
        self.object(slot, || self.in_content(Contents::PARAMETERS))?;
        self.shallow(slot, || self.in_content(Contents::PARAMETERS))?;
        self.only(Contents::COMMAND..Contents::PARAMETERS + 1)?;
        Ok(CommandRef { name, parameters: slot.raw(self.text) })
    }

    fn code_name(&self, index: usize) -> Result<Cow<'a, str>, Fault> {
        let name = self.string(self.raw.content.get(index), || self.in_content(index))?.decode();
        if CodeName::is_valid(&name) {
            Ok(name)
        } else {
            Err(self.must_be(self.in_content(index), CodeName::EXPECTED))
        }
    }

    /// Refuses the first member of `content` that is not one of `allowed`.
    fn only(&self, allowed: std::ops::Range<usize>) -> Result<(), Fault> {
        match self.raw.content.first_beside(allowed, self.text) {
            Some(name) => Err(self.unknown(envelope_at(Envelope::CONTENT).child(name))),
            None => Ok(()),
        }
    }

    fn binding_metadata(
        &self,
        payload_type: PayloadType,
        recipient: RecipientForm,
    ) -> Result<(Option<bool>, Option<Cow<'a, str>>), Fault> {
        let fields = &self.raw.metadata;
        let place = |index: usize| envelope_at(Envelope::METADATA).child(BindingMetadata::NAMES[index]);
        let ack = match (fields.get(BindingMetadata::ACK).kind(), self.origin, payload_type) {
            (Kind::Absent, _, _) => None,
            (
                _,
                Origin::Server,
                PayloadType::Ping | PayloadType::Pong | PayloadType::Sys | PayloadType::Cmd,
            ) => None,
            (Kind::False, _, PayloadType::Msg) => Some(false),
            (Kind::True, _, PayloadType::Msg) => Some(true),
            (_, _, PayloadType::Msg) => {
                return Err(self.invalid(place(BindingMetadata::ACK), "must be true or false"));
            }
            _ => return Err(self.invalid(place(BindingMetadata::ACK), "may stand in a MSG only")),
        };
        if ack == Some(true) && matches!(recipient, RecipientForm::Broadcast) {
            return Err(
                self.invalid(place(BindingMetadata::ACK), "a message to everyone cannot be confirmed")
            );
        }
        let slot = fields.get(BindingMetadata::IN_REPLY_TO);
        if !slot.is_present() {
            return Ok((ack, None));
        }
        let in_reply_to = self.string(slot, || place(BindingMetadata::IN_REPLY_TO))?.decode();
        if !PayloadId::is_valid(&in_reply_to) {
            return Err(self.must_be(place(BindingMetadata::IN_REPLY_TO), PayloadId::EXPECTED));
        }
        Ok((ack, Some(in_reply_to)))
    }

    /// Checks the size and depth of the `metadata` of a payload or an attachment. Returns `None` if it is omitted.
    fn metadata_text(&self, slot: Slot, place: impl Fn() -> Pointer) -> Result<Option<&'a str>, Fault> {
        if !slot.is_present() {
            return Ok(None);
        }
        self.object(slot, &place)?;
        let raw = slot.raw(self.text);
        if matches!(self.origin, Origin::Client(_)) && raw.len() > MAX_METADATA_BYTES {
            return Err(self.invalid(place(), format!("must have at most {MAX_METADATA_BYTES} bytes")));
        }
        self.shallow(slot, place)?;
        Ok(Some(raw))
    }

    fn shallow(&self, slot: Slot, place: impl FnOnce() -> Pointer) -> Result<(), Fault> {
        if slot.levels() > MAX_OPEN_DEPTH {
            let reason = format!("must not be nested deeper than {MAX_OPEN_DEPTH} levels");
            return Err(self.invalid(place(), reason));
        }
        Ok(())
    }

    fn object(&self, slot: Slot, place: impl FnOnce() -> Pointer) -> Result<(), Fault> {
        match slot.kind() {
            Kind::Object => Ok(()),
            Kind::Absent => Err(self.missing(place())),
            _ => Err(self.invalid(place(), "must be an object")),
        }
    }

    fn string(&self, slot: Slot, place: impl FnOnce() -> Pointer) -> Result<JsonText<'a>, Fault> {
        match slot.string(self.text) {
            Some(string) => Ok(string),
            None if slot.is_present() => Err(self.invalid(place(), "must be a string")),
            None => Err(self.missing(place())),
        }
    }

    fn in_content(&self, index: usize) -> Pointer {
        envelope_at(Envelope::CONTENT).child(Contents::NAMES[index])
    }

    #[cold]
    fn missing(&self, pointer: Pointer) -> Fault {
        self.fault(SysCode::MissingField, pointer, SysCode::MissingField.description())
    }

    #[cold]
    fn unknown(&self, pointer: Pointer) -> Fault {
        self.fault(SysCode::UnknownField, pointer, SysCode::UnknownField.description())
    }

    #[cold]
    fn must_be(&self, pointer: Pointer, expected: &'static str) -> Fault {
        self.invalid(pointer, format!("must be {expected}"))
    }

    #[cold]
    fn invalid(&self, pointer: Pointer, reason: impl Into<Reason>) -> Fault {
        self.fault(SysCode::InvalidField, pointer, reason)
    }

    #[cold]
    fn fault(&self, code: SysCode, pointer: Pointer, reason: impl Into<Reason>) -> Fault {
        let read = |index| self.raw.envelope.get(index).string(self.text).map(|string| string.decode());
        let token = read(Envelope::TOKEN).filter(|token| token.len() >= SHORTEST_SECRET);
        Fault {
            code,
            pointer: pointer.without(&token.unwrap_or_default()),
            reason: reason.into(),
            payload_id: read(Envelope::PAYLOAD_ID).and_then(|id| PayloadId::parse(&id).ok()),
        }
    }
}

/// Returns the pointer to a member of the envelope.
fn envelope_at(index: usize) -> Pointer {
    Pointer::root().child(Envelope::NAMES[index])
}

fn span(slot: Slot) -> (u32, u32) {
    (slot.start, slot.end)
}
