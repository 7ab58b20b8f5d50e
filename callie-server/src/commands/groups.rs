//! Groups: creating, joining, leaving, administering and listing them.

use std::future::Future;
use std::sync::Arc;

use callie_core::command::{Cursor, Group, GroupDetails, GroupName, Member, PageLimit, Role, Visibility};
use callie_core::{GroupId, SysCode, Username};

use super::answer::{Answer, Refusal};
use crate::base::config::LiveConfig;
use crate::base::{clock, ids};
use crate::cache::UserCache;
use crate::router::{Check, GroupChange, Hub, Origin};
use crate::store::{GroupError, GroupLimits, GroupPages, Groups, Members, Removal};

/// The most bytes of an answer besides its result: the envelope and the other metadata.
const ENVELOPE: usize = 2_048;

/// The commands about groups.
pub(super) struct GroupCommands {
    pub(super) hub: Arc<Hub>,
    pub(super) cache: Arc<UserCache>,
    pub(super) groups: Groups,
    pub(super) members: Members,
    pub(super) pages: GroupPages,
    pub(super) config: Arc<LiveConfig>,
    pub(super) max_payload_bytes: usize,
}

impl GroupCommands {
    fn limits(&self) -> GroupLimits {
        let config = self.config.current();
        GroupLimits { max_members: config.max_group_members, max_groups: config.max_groups_per_user }
    }

    /// Runs `job`, which changes the group, after all earlier changes of the group. `subject` is the user whose
    /// membership it changes, or `None` for several users.
    async fn in_order<T, Job>(
        self: &Arc<Self>,
        id: GroupId,
        subject: Option<&Username>,
        job: impl FnOnce(Arc<Self>) -> Job,
    ) -> Result<T, Refusal>
    where
        T: Send + 'static,
        Job: Future<Output = Result<T, GroupError>> + Send + 'static,
    {
        let done = self.cache.in_order(&id, job(self.clone())).await?;
        if let Err(GroupError::Store(_)) = &done {
            self.cache.in_doubt(subject.map_or(Check::All, |user| Check::Member(id, user.clone())));
        }
        Ok(done?)
    }

    /// Makes a change of the group: first in the database, where `job` makes it and returns what it consists of, then
    /// in memory and on the other nodes.
    async fn change<Job>(
        self: &Arc<Self>,
        id: GroupId,
        subject: &Username,
        job: impl FnOnce(Arc<Self>) -> Job,
    ) -> Result<Answer, Refusal>
    where
        Job: Future<Output = Result<Vec<GroupChange>, GroupError>> + Send + 'static,
    {
        self.in_order(id, Some(subject), |this| {
            let job = job(this.clone());
            async move {
                for change in job.await? {
                    this.hub.change_group(id, change);
                }
                Ok(())
            }
        })
        .await?;
        Ok(Answer::done())
    }

    pub(super) async fn create(
        self: &Arc<Self>,
        origin: &Origin,
        name: GroupName,
        members: Vec<Username>,
        visibility: Visibility,
    ) -> Result<Answer, Refusal> {
        // The answer lists all members, and no payload is larger than the limit.
        let listed: usize = members.iter().map(|member| member.as_str().len() + 3).sum();
        if listed + ENVELOPE > self.max_payload_bytes {
            return Err(Refusal::because(
                SysCode::LimitReached,
                "name fewer members, and add the others later",
            ));
        }
        let (id, owner) = (GroupId::from_uuid(ids::new_uuid()), origin.user.name.clone());
        let created = self
            .in_order(id, None, move |this| async move {
                let limits = this.limits();
                let creating =
                    this.groups.create(id, &name, visibility, &owner, &members, limits, clock::now());
                let (group, all) = creating.await?;
                this.hub.change_group(id, GroupChange::Created(all.clone()));
                Ok(Group::new(id, group.name, group.visibility).with_members(all))
            })
            .await?;
        Ok(Answer::result(&created))
    }

