//! What memory has from the database about connected users and their groups, and how it is brought up to date.

use std::future::Future;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use callie_core::{GroupId, Username};

use super::checks::Checks;
use super::keeper::Keeper;
use super::keyed_queue::{JobFailed, KeyedQueue};
use crate::router::{Check, Entry, GroupChange, GroupIds, Hub, Origin, Privacy, UserSnapshot};
use crate::store::{Deletion, Members, Relations, Store, StoreError, UserRelations};

/// How often a value is read again that changes while it is read. Each time, a change must coincide with the read.
pub(crate) const ATTEMPTS: usize = 10;
/// How long to wait before the database is asked again, or asked for a change that it may be in the middle of.
const RETRY: Duration = Duration::from_secs(1);

/// Keeps the users and groups in the [`Hub`] equal to the database.
pub(crate) struct UserCache {
    hub: Arc<Hub>,
    members: Members,
    relations: Relations,
    queue: KeyedQueue,
    checks: Arc<Checks>,
    keeper: Option<Arc<Keeper>>,
}

impl UserCache {
    /// Creates a cache of what `store` has, for the users in `hub`. Must be called within a runtime.
    pub(crate) fn new(
        hub: Arc<Hub>,
        store: &Store,
        checks: Arc<Checks>,
        keeper: Option<Arc<Keeper>>,
    ) -> Self {
        let (members, relations) = (store.members.clone(), store.relations.clone());
        Self { hub, members, relations, queue: KeyedQueue::start(), checks, keeper }
    }

    /// Runs a change of `key`, a group or a user, after all earlier changes of it. See [`KeyedQueue::run`].
    pub(crate) async fn in_order<T: Send + 'static>(
        &self,
        key: &impl Hash,
        job: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, JobFailed> {
        self.queue.run(key, job).await
    }

    /// Reads what is cached about a user; `version` is that of the user before the read.
    pub(crate) async fn read_user(&self, name: &Username, version: u64) -> Result<UserSnapshot, StoreError> {
        // A user with a live session exists. A user who does not exist has no groups and default settings.
        let Some(UserRelations { groups, blocked, presence, direct }) = self.relations.get(name).await?
        else {
            return Ok(UserSnapshot { groups: GroupIds::default(), privacy: Privacy::default(), version });
        };
        let privacy = Privacy { presence, direct, blocked: blocked.into_iter().collect() };
        Ok(UserSnapshot { groups: Arc::new(groups.into_iter().collect()), privacy, version })
    }

    /// Reads the members of those groups of the user that are not loaded.
    pub(crate) async fn load_groups(&self, origin: &Origin) -> Result<(), StoreError> {
        let groups = origin.user.state().groups.clone();
        for &id in &*groups {
            self.load_group(id).await?;
        }
        Ok(())
    }

    /// Reads the members of a group, unless they are loaded or nobody in the group is connected to this node.
    pub(crate) async fn load_group(&self, id: GroupId) -> Result<(), StoreError> {
        for _ in 0..ATTEMPTS {
            let Some(group) = self.hub.group(id) else { break };
            let as_of = {
                let state = group.state();
                if state.loaded {
                    break;
                }
                state.changes
            };
            let members = self.members.names(id).await?;
            if self.hub.load(id, &members, as_of) {
                break;
            }
        }
        Ok(())
    }

    /// Notes that the database failed in the middle of a change. The change may have been made, or may still be made.
    /// It is checked after a while, here and on all other nodes.
    pub(crate) fn in_doubt(&self, check: Check) {
        let (hub, checks) = (self.hub.clone(), self.checks.clone());
        tokio::spawn(async move {
            tokio::time::sleep(RETRY).await;
            hub.remote.send_change(&Entry::Doubted { check: check.clone() });
            checks.ask(check);
        });
    }

    /// Applies the deletion of an account, which the database has already and every node learns of, to the groups of the
    /// user, and notifies their members who are connected to this node.
    pub(crate) async fn account_deleted(&self, name: &Username, deletion: &Deletion) {
        for &id in &deletion.groups {
            let mut changes = vec![GroupChange::Left(name.clone())];
            if deletion.handed_over.contains(&id) {
                changes.push(GroupChange::Updated);
            }
            let hub = self.hub.clone();
            let job = async move {
                for change in changes {
                    hub.change_group_here(id, &change);
                }
            };
            // The queue fails only when the server stops.
            let _ = self.queue.run(&id, job).await;
        }
    }

