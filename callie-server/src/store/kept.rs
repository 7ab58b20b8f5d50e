//! Messages that are kept for users who are connected nowhere (protocol, "Kept messages").
//!
//! Each user has an inbox: a numbered, ordered list of messages, with counters for its bounds. The row of the inbox is
//! locked by every transaction that changes the list, so messages become visible in the order of their places: a reader
//! that has seen a place never finds a smaller one later. A transaction locks all its inboxes first, sorted by name.

use callie_core::command::Conversation;
use callie_core::{MessageId, Username};
use sqlx::{Any, AssertSqlSafe, Executor, Row as _};

use super::column::text;
use super::connections::Tx;
use super::database::Database;
use super::error::StoreError;
use super::kept_model::{
    Backlog, Edit, InboxBounds, KeptMessage, KeptPlace, NewMessage, WriteError, Written, conversation_text,
};
use super::kept_rows::WELCOME;
use super::sql::{CHUNK, placeholders};
use crate::base::clock::Millis;

/// The most messages that [`KeptMessages::page`] returns.
const PAGE: i64 = 64;
/// The most texts that [`KeptMessages::remove_old`] removes at once, so that no other write waits long.
const SWEEP: i64 = 200;

/// The kept messages of all users.
#[derive(Debug, Clone)]
pub struct KeptMessages {
    database: Database,
}

impl KeptMessages {
    pub(super) fn new(database: Database) -> Self {
        Self { database }
    }

    /// Removes messages and keeps others, in one transaction. A payload that is kept already is not kept twice for the
    /// same recipient.
    ///
    /// # Errors
    /// [`WriteError`] when the database fails.
    pub async fn write(
        &self,
        new: &[NewMessage],
        removals: &[KeptPlace],
        bounds: InboxBounds,
        now: Millis,
    ) -> Result<Written, WriteError> {
        let (tx, written) = self.prepare(new, removals, bounds, now).await.map_err(WriteError::NotWritten)?;
        match tx.commit().await {
            Ok(()) => Ok(written),
            Err(error) => Err(WriteError::Unknown(error.into())),
        }
    }

    async fn prepare(
        &self,
        new: &[NewMessage],
        removals: &[KeptPlace],
        bounds: InboxBounds,
        now: Millis,
    ) -> Result<(Tx, Written), StoreError> {
        let mut tx = self.database.begin().await?;
        let users =
            new.iter().flat_map(|message| std::iter::once(&message.sender).chain(&message.recipients));
        let known = tx.lock_known(users.collect()).await?;
        let owners = new.iter().flat_map(|message| &message.recipients);
        tx.lock_inboxes(owners.chain(removals.iter().map(|removal| &removal.recipient)).collect()).await?;
        let removed = tx.remove_kept(removals).await?;
        let mut texts = Vec::with_capacity(new.len());
        for message in new {
            let is_stored = !message.unwelcome && known.contains(&message.sender);
            texts.push(if is_stored { Some(tx.put_text(message, now).await?) } else { None });
        }
        // In the order of the inboxes, and in that of the messages within each.
        let mut rows: Vec<(&Username, usize)> = Vec::new();
        for (at, message) in new.iter().enumerate() {
            // The account of the sender or of a recipient may have been deleted meanwhile.
            let recipients = message.recipients.iter().filter(|recipient| known.contains(*recipient));
            if known.contains(&message.sender) {
                rows.extend(recipients.map(|recipient| (recipient, at)));
            }
        }
        rows.sort_by_key(|(recipient, _)| *recipient);
        let mut kept = vec![Vec::new(); new.len()];
        let mut added = 0;
        for (recipient, at) in rows {
            let bytes = new[at].text.len();
            let is_kept = match &texts[at] {
                None => tx.has_room(recipient, bytes, bounds).await?,
                Some(text) if !text.is_new && tx.has_text(recipient, &text.id).await? => true,
                Some(text) => {
                    let is_added = tx.insert_kept(recipient, &text.id, bytes, bounds).await?;
                    added += u64::from(is_added);
                    is_added
                }
            };
            if is_kept {
                kept[at].push(recipient.clone());
            }
        }
        for text in
            texts.iter().zip(&kept).filter(|(_, kept)| kept.is_empty()).filter_map(|(text, _)| text.as_ref())
        {
            if text.is_new {
                tx.remove_texts(&[text.id.as_str()]).await?;
            }
        }
        Ok((tx, Written { kept, added, removed }))
    }

