//! One pass over a text that finds every fault of JSON, and records the positions of values.
//!
//! Nothing is copied and, for objects of up to [`FEW_KEYS`] unknown keys, nothing is allocated. Recursion is bounded by
//! [`MAX_DEPTH`], and memory by the keys of the open objects.

use std::collections::BTreeSet;

use smallvec::SmallVec;

use super::slot::{Key, Kind, Slot, Syntax};
use crate::limits::MAX_DEPTH;

/// Up to this many keys of one object are compared pairwise, and this many open keys need no allocation.
const FEW_KEYS: usize = 16;

type Scan<T> = Result<T, Syntax>;

pub(crate) struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    /// The keys of the open objects, except those that the protocol defines.
    keys: SmallVec<[Key; FEW_KEYS]>,
    /// The first repeated key in the text.
    duplicate: Option<Key>,
    /// Whether unpaired surrogates are accepted. A string with one decodes to nothing.
    takes_lone_surrogates: bool,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self {
            text,
            bytes: text.as_bytes(),
            at: 0,
            keys: SmallVec::new(),
            duplicate: None,
            takes_lone_surrogates: false,
        }
    }

    /// Creates a scan of a text with an unpaired surrogate, for the values around it.
    pub(crate) fn past_lone_surrogates(text: &'a str) -> Self {
        Self { takes_lone_surrogates: true, ..Self::new(text) }
    }

    pub(crate) fn text(&self) -> &'a str {
        self.text
    }

    /// Returns the first repeated key in the text, after the scan.
    pub(crate) fn duplicate(&self) -> Option<Key> {
        self.duplicate
    }

    pub(crate) fn note_duplicate(&mut self, key: Key) {
        if self.duplicate.is_none_or(|earlier| key.start < earlier.start) {
            self.duplicate = Some(key);
        }
    }

    /// Stores a key for the comparison at the end of its object.
    pub(crate) fn note_key(&mut self, key: Key) {
        self.keys.push(key);
    }

    /// Scans the whole text, which must be one object. Calls `member` with each key; it must scan the value.
    pub(crate) fn root(&mut self, member: &mut impl FnMut(&mut Self, Key, u8) -> Scan<u8>) -> Scan<Slot> {
        if u32::try_from(self.bytes.len()).is_err() {
            return Err(Syntax::TooLong);
        }
        self.skip_space();
        if self.peek() != Some(b'{') {
            return Err(Syntax::NotObject);
        }
        let slot = self.object(1, member)?;
        self.skip_space();
        if self.at == self.bytes.len() { Ok(slot) } else { Err(Syntax::Trailing) }
    }

    /// Scans any value, and finds repeated keys of objects in it. `depth` is the level of an object at this position.
    pub(crate) fn value(&mut self, depth: u8) -> Scan<Slot> {
        match self.peek() {
            Some(b'"') => self.string(),
            Some(b'{') => self.object(depth, &mut Self::any_member),
            Some(b'[') => self.array(depth, &mut |scanner, depth| Ok(scanner.value(depth)?.levels())),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.literal(b"true", Kind::True),
            Some(b'f') => self.literal(b"false", Kind::False),
            Some(b'n') => self.literal(b"null", Kind::Null),
            _ => Err(Syntax::NotJson),
        }
    }

    fn any_member(&mut self, key: Key, depth: u8) -> Scan<u8> {
        self.note_key(key);
        Ok(self.value(depth)?.levels())
    }

    /// Returns `true` if the next value is an array, whose elements can then be scanned one by one.
    pub(crate) fn at_array(&self) -> bool {
        self.peek() == Some(b'[')
    }

    /// Returns `true` if the next value is an object, whose members can then be scanned one by one.
    pub(crate) fn at_object(&self) -> bool {
        self.peek() == Some(b'{')
    }

    pub(crate) fn object(
        &mut self,
        depth: u8,
        member: &mut impl FnMut(&mut Self, Key, u8) -> Scan<u8>,
    ) -> Scan<Slot> {
        let start = self.enter(depth)?;
        let first_key = self.keys.len();
        let mut inner = 0;
        self.skip_space();
        if self.peek() == Some(b'}') {
            self.at += 1;
        } else {
            loop {
                if self.peek() != Some(b'"') {
                    return Err(Syntax::NotJson);
                }
                let slot = self.string()?;
                let key = slot.key();
                self.skip_space();
                self.expect(b':')?;
                self.skip_space();
                inner = inner.max(member(self, key, depth + 1)?);
                if self.ends_with(b'}')? {
                    break;
                }
            }
            self.compare_keys(first_key);
        }
        Ok(self.container(start, Kind::Object, inner + 1))
    }

    pub(crate) fn array(
        &mut self,
        depth: u8,
        element: &mut impl FnMut(&mut Self, u8) -> Scan<u8>,
    ) -> Scan<Slot> {
        let start = self.enter(depth)?;
        let mut inner = 0;
        self.skip_space();
        if self.peek() == Some(b']') {
            self.at += 1;
        } else {
            loop {
                inner = inner.max(element(self, depth + 1)?);
                if self.ends_with(b']')? {
                    break;
                }
            }
        }
        Ok(self.container(start, Kind::Array, inner + 1))
    }

    fn enter(&mut self, depth: u8) -> Scan<usize> {
        if depth > MAX_DEPTH {
            return Err(Syntax::TooDeep);
        }
        self.at += 1;
        Ok(self.at - 1)
    }

    /// Must be called after a member or an element. Returns `true` at the end of its container, `false` if another
    /// follows.
    fn ends_with(&mut self, end: u8) -> Scan<bool> {
        self.skip_space();
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                self.skip_space();
                Ok(false)
            }
            Some(byte) if byte == end => {
                self.at += 1;
                Ok(true)
            }
            _ => Err(Syntax::NotJson),
        }
    }

    /// Finds the first repeated key of the object whose stored keys begin at `first`, and removes them.
    fn compare_keys(&mut self, first: usize) {
        let (text, keys) = (self.text, &self.keys[first..]);
        let repeated = if keys.len() <= FEW_KEYS {
            (1..keys.len()).find(|&i| keys[..i].iter().any(|key| same_key(text, *key, keys[i])))
        } else {
            let mut seen = BTreeSet::new();
            (0..keys.len()).find(|&i| !seen.insert(keys[i].decode(text)))
        };
        if let Some(i) = repeated {
            let key = keys[i];
            self.note_duplicate(key);
        }
        self.keys.truncate(first);
    }

    #[inline]
    fn string(&mut self) -> Scan<Slot> {
        let start = self.at;
        let run = plain_run(&self.bytes[start + 1..]);
        self.at = start + 1 + run;
        if self.peek() != Some(b'"') {
            return self.rest_of_string(start);
        }
        self.at += 1;
        Ok(Slot::of_string(start, self.at, run, false))
    }

    /// Scans the string that began at `start`, from its first escape on.
    #[inline(never)]
    fn rest_of_string(&mut self, start: usize) -> Scan<Slot> {
        let mut saved = 0;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => saved += self.escape()?,
                _ => return Err(Syntax::NotJson),
            }
            self.at += plain_run(&self.bytes[self.at..]);
        }
        self.at += 1;
        Ok(Slot::of_string(start, self.at, self.at - start - 2 - saved, true))
    }

    /// Scans one escape. Returns by how many bytes decoding shortens it.
    fn escape(&mut self) -> Scan<usize> {
        match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 2;
                Ok(1)
            }
            Some(b'u') => match self.unit()? {
                0xD800..=0xDBFF => {
                    let low = self.bytes[self.at..].starts_with(b"\\u");
                    if low && matches!(self.unit()?, 0xDC00..=0xDFFF) { Ok(8) } else { self.lone_surrogate() }
                }
                0xDC00..=0xDFFF => self.lone_surrogate(),
                0x0000..=0x007F => Ok(5),
                0x0080..=0x07FF => Ok(4),
                _ => Ok(3),
            },
            _ => Err(Syntax::NotJson),
        }
    }

    fn lone_surrogate(&self) -> Scan<usize> {
        if self.takes_lone_surrogates { Ok(0) } else { Err(Syntax::LoneSurrogate) }
    }

    /// Scans `\uXXXX` and returns the UTF-16 unit.
    fn unit(&mut self) -> Scan<u16> {
        let digits = self.bytes.get(self.at + 2..self.at + 6).ok_or(Syntax::NotJson)?;
        let mut unit = 0;
        for &digit in digits {
            let value = char::from(digit).to_digit(16).ok_or(Syntax::NotJson)?;
            // Four digits of four bits have sixteen bits.
            unit = unit << 4 | value as u16;
        }
        self.at += 6;
        Ok(unit)
    }

    fn number(&mut self) -> Scan<Slot> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(self.container(start, Kind::Number, 0))
    }

    fn digits(&mut self) -> Scan<()> {
        let run = self.bytes[self.at..].iter().take_while(|b| b.is_ascii_digit()).count();
        self.at += run;
        if run == 0 { Err(Syntax::NotJson) } else { Ok(()) }
    }

    fn literal(&mut self, literal: &[u8], kind: Kind) -> Scan<Slot> {
        let start = self.at;
        if !self.bytes[start..].starts_with(literal) {
            return Err(Syntax::NotJson);
        }
        self.at += literal.len();
        Ok(self.container(start, kind, 0))
    }

    /// Returns the slot of a value from `start` to here. The offsets fit, because `root` has checked the length.
    fn container(&self, start: usize, kind: Kind, levels: u8) -> Slot {
        Slot::new(start, self.at, kind, levels)
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn expect(&mut self, byte: u8) -> Scan<()> {
        if self.peek() == Some(byte) {
            self.at += 1;
            Ok(())
        } else {
            Err(Syntax::NotJson)
        }
    }

    #[inline]
    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }
}

