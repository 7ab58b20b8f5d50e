//! The rows of kept messages: what a transaction does to inboxes and texts.

use callie_core::Username;
use sqlx::{AssertSqlSafe, Row as _};

use super::column;
use super::connections::{Kind, Tx};
use super::error::StoreError;
use super::kept_model::{InboxBounds, KeptPlace, NewMessage, conversation_text};
use super::sql::{CHUNK, placeholders};
use crate::base::clock::Millis;
use crate::base::ids;

/// 1 if the recipient takes the message at the time `$3`, else 0. The tables are `m` (`kept_messages`), `t`
/// (`kept_texts`), `r` and `s` (`users`: recipient and sender).
pub(super) const WELCOME: &str = "CASE WHEN s.banned <> 0 AND (s.banned_until IS NULL OR s.banned_until > $3) THEN 0 \
    WHEN t.conversation <> m.recipient THEN \
    CASE WHEN EXISTS (SELECT 1 FROM group_members g WHERE g.group_id = t.conversation AND g.username = m.recipient) \
    THEN 1 ELSE 0 END \
    WHEN EXISTS (SELECT 1 FROM blocks b WHERE (b.blocker = m.recipient AND b.blocked = t.sender) \
    OR (b.blocker = t.sender AND b.blocked = m.recipient)) THEN 0 \
    WHEN r.direct_messages = 'everyone' THEN 1 \
    WHEN EXISTS (SELECT 1 FROM group_members g JOIN group_members h ON g.group_id = h.group_id \
    WHERE g.username = m.recipient AND h.username = t.sender) THEN 1 ELSE 0 END";

/// The text of a message.
pub(super) struct StoredText {
    pub(super) id: String,
    /// Whether it was not stored before.
    pub(super) is_new: bool,
}

/// The messages that leave one inbox.
#[derive(Default)]
struct Leaving {
    messages: i64,
    bytes: i64,
}

impl Tx {
    /// Removes all kept messages from and to `user`, whose account is locked, so that no others follow.
    pub(super) async fn remove_kept_of(&mut self, user: &Username) -> Result<(), StoreError> {
        let rows = sqlx::query("SELECT id FROM kept_texts WHERE sender = $1")
            .bind(user.as_str())
            .fetch_all(&mut *self)
            .await?;
        let texts = rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<String>, _>>()?;
        let mut owners = self.owners_of(&texts).await?;
        owners.push(user.clone());
        self.lock_inboxes(owners.iter().collect()).await?;
        self.remove_texts_everywhere(&texts).await?;
        let rows = sqlx::query("SELECT place FROM kept_messages WHERE recipient = $1")
            .bind(user.as_str())
            .fetch_all(&mut *self)
            .await?;
        let own = rows.iter().map(|row| Ok(KeptPlace { recipient: user.clone(), place: row.try_get(0)? }));
        self.remove_kept(&own.collect::<Result<Vec<_>, StoreError>>()?).await?;
        Ok(())
    }

    /// Stores the text of a message, unless that of the same payload is stored already, which is locked then.
    pub(super) async fn put_text(
        &mut self,
        message: &NewMessage,
        now: Millis,
    ) -> Result<StoredText, StoreError> {
        loop {
            if let Some(id) = self.insert_text(message, now).await? {
                return Ok(StoredText { id, is_new: true });
            }
            if let Some(id) = self.lock_same_text(message).await? {
                return Ok(StoredText { id, is_new: false });
            }
            // It was removed in between.
        }
    }

    async fn insert_text(&mut self, message: &NewMessage, now: Millis) -> Result<Option<String>, StoreError> {
        let row = sqlx::query(
            "INSERT INTO kept_texts (id, sender, payload_id, message_id, conversation, sent, kept, text) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
             ON CONFLICT (sender, payload_id, message_id, sent) DO NOTHING RETURNING id",
        )
        .bind(ids::new_uuid().to_string())
        .bind(message.sender.as_str())
        .bind(message.payload_id.as_str())
        .bind(message.message_id.as_str())
        .bind(conversation_text(&message.conversation))
        .bind(message.sent_at.unix_millis())
        .bind(now)
        .bind(&message.text)
        .fetch_optional(self)
        .await?;
        Ok(row.map(|row| row.try_get(0)).transpose()?)
    }

    async fn lock_same_text(&mut self, message: &NewMessage) -> Result<Option<String>, StoreError> {
        let row = sqlx::query(match self.kind() {
            Kind::Sqlite => {
                "SELECT id FROM kept_texts WHERE sender = $1 AND payload_id = $2 AND message_id = $3 AND sent = $4"
            }
            Kind::Postgres => {
                "SELECT id FROM kept_texts WHERE sender = $1 AND payload_id = $2 AND message_id = $3 AND sent = $4 \
                 FOR UPDATE"
            }
        })
        .bind(message.sender.as_str())
        .bind(message.payload_id.as_str())
        .bind(message.message_id.as_str())
        .bind(message.sent_at.unix_millis())
        .fetch_optional(self)
        .await?;
        Ok(row.map(|row| row.try_get(0)).transpose()?)
    }

