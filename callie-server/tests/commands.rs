//! Presence, settings, blocks, edits, signals, sessions and the commands of admins, over real sockets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod chat;
mod support;

use std::time::{Duration, Instant};

use callie_server::Config;
use callie_server::config::PresenceMode;
use chat::{Client, quick, start, start_with};
use serde_json::{Value, json};

async fn presence_of(client: &mut Client, name: &str) -> Value {
    client.run("GET_PRESENCE", json!({"usernames": [name]})).await["presence"][name].clone()
}

#[tokio::test]
async fn group_members_are_notified_of_presence_once() {
    let chat = start().await;
    let (mut ada, bob) = (chat.user("ada").await, chat.login("bob").await);
    let mut eve = chat.user("eve").await;
    ada.run("CREATE_GROUP", json!({"name": "g", "members": ["bob"]})).await;
    let mut bob1 = chat.connect(&bob).await;
    let joined = ada.sys("USER_JOINED").await;
    assert_eq!(joined["metadata"], json!({"username": "bob"}));
    let bob2 = chat.connect(&bob).await;
    bob2.leave().await;
    ada.nothing_more().await;
    let before = Instant::now();
    bob1.nothing_more().await;
    bob1.leave().await;
    assert_eq!(presence_of(&mut ada, "bob").await, "offline");
    let left = ada.sys("USER_LEFT").await;
    assert_eq!(left["metadata"], json!({"username": "bob"}));
    assert!(before.elapsed() >= quick().protocol.reconnection);
    eve.nothing_more().await;
}

#[tokio::test]
async fn quick_reconnection_causes_no_notice() {
    let timing = callie_server::gateway::Timing {
        protocol: quick().protocol.with_reconnection(Duration::from_secs(1)),
        ..quick()
    };
    let chat = start_with(Config::default(), timing).await;
    let (mut ada, bob) = (chat.user("ada").await, chat.login("bob").await);
    ada.run("CREATE_GROUP", json!({"name": "g", "members": ["bob"]})).await;
    let bob1 = chat.connect(&bob).await;
    ada.sys("USER_JOINED").await;
    bob1.leave().await;
    assert_eq!(presence_of(&mut ada, "bob").await, "offline");
    let _bob2 = chat.connect(&bob).await;
    assert_eq!(presence_of(&mut ada, "bob").await, "online");
    tokio::time::sleep(Duration::from_millis(1_300)).await;
    ada.nothing_more().await;
}

#[tokio::test]
async fn subscription_respects_the_presence_setting() {
    let chat = start().await;
    let (mut ada, bob) = (chat.user("ada").await, chat.login("bob").await);
    let watched = ada.run("SUBSCRIBE_PRESENCE", json!({"usernames": ["bob", "nobody"]})).await;
    assert_eq!(watched["presence"], json!({"bob": "offline", "nobody": "offline"}));
    let mut bob1 = chat.connect(&bob).await;
    // By default, only members of a common group see the presence.
    assert_eq!(presence_of(&mut ada, "bob").await, "offline");
    let settings = bob1.run("UPDATE_SETTINGS", json!({"presence": "everyone"})).await;
    assert_eq!(settings, json!({"displayName": "", "presence": "everyone", "directMessages": "everyone"}));
    assert_eq!(presence_of(&mut ada, "bob").await, "online");
    bob1.leave().await;
    ada.sys("USER_LEFT").await;
    let bob1 = chat.connect(&bob).await;
    ada.sys("USER_JOINED").await;
    assert_eq!(ada.run("UNSUBSCRIBE_PRESENCE", json!({"usernames": ["bob"]})).await, json!({}));
    bob1.leave().await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    ada.nothing_more().await;
}

#[tokio::test]
async fn presence_setting_nobody_hides_the_user() {
    let chat = start().await;
    let (mut ada, bob) = (chat.user("ada").await, chat.login("bob").await);
    let mut bob1 = chat.connect(&bob).await;
    bob1.run("UPDATE_SETTINGS", json!({"presence": "nobody"})).await;
    let group = ada.group(&mut [&mut bob1]).await;
    assert_eq!(presence_of(&mut ada, "bob").await, "offline");
    let details = ada.run("GET_GROUP", json!({"groupID": group})).await;
    assert_eq!(details["members"][1], json!({"username": "bob", "role": "member", "online": false}));
    assert_eq!(presence_of(&mut bob1, "bob").await, "online");
    bob1.leave().await;
    tokio::time::sleep(Duration::from_millis(600)).await;
    ada.nothing_more().await;
}

