//! Who a payload comes from and where it goes, told apart by form alone (protocol, "Envelope").

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::convert::{self, NameError, from_text, parse_text, to_text};
use crate::name::{GroupId, Username};

const SERVER: &str = "SERVER";
const BROADCAST: &str = "BROADCAST";

/// Who a payload comes from.
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

/// Where a payload goes.
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
    /// The other end of a connection that has not authenticated yet, spelled `""`: in payloads of the server only.
    Unauthenticated,
}

/// A [`Recipient`] as it stands in a received frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RecipientRef<'a> {
    /// The server itself.
    Server,
    /// Everyone who is online.
    Broadcast,
    /// The other members of a group.
    Group(GroupId),
    /// One user, by a text that [`Username`] would take.
    User(&'a str),
    /// The other end of a connection that has not authenticated yet.
    Unauthenticated,
}

impl Sender {
    /// What the form asks for, as a phrase that follows "must be".
    pub const EXPECTED: &'static str = "SERVER or a username";

    /// Reads a sender.
    ///
    /// # Errors
    /// [`NameError`] when `text` is neither `SERVER` nor a username.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text == SERVER {
            return Ok(Self::Server);
        }
        Username::parse(text).map(Self::User).map_err(|_| NameError { expected: Self::EXPECTED })
    }

    /// The sender's spelling.
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
    /// What the form asks for, as a phrase that follows "must be".
    pub const EXPECTED: &'static str = "SERVER, BROADCAST, 'group:' and a UUID in lower case, or a username";

    /// Reads a recipient; `""` is none.
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
    /// Reads a recipient; `""` is none.
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
    /// [`NameError`] when the reference holds a text that is no username; one that was parsed never does.
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

/// Takes every spelling that is written, `""` among them.
impl<'de> Deserialize<'de> for Recipient {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        convert::deserialize(deserializer, |text| match text {
            "" => Ok(Self::Unauthenticated),
            text => Self::parse(text),
        })
    }
}
