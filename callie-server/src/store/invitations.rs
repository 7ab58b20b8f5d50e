//! Invitations to register: made by an operator, and used a number of times until they expire.

use callie_core::Username;

use super::accounts;
use super::database::Database;
use super::error::StoreError;
use super::model::TokenHash;
use crate::base::clock::Millis;

/// What became of a registration with an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invited {
    /// The user is created, and the invitation is used once more.
    Created,
    /// The name is taken. The invitation is not used.
    NameTaken,
    /// The invitation is unknown, used up or expired.
    NotValid,
}

/// The invitations.
#[derive(Debug, Clone)]
pub struct Invitations {
    database: Database,
}

impl Invitations {
    pub(super) fn new(database: Database) -> Self {
        Self { database }
    }

    /// Creates an invitation for `uses` registrations before `expires`.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn create(&self, token: &TokenHash, uses: u32, expires: Millis) -> Result<(), StoreError> {
        sqlx::query("INSERT INTO invitations (token_hash, uses, expires) VALUES ($1, $2, $3)")
            .bind(token.as_str())
            .bind(i64::from(uses))
            .bind(expires)
            .execute(self.database.write())
            .await?;
        Ok(())
    }

    /// Returns `true` if a registration may use the invitation now.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn is_valid(&self, token: &TokenHash, now: Millis) -> Result<bool, StoreError> {
        let row =
            sqlx::query("SELECT 1 FROM invitations WHERE token_hash = $1 AND uses > 0 AND expires > $2")
                .bind(token.as_str())
                .bind(now)
                .fetch_optional(self.database.read())
                .await?;
        Ok(row.is_some())
    }

    /// Creates a user with an invitation.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails; nothing has changed then.
    pub async fn register(
        &self,
        token: &TokenHash,
        name: &Username,
        password: &str,
        now: Millis,
    ) -> Result<Invited, StoreError> {
        let mut tx = self.database.begin().await?;
        let used = sqlx::query(
            "UPDATE invitations SET uses = uses - 1 WHERE token_hash = $1 AND uses > 0 AND expires > $2",
        )
        .bind(token.as_str())
        .bind(now)
        .execute(&mut tx)
        .await?;
        if used.rows_affected() == 0 {
            return Ok(Invited::NotValid);
        }
        if !accounts::create(&mut tx, name, password, now).await? {
            return Ok(Invited::NameTaken);
        }
        tx.commit().await?;
        Ok(Invited::Created)
    }

    /// Removes the invitations that are used up or expired.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn remove_old(&self, now: Millis) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM invitations WHERE uses = 0 OR expires <= $1")
            .bind(now)
            .execute(self.database.write())
            .await?;
        Ok(())
    }
}
