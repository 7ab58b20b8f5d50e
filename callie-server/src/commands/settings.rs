//! A user's settings, profile and blocks.

use callie_core::command::{
    BlockedList, Command, Cursor, DirectMessages, DisplayName, PageLimit, PresenceAudience, Profile,
};
use callie_core::{SysCode, Username};

use super::answer::{Answer, Refusal};
use crate::cluster::{Entry, PrivacyChange};
use crate::gateway::{Check, Speaker, in_doubt};
use crate::router::Hub;
use crate::store::{SettingsUpdate, StoreError};

/// Blocks are changed one after the other: lifting one of two that stand against each other must see the other.
const BLOCKS: &str = "blocks";

/// Has every node know of a change that the database has already.
fn changed(hub: &Hub, name: &Username, change: PrivacyChange) {
    hub.privacy_changed(name, &change);
    hub.peers.tell_change(&Entry::Private { user: name.clone(), change });
}

/// What came of a change, which may have been made although the database failed.
fn made<T>(
    speaker: &Speaker,
    other: Option<&Username>,
    change: Result<T, StoreError>,
) -> Result<T, StoreError> {
    if change.is_err() {
        in_doubt(&speaker.app, Check::Privacy(speaker.origin.user.name.clone(), other.cloned()));
    }
    change
}

fn gone() -> Refusal {
    Refusal::new(SysCode::UserNotFound)
}

pub(super) async fn profile(speaker: &Speaker, username: Username) -> Result<Answer, Refusal> {
    let settings = speaker.app.store.settings(&username).await?.ok_or_else(gone)?;
    Ok(Answer::result(&Profile { username, display_name: settings.display_name }))
}

pub(super) async fn get(speaker: &Speaker) -> Result<Answer, Refusal> {
    let settings = speaker.app.store.settings(&speaker.origin.user.name).await?.ok_or_else(gone)?;
    Ok(Answer::result(&settings))
}

pub(super) async fn update(
    speaker: &Speaker,
    display_name: Option<DisplayName>,
    presence: Option<PresenceAudience>,
    direct_messages: Option<DirectMessages>,
) -> Result<Answer, Refusal> {
    let change = SettingsUpdate { display_name, presence, direct_messages };
    let asker = speaker.clone();
    let changed = speaker.app.gateway.lanes.run(&speaker.origin.user.name, async move {
        let name = &asker.origin.user.name;
        let settings = made(&asker, None, asker.app.store.update_settings(name, &change).await)?;
        if let Some(settings) = &settings {
            let change = PrivacyChange::Settings(settings.presence, settings.direct_messages);
            changed(asker.hub(), name, change);
        }
        Ok::<_, Refusal>(settings)
    });
    Ok(Answer::result(&changed.await??.ok_or_else(gone)?))
}

pub(super) async fn block(speaker: &Speaker, username: Username) -> Result<Answer, Refusal> {
    if username == speaker.origin.user.name {
        let command = Command::BlockUser { username };
        return Err(Refusal::parameter(command.name(), 0, "must be another user"));
    }
    let asker = speaker.clone();
    let blocked = speaker.app.gateway.lanes.run(&BLOCKS, async move {
        let name = &asker.origin.user.name;
        if !made(&asker, Some(&username), asker.app.store.block(name, &username).await)? {
            return Err(gone());
        }
        changed(asker.hub(), name, PrivacyChange::Barred(username));
        Ok(())
    });
    blocked.await??;
    Ok(Answer::done())
}

pub(super) async fn unblock(speaker: &Speaker, username: Username) -> Result<Answer, Refusal> {
    if username == speaker.origin.user.name {
        let command = Command::UnblockUser { username };
        return Err(Refusal::parameter(command.name(), 0, "must be another user"));
    }
    let asker = speaker.clone();
    let unblocked = speaker.app.gateway.lanes.run(&BLOCKS, async move {
        let name = &asker.origin.user.name;
        let store = &asker.app.store;
        if !made(&asker, Some(&username), store.unblock(name, &username).await)? {
            return Err(gone());
        }
        if !made(&asker, Some(&username), store.is_blocked_either(name, &username).await)? {
            changed(asker.hub(), name, PrivacyChange::Unbarred(username));
        }
        Ok(())
    });
    unblocked.await??;
    Ok(Answer::done())
}

pub(super) async fn list_blocked(
    speaker: &Speaker,
    limit: PageLimit,
    after: Option<Cursor>,
) -> Result<Answer, Refusal> {
    let list: BlockedList =
        speaker.app.store.list_blocked(&speaker.origin.user.name, after.as_ref(), limit).await?;
    Ok(Answer::result(&list))
}
