//! The data and the deletion of an account (protocol, "Accounts and sessions").
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper that fails fails its test"
)]

mod chat;
mod cluster_support;
mod support;

use std::net::SocketAddr;
use std::time::Duration;

use callie_core::account::path;
use callie_core::command::Conversation;
use callie_core::{MessageId, PayloadId, SessionId, Timestamp, Username};
use callie_server::config::OfflineMode;
use callie_server::store::{Ban, InboxBounds, NewMessage};
use callie_server::{Config, clock};
use chat::{Chat, Client, Login, quick};
use cluster_support::Cluster;
use serde_json::{Value, json};
use support::database::{fresh_database, fresh_store};
use support::{Answer, PASSWORD, call, credentials};
use tokio::time::timeout;

/// A name that is part of no other text in the database.
const NAME: &str = "zsuzsanna";
/// How long sessions may outlive their account.
const SECOND: Duration = Duration::from_secs(1);

fn name(text: &str) -> Username {
    Username::parse(text).unwrap()
}

async fn register(addr: SocketAddr) {
    support::register(addr, NAME).await;
}

/// Logs in over HTTP.
async fn login(addr: SocketAddr) -> Login {
    let body = json!({"username": NAME, "password": PASSWORD, "device": "the phone of zsuzsanna"});
    let login = call(addr, "POST", path::LOGIN, None, &body.to_string()).await.json();
    let text = |key: &str| login[key].as_str().unwrap().to_owned();
    Login { name: NAME.into(), token: text("token"), session: SessionId::parse(&text("sessionID")).unwrap() }
}

async fn delete(addr: SocketAddr, token: &str, password: &str) -> Answer {
    call(addr, "DELETE", path::ACCOUNT, Some(token), &json!({"password": password}).to_string()).await
}

/// Keeps a message for a user who is offline.
async fn keep(from: &mut Client, to: &str, text: &str) {
    let message = from.message(to, text);
    from.answered(&message, "STORED").await;
}

async fn start_keeping() -> Chat {
    chat::start_with(Config { offline: OfflineMode::Keep, ..Config::default() }, quick()).await
}

#[tokio::test]
async fn account_shows_all_that_is_kept() {
    let chat = start_keeping().await;
    let addr = chat.addr();
    register(addr).await;
    let login = login(addr).await;
    let bob = chat.login("bob").await;
    let mut client = chat.connect_with(&login, &["offline"]).await;
    let group = client.run("CREATE_GROUP", json!({"name": "the group", "members": ["bob"]})).await;
    client.run("UPDATE_SETTINGS", json!({"displayName": "Zsuzsanna"})).await;
    client.run("BLOCK_USER", json!({"username": "bob"})).await;
    keep(&mut client, group["groupID"].as_str().unwrap(), "from the user").await;
    client.leave().await;
    let mut bob = chat.connect_with(&bob, &["offline"]).await;
    bob.sys("BACKLOG").await;
    bob.msg("from the user").await;
    keep(&mut bob, group["groupID"].as_str().unwrap(), "to the user").await;

    let answer = call(addr, "GET", path::ACCOUNT, Some(&login.token), "").await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
    let mut account = answer.json();
    for at in ["/createdAt", "/sessions/0/createdAt", "/sessions/0/lastSeenAt", "/sessions/0/expiresAt"] {
        let time = account.pointer_mut(at).unwrap_or_else(|| panic!("{at}")).take();
        assert!(Timestamp::parse(time.as_str().unwrap()).is_ok(), "{at}");
    }
    let session = json!({
        "sessionID": login.session.as_str(), "device": "the phone of zsuzsanna", "current": true,
        "createdAt": null, "lastSeenAt": null, "expiresAt": null,
    });
    let expected = json!({
        "username": NAME, "createdAt": null, "admin": false,
        "settings": {"displayName": "Zsuzsanna", "presence": "groups", "directMessages": "everyone"},
        "groups": [{"groupID": group["groupID"], "name": "the group", "role": "owner", "memberCount": 2}],
        "blocked": ["bob"], "sessions": [session], "keptMessages": {"received": 1, "sent": 1},
    });
    assert_eq!(account, expected);
    assert_eq!(call(addr, "GET", path::ACCOUNT, None, "").await.problem(), (401, "UNAUTHORIZED".into()));
}

