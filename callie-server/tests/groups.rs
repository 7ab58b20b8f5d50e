//! Groups over real sockets: permissions and notices.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod chat;
mod support;

use callie_server::Config;
use callie_server::config::PresenceMode;
use chat::{quick, start, start_with};
use serde_json::json;

#[tokio::test]
async fn members_of_new_group_are_notified_once() {
    let chat = start().await;
    let (mut ada, mut bob) = (chat.user("ada").await, chat.user("bob").await);
    chat.login("cleo").await;
    let made =
        ada.run("CREATE_GROUP", json!({"name": "Ü-Gruppe", "members": ["cleo", "bob", "bob", "ada"]})).await;
    assert_eq!((&made["name"], &made["visibility"]), (&json!("Ü-Gruppe"), &json!("private")));
    assert_eq!(made["members"], json!(["ada", "bob", "cleo"]));
    let joined = bob.sys("USER_JOINED").await;
    assert_eq!(joined["metadata"], json!({"username": "bob", "groupID": made["groupID"]}));
    assert_eq!(joined["recipient"], made["groupID"]);
    bob.nothing_more().await;
    ada.nothing_more().await;
    let list = bob.run("LIST_GROUPS", json!({})).await;
    let entry = json!({"groupID": made["groupID"], "name": "Ü-Gruppe", "role": "member", "memberCount": 3});
    assert_eq!(list, json!({"groups": [entry]}));
}

#[tokio::test]
async fn group_with_unknown_member_is_not_created() {
    let chat = start().await;
    let (mut ada, mut bob) = (chat.user("ada").await, chat.user("bob").await);
    ada.refused("CREATE_GROUP", json!({"name": "g", "members": ["bob", "nobody"]}), "USER_NOT_FOUND").await;
    ada.refused("CREATE_GROUP", json!({"name": "", "members": []}), "INVALID_PARAMETERS").await;
    bob.nothing_more().await;
    assert_eq!(ada.run("LIST_GROUPS", json!({})).await, json!({"groups": []}));
}

#[tokio::test]
async fn group_message_reaches_others_and_names_missed() {
    let chat = start().await;
    let login = chat.login("ada").await;
    let (mut ada, mut ada2) = (chat.connect(&login).await, chat.connect(&login).await);
    let (mut bob, mut eve) = (chat.user("bob").await, chat.user("eve").await);
    let group = ada.group(&mut [&mut bob]).await;
    let message = ada.message(&group, "all here");
    ada.send(&message).await;
    assert_eq!(bob.msg("all here").await["recipient"], group.as_str());
    ada2.msg("all here").await;
    ada.nothing_more().await;
    eve.nothing_more().await;

    chat.login("cleo").await;
    let add = ada.command("ADD_MEMBER", json!({"groupID": group, "username": "cleo"}));
    ada.send(&add).await;
    for client in [&mut ada, &mut ada2, &mut bob] {
        client.sys("USER_JOINED").await;
    }
    ada.sys("COMMAND_OK").await;
    let message = ada.message(&group, "not all here");
    let answer = ada.answered(&message, "PARTIALLY_DELIVERED").await;
    assert_eq!(answer["messageID"], message["content"]["messageID"]);
    assert_eq!(
        (&answer["delivered"], &answer["offline"], &answer["offlineCount"]),
        (&json!(1), &json!(["cleo"]), &json!(1))
    );
    bob.msg("not all here").await;

    let message = eve.message(&group, "let me in");
    eve.answered(&message, "RECIPIENT_UNKNOWN").await;
    bob.nothing_more().await;
}

#[tokio::test]
async fn group_message_that_reaches_nobody_is_offline() {
    let chat = start().await;
    let mut ada = chat.user("ada").await;
    chat.login("bob").await;
    for members in [json!([]), json!(["bob"])] {
        let made = ada.run("CREATE_GROUP", json!({"name": "g", "members": members})).await;
        let message = ada.message(made["groupID"].as_str().unwrap(), "anyone?");
        ada.answered(&message, "RECIPIENT_OFFLINE").await;
        let message = ada.acked(made["groupID"].as_str().unwrap(), "anyone?");
        ada.answered(&message, "RECIPIENT_OFFLINE").await;
    }
}

