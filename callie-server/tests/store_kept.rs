//! The store's guarantees about kept messages: order, bounds, duplicates, edits, age, and several servers at a time.
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod support;

use callie_core::command::{Conversation, DirectMessages, GroupName, Visibility};
use callie_core::{GroupId, MessageId, PayloadId, Timestamp, Username};
use callie_server::store::{
    Ban, Edit, GroupLimits, InboxBounds, KeptMessage, KeptPlace, NewMessage, SettingsUpdate, Store,
};
use support::database::{Database, OwnStore, fresh_database, fresh_store};
use uuid::Uuid;

const BOUNDS: InboxBounds = InboxBounds { messages: 100, bytes: 10_000 };
const NOW: i64 = 1_800_000_000_000;

fn name(text: &str) -> Username {
    Username::parse(text).unwrap()
}

async fn add_users(store: &Store, users: &[&str]) {
    for user in users {
        assert!(store.accounts.create(&name(user), "hash", 1).await.unwrap());
    }
}

async fn store_with(users: &[&str]) -> OwnStore {
    let store = fresh_store().await;
    add_users(&store, users).await;
    store
}

/// A message from ada with this number, to a user.
fn message(to: &str, number: usize) -> NewMessage {
    NewMessage {
        sender: name("ada"),
        payload_id: PayloadId::parse(&format!("p-{number}")).unwrap(),
        message_id: MessageId::parse(&format!("m-{number}")).unwrap(),
        sent_at: Timestamp::from_unix_millis(NOW).unwrap(),
        conversation: Conversation::User(name(to)),
        text: format!("text {number}"),
        recipients: vec![name(to)],
        unwelcome: false,
    }
}

async fn keep(store: &Store, new: &[NewMessage], now: i64) -> Vec<Vec<Username>> {
    store.kept.write(new, &[], BOUNDS, now).await.unwrap().kept
}

async fn everything(store: &Store, user: &str) -> Vec<KeptMessage> {
    let Some(backlog) = store.kept.backlog(&name(user), 0, NOW).await.unwrap() else { return Vec::new() };
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let page = store.kept.page(&name(user), after, backlog.until, NOW).await.unwrap();
        match page.last() {
            Some(last) => after = last.place,
            None => return all,
        }
        all.extend(page);
    }
}

fn texts(messages: &[KeptMessage]) -> Vec<&str> {
    messages.iter().map(|message| message.text.as_str()).collect()
}

fn place(user: &str, message: &KeptMessage) -> KeptPlace {
    KeptPlace { recipient: name(user), place: message.place }
}

#[tokio::test]
async fn inbox_is_read_in_order_and_in_pages() {
    let store = store_with(&["ada", "bob", "cy"]).await;
    for batch in 0..3 {
        let new: Vec<NewMessage> =
            (0..30).map(|n| message(if n % 2 == 0 { "bob" } else { "cy" }, batch * 30 + n)).collect();
        keep(&store, &new, NOW + batch as i64).await;
    }
    let bob = everything(&store, "bob").await;
    let expected: Vec<String> = (0..90).step_by(2).map(|n| format!("text {n}")).collect();
    assert_eq!(texts(&bob), expected);
    assert!(bob.iter().all(|message| message.is_welcome && message.sender == "ada"));
    let backlog = store.kept.backlog(&name("bob"), bob[14].place, NOW).await.unwrap().unwrap();
    assert_eq!((backlog.welcome, backlog.oldest, backlog.until), (30, NOW + 1, bob[44].place));
    assert_eq!(store.kept.count().await.unwrap(), 90);
    let owners = store.kept.owners_among(&[name("ada"), name("bob"), name("cy")]).await.unwrap();
    assert_eq!(owners.len(), 2);
}