#[tokio::test]
async fn server_may_report_presence_to_everyone_or_nobody() {
    for (mode, is_notified) in [(PresenceMode::Everyone, true), (PresenceMode::Off, false)] {
        let chat = start_with(Config { presence: mode, ..Config::default() }, quick()).await;
        let (mut ada, bob) = (chat.user("ada").await, chat.login("bob").await);
        let mut bob1 = chat.connect(&bob).await;
        bob1.run("UPDATE_SETTINGS", json!({"presence": "everyone"})).await;
        bob1.leave().await;
        if is_notified {
            ada.sys("USER_LEFT").await;
        }
        let _bob2 = chat.connect(&bob).await;
        if is_notified {
            ada.sys("USER_JOINED").await;
        }
        ada.nothing_more().await;
    }
}

/// A block works in both directions, and does not affect messages to groups.
#[tokio::test]
async fn block_stops_direct_payloads_and_presence() {
    let chat = start().await;
    let (mut ada, mut bob) = (chat.user("ada").await, chat.user("bob").await);
    let group = ada.group(&mut [&mut bob]).await;
    assert_eq!(ada.run("BLOCK_USER", json!({"username": "bob"})).await, json!({}));
    assert_eq!(ada.run("LIST_BLOCKED", json!({})).await, json!({"blocked": ["bob"]}));
    for (from, to) in [(&mut ada, "bob"), (&mut bob, "ada")] {
        for payload in [from.message(to, "x"), from.acked(to, "x"), from.payload(to, "PING", json!({}))] {
            from.answered(&payload, "RECIPIENT_OFFLINE").await;
        }
        from.refused(
            "EDIT_MESSAGE",
            json!({"recipient": to, "messageID": "m", "text": "x"}),
            "RECIPIENT_OFFLINE",
        )
        .await;
        assert_eq!(presence_of(from, to).await, "offline");
    }
    let message = ada.message(&group, "in the group");
    ada.send(&message).await;
    bob.msg("in the group").await;
    let message = bob.message("BROADCAST", "to all");
    bob.send(&message).await;
    ada.msg("to all").await;

    ada.run("UNBLOCK_USER", json!({"username": "bob"})).await;
    ada.run("UNBLOCK_USER", json!({"username": "bob"})).await;
    let message = bob.message("ada", "again");
    bob.send(&message).await;
    ada.msg("again").await;
    assert_eq!(
        ada.refused("BLOCK_USER", json!({"username": "ada"}), "INVALID_PARAMETERS").await["path"],
        "/content/parameters/username"
    );
    ada.refused("BLOCK_USER", json!({"username": "nobody"}), "USER_NOT_FOUND").await;
}

/// A block lasts over a reconnection. If two users block each other, both must lift their block.
#[tokio::test]
async fn mutual_blocks_are_lifted_one_by_one() {
    let chat = start().await;
    let (login, mut bob) = (chat.login("ada").await, chat.user("bob").await);
    let mut ada = chat.connect(&login).await;
    ada.run("BLOCK_USER", json!({"username": "bob"})).await;
    bob.run("BLOCK_USER", json!({"username": "ada"})).await;
    ada.run("UNBLOCK_USER", json!({"username": "bob"})).await;
    ada.leave().await;
    let mut ada = chat.connect(&login).await;
    let message = ada.message("bob", "x");
    ada.answered(&message, "RECIPIENT_OFFLINE").await;
    bob.run("UNBLOCK_USER", json!({"username": "ada"})).await;
    let message = ada.message("bob", "y");
    ada.send(&message).await;
    bob.msg("y").await;
}

