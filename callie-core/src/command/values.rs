//! The types of parameters and results of commands, besides names and IDs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::value::RawValue;

use super::parameter::{CommandFault, Members, Parameter, Value, string_parameters};
use crate::convert::{NameError, from_text, parse_text, words};
use crate::json::JsonObject;
use crate::limits::{DEFAULT_PAGE, Limits, MAX_ACKS, MAX_PAGE, MAX_PRESENCE_NAMES, MAX_SIGNAL_DATA_BYTES};
use crate::name::{GroupId, PayloadId, Username, text_type};
use crate::party::Recipient;

text_type!(
    /// The name of a group, for people: 1 to 64 characters, no control characters.
    GroupName, is_group_name,
    "1 to 64 characters, none of them a control character"
);

text_type!(
    /// The display name of a user: at most 64 characters, no control characters; empty for none.
    DisplayName, is_display_name,
    "at most 64 characters, none of them a control character"
);

text_type!(
    /// The cursor of a page: the `next` of the previous page. 1 to 128 characters, no control characters.
    Cursor, is_cursor,
    "the `next` of the page before"
);

text_type!(
    /// The kind of a `SIGNAL`: `typing`, `read` or another name of `a-z` and `_`, 1 to 32 characters.
    SignalKind, is_signal_kind,
    "1 to 32 characters of a-z and '_'"
);

text_type!(
    /// The reason why an admin removed a user, for people: 1 to 256 characters, no control characters.
    RemovalReason, is_removal_reason,
    "1 to 256 characters, none of them a control character"
);

pub(super) fn is_line(text: &str, characters: std::ops::RangeInclusive<usize>) -> bool {
    // A character has at most four bytes, so a longer text need not be counted.
    text.len() <= characters.end() * 4
        && characters.contains(&text.chars().count())
        && !text.chars().any(char::is_control)
}

fn is_group_name(text: &str) -> bool {
    is_line(text, 1..=64)
}

fn is_display_name(text: &str) -> bool {
    is_line(text, 0..=64)
}

fn is_cursor(text: &str) -> bool {
    is_line(text, 1..=128)
}

fn is_removal_reason(text: &str) -> bool {
    is_line(text, 1..=256)
}

fn is_signal_kind(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
}

string_parameters!(GroupName, DisplayName, Cursor, SignalKind, RemovalReason);

words! {
    /// Who can find and join a group.
    Visibility, "private or public" {
        /// Only users who are added.
        Private = "private",
        /// Everyone.
        Public = "public",
    }

    /// The role of a member in a group, from the lowest to the highest.
    Role, "owner, admin or member" {
        /// Reads and writes.
        Member = "member",
        /// Also adds and removes members, and renames the group.
        Admin = "admin",
        /// Also changes roles, hands the group over and deletes it. A group has one owner.
        Owner = "owner",
    }

    /// Who can see whether a user is online.
    PresenceAudience, "everyone, groups or nobody" {
        /// Everyone.
        Everyone = "everyone",
        /// Users who share a group with the user.
        Groups = "groups",
        /// No one.
        Nobody = "nobody",
    }

    /// Who can send a user direct messages.
    DirectMessages, "everyone or groups" {
        /// Everyone.
        Everyone = "everyone",
        /// Users who share a group with the user.
        Groups = "groups",
    }

    /// Whether a user is connected.
    Presence, "online or offline" {
        /// The user has at least one connection.
        Online = "online",
        /// The user has no connection, or the caller may not see it.
        Offline = "offline",
    }
}

string_parameters!(Visibility, Role, PresenceAudience, DirectMessages, Presence);

impl Default for Visibility {
    /// A new group is private by default.
    fn default() -> Self {
        Self::Private
    }
}

/// A recipient that is a user or a group.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(untagged)]
pub enum Conversation {
    /// One user.
    User(Username),
    /// A group.
    Group(GroupId),
}

from_text!(Conversation);

impl Conversation {
    /// The expected form, as a phrase that follows "must be".
    pub const EXPECTED: &'static str = "a username or a group ID";

    /// Reads a recipient that is a user or a group.
    ///
    /// # Errors
    /// [`NameError`] for anything else, `SERVER` and `BROADCAST` included.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        match Recipient::parse(text) {
            Ok(Recipient::User(name)) => Ok(Self::User(name)),
            Ok(Recipient::Group(id)) => Ok(Self::Group(id)),
            _ => Err(NameError { expected: Self::EXPECTED }),
        }
    }
}

string_parameters!(Conversation);

impl fmt::Display for Conversation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => name.fmt(f),
            Self::Group(id) => id.fmt(f),
        }
    }
}

impl From<Conversation> for Recipient {
    fn from(conversation: Conversation) -> Self {
        match conversation {
            Conversation::User(name) => Self::User(name),
            Conversation::Group(id) => Self::Group(id),
        }
    }
}

/// One confirmed payload.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AckEntry {
    /// Who sent it.
    pub sender: Username,
    /// Its ID.
    #[serde(rename = "payloadID")]
    pub payload_id: PayloadId,
}

impl Parameter for AckEntry {
    fn read(value: Value<'_, '_>) -> Result<Self, CommandFault> {
        let mut members = value.members()?;
        let entry = Self { sender: members.take("sender")?, payload_id: members.take("payloadID")? };
        members.finish()?;
        Ok(entry)
    }
}

impl Parameter for Vec<AckEntry> {
    fn read(value: Value<'_, '_>) -> Result<Self, CommandFault> {
        value.elements(1, MAX_ACKS)
    }
}

/// The usernames in a presence command.
impl Parameter for Vec<Username> {
    fn read(value: Value<'_, '_>) -> Result<Self, CommandFault> {
        value.elements(1, MAX_PRESENCE_NAMES)
    }
}