#[tokio::test]
async fn public_group_is_found_joined_and_left() {
    let chat = start().await;
    let (mut ada, mut bob) = (chat.user("ada").await, chat.user("bob").await);
    let made = ada.run("CREATE_GROUP", json!({"name": "open", "visibility": "public"})).await;
    let group = made["groupID"].as_str().unwrap().to_owned();
    let list = bob.run("LIST_PUBLIC_GROUPS", json!({})).await;
    assert_eq!(list["groups"][0], json!({"groupID": group, "name": "open", "memberCount": 1}));
    bob.refused("GET_GROUP", json!({"groupID": group}), "NOT_A_MEMBER").await;
    let message = bob.message(&group, "x");
    bob.answered(&message, "NOT_A_MEMBER").await;

    let join = bob.command("JOIN_GROUP", json!({"groupID": group}));
    bob.send(&join).await;
    assert_eq!(bob.sys("USER_JOINED").await["metadata"]["username"], "bob");
    bob.sys("COMMAND_OK").await;
    assert_eq!(ada.sys("USER_JOINED").await["metadata"], json!({"username": "bob", "groupID": group}));
    let refused = bob.command("JOIN_GROUP", json!({"groupID": group}));
    bob.answered(&refused, "CONFLICT").await;
    let message = bob.message(&group, "hello");
    bob.send(&message).await;
    ada.msg("hello").await;
    let details = bob.run("GET_GROUP", json!({"groupID": group})).await;
    let members = json!([
        {"username": "ada", "role": "owner", "online": true},
        {"username": "bob", "role": "member", "online": true},
    ]);
    assert_eq!((&details["members"], &details["memberCount"]), (&members, &json!(2)));

    // Bob succeeds the owner who leaves, and the group is deleted with its last member.
    let leave = ada.command("LEAVE_GROUP", json!({"groupID": group}));
    ada.send(&leave).await;
    ada.sys("USER_LEFT").await;
    ada.sys("COMMAND_OK").await;
    assert_eq!(bob.sys("USER_LEFT").await["metadata"]["username"], "ada");
    bob.sys("GROUP_UPDATED").await;
    let message = ada.message(&group, "still there?");
    ada.answered(&message, "NOT_A_MEMBER").await;
    assert_eq!(bob.run("LIST_GROUPS", json!({})).await["groups"][0]["role"], "owner");
    let leave = bob.command("LEAVE_GROUP", json!({"groupID": group}));
    bob.send(&leave).await;
    bob.sys("USER_LEFT").await;
    bob.sys("COMMAND_OK").await;
    bob.refused("JOIN_GROUP", json!({"groupID": group}), "GROUP_NOT_FOUND").await;
}

#[tokio::test]
async fn first_connected_member_can_write_to_group() {
    let config = Config { presence: PresenceMode::Off, ..Config::default() };
    let chat = start_with(config, quick()).await;
    let login = chat.login("ada").await;
    let mut ada = chat.connect(&login).await;
    let made = ada.run("CREATE_GROUP", json!({"name": "open", "visibility": "public"})).await;
    let group = made["groupID"].as_str().unwrap().to_owned();
    ada.leave().await;
    let mut bob = chat.user("bob").await;
    let join = bob.command("JOIN_GROUP", json!({"groupID": group}));
    bob.send(&join).await;
    bob.sys("USER_JOINED").await;
    bob.sys("COMMAND_OK").await;
    let message = bob.message(&group, "hello");
    bob.answered(&message, "RECIPIENT_OFFLINE").await;
    let mut ada = chat.connect(&login).await;
    let message = bob.message(&group, "hello");
    bob.send(&message).await;
    ada.msg("hello").await;
}

#[tokio::test]
async fn roles_decide_who_may_change_a_group() {
    let chat = start().await;
    let (mut ada, mut bob, mut cleo) =
        (chat.user("ada").await, chat.user("bob").await, chat.user("cleo").await);
    let mut dan = chat.user("dan").await;
    let group = ada.group(&mut [&mut bob, &mut cleo]).await;
    let on = |username: &str| json!({"groupID": group, "username": username});

    for (command, parameters) in [
        ("ADD_MEMBER", on("dan")),
        ("REMOVE_MEMBER", on("cleo")),
        ("RENAME_GROUP", json!({"groupID": group, "name": "x"})),
        ("DELETE_GROUP", json!({"groupID": group})),
        ("SET_ROLE", json!({"groupID": group, "username": "cleo", "role": "admin"})),
    ] {
        bob.refused(command, parameters.clone(), "FORBIDDEN").await;
        dan.refused(command, parameters, "GROUP_NOT_FOUND").await;
    }

    let promote = ada.command("SET_ROLE", json!({"groupID": group, "username": "bob", "role": "admin"}));
    ada.send(&promote).await;
    ada.sys("GROUP_UPDATED").await;
    ada.sys("COMMAND_OK").await;
    bob.sys("GROUP_UPDATED").await;
    cleo.sys("GROUP_UPDATED").await;
    ada.refused("SET_ROLE", json!({"groupID": group, "username": "ada", "role": "member"}), "FORBIDDEN")
        .await;

    let add = bob.command("ADD_MEMBER", on("dan"));
    bob.send(&add).await;
    bob.sys("USER_JOINED").await;
    bob.sys("COMMAND_OK").await;
    for client in [&mut ada, &mut cleo, &mut dan] {
        assert_eq!(client.sys("USER_JOINED").await["metadata"]["username"], "dan");
    }
    bob.refused("ADD_MEMBER", on("dan"), "CONFLICT").await;
    bob.refused("ADD_MEMBER", on("nobody"), "USER_NOT_FOUND").await;
    bob.refused("REMOVE_MEMBER", on("ada"), "FORBIDDEN").await;

    let remove = bob.command("REMOVE_MEMBER", on("dan"));
    bob.send(&remove).await;
    bob.sys("USER_LEFT").await;
    bob.sys("COMMAND_OK").await;
    for client in [&mut ada, &mut cleo, &mut dan] {
        assert_eq!(client.sys("USER_LEFT").await["metadata"]["username"], "dan");
    }
    let message = dan.message(&group, "x");
    dan.answered(&message, "RECIPIENT_UNKNOWN").await;

    let rename = bob.command("RENAME_GROUP", json!({"groupID": group, "name": "new"}));
    bob.send(&rename).await;
    bob.sys("GROUP_UPDATED").await;
    bob.sys("COMMAND_OK").await;
    ada.sys("GROUP_UPDATED").await;
    cleo.sys("GROUP_UPDATED").await;
    bob.refused("DELETE_GROUP", json!({"groupID": group}), "FORBIDDEN").await;
    let delete = ada.command("DELETE_GROUP", json!({"groupID": group}));
    ada.send(&delete).await;
    ada.sys("GROUP_DELETED").await;
    ada.sys("COMMAND_OK").await;
    assert_eq!(bob.sys("GROUP_DELETED").await["metadata"]["groupID"], group.as_str());
    cleo.sys("GROUP_DELETED").await;
    let message = bob.message(&group, "x");
    bob.answered(&message, "RECIPIENT_UNKNOWN").await;
}

