//! Reading columns as types of the core, which parse them as strictly as input.

use callie_core::account::DeviceName;
use callie_core::command::{
    Cursor, DirectMessages, DisplayName, GroupName, PresenceAudience, RemovalReason, Role, Visibility,
};
use callie_core::{GroupId, MessageId, NameError, PayloadId, SessionId, Username};
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::error::StoreError;
use super::model::Ban;
use crate::base::clock::Millis;

/// A type that is stored as text.
pub(super) trait Text: Sized {
    /// What it is called when it cannot be read.
    const WHAT: &'static str;

    /// Parses it.
    fn read(text: &str) -> Result<Self, NameError>;
}

macro_rules! texts {
    ($($type:ty = $what:literal),* $(,)?) => {
        $(impl Text for $type {
            const WHAT: &'static str = $what;
            fn read(text: &str) -> Result<Self, NameError> {
                Self::parse(text)
            }
        })*
    };
}

texts!(
    Cursor = "place in a list",
    DeviceName = "device name",
    DirectMessages = "direct message setting",
    DisplayName = "display name",
    GroupId = "group ID",
    GroupName = "group name",
    MessageId = "message ID",
    PayloadId = "payload ID",
    PresenceAudience = "presence setting",
    RemovalReason = "reason of a ban",
    Role = "role",
    SessionId = "session ID",
    Username = "username",
    Visibility = "visibility",
);

/// Reads the text in column `at` of `row`.
pub(super) fn text<T: Text>(row: &AnyRow, at: usize) -> Result<T, StoreError> {
    T::read(row.try_get(at)?).map_err(|_| StoreError::Unreadable(T::WHAT))
}

/// Reads the text in column `at` of `row`, or `None` for NULL.
pub(super) fn optional_text<T: Text>(row: &AnyRow, at: usize) -> Result<Option<T>, StoreError> {
    let kept: Option<&str> = row.try_get(at)?;
    kept.map(T::read).transpose().map_err(|_| StoreError::Unreadable(T::WHAT))
}

/// Returns the cursor for the entries after the one named `name`.
pub(super) fn cursor(name: &str) -> Result<Cursor, StoreError> {
    Cursor::parse(name).map_err(|_| StoreError::Unreadable(Cursor::WHAT))
}

/// Reads the ban in the columns `banned, banned_until, ban_reason` from column `at` on, if it is in force at `now`.
pub(super) fn read_ban(row: &AnyRow, at: usize, now: Millis) -> Result<Option<Ban>, StoreError> {
    let banned: i64 = row.try_get(at)?;
    let until: Option<Millis> = row.try_get(at + 1)?;
    let holds = banned != 0 && until.is_none_or(|end| end > now);
    Ok(if holds { Some(Ban { reason: optional_text(row, at + 2)?, until }) } else { None })
}
