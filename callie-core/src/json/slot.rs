//! The position and the kind of a value in a scanned text.

use std::borrow::Cow;

use super::JsonText;

/// The kind of the value in a [`Slot`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Absent = 0,
    Null = 1,
    True = 2,
    False = 3,
    Number = 4,
    String = 5,
    Array = 6,
    Object = 7,
}

/// The position of a value.
///
/// It has four words of one size, none of which can serve as the tag of a `Result`. Slots are copied so often that
/// reading them in pieces of other sizes than they were written would cost a fifth of the whole check.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slot {
    /// The offset of the first byte, which is the quote of a string.
    pub(crate) start: u32,
    /// The offset after the last byte.
    pub(crate) end: u32,
    /// The decoded length of a string in bytes, or the number of levels of an object or array, including itself.
    detail: u32,
    /// The [`Kind`] and, for a string, whether it has escapes.
    tag: u32,
}

/// The bit in a slot's tag, besides the kind, for a string with escapes.
const ESCAPED: u32 = 8;

impl Slot {
    pub(crate) const ABSENT: Self = Self { start: 0, end: 0, detail: 0, tag: Kind::Absent as u32 };

    /// Creates the slot of a value in a checked text, whose offsets fit.
    pub(super) fn new(start: usize, end: usize, kind: Kind, levels: u8) -> Self {
        Self { start: start as u32, end: end as u32, detail: u32::from(levels), tag: kind as u32 }
    }

    /// Creates the slot of a string in a checked text, whose offsets fit.
    pub(super) fn of_string(start: usize, end: usize, decoded_len: usize, escaped: bool) -> Self {
        let tag = Kind::String as u32 | if escaped { ESCAPED } else { 0 };
        Self { start: start as u32, end: end as u32, detail: decoded_len as u32, tag }
    }

    /// Returns the string as a key, without its quotes.
    pub(super) fn key(self) -> Key {
        Key { start: self.start + 1, end: self.end - 1, escaped: self.is_escaped() }
    }

    pub(crate) fn kind(self) -> Kind {
        match self.tag & !ESCAPED {
            1 => Kind::Null,
            2 => Kind::True,
            3 => Kind::False,
            4 => Kind::Number,
            5 => Kind::String,
            6 => Kind::Array,
            7 => Kind::Object,
            _ => Kind::Absent,
        }
    }

    /// Returns the same position with a kind that no rule accepts.
    pub(crate) fn unusable(self) -> Self {
        Self { tag: Kind::Null as u32, ..self }
    }

    /// Returns the number of levels of an object or array, or 0.
    pub(crate) fn levels(self) -> u8 {
        match self.kind() {
            // At most `MAX_DEPTH`.
            Kind::Array | Kind::Object => self.detail as u8,
            _ => 0,
        }
    }

    fn is_escaped(self) -> bool {
        self.tag & ESCAPED != 0
    }

    pub(crate) fn is_present(self) -> bool {
        self.tag != Kind::Absent as u32
    }

    /// Returns the value as written.
    pub(crate) fn raw(self, text: &str) -> &str {
        &text[self.start as usize..self.end as usize]
    }

    /// Returns the value if it is a string.
    pub(crate) fn string(self, text: &str) -> Option<JsonText<'_>> {
        (self.kind() == Kind::String).then(|| JsonText::new(self.raw(text), self.detail, self.is_escaped()))
    }
}

/// A key in the text, without its quotes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    pub(crate) start: u32,
    end: u32,
    escaped: bool,
}

impl Key {
    /// Returns the key's bytes if it is written without escapes.
    #[inline]
    pub(crate) fn plain(self, text: &str) -> Option<&[u8]> {
        (!self.escaped).then(|| &text.as_bytes()[self.start as usize..self.end as usize])
    }

    /// Returns the decoded key.
    pub(crate) fn decode(self, text: &str) -> Cow<'_, str> {
        let (start, end) = (self.start as usize, self.end as usize);
        if self.escaped {
            // Checked by the scan, so it always decodes.
            Cow::Owned(serde_json::from_str(&text[start - 1..=end]).unwrap_or_default())
        } else {
            Cow::Borrowed(&text[start..end])
        }
    }
}

/// Why a text is not a JSON object of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Syntax {
    NotJson,
    TooDeep,
    LoneSurrogate,
    NotObject,
    Trailing,
    TooLong,
}

impl Syntax {
    /// Returns what is wrong with a text that must be one JSON object, as a predicate.
    pub(crate) const fn objection(self) -> &'static str {
        match self {
            Self::NotJson => ", and is not valid JSON",
            Self::TooDeep => ", and is nested too deep",
            Self::LoneSurrogate => ", and holds half of a surrogate pair",
            Self::NotObject => "",
            Self::Trailing => ", and something follows it",
            Self::TooLong => ", and is too long",
        }
    }

    /// Returns what was expected, for people.
    pub(crate) const fn reason(self) -> &'static str {
        match self {
            Self::NotJson => "the text must be valid JSON",
            Self::TooDeep => "the text must not be nested deeper than 32 levels",
            Self::LoneSurrogate => "the text must not hold half of a surrogate pair",
            Self::NotObject => "the text must be one JSON object",
            Self::Trailing => "nothing but white space may follow the object",
            Self::TooLong => "the text is too long",
        }
    }
}
