//! The database of a server: one type for each kind of data, on shared connections.

use super::account_data::AccountReader;
use super::accounts::Accounts;
use super::admins::Admins;
use super::blocks::Blocks;
use super::database::Database;
use super::deletion::Deletions;
use super::error::{OpenError, StoreError};
use super::events::Events;
use super::group_pages::GroupPages;
use super::groups::Groups;
use super::health::Health;
use super::invitations::Invitations;
use super::kept::KeptMessages;
use super::members::Members;
use super::open::{self, Opened};
use super::relations::Relations;
use super::secret::Secret;
use super::sessions::Sessions;
use super::settings::UserSettings;
use crate::base::config::DATABASE_CONNECTIONS;

/// The database of a server. Cloning shares it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Store {
    /// The accounts of users.
    pub accounts: Accounts,
    /// All that is kept of a user.
    pub account_data: AccountReader,
    /// Deletes accounts.
    pub deletions: Deletions,
    /// The invitations to register.
    pub invitations: Invitations,
    /// The server admins and the bans of users.
    pub admins: Admins,
    /// The sessions of users.
    pub sessions: Sessions,
    /// The settings of users.
    pub settings: UserSettings,
    /// The blocks between users.
    pub blocks: Blocks,
    /// The relations between users, as routing needs them.
    pub relations: Relations,
    /// The groups.
    pub groups: Groups,
    /// The members of groups.
    pub members: Members,
    /// Pages of groups and of their members.
    pub group_pages: GroupPages,
    /// The messages that are kept for users who are offline.
    pub kept: KeptMessages,
    /// The event log.
    pub events: Events,
    /// The state of the database.
    pub health: Health,
    database: Database,
}

impl Store {
    /// Opens `database`: a file or a `sqlite:` URL, which is created if it is missing, or a `postgres:` URL.
    ///
    /// # Errors
    /// [`OpenError`], one line for people.
    pub async fn open(database: &str) -> Result<Self, OpenError> {
        Self::open_with(database, DATABASE_CONNECTIONS).await
    }

    /// Opens `database` as [`Store::open`] does, with at most `connections` to PostgreSQL at a time.
    ///
    /// # Errors
    /// [`OpenError`], one line for people.
    pub async fn open_with(database: &str, connections: u32) -> Result<Self, OpenError> {
        Ok(Self::on(open::open(database, connections).await?))
    }

    /// Opens `database` as [`Store::open`] does, unless its file is missing: a mistyped name must not create a
    /// database.
    ///
    /// # Errors
    /// [`OpenError`], one line for people.
    pub async fn open_existing(database: &str) -> Result<Self, OpenError> {
        Ok(Self::on(open::open_existing(database).await?))
    }

    fn on(Opened { database, metrics, file }: Opened) -> Self {
        let accounts = Accounts::new(database.clone());
        let sessions = Sessions::new(database.clone());
        Self {
            account_data: AccountReader::new(database.clone(), sessions.clone()),
            deletions: Deletions::new(database.clone()),
            invitations: Invitations::new(database.clone()),
            admins: Admins::new(database.clone()),
            settings: UserSettings::new(database.clone()),
            blocks: Blocks::new(database.clone()),
            relations: Relations::new(database.clone()),
            groups: Groups::new(database.clone()),
            members: Members::new(database.clone()),
            group_pages: GroupPages::new(database.clone()),
            kept: KeptMessages::new(database.clone()),
            events: Events::new(database.clone(), accounts.clone()),
            health: Health::new(database.clone(), metrics, file),
            accounts,
            sessions,
            database,
        }
    }

    /// Reads the secret of the database, and creates it if there is none.
    pub(crate) async fn secret(&self) -> Result<Secret, StoreError> {
        Secret::load(&self.database).await
    }

    /// Writes what is not written yet and closes the connections.
    pub async fn close(&self) {
        if let Err(error) = self.sessions.flush_uses().await {
            tracing::warn!(%error, "cannot write the last uses of sessions");
        }
        self.database.close().await;
    }
}