    /// Returns `true` if the inbox has the text.
    pub(super) async fn has_text(&mut self, recipient: &Username, text_id: &str) -> Result<bool, StoreError> {
        let row = sqlx::query("SELECT 1 FROM kept_messages WHERE text_id = $1 AND recipient = $2 LIMIT 1")
            .bind(text_id)
            .bind(recipient.as_str())
            .fetch_optional(self)
            .await?;
        Ok(row.is_some())
    }

    /// Adds a text to an inbox, which is created if there is none. Returns `false` if there is no room.
    pub(super) async fn insert_kept(
        &mut self,
        recipient: &Username,
        text_id: &str,
        bytes: usize,
        bounds: InboxBounds,
    ) -> Result<bool, StoreError> {
        let bytes = number(bytes as u64);
        // The conditions of the two branches are the same: a new inbox has no messages.
        let row = sqlx::query(
            "INSERT INTO kept_inboxes (recipient, messages, bytes, last) \
             SELECT name, 1, $2, 1 FROM users WHERE name = $1 AND $3 >= 1 AND $2 <= $4 \
             ON CONFLICT (recipient) DO UPDATE SET messages = kept_inboxes.messages + 1, \
             bytes = kept_inboxes.bytes + $2, last = kept_inboxes.last + 1 \
             WHERE kept_inboxes.messages < $3 AND kept_inboxes.bytes + $2 <= $4 RETURNING last",
        )
        .bind(recipient.as_str())
        .bind(bytes)
        .bind(i64::from(bounds.messages))
        .bind(number(bounds.bytes))
        .fetch_optional(&mut *self)
        .await?;
        let Some(row) = row else { return Ok(false) };
        let place: i64 = row.try_get(0)?;
        sqlx::query("INSERT INTO kept_messages (recipient, place, text_id, bytes) VALUES ($1, $2, $3, $4)")
            .bind(recipient.as_str())
            .bind(place)
            .bind(text_id)
            .bind(bytes)
            .execute(self)
            .await?;
        Ok(true)
    }

    /// Returns `true` if the inbox has room for a text.
    pub(super) async fn has_room(
        &mut self,
        recipient: &Username,
        bytes: usize,
        bounds: InboxBounds,
    ) -> Result<bool, StoreError> {
        let row = sqlx::query("SELECT messages, bytes FROM kept_inboxes WHERE recipient = $1")
            .bind(recipient.as_str())
            .fetch_optional(self)
            .await?;
        let (messages, used): (i64, i64) = match row {
            Some(row) => (row.try_get(0)?, row.try_get(1)?),
            None => (0, 0),
        };
        Ok(messages < i64::from(bounds.messages)
            && used.saturating_add(number(bytes as u64)) <= number(bounds.bytes))
    }

    /// Removes messages from inboxes, and texts that no inbox has any more. Returns whether each was there.
    pub(super) async fn remove_kept(&mut self, removals: &[KeptPlace]) -> Result<Vec<bool>, StoreError> {
        let mut removed = vec![false; removals.len()];
        let mut order: Vec<usize> = (0..removals.len()).collect();
        order.sort_by_key(|at| &removals[*at].recipient);
        let mut texts = Vec::new();
        for of_one in order.chunk_by(|a, b| removals[*a].recipient == removals[*b].recipient) {
            let owner = &removals[of_one[0]].recipient;
            let mut leaving = Leaving::default();
            for chunk in of_one.chunks(CHUNK) {
                let list = placeholders(2, chunk.len());
                let sql = format!(
                    "DELETE FROM kept_messages WHERE recipient = $1 AND place IN ({list}) \
                     RETURNING place, text_id, bytes"
                );
                // Only placeholders are put into the text.
                let mut query = sqlx::query(AssertSqlSafe(sql)).bind(owner.as_str());
                for at in chunk {
                    query = query.bind(removals[*at].place);
                }
                for row in query.fetch_all(&mut *self).await? {
                    let (place, text_id): (i64, String) = (row.try_get(0)?, row.try_get(1)?);
                    leaving.messages += 1;
                    leaving.bytes += row.try_get::<i64, _>(2)?;
                    texts.push(text_id);
                    // A place that is named twice was removed once.
                    if let Some(at) = chunk.iter().find(|at| removals[**at].place == place) {
                        removed[*at] = true;
                    }
                }
            }
            self.shrink(owner, &leaving).await?;
        }
        texts.sort_unstable();
        texts.dedup();
        self.remove_unused_texts(&texts).await?;
        Ok(removed)
    }

