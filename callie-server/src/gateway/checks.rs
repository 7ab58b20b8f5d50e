//! What memory has of groups and settings, looked up anew where it may have been left behind.
//!
//! Where two nodes change one thing at a time, the news of it may cross. What another node tells is acted on at once, so
//! that what comes after it finds it done, and then looked up: whoever looks last sees the last change, so all nodes end up
//! with what the database has. And where the database was lost in the middle of a change, nobody knows whether it was made.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use callie_core::{GroupId, Username};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use super::knowledge::{load_group, refresh_user, reload_group};
use crate::cluster::Entry;
use crate::server::App;
use crate::store::StoreError;

/// How long to wait before the database is asked again, or asked for what it may be in the middle of.
const RETRY: Duration = Duration::from_secs(1);
/// How much may wait to be looked up: with more, looking up everything is less.
const MOST: usize = 4_096;

/// Something to look up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Check {
    /// Who is in a group.
    Group(GroupId),
    /// Whether a user is in a group.
    Member(GroupId, Username),
    /// A user's settings and blocks, and those of another user.
    Privacy(Username, Option<Username>),
    /// Every user and group of this node: changes were made that were not told.
    All,
}

/// What waits to be looked up.
#[derive(Default)]
pub(crate) struct Checks {
    waiting: Mutex<VecDeque<Check>>,
    wake: Notify,
}

impl Checks {
    /// Asks for one more.
    pub(crate) fn ask(&self, check: Check) {
        {
            let mut waiting = self.waiting.lock();
            if check == Check::All || waiting.len() >= MOST {
                // It looks up the others too.
                waiting.clear();
                waiting.push_back(Check::All);
            } else if !waiting.contains(&check) && waiting.front() != Some(&Check::All) {
                waiting.push_back(check);
            }
        }
        self.wake.notify_one();
    }

    async fn next(&self) -> Check {
        loop {
            if let Some(check) = self.waiting.lock().pop_front() {
                return check;
            }
            self.wake.notified().await;
        }
    }
}

/// Looks up one after the other, until the server stops.
pub(super) async fn run(app: Arc<App>) {
    let mut well = true;
    loop {
        let check = app.gateway.checks.next().await;
        match look_up(&app, &check).await {
            Ok(()) => well = true,
            // Asked again, it would be the same. What was told stands.
            Err(error @ StoreError::Unreadable(_)) => {
                tracing::error!(%error, ?check, "a change cannot be looked up");
            }
            Err(error) => {
                // What was told stands until the database can be asked again; others come first meanwhile. Told once: while
                // the database is away it is the same each second.
                if std::mem::replace(&mut well, false) {
                    tracing::warn!(%error, "a change could not be looked up yet");
                }
                app.gateway.checks.ask(check);
                tokio::time::sleep(RETRY).await;
            }
        }
    }
}

/// The database failed in the middle of a change. It may have been made all the same, or be about to: it is looked up, here
/// and at all other nodes.
pub(crate) fn in_doubt(app: &Arc<App>, check: Check) {
    let app = app.clone();
    tokio::spawn(async move {
        tokio::time::sleep(RETRY).await;
        app.gateway.hub.peers.tell_change(&Entry::Doubted { check: check.clone() });
        app.gateway.checks.ask(check);
    });
}

async fn look_up(app: &Arc<App>, check: &Check) -> Result<(), StoreError> {
    match check {
        Check::Group(id) => reload_group(app, *id).await,
        Check::Member(id, user) => look_up_member(app, *id, user.clone()).await,
        Check::Privacy(user, other) => {
            refresh_user(app, user).await?;
            match other {
                Some(other) => refresh_user(app, other).await,
                None => Ok(()),
            }
        }
        Check::All => look_up_all(app).await,
    }
}

async fn look_up_member(app: &Arc<App>, id: GroupId, user: Username) -> Result<(), StoreError> {
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
            load_group(&app, id).await
        }
    };
    app.gateway.lanes.run(&id, job).await.unwrap_or(Ok(()))
}

async fn look_up_all(app: &Arc<App>) -> Result<(), StoreError> {
    for name in app.gateway.hub.users_here() {
        unless_unreadable(refresh_user(app, &name).await)?;
    }
    for id in app.gateway.hub.group_ids() {
        unless_unreadable(reload_group(app, id).await)?;
    }
    Ok(())
}

/// What one row keeps from being looked up must not keep back the others.
fn unless_unreadable(done: Result<(), StoreError>) -> Result<(), StoreError> {
    match done {
        Err(error @ StoreError::Unreadable(_)) => {
            tracing::error!(%error, "a user or a group cannot be looked up");
            Ok(())
        }
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn checks_come_out_in_order_and_too_many_become_one_of_everything() {
        let checks = Checks::default();
        let user = |n: usize| Check::Privacy(Username::parse(&format!("user{n}")).unwrap(), None);
        checks.ask(user(1));
        checks.ask(user(2));
        assert_eq!((checks.next().await, checks.next().await), (user(1), user(2)));
        for n in 0..=MOST {
            checks.ask(user(n));
        }
        assert_eq!(checks.next().await, Check::All);
        assert!(checks.waiting.lock().is_empty());
    }
}
