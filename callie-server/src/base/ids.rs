//! New IDs, for payloads, sessions, groups and rows; new tokens.

use std::sync::Mutex;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use callie_core::account::TOKEN_BITS;
use callie_core::{EnvelopeIds, PayloadId};
use uuid::{ContextV7, Uuid};

use super::clock;

static CONTEXT: Mutex<ContextV7> = Mutex::new(ContextV7::new());

/// Returns a new UUIDv7. Later UUIDs of this process sort after earlier ones.
#[must_use]
pub(crate) fn new_uuid() -> Uuid {
    // `Uuid::now_v7` panics before 1970.
    let wall = clock::wall().unsigned_abs();
    let nanos = u32::try_from(wall % 1000).unwrap_or_default() * 1_000_000;
    Uuid::new_v7(uuid::Timestamp::from_unix(&CONTEXT, wall / 1000, nanos))
}

/// Returns a new secret of 256 random bits, encoded URL-safe.
///
/// # Errors
/// The operating system returns no random bytes.
pub(crate) fn new_token() -> Result<String, getrandom::Error> {
    let mut bytes = [0; TOKEN_BITS / 8];
    getrandom::fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// Returns a new payload ID and the current time, for a payload that the server sends.
#[must_use]
pub(crate) fn envelope_ids() -> EnvelopeIds {
    EnvelopeIds { payload_id: PayloadId::from_uuid(new_uuid()), timestamp: clock::timestamp(clock::wall()) }
}
