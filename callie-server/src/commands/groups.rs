//! Groups: making, joining, leaving, ruling and listing them.

use std::future::Future;

use callie_core::command::{
    Cursor, GroupCreated, GroupDetails, GroupName, Member, PageLimit, Role, Visibility,
};
use callie_core::{GroupId, Notice, Recipient, SysCode, Username};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::answer::{Answer, Refusal};
use crate::clock;
use crate::cluster::{Entry, GroupChange};
use crate::gateway::{Check, Speaker, in_doubt, load_group, stamp};
use crate::router::Hub;
use crate::store::{GroupError, GroupLimits, Removal};

/// What the envelope and the metadata of an answer need at most, beside its result.
const ENVELOPE: usize = 2_048;

fn limits(speaker: &Speaker) -> GroupLimits {
    let config = speaker.app.config();
    GroupLimits { max_members: config.max_group_members, max_groups: config.max_groups_per_user }
}

/// Does a change of a group after all earlier ones; `subject` is who is in it or not by that, none if it is many.
async fn in_lane<T, F, Job>(
    speaker: &Speaker,
    id: GroupId,
    subject: Option<&Username>,
    job: F,
) -> Result<T, Refusal>
where
    T: Send + 'static,
    Job: Future<Output = Result<T, GroupError>> + Send + 'static,
    F: FnOnce(Speaker) -> Job,
{
    let done = speaker.app.gateway.lanes.run(&id, job(speaker.clone())).await?;
    if let Err(GroupError::Store(_)) = &done {
        in_doubt(&speaker.app, subject.map_or(Check::All, |user| Check::Member(id, user.clone())));
    }
    Ok(done?)
}

/// Has every node know of a change that the database has already, and tells the members.
fn changed(hub: &Hub, id: GroupId, change: GroupChange) {
    let notice = match &change {
        // Each member is told of their own joining.
        GroupChange::Created(_) => None,
        GroupChange::Joined(name) => Some(about(SysCode::UserJoined, id, name)),
        GroupChange::Left(name) => Some(about(SysCode::UserLeft, id, name)),
        GroupChange::Updated => Some(Notice::new(SysCode::GroupUpdated).group_id(id)),
        GroupChange::Deleted => Some(Notice::new(SysCode::GroupDeleted).group_id(id)),
    };
    let text = notice.map(|notice| encoded(id, &notice)).unwrap_or_default();
    apply(hub, id, &change, &text);
    if let GroupChange::Created(members) = &change {
        // Here it is known to be new; another node may have heard of later changes before.
        hub.set_members(id, members);
    }
    hub.peers.tell_change(&Entry::Changed { group: id, change, text: &text });
}

/// Takes a change that another node tells of.
pub(crate) fn group_changed(hub: &Hub, id: GroupId, change: &GroupChange, text: &str) {
    apply(hub, id, change, &Utf8Bytes::from(text));
}

fn apply(hub: &Hub, id: GroupId, change: &GroupChange, text: &Utf8Bytes) {
    let tell_members = || {
        if let Some(group) = hub.group(id) {
            group.announce(text);
        }
    };
    match change {
        GroupChange::Created(members) => {
            for member in members {
                hub.joined(id, member);
            }
            for member in members.iter().skip(1) {
                let text = encoded(id, &about(SysCode::UserJoined, id, member));
                for link in hub.links_of(member.as_str()) {
                    link.send(&text);
                }
            }
        }
        GroupChange::Joined(name) => {
            hub.joined(id, name);
            tell_members();
        }
        // Those who leave hear of it too.
        GroupChange::Left(name) => {
            tell_members();
            hub.left(id, name);
        }
        GroupChange::Updated => tell_members(),
        GroupChange::Deleted => {
            tell_members();
            hub.dissolved(id);
        }
    }
}

fn encoded(id: GroupId, notice: &Notice) -> Utf8Bytes {
    Utf8Bytes::from(notice.to_payload(Recipient::Group(id), stamp()).encode())
}

fn about(code: SysCode, id: GroupId, name: &Username) -> Notice {
    Notice::new(code).group_id(id).username(name.clone())
}

pub(super) async fn create(
    speaker: &Speaker,
    name: GroupName,
    members: Vec<Username>,
    visibility: Visibility,
) -> Result<Answer, Refusal> {
    // The answer lists them all, and no payload is larger than the limit.
    let listed: usize = members.iter().map(|member| member.as_str().len() + 3).sum();
    if listed + ENVELOPE > speaker.app.gateway.limits.max_payload_bytes {
        return Err(Refusal::because(
            SysCode::LimitReached,
            "name fewer members now and add the others later",
        ));
    }
    let id = GroupId::from_uuid(clock::new_uuid());
    let created = in_lane(speaker, id, None, move |speaker| async move {
        let owner = &speaker.origin.user.name;
        let store = &speaker.app.store;
        let created = store
            .create_group(id, &name, visibility, owner, &members, limits(&speaker), clock::now())
            .await?;
        let (group, all) = created;
        changed(speaker.hub(), id, GroupChange::Created(all.clone()));
        Ok(GroupCreated { group_id: id, name: group.name, visibility: group.visibility, members: all })
    })
    .await?;
    Ok(Answer::result(&created))
}

