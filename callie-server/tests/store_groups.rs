//! The store's guarantees about groups, blocks and settings.
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use std::time::Duration;

use callie_core::command::{Cursor, DirectMessages, GroupName, PageLimit, Role, Visibility};
use callie_core::{GroupId, Username};
use callie_server::store::{DirectAccess, GroupError, GroupLimits, Removal, SettingsUpdate, Store};
use support::database::{OwnStore, fresh_store};
use uuid::Uuid;

const LIMITS: GroupLimits = GroupLimits { max_members: 1_000, max_groups: 100 };

fn name(text: &str) -> Username {
    Username::parse(text).unwrap()
}

fn title() -> GroupName {
    GroupName::parse("Friends").unwrap()
}

fn at_most(entries: u16) -> PageLimit {
    PageLimit::new(entries).unwrap()
}

async fn store_with(users: &[&str]) -> OwnStore {
    let store = fresh_store().await;
    for user in users {
        assert!(store.accounts.create(&name(user), "hash", 1).await.unwrap());
    }
    store
}

async fn group_of(store: &Store, owner: &str, members: &[&str]) -> GroupId {
    let id = GroupId::from_uuid(Uuid::now_v7());
    let members: Vec<Username> = members.iter().map(|m| name(m)).collect();
    store.groups.create(id, &title(), Visibility::Private, &name(owner), &members, LIMITS, 1).await.unwrap();
    id
}

#[tokio::test]
async fn group_is_created_with_all_members_or_not_at_all() {
    let store = store_with(&["alice", "bob", "carol"]).await;
    let id = GroupId::from_uuid(Uuid::now_v7());
    let make = async |members: &[&str], limits| {
        let members: Vec<Username> = members.iter().map(|m| name(m)).collect();
        store.groups.create(id, &title(), Visibility::Private, &name("alice"), &members, limits, 1).await
    };
    assert!(
        matches!(make(&["bob", "nobody"], LIMITS).await, Err(GroupError::UserNotFound(n)) if n == "nobody")
    );
    let two = GroupLimits { max_members: 2, ..LIMITS };
    assert!(matches!(make(&["bob", "carol"], two).await, Err(GroupError::TooManyMembers)));
    store.blocks.add(&name("carol"), &name("alice")).await.unwrap();
    assert!(matches!(make(&["bob", "carol"], LIMITS).await, Err(GroupError::MayNotAdd(_))));
    assert_eq!(store.groups.get(id).await.unwrap(), None);
    assert!(store.group_pages.of_user(&name("bob"), None, at_most(100)).await.unwrap().groups.is_empty());

    let (group, members) = make(&["bob", "bob", "alice"], LIMITS).await.unwrap();
    assert_eq!((group.member_count, members), (2, vec![name("alice"), name("bob")]));
    assert_eq!(store.members.role(id, &name("alice")).await.unwrap(), Some(Role::Owner));
}

#[tokio::test]
async fn leaving_owner_is_succeeded_by_seniority() {
    let store = store_with(&["alice", "bob", "carol", "dave"]).await;
    let id = group_of(&store, "alice", &["bob", "carol", "dave"]).await;
    store.groups.set_role(id, &name("alice"), &name("carol"), Role::Admin).await.unwrap();
    let leave = async |who: &str| store.members.leave(id, &name(who)).await.unwrap();
    assert_eq!(leave("alice").await, Removal::HandedOver { owner: name("carol") });
    assert_eq!(leave("carol").await, Removal::HandedOver { owner: name("bob") });
    assert_eq!(leave("dave").await, Removal::Left);
    assert_eq!(leave("bob").await, Removal::Deleted);
    assert!(matches!(store.members.leave(id, &name("bob")).await, Err(GroupError::NotFound)));
}

