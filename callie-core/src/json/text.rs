//! A JSON string in a received text.

use std::borrow::Cow;

/// A checked JSON string in a received text, decoded only on request.
#[derive(Debug, Clone, Copy)]
pub struct JsonText<'a> {
    raw: &'a str,
    decoded_len: u32,
    escaped: bool,
}

impl<'a> JsonText<'a> {
    pub(crate) fn new(raw: &'a str, decoded_len: u32, escaped: bool) -> Self {
        Self { raw, decoded_len, escaped }
    }

    /// Returns the decoded text, borrowed if it has no escapes.
    #[must_use]
    #[inline]
    pub fn decode(&self) -> Cow<'a, str> {
        if self.escaped {
            // Checked by the scan, so it always decodes.
            Cow::Owned(serde_json::from_str(self.raw).unwrap_or_default())
        } else {
            Cow::Borrowed(&self.raw[1..self.raw.len() - 1])
        }
    }

    /// Returns the text as written, with its quotes and escapes.
    #[must_use]
    pub fn raw(&self) -> &'a str {
        self.raw
    }

    /// Returns the length of the decoded text, in bytes of UTF-8.
    #[must_use]
    pub fn len(&self) -> usize {
        self.decoded_len as usize
    }

    /// Returns `true` if the text is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.decoded_len == 0
    }
}