/// Reads every row of every table, so that a new table cannot be forgotten.
#[tokio::test]
async fn nothing_of_a_deleted_user_is_left() {
    let chat = start_keeping().await;
    let (addr, store) = (chat.addr(), chat.server.store());
    register(addr).await;
    for banned in [true, false] {
        let ban = Ban { reason: None, until: None };
        let done = if banned {
            store.admins.ban(&name(NAME), &ban, clock::now()).await
        } else {
            store.admins.unban(&name(NAME)).await
        };
        assert!(done.unwrap());
    }
    let (bob, carol) = (chat.login("bob").await, chat.login("carol").await);
    let mut carol = chat.connect_with(&carol, &["offline"]).await;
    keep(&mut carol, NAME, "to the user").await;
    let first = login(addr).await;
    let mut client = chat.connect_with(&first, &["offline"]).await;
    client.sys("BACKLOG").await;
    client.msg("to the user").await;
    let group = client.run("CREATE_GROUP", json!({"name": "the group", "members": ["bob"]})).await;
    client.run("UPDATE_SETTINGS", json!({"displayName": "Zsuzsanna"})).await;
    keep(&mut client, "bob", "zsuzsanna was here").await;
    keep(&mut client, group["groupID"].as_str().unwrap(), "zsuzsanna was here too").await;
    client.run("BLOCK_USER", json!({"username": "carol"})).await;
    carol.run("BLOCK_USER", json!({"username": NAME})).await;
    client.leave().await;

    let tables = async || {
        let rows = chat.database.rows().await;
        let own = rows.into_iter().filter(|(_, row)| row.to_lowercase().contains(NAME));
        let mut tables: Vec<String> = own.map(|(table, _)| table).collect();
        tables.dedup();
        tables
    };
    let before = [
        "blocks",
        "events",
        "group_members",
        "kept_inboxes",
        "kept_messages",
        "kept_texts",
        "sessions",
        "usernames",
        "users",
    ];
    assert_eq!(tables().await, before);
    assert_eq!(delete(addr, &first.token, PASSWORD).await.status, 204);
    assert_eq!(tables().await, ["usernames"]);
    assert_eq!(store.kept.count().await.unwrap(), 0);
    let session = first.session.as_str();
    assert!(
        !chat.database.rows().await.iter().any(|(_, row)| row.contains(session)),
        "no trace of the session"
    );

    let mut bob = chat.connect_with(&bob, &["offline"]).await;
    bob.nothing_more().await;
    let left = bob.run("GET_GROUP", json!({"groupID": group["groupID"]})).await;
    assert_eq!(left["members"], json!([{"username": "bob", "role": "owner", "online": true}]));
}

#[tokio::test]
async fn deletion_ends_connections_and_leaves_groups() {
    let chat = chat::start().await;
    let addr = chat.addr();
    register(addr).await;
    let (first, second) = (login(addr).await, login(addr).await);
    let (mut bob, mut carol) = (chat.user("bob").await, chat.user("carol").await);
    let mut devices = [chat.connect(&first).await, chat.connect(&second).await];
    let owned = devices[0].run("CREATE_GROUP", json!({"name": "owned", "members": ["bob"]})).await;
    let owned = owned["groupID"].as_str().unwrap().to_owned();
    bob.sys("USER_JOINED").await;
    let joined = carol.run("CREATE_GROUP", json!({"name": "joined", "members": [NAME]})).await;
    let joined = joined["groupID"].as_str().unwrap().to_owned();
    for device in &mut devices {
        device.sys("USER_JOINED").await;
    }

    assert_eq!(delete(addr, &first.token, PASSWORD).await.status, 204);
    for device in &mut devices {
        let ended = timeout(SECOND, async {
            // The changes of the groups may come before the close.
            loop {
                let notice = device.next().await;
                if notice["content"]["code"] == "SESSION_REVOKED" {
                    return device.closed().await;
                }
            }
        });
        assert_eq!(ended.await.expect("within a second"), 4501);
    }
    let is_about = |notice: &Value, group: &str| notice["metadata"]["groupID"] == group;
    let left = bob.sys("USER_LEFT").await;
    assert!(is_about(&left, &owned) && left["metadata"]["username"] == NAME, "{left}");
    assert!(is_about(&bob.sys("GROUP_UPDATED").await, &owned));
    let left = carol.sys("USER_LEFT").await;
    assert!(is_about(&left, &joined) && left["metadata"]["username"] == NAME, "{left}");
    for (client, group) in [(&mut bob, owned), (&mut carol, joined)] {
        let details = client.run("GET_GROUP", json!({"groupID": group})).await;
        let owner = json!([{"username": client.name, "role": "owner", "online": true}]);
        assert_eq!((&details["members"], &details["memberCount"]), (&owner, &json!(1)));
        client.nothing_more().await;
    }
}