    /// Removes those of the texts that no inbox has any more.
    async fn remove_unused_texts(&mut self, texts: &[String]) -> Result<(), StoreError> {
        for chunk in texts.chunks(CHUNK) {
            let list = placeholders(1, chunk.len());
            // Locked first, so that the second statement sees what another transaction has added to inboxes or removed.
            let lock = format!("SELECT 1 FROM kept_texts WHERE id IN ({list}) ORDER BY id FOR UPDATE");
            let remove = format!(
                "DELETE FROM kept_texts WHERE id IN ({list}) \
                 AND NOT EXISTS (SELECT 1 FROM kept_messages m WHERE m.text_id = kept_texts.id)"
            );
            let statements = if self.kind() == Kind::Postgres { vec![lock, remove] } else { vec![remove] };
            for sql in statements {
                // Only placeholders are put into the text.
                let mut query = sqlx::query(AssertSqlSafe(sql));
                for id in chunk {
                    query = query.bind(id);
                }
                query.fetch_all(&mut *self).await?;
            }
        }
        Ok(())
    }

    async fn shrink(&mut self, owner: &Username, leaving: &Leaving) -> Result<(), StoreError> {
        if leaving.messages > 0 {
            sqlx::query(
                "UPDATE kept_inboxes SET messages = messages - $2, bytes = bytes - $3 WHERE recipient = $1",
            )
            .bind(owner.as_str())
            .bind(leaving.messages)
            .bind(leaving.bytes)
            .execute(self)
            .await?;
        }
        Ok(())
    }

    /// Removes texts that no inbox has.
    pub(super) async fn remove_texts(&mut self, ids: &[&str]) -> Result<(), StoreError> {
        for id in ids {
            sqlx::query("DELETE FROM kept_texts WHERE id = $1").bind(*id).execute(&mut *self).await?;
        }
        Ok(())
    }

    /// Removes texts from all inboxes. Returns the number of messages that were removed.
    pub(super) async fn remove_texts_everywhere(&mut self, ids: &[String]) -> Result<usize, StoreError> {
        let mut removals = Vec::new();
        for chunk in ids.chunks(CHUNK) {
            let list = placeholders(1, chunk.len());
            let sql = format!("SELECT recipient, place FROM kept_messages WHERE text_id IN ({list})");
            // Only placeholders are put into the text.
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for id in chunk {
                query = query.bind(id);
            }
            for row in query.fetch_all(&mut *self).await? {
                removals.push(KeptPlace { recipient: column::text(&row, 0)?, place: row.try_get(1)? });
            }
        }
        let removed = self.remove_kept(&removals).await?;
        let texts: Vec<&str> = ids.iter().map(String::as_str).collect();
        self.remove_texts(&texts).await?;
        Ok(removed.into_iter().filter(|removed| *removed).count())
    }

    /// Returns a text.
    pub(super) async fn text(&mut self, id: &str) -> Result<Option<String>, StoreError> {
        let row =
            sqlx::query("SELECT text FROM kept_texts WHERE id = $1").bind(id).fetch_optional(self).await?;
        Ok(row.map(|row| row.try_get(0)).transpose()?)
    }

    /// Replaces a text in all inboxes that have it. Returns `false` if one of them has no room for it.
    pub(super) async fn replace_text(
        &mut self,
        id: &str,
        text: &str,
        bounds: InboxBounds,
    ) -> Result<bool, StoreError> {
        let bytes = number(text.len() as u64);
        let full = sqlx::query(
            "SELECT 1 FROM kept_messages m JOIN kept_inboxes i ON i.recipient = m.recipient \
             WHERE m.text_id = $1 AND $2 > m.bytes AND i.bytes + $2 - m.bytes > $3 LIMIT 1",
        )
        .bind(id)
        .bind(bytes)
        .bind(number(bounds.bytes))
        .fetch_optional(&mut *self)
        .await?;
        if full.is_some() {
            return Ok(false);
        }
        for (sql, value) in [
            (
                "UPDATE kept_inboxes SET bytes = bytes + $2 - \
                 (SELECT m.bytes FROM kept_messages m WHERE m.text_id = $1 AND m.recipient = kept_inboxes.recipient) \
                 WHERE recipient IN (SELECT m.recipient FROM kept_messages m WHERE m.text_id = $1)",
                bytes,
            ),
            ("UPDATE kept_messages SET bytes = $2 WHERE text_id = $1", bytes),
        ] {
            sqlx::query(sql).bind(id).bind(value).execute(&mut *self).await?;
        }
        sqlx::query("UPDATE kept_texts SET text = $2 WHERE id = $1")
            .bind(id)
            .bind(text)
            .execute(self)
            .await?;
        Ok(true)
    }
}

/// Returns a number as the database stores it.
fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