fn same_key(text: &str, a: Key, b: Key) -> bool {
    match (a.plain(text), b.plain(text)) {
        (Some(a), Some(b)) => a == b,
        _ => a.decode(text) == b.decode(text),
    }
}

/// Returns the number of bytes before the next quote, backslash or control character. Reads eight bytes at a time.
#[inline]
fn plain_run(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    const HIGHS: u64 = ONES << 7;
    const SPACES: u64 = ONES * b' ' as u64;
    const QUOTES: u64 = ONES * b'"' as u64;
    const BACKSLASHES: u64 = ONES * b'\\' as u64;
    let (words, rest) = bytes.as_chunks::<8>();
    for (i, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        // A subtraction borrows through a byte's high bit if the byte is smaller; bytes that have that bit themselves
        // are never special. Above the lowest marked byte, marks can be wrong.
        let smaller = word.wrapping_sub(SPACES)
            | (word ^ QUOTES).wrapping_sub(ONES)
            | (word ^ BACKSLASHES).wrapping_sub(ONES);
        let special = smaller & !word & HIGHS;
        if special != 0 {
            return i * 8 + special.trailing_zeros() as usize / 8;
        }
    }
    let plain = rest.iter().take_while(|&&b| b >= 0x20 && b != b'"' && b != b'\\').count();
    words.len() * 8 + plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(text: &str) -> Result<Option<String>, Syntax> {
        let mut scanner = Scanner::new(text);
        scanner.root(&mut Scanner::any_member)?;
        Ok(scanner.duplicate().map(|key| key.decode(text).into_owned()))
    }

    #[test]
    fn scanner_accepts_what_serde_json_accepts() {
        for text in [
            "{}",
            " {\t\"a\" :\n[ 1 , -0.5e+3, true,false , null ]\r} ",
            r#"{"a":"\u0041\n\ud83d\ude00"}"#,
            "{\"a\":\"\u{7f}\u{e9}\"}",
            r#"{"a":01}"#,
            r#"{"a":-}"#,
            r#"{"a":1.}"#,
            r#"{"a":.5}"#,
            r#"{"a":1e}"#,
            r#"{"a":+1}"#,
            r#"{"a":tru}"#,
            r#"{"a":"\x"}"#,
            r#"{"a":"\u12g4"}"#,
            r#"{"a":"\u123"#,
            "{\"a\":\"\n\"}",
            r#"{"a":1,}"#,
            r#"{,}"#,
            r#"{"a" 1}"#,
            r#"{"a":[1,]}"#,
            r#"{'a':1}"#,
            r#"{"a":1"#,
            r#"{"a":NaN}"#,
            r#"{a:1}"#,
            "{\"a\":1}x",
            "\u{feff}{}",
            "{\"a\":\u{a0}1}",
            "",
        ] {
            let reference = serde_json::from_str::<serde_json::Map<_, _>>(text).is_ok();
            assert_eq!(scan(text).is_ok(), reference, "{text:?}");
        }
    }

    #[test]
    fn half_a_surrogate_pair_is_refused_anywhere() {
        for text in [
            r#"{"a":"\ud800"}"#,
            r#"{"a":"\udc00"}"#,
            r#"{"\ud800":1}"#,
            r#"{"a":"\ud800\ud800"}"#,
            r#"{"a":"\ud800x"}"#,
            r#"{"a":"\ud800\n"}"#,
        ] {
            assert_eq!(scan(text), Err(Syntax::LoneSurrogate), "{text}");
        }
    }

    #[test]
    fn earliest_repeated_key_is_found_in_any_spelling() {
        for (text, key) in [
            (r#"{"a":1,"b":2}"#, None),
            (r#"{"a":1,"a":2}"#, Some("a")),
            (r#"{"a":1,"\u0061":2}"#, Some("a")),
            (r#"{"a":{"x":1,"x":2},"a":2}"#, Some("x")),
            (r#"{"a":1,"a":{"x":1,"x":2}}"#, Some("a")),
            (r#"{"l":[{"q":1},{"q":1,"q":2}]}"#, Some("q")),
        ] {
            assert_eq!(scan(text).unwrap().as_deref(), key, "{text}");
        }
        let many = (0..1_000).map(|i| format!("\"k{i}\":0,")).collect::<String>();
        assert_eq!(scan(&format!("{{{many}\"z\":0}}")), Ok(None));
        assert_eq!(scan(&format!("{{{many}\"k7\":0,\"k1\":0}}")).unwrap().as_deref(), Some("k7"));
    }

    #[test]
    fn depth_is_limited_to_thirty_two() {
        let nested =
            |levels: usize| format!("{{\"a\":{}{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1));
        assert_eq!(scan(&nested(32)), Ok(None));
        assert_eq!(scan(&nested(33)), Err(Syntax::TooDeep));
        assert_eq!(scan(&format!("{{\"a\":{}", "[".repeat(65_536))), Err(Syntax::TooDeep));
    }

    #[test]
    fn decoded_length_matches_the_decoded_string() {
        for raw in [r#""""#, r#""abc""#, r#""\n\"\\\/""#, r#""\u0041\u00e9\u20ac\ud83d\ude00é€😀""#] {
            let text = format!("{{\"a\":{raw}}}");
            let mut scanner = Scanner::new(&text);
            let mut found = None;
            scanner
                .root(&mut |scanner, _, depth| {
                    let slot = scanner.value(depth)?;
                    found = slot.string(scanner.text()).map(|string| string.len());
                    Ok(slot.levels())
                })
                .unwrap();
            let decoded: String = serde_json::from_str(raw).unwrap();
            assert_eq!(found, Some(decoded.len()), "{raw}");
        }
    }

    #[test]
    fn plain_run_ends_at_the_first_special_byte() {
        for at in 0..40 {
            for special in ["\"", "\\", "\u{0}", "\u{1f}"] {
                let text = format!("{}{special}{}", "é".repeat(at / 2) + &" ".repeat(at % 2), "\"".repeat(9));
                let expected = text.bytes().position(|b| b < 0x20 || b == b'"' || b == b'\\');
                assert_eq!(Some(plain_run(text.as_bytes())), expected);
            }
            assert_eq!(plain_run("~".repeat(at).as_bytes()), at);
        }
    }
}