/// A lost connection that could still be resumed ends with the account.
#[tokio::test]
async fn deletion_ends_lost_connections() {
    let chat = chat::start().await;
    let addr = chat.addr();
    register(addr).await;
    let login = login(addr).await;
    let mut bob = chat.user("bob").await;
    let mut lost = chat.open().await.of(&login);
    let welcome = lost.greet_with(&["resume"]).await;
    assert_eq!(welcome["metadata"]["features"], json!(["resume"]), "{welcome}");
    drop(lost);
    assert!(chat.server.gateway().is_online(NAME));
    assert_eq!(delete(addr, &login.token, PASSWORD).await.status, 204);
    let gone =
        chat::until("the lost connection is gone", || async { !chat.server.gateway().is_online(NAME) });
    timeout(SECOND, gone).await.expect("within a second");
    let message = bob.acked(NAME, "hello");
    bob.answered(&message, "RECIPIENT_UNKNOWN").await;
}

#[tokio::test]
async fn deleted_name_is_unknown_and_stays_taken() {
    let chat = chat::start().await;
    let addr = chat.addr();
    register(addr).await;
    let login = login(addr).await;
    let mut bob = chat.user("bob").await;
    bob.run("BLOCK_USER", json!({"username": NAME})).await;
    assert_eq!(delete(addr, &login.token, PASSWORD).await.status, 204);
    for message in [bob.message(NAME, "hello"), bob.acked(NAME, "hello")] {
        bob.answered(&message, "RECIPIENT_UNKNOWN").await;
    }
    for command in ["GET_PROFILE", "BLOCK_USER", "UNBLOCK_USER"] {
        bob.refused(command, json!({"username": NAME}), "USER_NOT_FOUND").await;
    }
    bob.refused("CREATE_GROUP", json!({"name": "g", "members": [NAME]}), "USER_NOT_FOUND").await;
    let presence = bob.run("GET_PRESENCE", json!({"usernames": [NAME]})).await;
    assert_eq!(presence, json!({"presence": {NAME: "offline"}}));
    assert_eq!(bob.run("LIST_BLOCKED", json!({})).await, json!({"blocked": []}));
    let again = call(addr, "POST", path::REGISTER, None, &credentials(NAME, PASSWORD)).await;
    assert_eq!(again.problem(), (409, "USERNAME_TAKEN".into()));
    let login_again = call(addr, "POST", path::LOGIN, None, &credentials(NAME, PASSWORD)).await;
    let never_there = call(addr, "POST", path::LOGIN, None, &credentials("nobody", PASSWORD)).await;
    assert_eq!((login_again.status, &login_again.body), (401, &never_there.body));
    for method in ["GET", "DELETE"] {
        let body = if method == "DELETE" { json!({"password": PASSWORD}).to_string() } else { String::new() };
        let answer = call(addr, method, path::ACCOUNT, Some(&login.token), &body).await;
        assert_eq!(answer.problem(), (401, "UNAUTHORIZED".into()));
    }
}

