//! The locks of transactions that change kept messages: the accounts that messages are from and to, then the inboxes. See
//! `locks.rs` for why there are locks.

use std::collections::{BTreeSet, HashSet};

use callie_core::Username;
use sqlx::AssertSqlSafe;

use super::column;
use super::connections::{Kind, Tx};
use super::error::StoreError;
use super::sql::{CHUNK, placeholders};

impl Tx {
    /// Locks the inboxes of `owners`, as far as they exist. Must be called once, before any other change of inboxes.
    pub(super) async fn lock_inboxes(&mut self, mut owners: Vec<&Username>) -> Result<(), StoreError> {
        if self.kind() == Kind::Sqlite {
            return Ok(());
        }
        owners.sort_unstable();
        owners.dedup();
        for chunk in owners.chunks(CHUNK) {
            let list = placeholders(1, chunk.len());
            let sql = format!(
                "SELECT 1 FROM kept_inboxes WHERE recipient IN ({list}) ORDER BY recipient FOR NO KEY UPDATE"
            );
            // Only placeholders are put into the text.
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for owner in chunk {
                query = query.bind(owner.as_str());
            }
            query.fetch_all(&mut *self).await?;
        }
        Ok(())
    }

    /// Locks the inboxes that have one of `texts`.
    pub(super) async fn lock_owners(&mut self, texts: &[String]) -> Result<(), StoreError> {
        let owners = self.owners_of(texts).await?;
        self.lock_inboxes(owners.iter().collect()).await
    }

    /// Returns the owners of the inboxes that have one of `texts`, as far as locks of them matter.
    pub(super) async fn owners_of(&mut self, texts: &[String]) -> Result<Vec<Username>, StoreError> {
        let mut owners: Vec<Username> = Vec::new();
        if self.kind() == Kind::Sqlite {
            return Ok(owners);
        }
        for chunk in texts.chunks(CHUNK) {
            let list = placeholders(1, chunk.len());
            let sql = format!("SELECT DISTINCT recipient FROM kept_messages WHERE text_id IN ({list})");
            // Only placeholders are put into the text.
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for id in chunk {
                query = query.bind(id);
            }
            for row in query.fetch_all(&mut *self).await? {
                owners.push(column::text(&row, 0)?);
            }
        }
        Ok(owners)
    }

    /// Returns those of `users` who exist. None of their accounts is deleted before the transaction ends. Must be called
    /// before inboxes are locked.
    pub(super) async fn lock_known(
        &mut self,
        users: BTreeSet<&Username>,
    ) -> Result<HashSet<Username>, StoreError> {
        let mut known = HashSet::with_capacity(users.len());
        let lock = match self.kind() {
            Kind::Sqlite => "",
            Kind::Postgres => " ORDER BY name FOR KEY SHARE",
        };
        let users: Vec<&Username> = users.into_iter().collect();
        for chunk in users.chunks(CHUNK) {
            let list = placeholders(1, chunk.len());
            // Only placeholders and words of this program are put into the text.
            let mut query =
                sqlx::query(AssertSqlSafe(format!("SELECT name FROM users WHERE name IN ({list}){lock}")));
            for user in chunk {
                query = query.bind(user.as_str());
            }
            for row in query.fetch_all(&mut *self).await? {
                known.insert(column::text(&row, 0)?);
            }
        }
        Ok(known)
    }
}