pub(super) async fn join(speaker: &Speaker, id: GroupId) -> Result<Answer, Refusal> {
    in_lane(speaker, id, Some(&speaker.origin.user.name), move |speaker| async move {
        let name = &speaker.origin.user.name;
        speaker.app.store.join_group(id, name, limits(&speaker)).await?;
        changed(speaker.hub(), id, GroupChange::Joined(name.clone()));
        load_group(&speaker.app, id).await?;
        Ok(())
    })
    .await?;
    Ok(Answer::done())
}

pub(super) async fn leave(speaker: &Speaker, id: GroupId) -> Result<Answer, Refusal> {
    in_lane(speaker, id, Some(&speaker.origin.user.name), move |speaker| async move {
        let name = &speaker.origin.user.name;
        let removal = speaker.app.store.leave_group(id, name).await?;
        changed(speaker.hub(), id, GroupChange::Left(name.clone()));
        if let Removal::HandedOver { .. } = removal {
            changed(speaker.hub(), id, GroupChange::Updated);
        }
        Ok(())
    })
    .await?;
    Ok(Answer::done())
}

pub(super) async fn add(speaker: &Speaker, id: GroupId, user: Username) -> Result<Answer, Refusal> {
    in_lane(speaker, id, Some(&user.clone()), move |speaker| async move {
        let actor = &speaker.origin.user.name;
        speaker.app.store.add_member(id, actor, &user, limits(&speaker)).await?;
        changed(speaker.hub(), id, GroupChange::Joined(user));
        Ok(())
    })
    .await?;
    Ok(Answer::done())
}

pub(super) async fn remove(speaker: &Speaker, id: GroupId, user: Username) -> Result<Answer, Refusal> {
    in_lane(speaker, id, Some(&user.clone()), move |speaker| async move {
        speaker.app.store.remove_member(id, &speaker.origin.user.name, &user).await?;
        changed(speaker.hub(), id, GroupChange::Left(user));
        Ok(())
    })
    .await?;
    Ok(Answer::done())
}

pub(super) async fn set_role(
    speaker: &Speaker,
    id: GroupId,
    user: Username,
    role: Role,
) -> Result<Answer, Refusal> {
    in_lane(speaker, id, Some(&user.clone()), move |speaker| async move {
        speaker.app.store.set_role(id, &speaker.origin.user.name, &user, role).await?;
        changed(speaker.hub(), id, GroupChange::Updated);
        Ok(())
    })
    .await?;
    Ok(Answer::done())
}

pub(super) async fn rename(speaker: &Speaker, id: GroupId, name: GroupName) -> Result<Answer, Refusal> {
    in_lane(speaker, id, Some(&speaker.origin.user.name), move |speaker| async move {
        speaker.app.store.rename_group(id, &speaker.origin.user.name, &name).await?;
        changed(speaker.hub(), id, GroupChange::Updated);
        Ok(())
    })
    .await?;
    Ok(Answer::done())
}

pub(super) async fn delete(speaker: &Speaker, id: GroupId) -> Result<Answer, Refusal> {
    in_lane(speaker, id, Some(&speaker.origin.user.name), move |speaker| async move {
        speaker.app.store.delete_group(id, &speaker.origin.user.name).await?;
        changed(speaker.hub(), id, GroupChange::Deleted);
        Ok(())
    })
    .await?;
    Ok(Answer::done())
}

pub(super) async fn list(
    speaker: &Speaker,
    limit: PageLimit,
    after: Option<Cursor>,
) -> Result<Answer, Refusal> {
    let list = speaker.app.store.list_groups(&speaker.origin.user.name, after.as_ref(), limit).await?;
    Ok(Answer::result(&list))
}

pub(super) async fn list_public(
    speaker: &Speaker,
    limit: PageLimit,
    after: Option<Cursor>,
) -> Result<Answer, Refusal> {
    Ok(Answer::result(&speaker.app.store.list_public_groups(after.as_ref(), limit).await?))
}

pub(super) async fn get(
    speaker: &Speaker,
    id: GroupId,
    limit: PageLimit,
    after: Option<Cursor>,
) -> Result<Answer, Refusal> {
    let user = &speaker.origin.user;
    let page = speaker.app.store.group_page(id, &user.name, after.as_ref(), limit).await?;
    let members = page.members.into_iter().map(|member| Member {
        online: speaker.hub().shows_online(user, member.username.as_str()),
        username: member.username,
        role: member.role,
    });
    Ok(Answer::result(&GroupDetails {
        group_id: page.group.id,
        name: page.group.name,
        visibility: page.group.visibility,
        member_count: page.group.member_count,
        members: members.collect(),
        next: page.next,
    }))
}
