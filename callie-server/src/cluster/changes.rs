//! Where two nodes change one thing at a time, the news of it may cross: then the database says how it is.
//!
//! What another node tells is acted on at once, so that what comes after it finds it done, and then looked up. Whoever
//! looks last sees the last change, so all nodes end up with what the database has.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use callie_core::{GroupId, Username};
use tokio::sync::mpsc;

use crate::gateway;
use crate::server::App;
use crate::store::StoreError;

/// How long to wait before the database is asked again.
const RETRY: Duration = Duration::from_secs(1);

/// How much may wait to be looked up: with more, looking up everything is less.
const MOST: usize = 4_096;

/// Something to look up.
pub(super) enum Check {
    /// Who is in a group.
    Group(GroupId),
    /// Whether a user is in a group.
    Member(GroupId, Username),
    /// A user's settings and blocks, and those of another user.
    Privacy(Username, Option<Username>),
    /// Everything: another node made changes that were not told.
    All,
}

/// Where it is asked for.
pub(super) struct Checks {
    queue: mpsc::Sender<Check>,
    /// Whether something did not fit.
    behind: Arc<AtomicBool>,
}

/// What is to be looked up.
pub(super) struct ToCheck {
    queue: mpsc::Receiver<Check>,
    behind: Arc<AtomicBool>,
}

/// Where checks are asked for, and where they come out.
pub(super) fn checks() -> (Checks, ToCheck) {
    let (sender, receiver) = mpsc::channel(MOST);
    let behind = Arc::<AtomicBool>::default();
    (Checks { queue: sender, behind: behind.clone() }, ToCheck { queue: receiver, behind })
}

impl Checks {
    /// Asks for one more.
    pub(super) fn ask(&self, check: Check) {
        // Without a receiver the server is stopping.
        if let Err(mpsc::error::TrySendError::Full(_)) = self.queue.try_send(check) {
            self.behind.store(true, Ordering::Release);
        }
    }
}

impl ToCheck {
    async fn next(&mut self) -> Option<Check> {
        let next = self.queue.recv().await?;
        if !self.behind.swap(false, Ordering::AcqRel) {
            return Some(next);
        }
        while self.queue.try_recv().is_ok() {}
        Some(Check::All)
    }
}

/// Looks up one after the other, until the cluster's task ends.
pub(super) async fn check_all(app: Arc<App>, mut checks: ToCheck) {
    while let Some(check) = checks.next().await {
        while let Err(error) = look_up(&app, &check).await {
            // What the other node said stands until the database can be asked again.
            tracing::warn!(%error, "a change that another node told of could not be looked up yet");
            tokio::time::sleep(RETRY).await;
        }
    }
}

async fn look_up(app: &Arc<App>, check: &Check) -> Result<(), StoreError> {
    match check {
        Check::Group(id) => gateway::reload_group(app, *id).await,
        Check::Member(id, user) => check_member(app, *id, user.clone()).await,
        Check::Privacy(user, other) => {
            gateway::refresh_user(app, user).await?;
            match other {
                Some(other) => gateway::refresh_user(app, other).await,
                None => Ok(()),
            }
        }
        Check::All => refresh_all(app).await,
    }
}

async fn check_member(app: &Arc<App>, id: GroupId, user: Username) -> Result<(), StoreError> {
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
