//! Senders and recipients, distinguished by form alone (protocol, "Envelope").

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::convert::{self, NameError, from_text, parse_text, to_text};
use crate::name::{GroupId, Username};

const SERVER: &str = "SERVER";
const BROADCAST: &str = "BROADCAST";

/// The sender of a payload.
///
/// ```
/// use callie_core::{Sender, Username};
///
/// assert_eq!(Sender::parse("SERVER")?, Sender::Server);
/// assert_eq!(Sender::parse("ada")?.as_str(), "ada");
/// # Ok::<(), callie_core::NameError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Sender {
    /// The server itself.
    Server,
    /// A user.
    User(Username),
}

/// The recipient of a payload.
///
/// ```
/// use callie_core::{Recipient, Username};
///
/// assert_eq!(Recipient::parse("BROADCAST")?, Recipient::Broadcast);
/// assert_eq!(Recipient::parse("bob")?, Recipient::User(Username::parse("bob")?));
/// assert!(Recipient::parse("Server").is_err());
/// # Ok::<(), callie_core::NameError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Recipient {
    /// The server itself.
    Server,
    /// Everyone who is online.
    Broadcast,
    /// The other members of a group.
    Group(GroupId),
    /// One user.
    User(Username),
    /// The client of a connection that has not authenticated yet, written `""`. Only in payloads of the server.
    Unauthenticated,
}

/// A [`Recipient`] borrowed from a received payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RecipientRef<'a> {
    /// The server itself.
    Server,
    /// Everyone who is online.
    Broadcast,
    /// The other members of a group.
    Group(GroupId),
    /// One user, by a valid [`Username`].
    User(&'a str),
    /// The client of a connection that has not authenticated yet.
    Unauthenticated,
}

impl Sender {
    /// The expected form, as a phrase that follows "must be".
    pub const EXPECTED: &'static str = "SERVER or a username";

    /// Parses a sender.
    ///
    /// # Errors
    /// [`NameError`] when `text` is neither `SERVER` nor a username.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text == SERVER {
            return Ok(Self::Server);
        }
        Username::parse(text).map(Self::User).map_err(|_| NameError { expected: Self::EXPECTED })
    }

    /// Returns the sender as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Server => SERVER,
            Self::User(name) => name.as_str(),
        }
    }

    pub(crate) fn is_valid(text: &str) -> bool {
        text == SERVER || Username::is_valid(text)
    }
}

impl<'a> RecipientRef<'a> {
    /// The expected form, as a phrase that follows "must be".
    pub const EXPECTED: &'static str = "SERVER, BROADCAST, 'group:' and a UUID in lower case, or a username";

    /// Parses a recipient. `""` is not accepted.
    ///
    /// # Errors
    /// [`NameError`] when `text` has none of the four forms.
    pub fn parse(text: &'a str) -> Result<Self, NameError> {
        match text {
            SERVER => Ok(Self::Server),
            BROADCAST => Ok(Self::Broadcast),
            name if Username::is_valid(name) => Ok(Self::User(name)),
            other => {
                GroupId::parse(other).map(Self::Group).map_err(|_| NameError { expected: Self::EXPECTED })
            }
        }
    }
}

impl Recipient {
    /// Parses a recipient. `""` is not accepted.
    ///
    /// # Errors
    /// [`NameError`] when `text` has none of the four forms.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        Self::try_from(RecipientRef::parse(text)?)
    }
}

impl TryFrom<RecipientRef<'_>> for Recipient {
    type Error = NameError;

    /// # Errors
    /// [`NameError`] when the text is not a username, which never happens for a parsed reference.
    fn try_from(borrowed: RecipientRef<'_>) -> Result<Self, NameError> {
        Ok(match borrowed {
            RecipientRef::Server => Self::Server,
            RecipientRef::Broadcast => Self::Broadcast,
            RecipientRef::Group(id) => Self::Group(id),
            RecipientRef::User(name) => Self::User(Username::parse(name)?),
            RecipientRef::Unauthenticated => Self::Unauthenticated,
        })
    }
}

impl From<Username> for Sender {
    fn from(name: Username) -> Self {
        Self::User(name)
    }
}

impl From<Username> for Recipient {
    fn from(name: Username) -> Self {
        Self::User(name)
    }
}

impl From<GroupId> for Recipient {
    fn from(id: GroupId) -> Self {
        Self::Group(id)
    }
}

from_text!(Sender);
to_text!(Sender);
parse_text!(Recipient);

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server => f.write_str(SERVER),
            Self::Broadcast => f.write_str(BROADCAST),
            Self::Group(id) => id.fmt(f),
            Self::User(name) => name.fmt(f),
            Self::Unauthenticated => Ok(()),
        }
    }
}

impl Serialize for Recipient {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Server => serializer.serialize_str(SERVER),
            Self::Broadcast => serializer.serialize_str(BROADCAST),
            Self::Group(id) => id.serialize(serializer),
            Self::User(name) => name.serialize(serializer),
            Self::Unauthenticated => serializer.serialize_str(""),
        }
    }
}

/// Accepts every text that is serialised, including `""`.
impl<'de> Deserialize<'de> for Recipient {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        convert::deserialize(deserializer, |text| match text {
            "" => Ok(Self::Unauthenticated),
            text => Self::parse(text),
        })
    }
}
