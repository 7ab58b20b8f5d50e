//! What is to be known of a user while they are connected, in one question: each connection asks it.

use callie_core::command::{DirectMessages, PresenceAudience};
use callie_core::{GroupId, Username};
use sqlx::Row as _;

use super::column::text;
use super::{Store, StoreError};

/// How a user stands to others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relations {
    /// The groups the user is in.
    pub groups: Vec<GroupId>,
    /// Everyone whom the user blocks or who blocks the user; one who does both may be there twice.
    pub barred: Vec<Username>,
    /// Who sees the user's presence.
    pub presence: PresenceAudience,
    /// Who may write to the user directly.
    pub direct: DirectMessages,
}

impl Store {
    /// How `user` stands to others, all of it as it was at one moment; none if there is no such user.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn relations(&self, user: &Username) -> Result<Option<Relations>, StoreError> {
        let rows = sqlx::query(
            "SELECT 'presence', presence FROM users WHERE name = $1 \
             UNION ALL SELECT 'direct', direct_messages FROM users WHERE name = $1 \
             UNION ALL SELECT 'group', group_id FROM group_members WHERE username = $1 \
             UNION ALL SELECT 'barred', blocked FROM blocks WHERE blocker = $1 \
             UNION ALL SELECT 'barred', blocker FROM blocks WHERE blocked = $1",
        )
        .bind(user.as_str())
        .fetch_all(&self.read)
        .await?;
        let (mut presence, mut direct) = (None, None);
        let (mut groups, mut barred) = (Vec::new(), Vec::new());
        for row in &rows {
            match row.try_get(0)? {
                "presence" => presence = Some(text(row, 1)?),
                "direct" => direct = Some(text(row, 1)?),
                "group" => groups.push(text(row, 1)?),
                _ => barred.push(text(row, 1)?),
            }
        }
        Ok(presence.zip(direct).map(|(presence, direct)| Relations { groups, barred, presence, direct }))
    }
}
