//! The conversions of all types that are parsed from a text: from and to text, and by serde.

use std::borrow::Cow;

use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// The error for a text that does not have the form of its type.
///
/// It names the expected form and never contains the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{expected}")]
pub struct NameError {
    /// The form that was expected, as a phrase that follows "must be".
    pub expected: &'static str,
}

/// Parses a value from a deserializer's string.
pub(crate) fn deserialize<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    parse: fn(&str) -> Result<T, NameError>,
) -> Result<T, D::Error> {
    let text = Cow::<'de, str>::deserialize(deserializer)?;
    parse(&text).map_err(|e| D::Error::custom(format_args!("must be {e}")))
}

/// Implements `FromStr` and `TryFrom` of texts by the type's `parse`.
macro_rules! parse_text {
    ($($name:ty),* $(,)?) => {$(
        $crate::convert::parse_text!($name => $crate::convert::NameError);
    )*};
    ($name:ty => $error:ty) => {
        impl ::std::str::FromStr for $name {
            type Err = $error;

            fn from_str(text: &str) -> Result<Self, $error> {
                Self::parse(text)
            }
        }

        impl TryFrom<&str> for $name {
            type Error = $error;

            fn try_from(text: &str) -> Result<Self, $error> {
                Self::parse(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = $error;

            fn try_from(text: String) -> Result<Self, $error> {
                Self::parse(&text)
            }
        }
    };
}
pub(crate) use parse_text;

/// Implements `FromStr`, `TryFrom` of texts and `Deserialize` from a string by the type's `parse`.
macro_rules! from_text {
    ($($name:ty),* $(,)?) => {$(
        $crate::convert::parse_text!($name);

        impl<'de> ::serde::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::convert::deserialize(deserializer, Self::parse)
            }
        }
    )*};
}
pub(crate) use from_text;

/// Implements `AsRef<str>`, `Display` and `Serialize` by the type's `as_str`.
macro_rules! to_text {
    ($($name:ty),* $(,)?) => {$(
        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl ::serde::Serialize for $name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    )*};
}
pub(crate) use to_text;

/// Defines an enum of fixed names.
macro_rules! words {
    ($($(#[$doc:meta])* $name:ident, $expected:literal { $($(#[$word_doc:meta])* $word:ident = $text:literal),* $(,)? })*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
            pub enum $name { $($(#[$word_doc])* $word),* }

            impl $name {
                /// The expected form, as a phrase that follows "must be".
                pub const EXPECTED: &'static str = $expected;

                /// All of them.
                pub const ALL: &'static [Self] = &[$(Self::$word),*];

                /// Returns the name.
                #[must_use]
                pub const fn as_str(self) -> &'static str {
                    match self { $(Self::$word => $text),* }
                }

                /// Parses a name.
                ///
                /// # Errors
                /// [`NameError`](crate::NameError) when `text` is not one of the names.
                pub fn parse(text: &str) -> Result<Self, $crate::convert::NameError> {
                    match text {
                        $($text => Ok(Self::$word),)*
                        _ => Err($crate::convert::NameError { expected: Self::EXPECTED }),
                    }
                }
            }

            $crate::convert::from_text!($name);
            $crate::convert::to_text!($name);
        )*
    };
}
pub(crate) use words;
