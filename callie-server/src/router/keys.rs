//! The keyed hash of payload IDs.

use std::hash::BuildHasher;

use callie_core::server::PayloadKeys;
use siphasher::sip::SipHasher13;

/// Returns keys of payloads that differ from those with any other secret. The secret is created with the database, so every
/// node of a cluster has the same keys.
pub(crate) fn payload_keys(secret: &[u8; 16]) -> PayloadKeys {
    PayloadKeys::new(Keyed(SipHasher13::new_with_key(secret)))
}

struct Keyed(SipHasher13);

impl BuildHasher for Keyed {
    type Hasher = SipHasher13;

    fn build_hasher(&self) -> SipHasher13 {
        self.0
    }
}
