//! Writing entries of the event log, which every server on the database reads.

use callie_core::Username;
use callie_core::command::RemovalReason;

use super::connections::Tx;
use super::error::StoreError;
use super::model::Ban;
use crate::base::clock::Millis;
use crate::base::ids;

/// The kind of the entry for a session that has ended.
pub(super) const SESSION_ENDED: &str = "session_ended";
/// The kind of the entry for a user who was banned.
pub(super) const USER_BANNED: &str = "user_banned";
/// The kind of the entry for a deleted account.
pub(super) const ACCOUNT_DELETED: &str = "account_deleted";
/// The kind of the entry for what somebody did with the `admin` or `user` command.
pub(super) const ADMIN_ACT: &str = "admin_act";

/// An entry of the log that is not written yet.
pub(super) struct Event<'a> {
    kind: &'static str,
    subject: &'a str,
    reason: Option<&'a str>,
    until: Option<Millis>,
}

impl<'a> Event<'a> {
    /// The session `id` has ended.
    pub(super) fn session_ended(id: &'a str) -> Self {
        Self { kind: SESSION_ENDED, subject: id, reason: None, until: None }
    }

    /// `user` was banned.
    pub(super) fn user_banned(user: &'a Username, ban: &'a Ban) -> Self {
        Self {
            kind: USER_BANNED,
            subject: user.as_str(),
            reason: ban.reason.as_ref().map(RemovalReason::as_str),
            until: ban.until,
        }
    }

    /// The deletion `id` has deleted an account: `deletion`, as JSON, which does not contain the name of the user.
    pub(super) fn account_deleted(id: &'a str, deletion: &'a str) -> Self {
        Self { kind: ACCOUNT_DELETED, subject: id, reason: Some(deletion), until: None }
    }

    /// Somebody did something, to `user` if it concerns one, with the `admin` or `user` command: `act`, as JSON.
    pub(super) fn admin_act(user: Option<&'a Username>, act: &'a str) -> Self {
        Self { kind: ADMIN_ACT, subject: user.map_or("", Username::as_str), reason: Some(act), until: None }
    }
}

/// Writes `event` in the transaction of the change that it reports.
pub(super) async fn record(tx: &mut Tx, event: Event<'_>, now: Millis) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO events (id, at, kind, subject, reason, until) VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(ids::new_uuid().to_string())
        .bind(now)
        .bind(event.kind)
        .bind(event.subject)
        .bind(event.reason)
        .bind(event.until)
        .execute(tx)
        .await?;
    Ok(())
}
