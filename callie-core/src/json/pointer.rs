//! JSON Pointers (RFC 6901) to faults.

use std::fmt;

use super::{Key, Scanner, Slot};
use crate::limits::MAX_PATH_BYTES;

/// A JSON Pointer from the payload's root.
#[derive(Clone, PartialEq, Eq, Default)]
pub(crate) struct Pointer(Vec<Box<str>>);

impl Pointer {
    pub(crate) const fn root() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn child(mut self, segment: impl Into<Box<str>>) -> Self {
        self.0.push(segment.into());
        self
    }

    pub(crate) fn index(self, index: usize) -> Self {
        self.child(index.to_string())
    }

    /// Returns the number of segments.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the segments after the first `count`, joined by slashes and not escaped.
    pub(crate) fn below(&self, count: usize) -> String {
        self.0.get(count..).unwrap_or_default().join("/")
    }

    /// Removes every segment that contains `secret`.
    pub(crate) fn without(mut self, secret: &str) -> Self {
        if !secret.is_empty() {
            self.0.retain(|segment| !segment.contains(secret));
        }
        self
    }

    /// Returns the pointer to a key of `text`, which is valid JSON. Scans the text again, because faults are rare.
    pub(crate) fn to_key(text: &str, key: Key) -> Self {
        let mut walk = Walk { target: key.start, path: Vec::new(), found: None };
        let mut scanner = Scanner::new(text);
        // The text is valid JSON, so the scan finds no fault.
        let _ = scanner.root(&mut |scanner, key, depth| walk.member(scanner, key, depth));
        Self(walk.found.unwrap_or_default())
    }
}

struct Walk {
    target: u32,
    path: Vec<Box<str>>,
    found: Option<Vec<Box<str>>>,
}

impl Walk {
    fn member(&mut self, scanner: &mut Scanner<'_>, key: Key, depth: u8) -> Result<u8, super::Syntax> {
        self.path.push(key.decode(scanner.text()).into());
        if key.start == self.target {
            self.found = Some(self.path.clone());
        }
        let slot = self.value(scanner, depth)?;
        self.path.pop();
        Ok(slot.levels())
    }

    fn value(&mut self, scanner: &mut Scanner<'_>, depth: u8) -> Result<Slot, super::Syntax> {
        if scanner.at_object() {
            scanner.object(depth, &mut |scanner, key, depth| self.member(scanner, key, depth))
        } else if scanner.at_array() {
            let mut index = 0;
            scanner.array(depth, &mut |scanner, depth| {
                self.path.push(index.to_string().into());
                index += 1;
                let slot = self.value(scanner, depth)?;
                self.path.pop();
                Ok(slot.levels())
            })
        } else {
            scanner.value(depth)
        }
    }
}

impl fmt::Display for Pointer {
    /// Returns the pointer in its escaped form, truncated between characters to [`MAX_PATH_BYTES`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut escaped = String::new();
        for segment in &self.0 {
            escaped.push('/');
            escaped.push_str(&segment.replace('~', "~0").replace('/', "~1"));
            if escaped.len() > MAX_PATH_BYTES {
                break;
            }
        }
        f.write_str(&escaped[..escaped.floor_char_boundary(MAX_PATH_BYTES)])
    }
}

impl fmt::Debug for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointer_is_escaped_and_cut_between_characters() {
        let pointer = Pointer::root().child("a/b~c").index(3);
        assert_eq!(pointer.to_string(), "/a~1b~0c/3");
        let long = Pointer::root().child("é".repeat(400)).to_string();
        assert_eq!(long.len(), 511);
        assert_eq!(long, format!("/{}", "é".repeat(255)));
    }

    #[test]
    fn segment_with_the_secret_is_omitted() {
        let pointer = Pointer::root().child("a").child("xSECRETx").child("b");
        assert_eq!(pointer.clone().without("SECRET").to_string(), "/a/b");
        assert_eq!(pointer.without("").to_string(), "/a/xSECRETx/b");
    }
}