#[tokio::test]
async fn removed_messages_leave_room_and_no_text() {
    let store = store_with(&["ada", "bob"]).await;
    let bounds = InboxBounds { messages: 2, bytes: 1_000 };
    let new: Vec<NewMessage> = (0..3).map(|n| message("bob", n)).collect();
    let written = store.kept.write(&new, &[], bounds, NOW).await.unwrap();
    assert_eq!(written.kept, [vec![name("bob")], vec![name("bob")], vec![]]);
    assert_eq!(written.added, 2);
    let kept = everything(&store, "bob").await;
    let gone =
        [place("bob", &kept[0]), place("bob", &kept[0]), KeptPlace { place: 99, ..place("bob", &kept[0]) }];
    // A removal makes room for a message of the same commit.
    let written = store.kept.write(&[message("bob", 3)], &gone, bounds, NOW).await.unwrap();
    assert_eq!((written.removed, written.added), (vec![true, false, false], 1));
    let kept = everything(&store, "bob").await;
    assert_eq!(texts(&kept), ["text 1", "text 3"]);
    let rest: Vec<KeptPlace> = kept.iter().map(|message| place("bob", message)).collect();
    assert_eq!(store.kept.write(&[], &rest, bounds, NOW).await.unwrap().removed, [true, true]);
    assert_eq!(store.kept.count().await.unwrap(), 0);
    // Places are never used again.
    keep(&store, &[message("bob", 4)], NOW).await;
    assert!(everything(&store, "bob").await[0].place > kept[1].place);
}

#[tokio::test]
async fn bytes_of_an_inbox_are_bounded() {
    let store = store_with(&["ada", "bob"]).await;
    let bounds = InboxBounds { messages: 100, bytes: 15 };
    let new = [message("bob", 1), message("bob", 2), message("bob", 3)];
    let kept = store.kept.write(&new, &[], bounds, NOW).await.unwrap().kept;
    assert_eq!(kept.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1, 0]);
    let long = NewMessage { text: "x".repeat(16), ..message("ada", 4) };
    assert_eq!(
        store.kept.write(&[long], &[], bounds, NOW).await.unwrap().kept,
        [Vec::<Username>::new()],
        "the first one too"
    );
    // A message that is not welcome is answered as if it were kept.
    let unwelcome =
        |number, text: &str| NewMessage { unwelcome: true, text: text.into(), ..message("bob", number) };
    let kept = store.kept.write(&[unwelcome(5, "x"), unwelcome(6, "xx xx")], &[], bounds, NOW).await.unwrap();
    assert_eq!((kept.kept, kept.added), (vec![vec![name("bob")], vec![]], 0));
    assert_eq!(store.kept.count().await.unwrap(), 2);
}

#[tokio::test]
async fn same_payload_is_kept_once_for_each_recipient() {
    let store = store_with(&["ada", "bob", "cy"]).await;
    let both = NewMessage { recipients: vec![name("cy"), name("bob")], ..message("bob", 1) };
    let written = store.kept.write(&[message("bob", 1), message("bob", 1)], &[], BOUNDS, NOW).await.unwrap();
    assert_eq!((written.added, written.kept.len()), (1, 2));
    let written = store.kept.write(&[both], &[], BOUNDS, NOW).await.unwrap();
    assert_eq!((written.added, written.kept[0].len()), (1, 2));
    let later = NewMessage { sent_at: Timestamp::from_unix_millis(NOW + 1).unwrap(), ..message("bob", 1) };
    assert_eq!(store.kept.write(&[later], &[], BOUNDS, NOW).await.unwrap().added, 1);
    assert_eq!((everything(&store, "bob").await.len(), everything(&store, "cy").await.len()), (2, 1));
}