    /// Returns what is kept for `recipient` behind the place `after`, or `None` if nothing is.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn backlog(
        &self,
        recipient: &Username,
        after: i64,
        now: Millis,
    ) -> Result<Option<Backlog>, StoreError> {
        let sql = format!(
            "SELECT COALESCE(SUM(welcome), 0), MIN(CASE WHEN welcome = 1 THEN kept END), MAX(place) \
             FROM (SELECT {WELCOME} AS welcome, t.kept, m.place FROM kept_messages m \
             JOIN kept_texts t ON t.id = m.text_id JOIN users r ON r.name = m.recipient \
             JOIN users s ON s.name = t.sender WHERE m.recipient = $1 AND m.place > $2) AS found"
        );
        // Only text of this program is put into the statement.
        let row = sqlx::query(AssertSqlSafe(sql))
            .bind(recipient.as_str())
            .bind(after)
            .bind(now)
            .fetch_one(self.database.read())
            .await?;
        let until: Option<i64> = row.try_get(2)?;
        let Some(until) = until else { return Ok(None) };
        let oldest: Option<Millis> = row.try_get(1)?;
        let welcome: i64 = row.try_get(0)?;
        Ok(Some(Backlog { welcome: welcome.unsigned_abs(), oldest: oldest.unwrap_or_default(), until }))
    }

    /// Returns the first messages, at most 64, that are kept for `recipient` at places after `after` and up to `until`.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn page(
        &self,
        recipient: &Username,
        after: i64,
        until: i64,
        now: Millis,
    ) -> Result<Vec<KeptMessage>, StoreError> {
        let sql = format!(
            "SELECT m.place, t.sender, t.payload_id, t.message_id, t.text, {WELCOME} FROM kept_messages m \
             JOIN kept_texts t ON t.id = m.text_id JOIN users r ON r.name = m.recipient \
             JOIN users s ON s.name = t.sender \
             WHERE m.recipient = $1 AND m.place > $2 AND m.place <= $4 ORDER BY m.place LIMIT $5"
        );
        // Only text of this program is put into the statement.
        let rows = sqlx::query(AssertSqlSafe(sql))
            .bind(recipient.as_str())
            .bind(after)
            .bind(now)
            .bind(until)
            .bind(PAGE)
            .fetch_all(self.database.read())
            .await?;
        rows.iter()
            .map(|row| {
                Ok(KeptMessage {
                    place: row.try_get(0)?,
                    sender: text(row, 1)?,
                    payload_id: text(row, 2)?,
                    message_id: text(row, 3)?,
                    text: row.try_get(4)?,
                    is_welcome: row.try_get::<i64, _>(5)? != 0,
                })
            })
            .collect()
    }

    /// Returns those of `users` for whom something is kept.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn owners_among(&self, users: &[Username]) -> Result<Vec<Username>, StoreError> {
        let mut found = Vec::new();
        for chunk in users.chunks(CHUNK) {
            let list = placeholders(1, chunk.len());
            let sql =
                format!("SELECT recipient FROM kept_inboxes WHERE messages > 0 AND recipient IN ({list})");
            // Only placeholders are put into the text.
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for user in chunk {
                query = query.bind(user.as_str());
            }
            for row in query.fetch_all(self.database.read()).await? {
                found.push(text(&row, 0)?);
            }
        }
        Ok(found)
    }

    /// Replaces the text of a kept message by what `edit` returns for it, in every inbox that has it.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails; nothing has changed then.
    pub async fn edit(
        &self,
        sender: &Username,
        conversation: &Conversation,
        message_id: &MessageId,
        bounds: InboxBounds,
        edit: impl Fn(&str) -> Option<String>,
    ) -> Result<Edit, StoreError> {
        if texts_of(self.database.read(), sender, conversation, message_id).await?.is_empty() {
            return Ok(Edit::NotKept);
        }
        let (mut tx, texts) = self.lock_texts_of(sender, conversation, message_id).await?;
        let mut edited = Edit::NotKept;
        for id in texts {
            let Some(old) = tx.text(&id).await? else { continue };
            let Some(new) = edit(&old) else { return Ok(Edit::NoRoom) };
            if !tx.replace_text(&id, &new, bounds).await? {
                return Ok(Edit::NoRoom);
            }
            edited = Edit::Edited;
        }
        tx.commit().await?;
        Ok(edited)
    }

    /// Removes a kept message from every inbox. Returns the number of inboxes that had it.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails; nothing has changed then.
    pub async fn delete(
        &self,
        sender: &Username,
        conversation: &Conversation,
        message_id: &MessageId,
    ) -> Result<usize, StoreError> {
        if texts_of(self.database.read(), sender, conversation, message_id).await?.is_empty() {
            return Ok(0);
        }
        let (mut tx, texts) = self.lock_texts_of(sender, conversation, message_id).await?;
        let removed = tx.remove_texts_everywhere(&texts).await?;
        tx.commit().await?;
        Ok(removed)
    }

    /// Removes messages that were kept before `before`, some of them. Returns the number of removed messages; 0 once there
    /// are none left.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn remove_old(&self, before: Millis) -> Result<Option<usize>, StoreError> {
        let rows = sqlx::query("SELECT id FROM kept_texts WHERE kept < $1 ORDER BY kept LIMIT $2")
            .bind(before)
            .bind(SWEEP)
            .fetch_all(self.database.read())
            .await?;
        let texts = rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<String>, _>>()?;
        if texts.is_empty() {
            return Ok(None);
        }
        let mut tx = self.database.begin().await?;
        tx.lock_owners(&texts).await?;
        let removed = tx.remove_texts_everywhere(&texts).await?;
        tx.commit().await?;
        Ok(Some(removed))
    }

    /// Returns the number of messages that are kept for all users together.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn count(&self) -> Result<u64, StoreError> {
        let row = sqlx::query("SELECT CAST(COALESCE(SUM(messages), 0) AS BIGINT) FROM kept_inboxes")
            .fetch_one(self.database.read())
            .await?;
        Ok(row.try_get::<i64, _>(0)?.unsigned_abs())
    }

    async fn lock_texts_of(
        &self,
        sender: &Username,
        conversation: &Conversation,
        message_id: &MessageId,
    ) -> Result<(Tx, Vec<String>), StoreError> {
        let mut tx = self.database.begin().await?;
        let texts = texts_of(&mut tx, sender, conversation, message_id).await?;
        tx.lock_owners(&texts).await?;
        Ok((tx, texts))
    }
}

/// Returns the IDs of the texts of a message: one, unless its author has used the message's ID again.
async fn texts_of<'e>(
    database: impl Executor<'e, Database = Any>,
    sender: &Username,
    conversation: &Conversation,
    message_id: &MessageId,
) -> Result<Vec<String>, StoreError> {
    let rows = sqlx::query(
        "SELECT id FROM kept_texts WHERE sender = $1 AND message_id = $2 AND conversation = $3 ORDER BY id",
    )
    .bind(sender.as_str())
    .bind(message_id.as_str())
    .bind(conversation_text(conversation))
    .fetch_all(database)
    .await?;
    Ok(rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
}
