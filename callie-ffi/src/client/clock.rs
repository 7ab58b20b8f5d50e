//! Time and randomness, which the core leaves to its drivers.

use std::time::{SystemTime, UNIX_EPOCH};

use callie_core::{MessageId, PayloadId, Stamp, Timestamp};
use uuid::{Builder, Uuid};

use super::error::Fault;

/// A new payload's identifier and time.
pub(super) fn stamp() -> Result<Stamp, Fault> {
    let now = millis()?;
    let timestamp = i64::try_from(now).ok().and_then(Timestamp::from_unix_millis).ok_or_else(no_time)?;
    Ok(Stamp { payload_id: PayloadId::from_uuid(uuid_at(now)?), timestamp })
}

/// A new message's identifier.
pub(super) fn message_id() -> Result<MessageId, Fault> {
    Ok(MessageId::from_uuid(uuid_at(millis()?)?))
}

/// A UUIDv7: ordered by time, so that IDs tell their age.
fn uuid_at(millis: u64) -> Result<Uuid, Fault> {
    let mut random = [0; 10];
    getrandom::fill(&mut random)
        .map_err(|e| Fault::internal(format_args!("the system gives no random bytes: {e}")))?;
    Ok(Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
}

fn millis() -> Result<u64, Fault> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|_| no_time())?;
    u64::try_from(since.as_millis()).map_err(|_| no_time())
}

fn no_time() -> Fault {
    Fault::internal("the system's clock is set outside the years 1970 to 9999")
}