#[tokio::test]
async fn edits_and_deletions_change_every_inbox() {
    let store = store_with(&["ada", "bob", "cy"]).await;
    let group = GroupId::from_uuid(Uuid::now_v7());
    let limits = GroupLimits { max_members: 10, max_groups: 10 };
    let title = GroupName::parse("Friends").unwrap();
    let members = [name("bob"), name("cy")];
    store.groups.create(group, &title, Visibility::Private, &name("ada"), &members, limits, 1).await.unwrap();
    let to_group = |number| NewMessage {
        conversation: Conversation::Group(group),
        recipients: members.to_vec(),
        ..message("bob", number)
    };
    keep(&store, &[to_group(1), message("bob", 1_000), to_group(2)], NOW).await;
    let id = |number: usize| MessageId::parse(&format!("m-{number}")).unwrap();
    let (ada, here) = (name("ada"), Conversation::Group(group));
    let upper = |text: &str| Some(text.to_uppercase());
    let edit = async |who: &str, conversation: &Conversation, bounds| {
        store.kept.edit(&name(who), conversation, &id(1), bounds, upper).await.unwrap()
    };
    assert_eq!(edit("bob", &here, BOUNDS).await, Edit::NotKept, "bob is not its author");
    assert_eq!(edit("ada", &Conversation::User(name("bob")), BOUNDS).await, Edit::NotKept);
    assert_eq!(edit("ada", &here, BOUNDS).await, Edit::Edited);
    let longer = |text: &str| Some(text.repeat(2));
    let tight = InboxBounds { bytes: 25, ..BOUNDS };
    let edited = store.kept.edit(&ada, &here, &id(2), tight, longer).await.unwrap();
    assert_eq!(edited, Edit::NoRoom, "bob's inbox would be too large");
    assert_eq!(store.kept.edit(&ada, &here, &id(2), BOUNDS, |_| None).await.unwrap(), Edit::NoRoom);
    assert_eq!(texts(&everything(&store, "bob").await), ["TEXT 1", "text 1000", "text 2"]);
    assert_eq!(texts(&everything(&store, "cy").await), ["TEXT 1", "text 2"]);
    assert_eq!(store.kept.edit(&ada, &here, &id(2), BOUNDS, longer).await.unwrap(), Edit::Edited);
    assert_eq!(store.kept.delete(&ada, &here, &id(1)).await.unwrap(), 2);
    assert_eq!(store.kept.delete(&ada, &here, &id(1)).await.unwrap(), 0);
    assert_eq!(texts(&everything(&store, "cy").await), ["text 2text 2"]);
    // The counters have followed: there is room for exactly this much.
    let full = InboxBounds { messages: 2, bytes: 12 + 6 };
    assert_eq!(store.kept.write(&[message("cy", 7)], &[], full, NOW).await.unwrap().added, 1);
    assert_eq!(store.kept.write(&[message("cy", 8)], &[], full, NOW).await.unwrap().added, 0);
}

#[tokio::test]
async fn old_messages_are_removed_everywhere() {
    let store = store_with(&["ada", "bob", "cy"]).await;
    let old: Vec<NewMessage> = (0..300).map(|n| message(if n % 2 == 0 { "bob" } else { "cy" }, n)).collect();
    let many = InboxBounds { messages: 1_000, bytes: 1_000_000 };
    store.kept.write(&old, &[], many, NOW).await.unwrap();
    store.kept.write(&[message("bob", 1_000)], &[], many, NOW + 1).await.unwrap();
    let mut removed = 0;
    while let Some(some) = store.kept.remove_old(NOW + 1).await.unwrap() {
        removed += some;
    }
    assert_eq!((removed, store.kept.count().await.unwrap()), (300, 1));
    assert_eq!(texts(&everything(&store, "bob").await), ["text 1000"]);
}

