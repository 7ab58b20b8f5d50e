//! Where a value of a scanned text stands, and what it is.

use std::borrow::Cow;

use super::JsonText;

/// What kind of value stands in a [`Slot`].
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

/// Where a value stands.
///
/// Four words of one size, none of which can serve as the tag of a `Result`: slots are copied so often that reading
/// back what was just written in pieces of other sizes would cost a fifth of the whole check.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slot {
    /// Offset of the first byte, the quote of a string included.
    pub(crate) start: u32,
    /// Offset behind the last byte.
    pub(crate) end: u32,
    /// For a string, its length once decoded, in bytes; for an object or array, its levels, itself the first.
    detail: u32,
    /// The [`Kind`] and, for a string, whether escapes have to be decoded.
    tag: u32,
}

/// Beside the kind in a slot's tag.
const ESCAPED: u32 = 8;

impl Slot {
    pub(crate) const ABSENT: Self = Self { start: 0, end: 0, detail: 0, tag: Kind::Absent as u32 };

    /// A value of a checked text, whose offsets fit.
    pub(super) fn new(start: usize, end: usize, kind: Kind, levels: u8) -> Self {
        Self { start: start as u32, end: end as u32, detail: u32::from(levels), tag: kind as u32 }
    }

    /// A string of a checked text, whose offsets fit.
    pub(super) fn of_string(start: usize, end: usize, decoded_len: usize, escaped: bool) -> Self {
        let tag = Kind::String as u32 | if escaped { ESCAPED } else { 0 };
        Self { start: start as u32, end: end as u32, detail: decoded_len as u32, tag }
    }

    /// The string as a key, without its quotes.
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

    /// The same place, as if something that no rule takes stood there.
    pub(crate) fn unusable(self) -> Self {
        Self { tag: Kind::Null as u32, ..self }
    }

    /// For an object or array, its levels of nesting; for others 0.
    pub(crate) fn levels(self) -> u8 {
        match self.kind() {
            // No deeper than `MAX_DEPTH`.
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

    /// The value as it is written.
    pub(crate) fn raw(self, text: &str) -> &str {
        &text[self.start as usize..self.end as usize]
    }

    /// The value as a string where it stands, or none if it is no string.
    pub(crate) fn string(self, text: &str) -> Option<JsonText<'_>> {
        (self.kind() == Kind::String).then(|| JsonText::new(self.raw(text), self.detail, self.is_escaped()))
    }
}

/// A key as it stands in the text, without its quotes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    pub(crate) start: u32,
    end: u32,
    escaped: bool,
}

impl Key {
    /// The key's bytes where it is written without escapes.
    #[inline]
    pub(crate) fn plain(self, text: &str) -> Option<&[u8]> {
        (!self.escaped).then(|| &text.as_bytes()[self.start as usize..self.end as usize])
    }

    /// The decoded key.
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
    /// What is wrong with a text that must be one JSON object, as the end of a sentence that says so.
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

    /// What was expected, for people.
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