/// The members of a new group, at most as many as a group may have; none by default.
pub(super) fn first_members(
    members: &mut Members<'_, '_>,
    name: &'static str,
) -> Result<Vec<Username>, CommandFault> {
    #[derive(Serialize)]
    struct FirstMembers(Vec<Username>);
    impl Parameter for FirstMembers {
        fn read(value: Value<'_, '_>) -> Result<Self, CommandFault> {
            value.elements(0, value.limits().max_group_members).map(Self)
        }
    }
    Ok(members.take::<Option<FirstMembers>>(name)?.map(|first| first.0).unwrap_or_default())
}

/// The value of the parameter, or the default of its type.
pub(super) fn or_default<T: Parameter + Default>(
    members: &mut Members<'_, '_>,
    name: &'static str,
) -> Result<T, CommandFault> {
    Ok(members.take::<Option<T>>(name)?.unwrap_or_default())
}

/// The maximum number of entries in a page: 1 to 200, by default 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "u16", try_from = "u16")]
pub struct PageLimit(u16);

impl TryFrom<u16> for PageLimit {
    type Error = NameError;

    fn try_from(entries: u16) -> Result<Self, NameError> {
        Self::new(entries).ok_or(NameError { expected: "a whole number from 1 to 200" })
    }
}

impl FromStr for PageLimit {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        // What is no number is as good as none that is allowed.
        Self::try_from(text.parse::<u16>().unwrap_or_default())
    }
}

impl From<PageLimit> for u16 {
    fn from(limit: PageLimit) -> Self {
        limit.0
    }
}

impl fmt::Display for PageLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl PageLimit {
    /// Creates a limit, or `None` outside of 1 to 200.
    #[must_use]
    pub fn new(entries: u16) -> Option<Self> {
        (1..=MAX_PAGE).contains(&entries).then_some(Self(entries))
    }

    /// Returns the number.
    #[must_use]
    pub fn get(self) -> usize {
        usize::from(self.0)
    }
}

impl Default for PageLimit {
    fn default() -> Self {
        Self(DEFAULT_PAGE)
    }
}

/// An edited or announced text, in Markdown: not empty, within the limit of messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct MessageText(String);

impl MessageText {
    /// The expected form, as a phrase that follows "must be".
    pub const EXPECTED: &'static str = "a non-empty text of at most max_text_bytes bytes";

    /// Checks a text against the limit of the server.
    ///
    /// # Errors
    /// [`NameError`] when it is empty or too long.
    pub fn new(text: impl Into<String>, limits: &Limits) -> Result<Self, NameError> {
        let text = Self(text.into());
        text.check(limits).map(|()| text)
    }

    /// Checks the length against the limit of another server.
    pub(super) fn check(&self, limits: &Limits) -> Result<(), NameError> {
        if (1..=limits.max_text_bytes).contains(&self.0.len()) {
            Ok(())
        } else {
            Err(NameError { expected: Self::EXPECTED })
        }
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl MessageText {
    /// Checks a text against the protocol's default limit.
    ///
    /// # Errors
    /// [`NameError`] when it is empty or too long.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        Self::new(text, &Limits::default())
    }
}

from_text!(MessageText);
parse_text!(SignalData);

impl fmt::Display for MessageText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl AsRef<str> for MessageText {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SignalData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Parameter for MessageText {
    fn read(value: Value<'_, '_>) -> Result<Self, CommandFault> {
        Self::new(value.string(Self::EXPECTED)?, value.limits()).map_err(|e| value.must_be(e))
    }
}

impl Parameter for PageLimit {
    fn read(value: Value<'_, '_>) -> Result<Self, CommandFault> {
        let limit = serde_json::from_str(value.raw()).ok().and_then(Self::new);
        limit.ok_or_else(|| value.must_be(format_args!("a whole number from 1 to {MAX_PAGE}")))
    }
}

/// The data of a `SIGNAL`: any JSON value of at most 1,024 bytes, kept as it was written.
///
/// ```
/// use callie_core::command::SignalData;
///
/// assert_eq!(SignalData::parse(r#" {"messageID":"m1"} "#)?.as_str(), r#"{"messageID":"m1"}"#);
/// assert!(SignalData::parse(&"1".repeat(1_025)).is_err());
/// # Ok::<(), callie_core::NameError>(())
/// ```
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct SignalData(Box<RawValue>);

impl SignalData {
    /// Checks a JSON text and keeps it.
    ///
    /// # Errors
    /// [`NameError`] when it is not one JSON value, holds a key twice, is nested deeper than parameters may be, or is
    /// too long.
    pub fn parse(json: &str) -> Result<Self, NameError> {
        let json = json.trim_matches([' ', '\n', '\r', '\t']);
        // Checked at its position among the parameters, so that depth and repeated keys are counted from there.
        let checked =
            json.len() <= MAX_SIGNAL_DATA_BYTES && JsonObject::parse(&format!("{{\"d\":{json}}}")).is_ok();
        let raw = checked.then(|| RawValue::from_string(json.to_owned()).ok()).flatten();
        raw.map(Self).ok_or(NameError { expected: Self::EXPECTED })
    }

    /// The expected form, as a phrase that follows "must be".
    pub const EXPECTED: &'static str = "a JSON value of at most 1024 bytes";

    /// Returns the JSON text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.get()
    }
}

impl PartialEq for SignalData {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for SignalData {}

impl<'de> Deserialize<'de> for SignalData {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Box::<RawValue>::deserialize(deserializer)?;
        Self::parse(json.get()).map_err(|e| de::Error::custom(format_args!("must be {e}")))
    }
}

impl Parameter for SignalData {
    fn read(value: Value<'_, '_>) -> Result<Self, CommandFault> {
        Self::parse(value.raw()).map_err(|e| value.must_be(e))
    }
}