#[tokio::test]
async fn welcome_is_decided_when_messages_are_read() {
    let store = store_with(&["ada", "bob"]).await;
    keep(&store, &[message("bob", 1)], NOW).await;
    let is_welcome = async || everything(&store, "bob").await[0].is_welcome;
    let (ada, bob) = (name("ada"), name("bob"));
    assert!(is_welcome().await);
    for (blocker, blocked) in [(&ada, &bob), (&bob, &ada)] {
        store.blocks.add(blocker, blocked).await.unwrap();
        assert!(!is_welcome().await);
        store.blocks.remove(blocker, blocked).await.unwrap();
    }
    let setting =
        SettingsUpdate { direct_messages: Some(DirectMessages::Groups), ..SettingsUpdate::default() };
    store.settings.update(&bob, &setting).await.unwrap();
    assert!(!is_welcome().await);
    let backlog = store.kept.backlog(&bob, 0, NOW).await.unwrap().unwrap();
    assert_eq!(backlog.welcome, 0, "it is there and does not count");
    let group = GroupId::from_uuid(Uuid::now_v7());
    let limits = GroupLimits { max_members: 10, max_groups: 10 };
    let title = GroupName::parse("Friends").unwrap();
    let members = [ada.clone()];
    store.groups.create(group, &title, Visibility::Private, &bob, &members, limits, 1).await.unwrap();
    assert!(is_welcome().await);
    for (until, welcome) in [(Some(NOW), true), (Some(NOW + 1), false), (None, false)] {
        store.admins.ban(&ada, &Ban { reason: None, until }, NOW - 10).await.unwrap();
        assert_eq!(is_welcome().await, welcome, "{until:?}");
    }
}

/// Several servers keep messages for the same users at the same time. A reader that follows an inbox finds every message
/// once and in the order of each writer.
#[tokio::test(flavor = "multi_thread")]
async fn follower_of_an_inbox_misses_nothing() {
    const WRITERS: usize = 3;
    const EACH: usize = 60;
    let database: Database = fresh_database().await;
    let store = Store::open(&database.url).await.unwrap();
    add_users(&store, &["ada", "bob", "cy"]).await;
    let many = InboxBounds { messages: 10_000, bytes: 1_000_000 };
    let mut writers = Vec::new();
    for writer in 0..WRITERS {
        let store = Store::open(&database.url).await.unwrap();
        writers.push(tokio::spawn(async move {
            for batch in 0..EACH / 3 {
                let first = writer * 1_000 + batch * 3;
                let to = |n: usize| if n.is_multiple_of(2) { "bob" } else { "cy" };
                let new: Vec<NewMessage> = (first..first + 3).map(|n| message(to(n), n)).collect();
                // Another recipient first, so that the inboxes are not locked in the order of the messages.
                let copy =
                    NewMessage { recipients: vec![name("cy"), name("bob")], ..message("bob", first + 500) };
                let new = [vec![copy], new].concat();
                assert_eq!(store.kept.write(&new, &[], many, NOW).await.unwrap().added, 5);
            }
        }));
    }
    let total = WRITERS * EACH / 3 * 5;
    let (mut seen, mut last) = ([Vec::new(), Vec::new()], [0, 0]);
    while seen.iter().map(Vec::len).sum::<usize>() < total {
        for (at, user) in ["bob", "cy"].into_iter().enumerate() {
            let page = store.kept.page(&name(user), last[at], i64::MAX, NOW).await.unwrap();
            last[at] = page.last().map_or(last[at], |message| message.place);
            let gone: Vec<KeptPlace> = page.iter().map(|message| place(user, message)).collect();
            assert!(store.kept.write(&[], &gone, many, NOW).await.unwrap().removed.iter().all(|gone| *gone));
            seen[at].extend(page.iter().map(|m| m.text["text ".len()..].parse::<usize>().unwrap()));
        }
    }
    for writer in writers {
        writer.await.unwrap();
    }
    for seen in &seen {
        for writer in 0..WRITERS {
            for kind in [0, 500] {
                let of_one = |n: &&usize| **n / 1_000 == writer && (**n % 1_000 >= 500) == (kind == 500);
                assert!(seen.iter().filter(of_one).is_sorted(), "{seen:?}");
            }
        }
    }
    assert_eq!(store.kept.count().await.unwrap(), 0);
}
