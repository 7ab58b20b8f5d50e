//! A user's settings.

use callie_core::Username;
use sqlx::Row as _;

use super::{DirectMessages, Presence, Store, StoreError, UserSettings};

/// What to change in a user's settings; what is none stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettingsUpdate {
    /// See [`UserSettings::display_name`].
    pub display_name: Option<String>,
    /// See [`UserSettings::presence`].
    pub presence: Option<Presence>,
    /// See [`UserSettings::direct_messages`].
    pub direct_messages: Option<DirectMessages>,
}

impl Store {
    /// The settings of `user`, or none if there is no such user.
    ///
    /// # Errors
    /// [`StoreError`] when the database fails.
    pub async fn settings(&self, user: &Username) -> Result<Option<UserSettings>, StoreError> {
        let row = sqlx::query("SELECT display_name, presence, direct_messages FROM users WHERE name = $1")
            .bind(user.as_str())
            .fetch_optional(&self.read)
            .await?;
        row.map(|row| {
            Ok(UserSettings {
                display_name: row.try_get(0)?,
                presence: Presence::read(row.try_get(1)?)?,
                direct_messages: DirectMessages::read(row.try_get(2)?)?,
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
    ) -> Result<Option<UserSettings>, StoreError> {
        sqlx::query(
            "UPDATE users SET display_name = COALESCE($1, display_name), presence = COALESCE($2, presence), \
             direct_messages = COALESCE($3, direct_messages) WHERE name = $4",
        )
        .bind(change.display_name.as_deref())
        .bind(change.presence.map(Presence::as_str))
        .bind(change.direct_messages.map(DirectMessages::as_str))
        .bind(user.as_str())
        .execute(&self.write)
        .await?;
        self.settings(user).await
    }
}