#[tokio::test]
async fn roles_limit_what_members_do() {
    let store = store_with(&["alice", "bob", "carol", "dave"]).await;
    let id = group_of(&store, "alice", &["bob", "carol"]).await;
    let (alice, bob, carol, dave) = (name("alice"), name("bob"), name("carol"), name("dave"));
    assert!(matches!(store.members.add(id, &bob, &dave, LIMITS).await, Err(GroupError::Forbidden)));
    assert!(matches!(store.members.add(id, &dave, &dave, LIMITS).await, Err(GroupError::NotFound)));
    assert!(matches!(
        store.groups.set_role(id, &alice, &alice, Role::Member).await,
        Err(GroupError::Forbidden)
    ));
    store.groups.set_role(id, &alice, &bob, Role::Admin).await.unwrap();
    store.groups.set_role(id, &alice, &carol, Role::Admin).await.unwrap();
    store.members.add(id, &bob, &dave, LIMITS).await.unwrap();
    assert!(matches!(store.members.add(id, &bob, &dave, LIMITS).await, Err(GroupError::AlreadyMember)));
    assert!(matches!(store.members.remove(id, &bob, &carol).await, Err(GroupError::Forbidden)));
    assert!(matches!(store.members.remove(id, &bob, &alice).await, Err(GroupError::Forbidden)));
    store.members.remove(id, &bob, &dave).await.unwrap();
    assert!(matches!(store.members.remove(id, &bob, &dave).await, Err(GroupError::UserNotFound(_))));
    store.groups.set_role(id, &alice, &bob, Role::Owner).await.unwrap();
    assert_eq!(store.members.role(id, &alice).await.unwrap(), Some(Role::Admin));
    assert!(matches!(store.groups.delete(id, &alice).await, Err(GroupError::Forbidden)));
    let mut gone = store.groups.delete(id, &bob).await.unwrap();
    gone.sort();
    assert_eq!(gone, [alice, bob, carol]);
    assert!(!store.members.is_member(id, &name("bob")).await.unwrap());
}

#[tokio::test]
async fn public_groups_are_open_and_private_ones_hidden() {
    let store = store_with(&["alice", "bob"]).await;
    let private = group_of(&store, "alice", &[]).await;
    let public = GroupId::from_uuid(Uuid::now_v7());
    store.groups.create(public, &title(), Visibility::Public, &name("alice"), &[], LIMITS, 1).await.unwrap();
    let bob = name("bob");
    assert!(matches!(store.members.join(private, &bob, LIMITS).await, Err(GroupError::NotFound)));
    assert!(matches!(
        store.group_pages.members(private, &bob, None, at_most(10)).await,
        Err(GroupError::NotFound)
    ));
    assert!(matches!(
        store.group_pages.members(public, &bob, None, at_most(10)).await,
        Err(GroupError::NotAMember)
    ));
    store.members.join(public, &bob, LIMITS).await.unwrap();
    assert!(matches!(store.members.join(public, &bob, LIMITS).await, Err(GroupError::AlreadyMember)));
    let page = store.group_pages.members(public, &bob, None, at_most(1)).await.unwrap();
    assert_eq!((page.group.member_count, page.next.as_ref().map(Cursor::as_str)), (2, Some("alice")));
    let rest = store.group_pages.members(public, &bob, page.next.as_ref(), at_most(1)).await.unwrap();
    assert_eq!((rest.members[0].username.as_str(), rest.next), ("bob", None));
    assert_eq!(store.group_pages.public(None, at_most(10)).await.unwrap().groups.len(), 1);
}

#[tokio::test]
async fn pages_of_groups_have_no_gaps() {
    let store = store_with(&["alice"]).await;
    for _ in 0..5 {
        group_of(&store, "alice", &[]).await;
    }
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let page = store.group_pages.of_user(&name("alice"), after.as_ref(), at_most(2)).await.unwrap();
        seen.extend(page.groups.iter().map(|entry| entry.group_id));
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    seen.dedup();
    assert_eq!(seen.len(), 5);
}

#[tokio::test]
async fn relations_of_a_user_are_read_together() {
    let store = store_with(&["alice", "bob", "carol"]).await;
    let (alice, bob, carol) = (name("alice"), name("bob"), name("carol"));
    let groups = [group_of(&store, "alice", &["bob"]).await, group_of(&store, "carol", &["alice"]).await];
    group_of(&store, "bob", &["carol"]).await;
    store.blocks.add(&alice, &bob).await.unwrap();
    store.blocks.add(&carol, &alice).await.unwrap();
    let change =
        SettingsUpdate { direct_messages: Some(DirectMessages::Groups), ..SettingsUpdate::default() };
    store.settings.update(&alice, &change).await.unwrap();

    let mut relations = store.relations.get(&alice).await.unwrap().unwrap();
    relations.groups.sort();
    relations.blocked.sort();
    let mut groups = groups.to_vec();
    groups.sort();
    assert_eq!(relations.groups, groups);
    assert_eq!(relations.blocked, [bob, carol]);
    assert_eq!(relations.direct, DirectMessages::Groups);
    assert_eq!(store.relations.get(&name("nobody")).await.unwrap(), None);
}

