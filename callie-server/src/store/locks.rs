//! Row locks of transactions that decide on what they have read.
//!
//! Nearly every transaction reads, decides and then writes: is there room in the group, is the actor still its owner,
//! how many sessions does the user have. SQLite has one writer at a time, so what was read stays true. PostgreSQL runs
//! many transactions of several servers at the same time. There, each transaction first locks the rows that its
//! decision depends on: the row of a group for everything about the group (name, members, roles, number of members),
//! and the row of a user for everything about the user (password, ban, sessions, number of groups). The second
//! transaction waits, and then reads what the first has written.
//!
//! Locks are used instead of serialisable transactions with retries, because hundreds of users may join a popular group
//! at the same time: they queue for a lock, where their transactions would fail in turns. All transactions lock in the
//! same order, so they cannot deadlock: users by name, then inboxes of kept messages by name, then groups by ID. A
//! change that reads nothing and decides nothing (a block, a setting) is one statement and needs no lock. Statements
//! that remove old sessions skip locked rows.

use callie_core::{GroupId, Username};
use sqlx::AssertSqlSafe;

use super::connections::{Kind, Tx};
use super::sql::{CHUNK, placeholders};

impl Tx {
    /// Locks the rows of `users`. Must be called once, before [`Tx::lock_group`].
    pub(super) async fn lock_users(&mut self, users: &[&Username]) -> Result<(), sqlx::Error> {
        if self.kind() == Kind::Sqlite {
            return Ok(());
        }
        let mut by_name = users.to_vec();
        by_name.sort_unstable();
        for chunk in by_name.chunks(CHUNK) {
            let list = placeholders(1, chunk.len());
            // FOR UPDATE would also wait for transactions that only refer to the row, such as a block.
            let sql = format!("SELECT 1 FROM users WHERE name IN ({list}) ORDER BY name FOR NO KEY UPDATE");
            // Only placeholders are put into the text.
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for user in chunk {
                query = query.bind(user.as_str());
            }
            query.fetch_all(&mut *self).await?;
        }
        Ok(())
    }

    /// Locks the row of the group, if there is one.
    pub(super) async fn lock_group(&mut self, id: GroupId) -> Result<(), sqlx::Error> {
        if self.kind() == Kind::Sqlite {
            return Ok(());
        }
        sqlx::query("SELECT 1 FROM chat_groups WHERE id = $1 FOR NO KEY UPDATE")
            .bind(id.to_string())
            .fetch_optional(self)
            .await?;
        Ok(())
    }
}
