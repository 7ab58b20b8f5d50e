//! The form of the state's file: a line with its version, then one frame for each write.
//!
//! | part of a frame | bytes |
//! | --- | --- |
//! | the length of the changes | 4 |
//! | the checksum of the length | 4 |
//! | the checksum of the changes | 8 |
//! | the changes: kind (1), length of the key (2), key, length of the value (4), value | |
//!
//! Numbers are little-endian. A checksum is the beginning of a SHA-256, which the library contains for TLS.
//!
//! A process that is killed while it writes leaves the beginning of a frame at the end of the file, which is ignored.
//! Because a length has a checksum of its own, no other damage looks like this.

use std::collections::HashMap;

use callie_core::session::Record;
use ring::digest::{SHA256, digest};

/// The beginning of a file of this version.
pub(super) const MAGIC: &[u8] = b"callie state 1\n";
/// What all versions have in common.
const ANY_VERSION: &[u8] = b"callie state ";
const HEADER: usize = 16;

/// Records by their keys. Those without a value are absent.
pub(super) type Records = HashMap<String, Option<Vec<u8>>>;

/// Why a file cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    Damaged,
    NewerVersion,
}

/// The contents of a file.
#[derive(Debug, Default)]
pub(super) struct Contents {
    records: Records,
    /// The length of what is complete, in bytes.
    pub(super) length: usize,
}

impl Contents {
    /// Returns the records.
    pub(super) fn into_records(self) -> Vec<Record> {
        let records = self.records.into_iter();
        records.filter_map(|(key, value)| Some(Record::new(key, value?))).collect()
    }
}

/// Reads the contents of a file.
pub(super) fn read(bytes: &[u8]) -> Result<Contents, Unreadable> {
    if bytes.len() < MAGIC.len() && MAGIC.starts_with(bytes) {
        return Ok(Contents::default());
    }
    let Some(frames) = bytes.strip_prefix(MAGIC) else {
        let newer =
            bytes.strip_prefix(ANY_VERSION).is_some_and(|version| matches!(version, [b'2'..=b'9', ..]));
        return Err(if newer { Unreadable::NewerVersion } else { Unreadable::Damaged });
    };
    let mut contents = Contents { length: MAGIC.len(), ..Contents::default() };
    let mut rest = frames;
    while let Some((changes, after)) = next(rest)? {
        apply(changes, &mut contents.records).ok_or(Unreadable::Damaged)?;
        rest = after;
        contents.length = bytes.len() - rest.len();
    }
    Ok(contents)
}

/// The changes of a frame, and what follows it.
type Frame<'a> = (&'a [u8], &'a [u8]);

/// Returns the next frame; `None` at the end, or at a frame that was not written completely.
fn next(bytes: &[u8]) -> Result<Option<Frame<'_>>, Unreadable> {
    let Some((header, rest)) = bytes.split_first_chunk::<HEADER>() else { return Ok(None) };
    // After a loss of power, a file system can show zeros in place of the last writes.
    if bytes.iter().all(|byte| *byte == 0) {
        return Ok(None);
    }
    let (length, check) = header.split_at(4);
    if checksum(length)[..4] != check[..4] {
        return Err(Unreadable::Damaged);
    }
    let length = length.try_into().map(u32::from_le_bytes).unwrap_or_default() as usize;
    let Some((changes, after)) = rest.split_at_checked(length) else { return Ok(None) };
    if checksum(changes)[..] != check[4..] {
        return Err(Unreadable::Damaged);
    }
    Ok(Some((changes, after)))
}

fn apply(mut changes: &[u8], records: &mut Records) -> Option<()> {
    while let Some([kind]) = changes.split_off(..1) {
        let key_length = u16::from_le_bytes(*changes.split_off(..2)?.first_chunk()?);
        let key = std::str::from_utf8(changes.split_off(..usize::from(key_length))?).ok()?.to_owned();
        if *kind == 0 {
            records.insert(key, None);
            continue;
        }
        let length = u32::from_le_bytes(*changes.split_off(..4)?.first_chunk()?) as usize;
        records.insert(key, Some(changes.split_off(..length)?.to_vec()));
    }
    Some(())
}

