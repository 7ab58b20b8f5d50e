//! The members of an object that the protocol defines, found while it is scanned.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::ops::Range;

use super::{Key, Scanner, Slot, Syntax};

/// The names of an object's members, in the order of the protocol.
pub(crate) trait Names<const N: usize> {
    /// All names.
    const NAMES: [&'static str; N];

    /// Returns the index of `name`.
    fn index(name: &[u8]) -> Option<usize>;
}

/// Defines a set of names whose lookup compares constants, which is several times as fast as a search.
macro_rules! names {
    ($(#[$doc:meta])* $set:ident: $count:literal { $($constant:ident = $index:literal $name:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        pub(crate) struct $set;

        impl $set {
            $(pub(crate) const $constant: usize = $index;)*
        }

        impl $crate::json::Names<$count> for $set {
            const NAMES: [&'static str; $count] = [$($name),*];

            #[inline]
            fn index(name: &[u8]) -> Option<usize> {
                $(if name == $name.as_bytes() { return Some($index); })*
                None
            }
        }
    };
}
pub(crate) use names;

/// The positions of the named members of an object, and the first member with another name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<S, const N: usize> {
    slots: [Slot; N],
    unknown: Option<Key>,
    names: PhantomData<S>,
}

impl<S: Names<N>, const N: usize> Fields<S, N> {
    pub(crate) const fn new() -> Self {
        Self { slots: [Slot::ABSENT; N], unknown: None, names: PhantomData }
    }

    pub(crate) fn get(&self, index: usize) -> Slot {
        self.slots[index]
    }

    /// Returns the first member that the protocol does not define for the object.
    pub(crate) fn unknown(&self) -> Option<Key> {
        self.unknown
    }

    /// Returns the decoded name of the first member, in the order of the text, that is not `allowed`.
    pub(crate) fn first_beside<'t>(&self, allowed: Range<usize>, text: &'t str) -> Option<Cow<'t, str>> {
        let named = (0..N)
            .filter(|i| !allowed.contains(i) && self.slots[*i].is_present())
            .min_by_key(|i| self.slots[*i].start);
        match (named, self.unknown) {
            (Some(i), Some(key)) if self.slots[i].start > key.start => Some(key.decode(text)),
            (Some(i), _) => Some(S::NAMES[i].into()),
            (None, key) => key.map(|key| key.decode(text)),
        }
    }

    /// Scans an object of whose values only the positions are needed.
    pub(crate) fn scan_object(&mut self, scanner: &mut Scanner<'_>, depth: u8) -> Result<Slot, Syntax> {
        scanner.object(depth, &mut |scanner, key, depth| {
            self.member(scanner, key, |scanner, _| scanner.value(depth))
        })
    }

    /// Scans a text that is one such object.
    pub(crate) fn scan_root(&mut self, scanner: &mut Scanner<'_>) -> Result<Slot, Syntax> {
        scanner.root(&mut |scanner, key, depth| self.member(scanner, key, |scanner, _| scanner.value(depth)))
    }

    /// Scans one member. `value` scans its value and receives the index of the named member.
    #[inline]
    pub(crate) fn member(
        &mut self,
        scanner: &mut Scanner<'_>,
        key: Key,
        value: impl FnOnce(&mut Scanner<'_>, Option<usize>) -> Result<Slot, Syntax>,
    ) -> Result<u8, Syntax> {
        let index = match key.plain(scanner.text()) {
            Some(name) => S::index(name),
            None => S::index(key.decode(scanner.text()).as_bytes()),
        };
        let slot = value(scanner, index)?;
        match index {
            Some(i) if self.slots[i].is_present() => {
                // It is unknown which of the two is meant, so neither is used.
                self.slots[i] = self.slots[i].unusable();
                scanner.note_duplicate(key);
            }
            Some(i) => self.slots[i] = slot,
            None => {
                self.unknown.get_or_insert(key);
                scanner.note_key(key);
            }
        }
        Ok(slot.levels())
    }
}