#[tokio::test]
async fn direct_messages_can_be_limited_to_group_members() {
    let chat = start().await;
    let (mut ada, login) = (chat.user("ada").await, chat.login("bob").await);
    let mut bob = chat.connect(&login).await;
    bob.run("UPDATE_SETTINGS", json!({"directMessages": "groups"})).await;
    let message = ada.message("bob", "x");
    ada.answered(&message, "FORBIDDEN").await;
    bob.group(&mut [&mut ada]).await;
    let message = ada.message("bob", "now");
    ada.send(&message).await;
    bob.msg("now").await;
}

#[tokio::test]
async fn profiles_and_settings_are_kept() {
    let chat = start().await;
    let (login, mut bob) = (chat.login("ada").await, chat.user("bob").await);
    let mut ada = chat.connect(&login).await;
    ada.run("UPDATE_SETTINGS", json!({"displayName": "Ada L."})).await;
    assert_eq!(
        bob.run("GET_PROFILE", json!({"username": "ada"})).await,
        json!({"username": "ada", "displayName": "Ada L."})
    );
    bob.refused("GET_PROFILE", json!({"username": "nobody"}), "USER_NOT_FOUND").await;
    ada.refused("UPDATE_SETTINGS", json!({"displayName": "x".repeat(65)}), "INVALID_PARAMETERS").await;
    ada.refused("UPDATE_SETTINGS", json!({"colour": "red"}), "INVALID_PARAMETERS").await;
    ada.leave().await;
    let mut ada = chat.connect(&login).await;
    assert_eq!(ada.run("GET_SETTINGS", json!({})).await["displayName"], "Ada L.");
}

#[tokio::test]
async fn edits_and_deletions_reach_all_recipients() {
    let chat = start().await;
    let login = chat.login("ada").await;
    let (mut ada, mut ada2) = (chat.connect(&login).await, chat.connect(&login).await);
    let mut bob = chat.user("bob").await;
    chat.login("cleo").await;
    ada.run("EDIT_MESSAGE", json!({"recipient": "bob", "messageID": "m1", "text": "better"})).await;
    for client in [&mut bob, &mut ada2] {
        let push = client.next().await;
        assert_eq!(push["recipient"], client.name.as_str(), "addressed to the user whose connection it is");
        assert_eq!(
            (&push["type"], &push["sender"], &push["token"]),
            (&json!("CMD"), &json!("SERVER"), &json!(""))
        );
        assert_eq!(push["content"]["command"], "EDIT_MESSAGE");
        let expected = json!({"messageID": "m1", "sender": "ada", "recipient": "bob", "text": "better"});
        assert_eq!(push["content"]["parameters"], expected);
    }
    ada.run("DELETE_MESSAGE", json!({"recipient": "bob", "messageID": "m1"})).await;
    for client in [&mut bob, &mut ada2] {
        let push = client.next().await;
        let expected = json!({"messageID": "m1", "sender": "ada", "recipient": "bob", "deletedBy": "ada"});
        assert_eq!(push["content"]["parameters"], expected);
    }
    let on = |to: &str| json!({"recipient": to, "messageID": "m1"});
    ada.refused("DELETE_MESSAGE", on("cleo"), "RECIPIENT_OFFLINE").await;
    ada.refused("DELETE_MESSAGE", on("nobody"), "RECIPIENT_UNKNOWN").await;
    for to in ["SERVER", "BROADCAST", "Not A Name"] {
        let path = ada.refused("DELETE_MESSAGE", on(to), "INVALID_PARAMETERS").await["path"].clone();
        assert_eq!(path, "/content/parameters/recipient");
    }
    let others = json!({"recipient": "bob", "messageID": "m1", "sender": "bob"});
    ada.refused("DELETE_MESSAGE", others, "FORBIDDEN").await;
    let empty = json!({"recipient": "bob", "messageID": "m1", "text": ""});
    ada.refused("EDIT_MESSAGE", empty, "INVALID_PARAMETERS").await;
    bob.nothing_more().await;
}

