//! Commands, their effect on other users, and pings.

use callie_client::{ErrorKind, Event};
use callie_core::GroupId;
use callie_core::command::{
    Conversation, GroupName, MessageText, PageLimit, Role, SignalData, SignalKind, Visibility,
};

use crate::bed::{TestEnv, online, within};
use crate::events::{first, text};

#[tokio::test]
async fn message_is_edited_and_deleted() {
    within(async {
        let (_env, server) = TestEnv::with_server().await;
        let (ada, bob) = (online(&server, "ada").await, online(&server, "bob").await);
        let sent = ada.send("bob", "helo").submit().unwrap();
        assert_eq!(text(&bob).await, "helo");
        let (to, id) = (Conversation::parse("bob").unwrap(), sent.message_id().clone());
        let better = MessageText::new("hello", &ada.limits()).unwrap();
        ada.edit_message(to.clone(), id.clone(), better).await.unwrap();
        let edited = first(&bob, |event| match event {
            Event::Edited { message_id, sender, recipient, text } => {
                Some((message_id, sender, recipient, text))
            }
            _ => None,
        });
        assert_eq!(edited.await, (id.clone(), ada.username().clone(), to.clone(), "hello".to_owned()));
        ada.delete_message(to.clone(), id.clone(), None).await.unwrap();
        let deleted = first(&bob, |event| match event {
            Event::Deleted { message_id, sender, recipient, deleted_by } => {
                Some((message_id, sender, recipient, deleted_by))
            }
            _ => None,
        });
        assert_eq!(deleted.await, (id, ada.username().clone(), to, ada.username().clone()));
    })
    .await;
}

#[tokio::test]
async fn signal_arrives() {
    within(async {
        let (_env, server) = TestEnv::with_server().await;
        let (ada, bob) = (online(&server, "ada").await, online(&server, "bob").await);
        let (kind, data) =
            (SignalKind::parse("typing").unwrap(), SignalData::parse("{\"on\":true}").unwrap());
        let to = Conversation::parse("bob").unwrap();
        ada.signal(to.clone(), kind.clone(), Some(data.clone())).unwrap();
        let seen = first(&bob, |event| match event {
            Event::Signal { sender, recipient, kind, data } => Some((sender, recipient, kind, data)),
            _ => None,
        });
        assert_eq!(seen.await, (ada.username().clone(), to, kind, Some(data)));
    })
    .await;
}

#[tokio::test]
async fn command_result_is_typed() {
    within(async {
        let (_env, server) = TestEnv::with_server().await;
        let ada = online(&server, "ada").await;
        let name = GroupName::parse("Friends").unwrap();
        let made = ada.create_group(name.clone(), Vec::new(), Visibility::Public).await.unwrap();
        assert_eq!((made.name, made.visibility), (name.clone(), Visibility::Public));
        assert_eq!(made.members, [ada.username().clone()]);
        let list = ada.list_groups(PageLimit::default(), None).await.unwrap();
        let [group] = &list.groups[..] else { panic!("{list:?}") };
        assert_eq!((&group.group_id, &group.name), (&made.group_id, &name));
        assert_eq!((group.role, group.member_count), (Some(Role::Owner), 1));
        // The command by name has the same result, as JSON.
        let json: serde_json::Value =
            serde_json::from_str(&ada.command("LIST_GROUPS", "{}").await.unwrap()).unwrap();
        assert_eq!(json["groups"][0]["name"], "Friends");
    })
    .await;
}

#[tokio::test]
async fn refused_command_has_its_code() {
    within(async {
        let (_env, server) = TestEnv::with_server().await;
        let ada = online(&server, "ada").await;
        let nowhere = GroupId::parse("group:018f0000-0000-7000-8000-000000000000").unwrap();
        let refused = ada.join_group(nowhere).await.unwrap_err();
        assert_eq!((refused.kind(), refused.code()), (ErrorKind::Refused, "GROUP_NOT_FOUND"));
        let refused = ada.command("MAKE_COFFEE", "{}").await.unwrap_err();
        assert_eq!((refused.kind(), refused.code()), (ErrorKind::Refused, "UNKNOWN_COMMAND"));
        let refused = ada.command("GET_SETTINGS", "{\"sugar\":2}").await.unwrap_err();
        assert_eq!((refused.kind(), refused.code()), (ErrorKind::Refused, "INVALID_PARAMETERS"));
        let refused = ada.server_stats().await.unwrap_err();
        assert_eq!((refused.kind(), refused.code()), (ErrorKind::Refused, "FORBIDDEN"));
    })
    .await;
}

#[tokio::test]
async fn ping_is_answered() {
    within(async {
        let (_env, server) = TestEnv::with_server().await;
        let (ada, _bob) = (online(&server, "ada").await, online(&server, "bob").await);
        assert!(ada.ping("SERVER").await.unwrap().as_nanos() > 0);
        assert!(ada.ping("bob").await.unwrap().as_nanos() > 0);
        let refused = ada.ping("nobody").await.unwrap_err();
        assert_eq!((refused.kind(), refused.code()), (ErrorKind::Refused, "RECIPIENT_UNKNOWN"));
    })
    .await;
}