/// Appends a frame with these changes. Returns `None` if they are too long.
pub(super) fn write(out: &mut Vec<u8>, puts: &[Record], deletes: &[String]) -> Option<()> {
    let start = out.len();
    out.extend([0; HEADER]);
    for key in deletes {
        put_key(out, 0, key)?;
    }
    for record in puts {
        put_key(out, 1, &record.key)?;
        out.extend(u32::try_from(record.value.len()).ok()?.to_le_bytes());
        out.extend(&record.value);
    }
    let (header, changes) = out[start..].split_at_mut(HEADER);
    let length = u32::try_from(changes.len()).ok()?.to_le_bytes();
    header[..4].copy_from_slice(&length);
    header[4..8].copy_from_slice(&checksum(&length)[..4]);
    header[8..].copy_from_slice(&checksum(changes));
    Some(())
}

fn put_key(out: &mut Vec<u8>, kind: u8, key: &str) -> Option<()> {
    out.push(kind);
    out.extend(u16::try_from(key.len()).ok()?.to_le_bytes());
    out.extend(key.as_bytes());
    Some(())
}

fn checksum(bytes: &[u8]) -> [u8; 8] {
    digest(&SHA256, bytes).as_ref().first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    type Expected = BTreeMap<String, Vec<u8>>;

    fn records(contents: Contents) -> Expected {
        contents.into_records().into_iter().map(|record| (record.key, record.value)).collect()
    }

    fn record(key: &str, value: &[u8]) -> Record {
        Record::new(key.to_owned(), value.to_vec())
    }

    /// Returns a file of three writes, with the records after each of them.
    fn example() -> (Vec<u8>, Vec<(usize, Expected)>) {
        let mut file = MAGIC.to_vec();
        let mut states = vec![(0, BTreeMap::new()), (file.len(), BTreeMap::new())];
        let mut records = BTreeMap::new();
        for (puts, deletes) in [
            (vec![record("a", b"1"), record("b", b"")], vec![]),
            (vec![record("a", b"a longer value")], vec!["b".to_owned()]),
            (vec![record("c", &[0; 40])], vec!["absent".to_owned()]),
        ] {
            write(&mut file, &puts, &deletes).unwrap();
            records.extend(puts.into_iter().map(|record| (record.key, record.value)));
            for key in deletes {
                records.remove(&key);
            }
            states.push((file.len(), records.clone()));
        }
        (file, states)
    }

    #[test]
    fn file_cut_at_any_byte_has_all_complete_writes() {
        let (file, states) = example();
        for length in 0..=file.len() {
            let contents = read(&file[..length]).unwrap();
            let (complete, expected) = states.iter().rfind(|(end, _)| *end <= length).unwrap();
            assert_eq!(contents.length, *complete, "cut at {length}");
            assert_eq!(records(contents), *expected, "cut at {length}");
        }
    }

    #[test]
    fn every_flipped_bit_is_found() {
        let (file, _) = example();
        for at in 0..file.len() {
            for bit in 0..8 {
                let mut flipped = file.clone();
                flipped[at] ^= 1 << bit;
                assert!(read(&flipped).is_err(), "bit {bit} of byte {at}");
            }
        }
    }

    #[test]
    fn zeros_at_the_end_are_ignored() {
        let (mut file, states) = example();
        let length = file.len();
        file.extend([0; 4_096]);
        let contents = read(&file).unwrap();
        assert_eq!(contents.length, length);
        assert_eq!(records(contents), states.last().unwrap().1);
    }

    #[test]
    fn file_of_next_version_is_recognised() {
        assert_eq!(read(b"callie state 2\nanything").unwrap_err(), Unreadable::NewerVersion);
        assert_eq!(read(b"a text of somebody").unwrap_err(), Unreadable::Damaged);
    }
}