#[tokio::test]
async fn blocks_and_settings_decide_who_may_write() {
    let store = store_with(&["alice", "bob"]).await;
    let (alice, bob) = (name("alice"), name("bob"));
    let access = async || store.relations.direct_access(&alice, &bob).await.unwrap();
    assert_eq!(access().await, DirectAccess::Allowed);
    assert_eq!(store.relations.direct_access(&alice, &name("nobody")).await.unwrap(), DirectAccess::Unknown);
    assert!(store.blocks.add(&bob, &alice).await.unwrap());
    assert_eq!(access().await, DirectAccess::Blocked);
    assert!(store.blocks.between(&alice, &bob).await.unwrap());
    assert_eq!(store.blocks.list(&bob, None, at_most(10)).await.unwrap().usernames, vec![alice.clone()]);
    assert!(store.blocks.remove(&bob, &alice).await.unwrap());
    let groups_only =
        SettingsUpdate { direct_messages: Some(DirectMessages::Groups), ..SettingsUpdate::default() };
    let settings = store.settings.update(&bob, &groups_only).await.unwrap().unwrap();
    assert_eq!(settings.direct_messages, DirectMessages::Groups);
    assert_eq!(access().await, DirectAccess::GroupsOnly);
    group_of(&store, "bob", &["alice"]).await;
    assert_eq!(access().await, DirectAccess::Allowed);
    assert_eq!(store.relations.group_companions(&bob).await.unwrap(), [alice]);
}

#[tokio::test]
async fn cancelled_call_leaves_no_partial_change() {
    let store = fresh_store().await;
    let users: Vec<Username> = (0..20).map(|n| name(&format!("user-{n}"))).collect();
    for user in &users {
        assert!(store.accounts.create(user, "hash", 1).await.unwrap());
    }
    let alice = &users[0];
    let limits = GroupLimits { max_groups: 1_000, ..LIMITS };
    for patience in 0..150 {
        let id = GroupId::from_uuid(Uuid::now_v7());
        let name = title();
        let making = store.groups.create(id, &name, Visibility::Private, alice, &users, limits, 1);
        let given_up = tokio::time::timeout(Duration::from_micros(patience * 40), making).await.is_err();
        // A cancelled change may be made completely, or not at all.
        match store.group_pages.members(id, alice, None, at_most(100)).await {
            Ok(page) => assert_eq!((page.group.member_count, page.members.len()), (20, 20)),
            Err(GroupError::NotFound) => assert!(given_up),
            Err(other) => panic!("{other}"),
        }
    }
    let id = GroupId::from_uuid(Uuid::now_v7());
    store.groups.create(id, &title(), Visibility::Private, alice, &users, limits, 1).await.unwrap();
}

#[tokio::test]
async fn lists_are_ordered_by_bytes_across_pages() {
    // The order of a language would differ: the underscore would be first.
    let users = ["ab", "a_b", "a-b", "a.b", "a1b", "owner", "zz", "z_z", "0-0"];
    let store = store_with(&users).await;
    let owner = name("owner");
    let members: Vec<&str> = users.into_iter().filter(|user| *user != "owner").collect();
    let id = group_of(&store, "owner", &members).await;
    for user in &members {
        assert!(store.blocks.add(&owner, &name(user)).await.unwrap());
    }
    let mut expected: Vec<Username> = users.iter().map(|user| name(user)).collect();
    expected.sort();

    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let page = store.group_pages.members(id, &owner, after.as_ref(), at_most(2)).await.unwrap();
        listed.extend(page.members.into_iter().map(|member| member.username));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(listed, expected);

    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let page = store.blocks.list(&owner, after.as_ref(), at_most(2)).await.unwrap();
        listed.extend(page.usernames);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    expected.retain(|user| *user != owner);
    assert_eq!(listed, expected);
    for user in &members {
        assert!(store.admins.set_admin(&name(user), true).await.unwrap());
    }
    assert_eq!(store.admins.list().await.unwrap(), expected);
}