#[tokio::test]
async fn group_admins_delete_messages_of_others() {
    let chat = start().await;
    let (mut ada, mut bob, mut eve) =
        (chat.user("ada").await, chat.user("bob").await, chat.user("eve").await);
    let group = ada.group(&mut [&mut bob]).await;
    let of = |sender: &str| json!({"recipient": group, "messageID": "m1", "sender": sender});
    bob.refused("DELETE_MESSAGE", of("ada"), "FORBIDDEN").await;
    eve.refused("DELETE_MESSAGE", of("ada"), "RECIPIENT_UNKNOWN").await;
    eve.refused("DELETE_MESSAGE", of("eve"), "RECIPIENT_UNKNOWN").await;
    ada.run("DELETE_MESSAGE", of("bob")).await;
    let push = bob.next().await;
    let expected = json!({"messageID": "m1", "sender": "bob", "recipient": group, "deletedBy": "ada"});
    assert_eq!(push["content"]["parameters"], expected);
    bob.run("DELETE_MESSAGE", of("bob")).await;
    assert_eq!(ada.next().await["content"]["parameters"]["deletedBy"], "bob");
}

/// An edit in a group reaches the sender's other devices, if it reached another member.
#[tokio::test]
async fn group_edit_reaches_own_other_devices() {
    let chat = start().await;
    let login = chat.login("ada").await;
    let (mut ada, mut ada2) = (chat.connect(&login).await, chat.connect(&login).await);
    let mut bob = chat.user("bob").await;
    let group = ada.group(&mut [&mut bob]).await;
    let edit = json!({"recipient": group, "messageID": "m1", "text": "better"});
    ada.run("EDIT_MESSAGE", edit.clone()).await;
    for client in [&mut ada2, &mut bob] {
        assert_eq!(client.next().await["content"]["command"], "EDIT_MESSAGE");
    }
    bob.leave().await;
    for client in [&mut ada, &mut ada2] {
        client.sys("USER_LEFT").await;
    }
    ada.refused("EDIT_MESSAGE", edit, "RECIPIENT_OFFLINE").await;
    ada2.nothing_more().await;
}

#[tokio::test]
async fn edit_that_grows_over_the_limit_is_refused() {
    let limits = Config { max_text_bytes: 65_536, ..Config::default() };
    let chat = start_with(limits, quick()).await;
    let (mut ada, mut bob) = (chat.user("ada").await, chat.user("bob").await);
    let edit = |text: String| json!({"recipient": "bob", "messageID": "m1", "text": text});
    // As long as its payload may be.
    let empty = ada.command("EDIT_MESSAGE", edit(String::new())).to_string().len();
    let longest = "x".repeat(65_536 - empty);
    ada.refused("EDIT_MESSAGE", edit(longest), "LIMIT_REACHED").await;
    bob.nothing_more().await;
}

#[tokio::test]
async fn signals_are_delivered_and_not_answered() {
    let chat = start().await;
    let (mut ada, mut bob) = (chat.user("ada").await, chat.user("bob").await);
    chat.login("cleo").await;
    let group = ada.group(&mut [&mut bob]).await;
    for to in ["bob", &group] {
        let signal = ada.command("SIGNAL", json!({"recipient": to, "kind": "typing", "data": {"on": true}}));
        ada.send(&signal).await;
        let push = bob.next().await;
        let expected = json!({"from": "ada", "recipient": to, "kind": "typing", "data": {"on": true}});
        assert_eq!(
            (&push["content"]["command"], &push["content"]["parameters"]),
            (&json!("SIGNAL"), &expected)
        );
    }
    let signal = ada.command("SIGNAL", json!({"recipient": "cleo", "kind": "read"}));
    ada.send(&signal).await;
    ada.nothing_more().await;
    ada.refused("SIGNAL", json!({"recipient": "nobody", "kind": "read"}), "RECIPIENT_UNKNOWN").await;
    ada.refused("SIGNAL", json!({"recipient": "bob", "kind": "Read"}), "INVALID_PARAMETERS").await;
    let long = "x".repeat(1_024);
    ada.refused("SIGNAL", json!({"recipient": "bob", "kind": "read", "data": long}), "INVALID_PARAMETERS")
        .await;
}

