//! The session token, which must not appear in logs or reach other sessions.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::convert::{NameError, from_text};

/// A session token: 1 to 512 printable ASCII characters without spaces, `"` or `\`. Callie's own are 43 characters,
/// URL-safe.
///
/// `Debug` hides it, and it has no `Display`. Use [`Token::expose`] to write it.
///
/// ```
/// use callie_core::Token;
///
/// let token = Token::parse("c2VjcmV0")?;
/// assert_eq!(format!("{token:?}"), "Token(hidden)");
/// assert_eq!(token.expose(), "c2VjcmV0");
/// # Ok::<(), callie_core::NameError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Arc<str>);

impl Token {
    /// The expected form, as a phrase that follows "must be".
    pub const EXPECTED: &'static str = "a session token from a login";

    /// Parses `text`.
    ///
    /// # Errors
    /// [`NameError`] when `text` does not have the expected form.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let form = |b: u8| b.is_ascii_graphic() && b != b'"' && b != b'\\';
        if (1..=512).contains(&text.len()) && text.bytes().all(form) {
            Ok(Self(text.into()))
        } else {
            Err(NameError { expected: Self::EXPECTED })
        }
    }

    /// Returns the token in plain text.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(hidden)")
    }
}

impl Serialize for Token {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

from_text!(Token);
