//! Where two nodes change one thing at a time, the news of it may cross: then the database says how it is.
//!
//! What another node tells is acted on at once, so that what comes after it finds it done, and then looked up. Whoever
//! looks last sees the last change, so all nodes end up with what the database has.

use std::sync::Arc;
use std::time::Duration;

use callie_core::{GroupId, Username};
use tokio::sync::mpsc;

use super::wire::{GroupChange, PrivacyChange};
use crate::gateway;
use crate::server::App;
use crate::store::StoreError;

/// How long to wait before the database is asked again.
const RETRY: Duration = Duration::from_secs(1);

/// Something to look up.
pub(super) enum Check {
    /// A group.
    Group(GroupId, GroupChange),
    /// A user's settings and blocks.
    Privacy(Username, PrivacyChange),
    /// Everything: another node made changes that were not told.
    All,
}

/// Looks up one after the other, until the cluster's task ends.
pub(super) async fn check_all(app: Arc<App>, mut checks: mpsc::UnboundedReceiver<Check>) {
    while let Some(check) = checks.recv().await {
        while let Err(error) = look_up(&app, &check).await {
            // What the other node said stands until the database can be asked again.
            tracing::warn!(%error, "a change that another node told of could not be looked up yet");
            tokio::time::sleep(RETRY).await;
        }
    }
}

async fn look_up(app: &Arc<App>, check: &Check) -> Result<(), StoreError> {
    match check {
        Check::Group(id, change) => check_group(app, *id, change).await,
        Check::Privacy(user, change) => check_privacy(app, user, change).await,
        Check::All => refresh_all(app).await,
    }
}

async fn check_group(app: &Arc<App>, id: GroupId, change: &GroupChange) -> Result<(), StoreError> {
    let user = match change {
        GroupChange::Joined(user) | GroupChange::Left(user) => user.clone(),
        GroupChange::Created(_) => return gateway::reload_group(app, id).await,
        GroupChange::Updated | GroupChange::Deleted => return Ok(()),
    };
    if !app.gateway.hub.concerns(id, &user) {
        return Ok(());
    }
    let job = {
        let app = app.clone();
        async move {
            let hub = &app.gateway.hub;
            if app.store.role(id, &user).await?.is_some() {
                hub.joined(id, &user);
            } else {
                hub.left(id, &user);
            }
            // Others may have heard of it before they heard that the user is here, as the user was then.
            hub.tell_again(&user);
            gateway::load_group(&app, id).await
        }
    };
    app.gateway.lanes.run(&id, job).await.unwrap_or(Ok(()))
}

async fn check_privacy(app: &Arc<App>, user: &Username, change: &PrivacyChange) -> Result<(), StoreError> {
    gateway::refresh_user(app, user).await?;
    match change {
        PrivacyChange::Settings(..) => Ok(()),
        PrivacyChange::Barred(other) | PrivacyChange::Unbarred(other) => {
            gateway::refresh_user(app, other).await
        }
    }
}

/// Looks up every user and group of this node.
async fn refresh_all(app: &Arc<App>) -> Result<(), StoreError> {
    for name in app.gateway.hub.users_here() {
        gateway::refresh_user(app, &name).await?;
    }
    for id in app.gateway.hub.group_ids() {
        gateway::reload_group(app, id).await?;
    }
    Ok(())
}