    /// Has everything read again: this node has missed changes.
    pub(crate) fn check_everything(&self) {
        self.checks.ask(Check::All);
    }

    /// Carries out the checks one after the other, until the future is dropped.
    pub(crate) async fn run_checks(&self) {
        let mut well = true;
        loop {
            let check = self.checks.next().await;
            match self.check(&check).await {
                Ok(()) => well = true,
                // Another attempt would fail the same way. The report that was applied stands.
                Err(error @ StoreError::Unreadable(_)) => {
                    tracing::error!(%error, ?check, "cannot verify a change");
                }
                Err(error) => {
                    // The report that was applied stands until the database answers; other checks come first meanwhile.
                    // Logged once: while the database is away, it fails every second.
                    if std::mem::replace(&mut well, false) {
                        tracing::warn!(%error, "cannot verify a change; trying again");
                    }
                    self.checks.ask(check);
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    async fn check(&self, check: &Check) -> Result<(), StoreError> {
        match check {
            Check::Group(id) => self.reload_group(*id).await,
            Check::Member(id, user) => self.check_member(*id, user.clone()).await,
            Check::Privacy(user, other) => {
                self.refresh_user(user).await?;
                match other {
                    Some(other) => self.refresh_user(other).await,
                    None => Ok(()),
                }
            }
            Check::Kept => self.check_kept().await,
            Check::All => self.check_all().await,
        }
    }

    async fn check_member(&self, id: GroupId, user: Username) -> Result<(), StoreError> {
        if !self.hub.concerns(id, &user) {
            return Ok(());
        }
        let (hub, members) = (self.hub.clone(), self.members.clone());
        let job = async move {
            if members.role(id, &user).await?.is_some() {
                hub.joined(id, &user);
            } else {
                hub.left(id, &user);
            }
            // Other nodes may have received the change before they received the user as the user was then.
            hub.tell_again(&user);
            Ok::<_, StoreError>(())
        };
        self.queue.run(&id, job).await.unwrap_or(Ok(()))?;
        self.load_group(id).await
    }

    async fn check_kept(&self) -> Result<(), StoreError> {
        match &self.keeper {
            Some(keeper) => keeper.hold_owners().await,
            None => Ok(()),
        }
    }

    async fn check_all(&self) -> Result<(), StoreError> {
        self.check_kept().await?;
        for name in self.hub.users_here() {
            unless_unreadable(self.refresh_user(&name).await)?;
        }
        for id in self.hub.group_ids() {
            unless_unreadable(self.reload_group(id).await)?;
        }
        Ok(())
    }

    /// Reads a connected user again: there may be changes that this node has not received.
    async fn refresh_user(&self, name: &Username) -> Result<(), StoreError> {
        for _ in 0..ATTEMPTS {
            let Some(user) = self.hub.user(name.as_str()) else { break };
            let version = {
                let state = user.state();
                if state.links.is_empty() {
                    break;
                }
                state.version
            };
            let snapshot = self.read_user(name, version).await?;
            if self.hub.refresh(&user, snapshot) {
                break;
            }
        }
        Ok(())
    }

    /// Reads the members of a group again, after all earlier changes of the group on this node.
    async fn reload_group(&self, id: GroupId) -> Result<(), StoreError> {
        let (hub, members) = (self.hub.clone(), self.members.clone());
        let job = async move {
            let members = members.names(id).await?;
            hub.set_members(id, &members);
            Ok(())
        };
        // The queue fails only when the server stops.
        self.queue.run(&id, job).await.unwrap_or(Ok(()))
    }
}

/// Logs a row that cannot be read, so that it does not keep others from being checked.
fn unless_unreadable(done: Result<(), StoreError>) -> Result<(), StoreError> {
    match done {
        Err(error @ StoreError::Unreadable(_)) => {
            tracing::error!(%error, "a user or a group cannot be read");
            Ok(())
        }
        done => done,
    }
}
