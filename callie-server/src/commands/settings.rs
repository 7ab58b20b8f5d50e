//! The settings, profile and blocks of a user.

use std::sync::Arc;

use callie_core::command::{
    BlockedPage, Command, Cursor, DirectMessages, DisplayName, PageLimit, PresenceAudience, Profile,
};
use callie_core::{SysCode, Username};

use super::answer::{Answer, Refusal};
use crate::cache::UserCache;
use crate::router::{Check, Hub, Origin, PrivacyChange};
use crate::store::{Blocks, SettingsUpdate, StoreError, UserSettings};

/// The key of all changes of blocks, which are made one after the other: removing one of two mutual blocks must see the
/// other.
const BLOCKS: &str = "blocks";

/// The commands about settings, profiles and blocks.
pub(super) struct SettingsCommands {
    pub(super) hub: Arc<Hub>,
    pub(super) cache: Arc<UserCache>,
    pub(super) settings: UserSettings,
    pub(super) blocks: Blocks,
}

fn gone() -> Refusal {
    Refusal::new(SysCode::UserNotFound)
}

impl SettingsCommands {
    /// Passes on the result of a change, and has the change checked if the database failed: it may have been made.
    fn made<T>(
        &self,
        user: &Username,
        other: Option<&Username>,
        change: Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if change.is_err() {
            self.cache.in_doubt(Check::Privacy(user.clone(), other.cloned()));
        }
        change
    }

    pub(super) async fn profile(&self, username: Username) -> Result<Answer, Refusal> {
        let settings = self.settings.get(&username).await?.ok_or_else(gone)?;
        Ok(Answer::result(&Profile::new(username, settings.display_name)))
    }

    pub(super) async fn get(&self, origin: &Origin) -> Result<Answer, Refusal> {
        let settings = self.settings.get(&origin.user.name).await?.ok_or_else(gone)?;
        Ok(Answer::result(&settings))
    }

    pub(super) async fn update(
        self: &Arc<Self>,
        origin: &Origin,
        display_name: Option<DisplayName>,
        presence: Option<PresenceAudience>,
        direct_messages: Option<DirectMessages>,
    ) -> Result<Answer, Refusal> {
        let change = SettingsUpdate { display_name, presence, direct_messages };
        let (this, name) = (self.clone(), origin.user.name.clone());
        let changed = self.cache.in_order(&origin.user.name, async move {
            let settings = this.made(&name, None, this.settings.update(&name, &change).await)?;
            if let Some(settings) = &settings {
                let change = PrivacyChange::Settings(settings.presence, settings.direct_messages);
                this.hub.change_privacy_everywhere(&name, change);
            }
            Ok::<_, Refusal>(settings)
        });
        Ok(Answer::result(&changed.await??.ok_or_else(gone)?))
    }

    pub(super) async fn block(
        self: &Arc<Self>,
        origin: &Origin,
        username: Username,
    ) -> Result<Answer, Refusal> {
        if username == origin.user.name {
            let command = Command::BlockUser { username };
            return Err(Refusal::parameter(command.name(), 0, "must be another user"));
        }
        let (this, name) = (self.clone(), origin.user.name.clone());
        let blocked = self.cache.in_order(&BLOCKS, async move {
            if !this.made(&name, Some(&username), this.blocks.add(&name, &username).await)? {
                return Err(gone());
            }
            this.hub.change_privacy_everywhere(&name, PrivacyChange::Blocked(username));
            Ok(())
        });
        blocked.await??;
        Ok(Answer::done())
    }

    pub(super) async fn unblock(
        self: &Arc<Self>,
        origin: &Origin,
        username: Username,
    ) -> Result<Answer, Refusal> {
        if username == origin.user.name {
            let command = Command::UnblockUser { username };
            return Err(Refusal::parameter(command.name(), 0, "must be another user"));
        }
        let (this, name) = (self.clone(), origin.user.name.clone());
        let unblocked = self.cache.in_order(&BLOCKS, async move {
            if !this.made(&name, Some(&username), this.blocks.remove(&name, &username).await)? {
                return Err(gone());
            }
            if !this.made(&name, Some(&username), this.blocks.between(&name, &username).await)? {
                this.hub.change_privacy_everywhere(&name, PrivacyChange::Unblocked(username));
            }
            Ok(())
        });
        unblocked.await??;
        Ok(Answer::done())
    }

    pub(super) async fn list_blocked(
        &self,
        origin: &Origin,
        limit: PageLimit,
        after: Option<Cursor>,
    ) -> Result<Answer, Refusal> {
        let list: BlockedPage = self.blocks.list(&origin.user.name, after.as_ref(), limit).await?;
        Ok(Answer::result(&list))
    }
}
