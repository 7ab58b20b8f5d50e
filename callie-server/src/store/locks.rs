//! What a transaction keeps others from while it decides, where there are others.
//!
//! Nearly every transaction reads, decides and then writes: is there room in the group, is the actor still its owner, how
//! many sessions has the user. SQLite has one writer at a time, so what was read stays true. On PostgreSQL many
//! transactions of many servers run at once. There each one first takes the rows that its decision is about: the group's
//! row for all that is a group's (name, members, roles, places, count), a user's row for all that is a user's (password,
//! ban, sessions, in how many groups the user is). Whoever comes second waits, and then reads what the first has written.
//!
//! Locks rather than serialisable transactions with retries: a popular group is joined by hundreds at once, who queue here
//! and would there fail in turns. Nobody can wait for each other in a circle, as all take their locks in one order: users
//! by name, then the group. What does neither read nor need a decision (a block, a setting) is one statement, and takes
//! none. Sweeps over sessions pass over those that are taken, and so wait for nobody.

use callie_core::{GroupId, Username};
use sqlx::AssertSqlSafe;

use super::connections::{Kind, Tx};
use super::sql::{CHUNK, placeholders};

impl Tx {
    /// Takes the rows of `users`. Before [`Tx::lock_group`], and all at once.
    pub(super) async fn lock_users(&mut self, users: &[&Username]) -> Result<(), sqlx::Error> {
        if self.kind() == Kind::Sqlite {
            return Ok(());
        }
        let mut by_name = users.to_vec();
        by_name.sort_unstable();
        for chunk in by_name.chunks(CHUNK) {
            let list = placeholders(1, chunk.len());
            // Not FOR UPDATE: that would also wait for everyone who only refers to the row, as a block does.
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

    /// Takes the row of the group, if there is one.
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