#[tokio::test]
async fn current_session_is_marked_in_the_list() {
    let chat = start().await;
    let (one, other) = (chat.login("ada").await, chat.login("ada").await);
    let mut ada = chat.connect(&one).await;
    let list = ada.run("LIST_SESSIONS", json!({})).await;
    let sessions = list["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), 2);
    for session in sessions {
        assert_eq!(session["current"], session["sessionID"] == one.session.as_str());
    }
    ada.refused("REVOKE_SESSION", json!({"sessionID": "nothing"}), "SESSION_NOT_FOUND").await;
    let mut bob = chat.user("bob").await;
    bob.refused("REVOKE_SESSION", json!({"sessionID": other.session.as_str()}), "SESSION_NOT_FOUND").await;
}

#[tokio::test]
async fn admin_commands_are_refused_to_others() {
    let chat = start().await;
    let mut ada = chat.user("ada").await;
    for (command, parameters) in [
        ("KICK_USER", json!({"username": "ada"})),
        ("BAN_USER", json!({"username": "ada"})),
        ("UNBAN_USER", json!({"username": "ada"})),
        ("ANNOUNCE", json!({"text": "x"})),
        ("SERVER_STATS", json!({})),
    ] {
        ada.refused(command, parameters, "FORBIDDEN").await;
    }
    let mut root = chat.admin("root").await;
    let announce = root.command("ANNOUNCE", json!({"text": "We are moving."}));
    root.send(&announce).await;
    assert_eq!(root.sys("ANNOUNCEMENT").await["content"]["description"], "We are moving.");
    root.sys("COMMAND_OK").await;
    ada.sys("ANNOUNCEMENT").await;
    let stats = root.run("SERVER_STATS", json!({})).await;
    assert_eq!((&stats["connections"], &stats["usersOnline"]), (&json!(2), &json!(2)));
    assert!(stats["payloadsReceived"].as_u64().unwrap() >= 8, "{stats}");
}

#[tokio::test]
async fn kick_closes_connections_and_ban_ends_sessions() {
    let chat = start().await;
    let login = chat.login("eve").await;
    let (mut eve, mut root) = (chat.connect(&login).await, chat.admin("root").await);
    root.run("KICK_USER", json!({"username": "eve", "reason": "Be kind."})).await;
    let (sys, close) = eve.ended("KICKED").await;
    assert_eq!((close, &sys["metadata"]["reason"]), (4503, &json!("Be kind.")));
    let mut eve = chat.connect(&login).await;
    let ban = json!({"username": "eve", "reason": "Enough.", "until": "2999-01-01T00:00:00.000Z"});
    root.run("BAN_USER", ban).await;
    let (sys, close) = eve.ended("BANNED").await;
    assert_eq!((close, &sys["metadata"]["reason"]), (4503, &json!("Enough.")));
    assert_eq!(sys["metadata"]["until"], "2999-01-01T00:00:00.000Z");
    let mut late = chat.open().await.of(&login);
    let greeting = late.command("AUTHENTICATE", json!({}));
    late.send(&greeting).await;
    assert_eq!(late.ended("AUTH_FAILED").await.1, 4501);
    root.run("UNBAN_USER", json!({"username": "eve"})).await;
    root.refused("KICK_USER", json!({"username": "nobody"}), "USER_NOT_FOUND").await;
    root.refused("BAN_USER", json!({"username": "nobody"}), "USER_NOT_FOUND").await;
    let ended = json!({"username": "eve", "until": "2020-01-01T00:00:00.000Z"});
    root.refused("BAN_USER", ended, "INVALID_PARAMETERS").await;
}

#[tokio::test]
async fn unknown_command_differs_from_invalid_parameters() {
    let chat = start().await;
    let mut ada = chat.user("ada").await;
    ada.refused("MAKE_COFFEE", json!({}), "UNKNOWN_COMMAND").await;
    for (parameters, path) in [
        (json!({}), "/content/parameters/groupID"),
        (json!({"groupID": 7}), "/content/parameters/groupID"),
        (json!({"groupID": "group:x"}), "/content/parameters/groupID"),
        (json!({"groupID": "group:00000000-0000-4000-8000-000000000000", "x": 1}), "/content/parameters/x"),
    ] {
        let answer = ada.refused("GET_GROUP", parameters.clone(), "INVALID_PARAMETERS").await;
        assert_eq!(answer["path"], path, "{parameters}");
    }
}