#[tokio::test]
async fn wrong_password_deletes_nothing() {
    let running = support::start_with(Config { login_burst_per_name: 3, ..Config::default() }).await;
    let addr = running.addr();
    register(addr).await;
    let login = login(addr).await;
    for body in
        ["{}", r#"{"password":1}"#, r#"{"password":"a","password":"b"}"#, r#"{"password":"a","yes":true}"#]
    {
        let answer = call(addr, "DELETE", path::ACCOUNT, Some(&login.token), body).await;
        assert_eq!(answer.problem(), (400, "INVALID_REQUEST".into()), "{body}");
    }
    for _ in 0..3 {
        let answer = delete(addr, &login.token, "wrong horse").await;
        assert_eq!(answer.problem(), (403, "INVALID_CREDENTIALS".into()));
    }
    let limited = delete(addr, &login.token, PASSWORD).await;
    assert_eq!(limited.problem(), (429, "RATE_LIMITED".into()));
    assert!(limited.header("retry-after").is_some());
    let unlimited = call(addr, "GET", path::ACCOUNT, Some(&login.token), "").await;
    assert_eq!(unlimited.status, 200, "the account is still there");
}

/// The node that deletes the account, that of the user and that of a member differ.
#[tokio::test(flavor = "multi_thread")]
async fn deletion_reaches_every_node() {
    let cluster = Cluster::of(3).await;
    let mut deleted = cluster.user(1, NAME).await;
    let mut bob = cluster.user(2, "bob").await;
    cluster.all_know(&[NAME, "bob"]).await;
    let group = deleted.group(&mut [&mut bob]).await;
    let deletions = &cluster.node(0).server.store().deletions;
    assert!(deletions.by_admin(&name(NAME), "an admin", clock::now()).await.unwrap());
    assert!(!deletions.by_admin(&name(NAME), "an admin", clock::now()).await.unwrap());
    let ended = timeout(SECOND, async {
        while deleted.next().await["content"]["code"] != "SESSION_REVOKED" {}
        deleted.closed().await
    });
    assert_eq!(ended.await.expect("within a second"), 4501);
    let left = bob.sys("USER_LEFT").await;
    assert_eq!(left["metadata"], json!({"username": NAME, "groupID": group}));
    assert_eq!(bob.sys("GROUP_UPDATED").await["metadata"]["groupID"], group);
    let message = bob.message(NAME, "hello");
    bob.answered(&message, "RECIPIENT_UNKNOWN").await;
    let rename = bob.command("RENAME_GROUP", json!({"groupID": group, "name": "bob's"}));
    bob.send(&rename).await;
    bob.sys("GROUP_UPDATED").await;
    bob.sys("COMMAND_OK").await;
    bob.nothing_more().await;
    cluster.end().await;
}

#[tokio::test]
async fn name_is_not_given_again_during_its_deletion() {
    let store = fresh_store().await;
    for round in 0..20 {
        let user = name(&format!("user{round}"));
        assert!(store.accounts.create(&user, "no password fits", clock::now()).await.unwrap());
        let (deleted, created) = tokio::join!(
            store.deletions.by_admin(&user, "an admin", clock::now()),
            store.accounts.create(&user, "no password fits", clock::now()),
        );
        assert!(deleted.unwrap() && !created.unwrap(), "round {round}");
        assert!(
            !store.accounts.exists(&user).await.unwrap() && store.accounts.is_taken(&user).await.unwrap()
        );
    }
}

/// Messages from and to a user are written while the account is deleted. None fails, and none is left behind.
#[tokio::test(flavor = "multi_thread")]
async fn messages_kept_during_a_deletion_are_erased() {
    let database = fresh_database().await;
    let store = callie_server::store::Store::open(&database.url).await.unwrap();
    for user in [NAME, "bob", "carol"] {
        store.accounts.create(&name(user), "no password fits", clock::now()).await.unwrap();
    }
    let bounds = InboxBounds { messages: 10_000, bytes: 1 << 20 };
    let write = |from: &'static str, to: &'static str, rounds: std::ops::Range<u32>| {
        let kept = store.kept.clone();
        async move {
            for n in rounds {
                let message = NewMessage {
                    sender: name(from),
                    payload_id: PayloadId::parse(&format!("{from}-{to}-{n}")).unwrap(),
                    message_id: MessageId::parse(&format!("{from}-{to}-{n}")).unwrap(),
                    sent_at: Timestamp::parse("2026-01-02T03:04:05.678Z").unwrap(),
                    conversation: Conversation::User(name(to)),
                    text: format!("from {from} to {to}"),
                    recipients: vec![name(to)],
                    unwelcome: false,
                };
                kept.write(&[message], &[], bounds, clock::now()).await.unwrap();
            }
        }
    };
    let deletion = async {
        write("carol", NAME, 100..105).await;
        assert!(store.deletions.by_admin(&name(NAME), "an admin", clock::now()).await.unwrap());
    };
    tokio::join!(
        write("bob", NAME, 0..40),
        write(NAME, "bob", 0..40),
        write(NAME, "carol", 0..40),
        write("bob", "carol", 0..40),
        deletion,
    );
    let rows = database.rows().await;
    let own: Vec<_> = rows.iter().filter(|(table, row)| table != "usernames" && row.contains(NAME)).collect();
    assert!(own.is_empty(), "{own:?}");
    assert_eq!(store.kept.count().await.unwrap(), 40, "those from bob to carol");
    store.close().await;
}