#[tokio::test]
async fn blocked_users_may_not_be_added() {
    let chat = start().await;
    let (mut ada, mut bob, mut cleo) =
        (chat.user("ada").await, chat.user("bob").await, chat.user("cleo").await);
    bob.run("BLOCK_USER", json!({"username": "ada"})).await;
    cleo.run("UPDATE_SETTINGS", json!({"directMessages": "groups"})).await;
    let made = ada.run("CREATE_GROUP", json!({"name": "g"})).await;
    let mut words = std::collections::BTreeSet::new();
    for name in ["bob", "cleo"] {
        let add = ada.command("ADD_MEMBER", json!({"groupID": made["groupID"], "username": name}));
        ada.send(&add).await;
        words.insert(ada.sys("FORBIDDEN").await["content"]["description"].to_string());
        ada.refused("CREATE_GROUP", json!({"name": "g", "members": [name]}), "FORBIDDEN").await;
    }
    assert_eq!(words.len(), 1, "the words tell which: {words:?}");
}

#[tokio::test]
async fn lists_are_paged() {
    let config = Config { burst: 1_000, ..Config::default() };
    let chat = start_with(config, quick()).await;
    let mut ada = chat.user("ada").await;
    for _ in 0..7 {
        ada.run("CREATE_GROUP", json!({"name": "g", "visibility": "public"})).await;
    }
    for list in ["LIST_GROUPS", "LIST_PUBLIC_GROUPS"] {
        let mut seen = std::collections::BTreeSet::new();
        let mut parameters = json!({"limit": 3});
        let mut pages = 0;
        loop {
            let page = ada.run(list, parameters.clone()).await;
            pages += 1;
            for group in page["groups"].as_array().unwrap() {
                assert!(seen.insert(group["groupID"].to_string()));
            }
            match page.get("next") {
                Some(next) => parameters["after"] = next.clone(),
                None => break,
            }
        }
        assert_eq!((seen.len(), pages), (7, 3));
    }
    ada.refused("LIST_GROUPS", json!({"limit": 0}), "INVALID_PARAMETERS").await;
    ada.refused("LIST_GROUPS", json!({"limit": 201}), "INVALID_PARAMETERS").await;
}

#[tokio::test]
async fn group_names_exclude_control_characters() {
    let chat = start().await;
    let mut ada = chat.user("ada").await;
    for odd in ["\0", "our\0group", "two\nlines"] {
        ada.refused("CREATE_GROUP", json!({"name": odd}), "INVALID_PARAMETERS").await;
        ada.refused("UPDATE_SETTINGS", json!({"displayName": odd}), "INVALID_PARAMETERS").await;
        ada.refused("LIST_GROUPS", json!({"after": odd}), "INVALID_PARAMETERS").await;
    }
    let name = "\u{1F46A} \u{10FFFF} \u{FFFF} e\u{301} ' \" \\ %";
    let group = ada.run("CREATE_GROUP", json!({"name": name})).await["groupID"].clone();
    assert_eq!(ada.run("GET_GROUP", json!({"groupID": group})).await["name"], name);
    assert_eq!(ada.run("UPDATE_SETTINGS", json!({"displayName": name})).await["displayName"], name);
    ada.run("LIST_GROUPS", json!({"after": "\u{10FFFF}"})).await;
}
