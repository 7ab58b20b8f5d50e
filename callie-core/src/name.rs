//! Names and IDs: types that are valid once parsed (protocol, "Envelope").

use std::fmt;

use serde::{Serialize, Serializer};
use uuid::Uuid;

use crate::convert::{NameError, from_text};

/// Defines a newtype over shared text whose only constructor checks the form.
macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident, $check:path, $expected:expr) => {
        $(#[$doc])*
        ///
        /// Cloning shares the text.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(::std::sync::Arc<str>);

        impl $name {
            /// The expected form, as a phrase that follows "must be".
            pub const EXPECTED: &'static str = $expected;

            /// Parses `text`.
            ///
            /// # Errors
            /// [`NameError`]($crate::NameError) when `text` does not have the expected form.
            pub fn parse(text: &str) -> Result<Self, $crate::convert::NameError> {
                if Self::is_valid(text) {
                    Ok(Self(text.into()))
                } else {
                    Err($crate::convert::NameError { expected: Self::EXPECTED })
                }
            }

            /// Returns `true` if `text` has the expected form.
            #[must_use]
            pub fn is_valid(text: &str) -> bool {
                $check(text)
            }

            /// Returns the text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        $crate::convert::from_text!($name);
        $crate::convert::to_text!($name);

        impl ::std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                &*self.0 == other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                &*self.0 == *other
            }
        }

        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), &self.0)
            }
        }
    };
}
pub(crate) use text_type;

/// The maximum length of a [`Username`], in bytes (all of them ASCII).
pub const MAX_USERNAME_BYTES: usize = 32;
/// The maximum length of a [`PayloadId`] or [`MessageId`], in bytes (all of them ASCII).
pub const MAX_ID_BYTES: usize = 128;
/// The prefix of the UUID in a [`GroupId`].
const GROUP_PREFIX: &str = "group:";

text_type!(
    /// The name of a user: 2 to 32 characters of `a-z 0-9 . _ -`, the first a letter or a digit.
    ///
    /// ```
    /// use callie_core::Username;
    ///
    /// assert_eq!(Username::parse("ada.l")?, "ada.l");
    /// assert_eq!(Username::parse("Ada").unwrap_err().expected, Username::EXPECTED);
    /// # Ok::<(), callie_core::NameError>(())
    /// ```
    Username, is_username,
    "2 to 32 characters of a-z, 0-9, '.', '_' and '-', the first of them a letter or a digit"
);

text_type!(
    /// The unique identifier of a payload: 1 to 128 characters of `A-Z a-z 0-9 . _ : -`.
    ///
    /// ```
    /// use callie_core::PayloadId;
    ///
    /// assert!(PayloadId::is_valid("01890a5d-ac96-774b-bcce-b302099a8057"));
    /// assert!(!PayloadId::is_valid(""));
    /// ```
    PayloadId, is_id,
    "1 to 128 characters of A-Z, a-z, 0-9, '.', '_', ':' and '-'"
);

text_type!(
    /// The unique identifier of a message: 1 to 128 characters of `A-Z a-z 0-9 . _ : -`.
    ///
    /// Edits, deletions and retries of a message have the same message ID, while each payload has its own
    /// [`PayloadId`].
    MessageId, is_id,
    "1 to 128 characters of A-Z, a-z, 0-9, '.', '_', ':' and '-'"
);

text_type!(
    /// The public ID of a session, for listing and revoking it. It is not the [`Token`](crate::Token).
    SessionId, is_id,
    "1 to 128 characters of A-Z, a-z, 0-9, '.', '_', ':' and '-'"
);

text_type!(
    /// The unguessable identifier of a connection that can be resumed: 1 to 128 characters of `A-Z a-z 0-9 . _ : -`.
    ///
    /// It is known only to its client, and has no use without a token of the same session.
    ConnectionId, is_id,
    "1 to 128 characters of A-Z, a-z, 0-9, '.', '_', ':' and '-'"
);

impl PayloadId {
    /// Creates an ID from a checked payload.
    pub(crate) fn checked(text: &str) -> Self {
        Self(text.into())
    }

    /// Creates the ID with the text of `uuid`. Callie uses UUIDv7.
    #[must_use]
    pub fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid_text(uuid, &mut [0; 36]).into())
    }
}

impl MessageId {
    /// Creates an ID from a checked payload.
    pub(crate) fn checked(text: &str) -> Self {
        Self(text.into())
    }

    /// Creates the ID with the text of `uuid`. Callie uses UUIDv7.
    #[must_use]
    pub fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid_text(uuid, &mut [0; 36]).into())
    }
}

