//! The settings of users.

use callie_core::Username;
use callie_core::command::{DirectMessages, DisplayName, PresenceAudience, Settings};

use super::column::text;
use super::database::Database;
use super::error::StoreError;

/// Changes of a user's settings. A setting that is `None` does not change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettingsUpdate {
    /// See [`Settings::display_name`].
    pub display_name: Option<DisplayName>,
    /// See [`Settings::presence`].
    pub presence: Option<PresenceAudience>,
    /// See [`Settings::direct_messages`].
    pub direct_messages: Option<DirectMessages>,
}

/// The settings of users.
#[derive(Debug, Clone)]
pub struct UserSettings {
    database: Database,
}

impl UserSettings {
    pub(super) fn new(database: Database) -> Self {
        Self { database }
    }

    /// Returns the settings of `user`, or `None` if there is no such user.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn get(&self, user: &Username) -> Result<Option<Settings>, StoreError> {
        let row = sqlx::query("SELECT display_name, presence, direct_messages FROM users WHERE name = $1")
            .bind(user.as_str())
            .fetch_optional(self.database.read())
            .await?;
        row.map(|row| {
            let (display_name, presence, direct_messages) = (text(&row, 0)?, text(&row, 1)?, text(&row, 2)?);
            Ok(Settings::new(display_name, presence, direct_messages))
        })
        .transpose()
    }

    /// Changes the settings of `user` and returns the new ones, or `None` if there is no such user.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails; nothing has changed then.
    pub async fn update(
        &self,
        user: &Username,
        change: &SettingsUpdate,
    ) -> Result<Option<Settings>, StoreError> {
        sqlx::query(
            "UPDATE users SET display_name = COALESCE($1, display_name), presence = COALESCE($2, presence), \
             direct_messages = COALESCE($3, direct_messages) WHERE name = $4",
        )
        .bind(change.display_name.as_ref().map(DisplayName::as_str))
        .bind(change.presence.map(PresenceAudience::as_str))
        .bind(change.direct_messages.map(DirectMessages::as_str))
        .bind(user.as_str())
        .execute(self.database.write())
        .await?;
        self.get(user).await
    }
}
