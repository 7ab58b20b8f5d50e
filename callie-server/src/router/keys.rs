//! The keyed hash of payload IDs.

use std::hash::BuildHasher;
use std::sync::Arc;

use siphasher::sip::SipHasher13;

/// Makes the keys of payloads. The secret is created with the database, so every node of a cluster has the same.
#[derive(Clone)]
pub(crate) struct Keys(Arc<SipHasher13>);

impl Keys {
    /// Keys that differ from those with any other secret.
    pub(crate) fn new(secret: &[u8; 16]) -> Self {
        Self(Arc::new(SipHasher13::new_with_key(secret)))
    }
}

impl BuildHasher for Keys {
    type Hasher = SipHasher13;

    fn build_hasher(&self) -> SipHasher13 {
        *self.0
    }
}