impl SessionId {
    /// Creates the ID with the text of `uuid`. Callie uses UUIDv7.
    #[must_use]
    pub fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid_text(uuid, &mut [0; 36]).into())
    }
}

fn uuid_text(uuid: Uuid, buffer: &mut [u8; 36]) -> &str {
    uuid.hyphenated().encode_lower(buffer)
}

/// A set of ASCII bytes with a lookup in one step, because every payload contains names and IDs.
pub(crate) const fn alphabet(bytes: &[u8]) -> [bool; 256] {
    let mut set = [false; 256];
    let mut i = 0;
    while i < bytes.len() {
        set[bytes[i] as usize] = true;
        i += 1;
    }
    set
}

static USERNAME_BYTES: [bool; 256] = alphabet(b"abcdefghijklmnopqrstuvwxyz0123456789._-");
static ID_BYTES: [bool; 256] =
    alphabet(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-");

fn is_username(text: &str) -> bool {
    let bytes = text.as_bytes();
    (2..=MAX_USERNAME_BYTES).contains(&bytes.len())
        && bytes[0].is_ascii_alphanumeric()
        && bytes.iter().all(|b| USERNAME_BYTES[usize::from(*b)])
}

fn is_id(text: &str) -> bool {
    (1..=MAX_ID_BYTES).contains(&text.len()) && text.bytes().all(|b| ID_BYTES[usize::from(b)])
}

/// The identifier of a group: `group:` and a UUID in its canonical form (lower case, with hyphens).
///
/// A group has exactly one spelling: different texts are different groups.
///
/// ```
/// use callie_core::GroupId;
///
/// let id = GroupId::parse("group:01890a5d-ac96-774b-bcce-b302099a8057")?;
/// assert_eq!(GroupId::from_uuid(id.uuid()), id);
/// assert!(GroupId::parse("group:01890A5D-AC96-774B-BCCE-B302099A8057").is_err());
/// # Ok::<(), callie_core::NameError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(Uuid);

impl GroupId {
    /// The expected form, as a phrase that follows "must be".
    pub const EXPECTED: &'static str = "'group:' and a UUID in lower case";

    /// Creates the group ID of `uuid`.
    #[must_use]
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid)
    }

    /// Returns the UUID after the prefix.
    #[must_use]
    pub const fn uuid(self) -> Uuid {
        self.0
    }

    /// Parses `text`.
    ///
    /// # Errors
    /// [`NameError`] when `text` does not have the expected form.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        text.strip_prefix(GROUP_PREFIX)
            .and_then(parse_canonical_uuid)
            .map(Self)
            .ok_or(NameError { expected: Self::EXPECTED })
    }
}

/// Parses only the canonical form of [`Uuid`]: no braces, no URN, no upper case.
fn parse_canonical_uuid(text: &str) -> Option<Uuid> {
    let canonical = text.len() == 36
        && text.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            _ => matches!(b, b'0'..=b'9' | b'a'..=b'f'),
        });
    canonical.then(|| Uuid::try_parse(text).ok()).flatten()
}

from_text!(GroupId);

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(GROUP_PREFIX)?;
        f.write_str(uuid_text(self.0, &mut [0; 36]))
    }
}

impl Serialize for GroupId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usernames_have_an_alphabet_and_a_length() {
        for good in ["ab", "0a", "a.b_c-d", &"a".repeat(32)] {
            assert!(Username::is_valid(good), "{good}");
        }
        for bad in ["", "a", ".a", "-a", "_a", "A1", "aB", "a b", "bоb", "a\n", &"a".repeat(33)] {
            assert!(!Username::is_valid(bad), "{bad:?}");
        }
    }

    #[test]
    fn ids_have_an_alphabet_and_a_length() {
        for good in ["a", "A.z_0:9-", &"x".repeat(128)] {
            assert!(PayloadId::is_valid(good), "{good}");
        }
        for bad in ["", "a/b", "a b", "é", &"x".repeat(129)] {
            assert!(!PayloadId::is_valid(bad), "{bad:?}");
        }
    }

    #[test]
    fn group_id_has_one_spelling() {
        let id = "group:01890a5d-ac96-774b-bcce-b302099a8057";
        assert_eq!(GroupId::parse(id).unwrap().to_string(), id);
        for bad in [
            "group:01890A5D-ac96-774b-bcce-b302099a8057",
            "group:01890a5dac96774bbcceb302099a8057",
            "group:{01890a5d-ac96-774b-bcce-b302099a8057}",
            "01890a5d-ac96-774b-bcce-b302099a8057",
            "group:",
            "Group:01890a5d-ac96-774b-bcce-b302099a8057",
        ] {
            assert!(GroupId::parse(bad).is_err(), "{bad}");
        }
    }
}
