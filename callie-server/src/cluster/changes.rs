//! Where two nodes change one thing at a time, the news of it may cross: then the database says how it is.
//!
//! What another node tells is acted on at once, so that what comes after it finds it done, and then looked up. Whoever
//! looks last sees the last change, so all nodes end up with what the database has.

use std::sync::Arc;

use callie_core::{GroupId, Username};
use tokio::sync::mpsc;

use super::wire::{GroupChange, PrivacyChange};
use crate::gateway;
use crate::server::App;
use crate::store::StoreError;

/// Something to look up.
pub(super) enum Check {
    /// A group.
    Group(GroupId, GroupChange),
    /// A user's settings and blocks.
    Privacy(Username, PrivacyChange),
}

/// Looks up one after the other, until the cluster's task ends.
pub(super) async fn check_all(app: Arc<App>, mut checks: mpsc::UnboundedReceiver<Check>) {
    while let Some(check) = checks.recv().await {
        let done = match check {
            Check::Group(id, change) => check_group(&app, id, change).await,
            Check::Privacy(user, change) => check_privacy(&app, &user, &change).await,
        };
        if let Err(error) = done {
            // What the other node said stands; a later change is looked up again.
            tracing::warn!(%error, "a change that another node told of could not be looked up");
        }
    }
}

async fn check_group(app: &Arc<App>, id: GroupId, change: GroupChange) -> Result<(), StoreError> {
    let (GroupChange::Joined(user) | GroupChange::Left(user)) = change else {
        return gateway::load_group(app, id).await;
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

/// Looks up every user and group of this node: changes were made that it did not hear of.
pub(crate) async fn refresh_all(app: &Arc<App>) {
    for name in app.gateway.hub.users_here() {
        if let Err(error) = gateway::refresh_user(app, &name).await {
            tracing::warn!(%error, "a user could not be looked up after the cluster was away");
            return;
        }
    }
    for id in app.gateway.hub.group_ids() {
        if let Err(error) = gateway::reload_group(app, id).await {
            tracing::warn!(%error, "a group could not be looked up after the cluster was away");
            return;
        }
    }
}