    pub(super) async fn join(self: &Arc<Self>, origin: &Origin, id: GroupId) -> Result<Answer, Refusal> {
        let name = origin.user.name.clone();
        self.in_order(id, Some(&origin.user.name), move |this| async move {
            this.members.join(id, &name, this.limits()).await?;
            this.hub.change_group(id, GroupChange::Joined(name));
            this.cache.load_group(id).await?;
            Ok(())
        })
        .await?;
        Ok(Answer::done())
    }

    pub(super) async fn leave(self: &Arc<Self>, origin: &Origin, id: GroupId) -> Result<Answer, Refusal> {
        let name = origin.user.name.clone();
        self.change(id, &origin.user.name, move |this| async move {
            Ok(match this.members.leave(id, &name).await? {
                Removal::HandedOver { .. } => vec![GroupChange::Left(name), GroupChange::Updated],
                _ => vec![GroupChange::Left(name)],
            })
        })
        .await
    }

    pub(super) async fn add(
        self: &Arc<Self>,
        origin: &Origin,
        id: GroupId,
        user: Username,
    ) -> Result<Answer, Refusal> {
        let actor = origin.user.name.clone();
        self.change(id, &user.clone(), move |this| async move {
            this.members.add(id, &actor, &user, this.limits()).await?;
            Ok(vec![GroupChange::Joined(user)])
        })
        .await
    }

    pub(super) async fn remove(
        self: &Arc<Self>,
        origin: &Origin,
        id: GroupId,
        user: Username,
    ) -> Result<Answer, Refusal> {
        let actor = origin.user.name.clone();
        self.change(id, &user.clone(), move |this| async move {
            this.members.remove(id, &actor, &user).await?;
            Ok(vec![GroupChange::Left(user)])
        })
        .await
    }

    pub(super) async fn set_role(
        self: &Arc<Self>,
        origin: &Origin,
        id: GroupId,
        user: Username,
        role: Role,
    ) -> Result<Answer, Refusal> {
        let actor = origin.user.name.clone();
        self.change(id, &user.clone(), move |this| async move {
            this.groups.set_role(id, &actor, &user, role).await?;
            Ok(vec![GroupChange::Updated])
        })
        .await
    }

    pub(super) async fn rename(
        self: &Arc<Self>,
        origin: &Origin,
        id: GroupId,
        name: GroupName,
    ) -> Result<Answer, Refusal> {
        let actor = origin.user.name.clone();
        self.change(id, &origin.user.name, move |this| async move {
            this.groups.rename(id, &actor, &name).await?;
            Ok(vec![GroupChange::Updated])
        })
        .await
    }

    pub(super) async fn delete(self: &Arc<Self>, origin: &Origin, id: GroupId) -> Result<Answer, Refusal> {
        let actor = origin.user.name.clone();
        self.change(id, &origin.user.name, move |this| async move {
            this.groups.delete(id, &actor).await?;
            Ok(vec![GroupChange::Deleted])
        })
        .await
    }

    pub(super) async fn list(
        &self,
        origin: &Origin,
        limit: PageLimit,
        after: Option<Cursor>,
    ) -> Result<Answer, Refusal> {
        Ok(Answer::result(&self.pages.of_user(&origin.user.name, after.as_ref(), limit).await?))
    }

    pub(super) async fn list_public(
        &self,
        limit: PageLimit,
        after: Option<Cursor>,
    ) -> Result<Answer, Refusal> {
        Ok(Answer::result(&self.pages.public(after.as_ref(), limit).await?))
    }

    pub(super) async fn get(
        &self,
        origin: &Origin,
        id: GroupId,
        limit: PageLimit,
        after: Option<Cursor>,
    ) -> Result<Answer, Refusal> {
        let user = &origin.user;
        let page = self.pages.members(id, &user.name, after.as_ref(), limit).await?;
        let members = page.members.into_iter().map(|member| {
            let online = self.hub.shows_online(user, member.username.as_str());
            Member::new(member.username, member.role).with_online(online)
        });
        let details = GroupDetails::new(page.group.id, page.group.name, page.group.visibility)
            .with_member_count(page.group.member_count)
            .with_members(members.collect())
            .with_next(page.next);
        Ok(Answer::result(&details))
    }
}
