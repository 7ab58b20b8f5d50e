//! A user's settings.

use callie_core::Username;
use callie_core::command::{DirectMessages, DisplayName, PresenceAudience, Settings};

use super::column::text;
use super::{Store, StoreError};

/// What to change in a user's settings; what is none stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettingsUpdate {
    /// See [`Settings::display_name`].
    pub display_name: Option<DisplayName>,
    /// See [`Settings::presence`].
    pub presence: Option<PresenceAudience>,
    /// See [`Settings::direct_messages`].
    pub direct_messages: Option<DirectMessages>,
}

impl Store {
    /// The settings of `user`, or none if there is no such user.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn settings(&self, user: &Username) -> Result<Option<Settings>, StoreError> {
        let row = sqlx::query("SELECT display_name, presence, direct_messages FROM users WHERE name = $1")
            .bind(user.as_str())
            .fetch_optional(&self.read)
            .await?;
        row.map(|row| {
            Ok(Settings {
                display_name: text(&row, 0)?,
                presence: text(&row, 1)?,
                direct_messages: text(&row, 2)?,
            })
        })
        .transpose()
    }

    /// Changes the settings of `user` and answers them as they are then, or none if there is no such user.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails; nothing has changed then.
    pub async fn update_settings(
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
        .execute(&self.write)
        .await?;
        self.settings(user).await
    }
}
