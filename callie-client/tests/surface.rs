//! The API for Rust programs: shared handles, requests with typed results, streams.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod fake;

use std::error::Error as _;
use std::future::IntoFuture as _;

use callie_client::request::{GetGroup, ListBlocked, ListGroups};
use callie_client::{
    Client, Config, ConnectionState, Credentials, Error, ErrorKind, Event, Events, GroupId, SendOutcome,
    Server, Ticket, code,
};
use callie_core::{Content, JsonObject, Limits, Message, MessageId, Notice, PayloadId, PayloadRef, SysCode};
use fake::{BOUND, Socket, connected, listen, payload, say, send};
use futures_util::{StreamExt, TryStreamExt};
use tokio::time::timeout;

const GROUP: &str = "group:01890a5d-ac96-774b-bcce-b302099a8057";

/// Answers each command for which `result` returns a result, given its name and parameters.
async fn answer(mut socket: Socket, result: impl Fn(&str, &str) -> Option<String>) {
    while let Some(Ok(received)) = socket.next().await {
        let Ok(text) = received.into_text() else { continue };
        let Ok(frame) = PayloadRef::from_client(&text, &Limits::default()) else { continue };
        let callie_core::ContentRef::Cmd(command) = frame.content() else { continue };
        let Some(result) = result(command.name(), command.parameters()) else { continue };
        let id = PayloadId::parse(frame.payload_id()).unwrap();
        let notice =
            Notice::builder(SysCode::CommandOk).result(&JsonObject::parse(&result).unwrap()).in_reply_to(id);
        say(&mut socket, &notice).await;
    }
}

#[tokio::test]
async fn client_ends_with_its_last_clone() {
    let client = connected(listen).await.unwrap();
    let (clone, mut events) = (client.clone(), client.events());
    drop(client);
    assert!(matches!(clone.state(), ConnectionState::Online { .. }));
    drop(clone);
    let mut last = None;
    while let Some(event) = timeout(BOUND, events.next()).await.unwrap() {
        last = Some(event);
    }
    assert!(matches!(last, Some(Event::Closed(_))), "{last:?}");
}

#[tokio::test]
async fn stream_yields_each_event_once() {
    const MESSAGES: usize = 100;
    let client = connected(async |mut socket| {
        for n in 0..MESSAGES {
            let message = Message::builder(MessageId::parse(&format!("m{n}")).unwrap());
            let message = message.text(n.to_string()).build().unwrap();
            send(&mut socket, payload("bob", &format!("p{n}"), Content::Msg(message)).unwrap().encode())
                .await;
        }
        listen(socket).await;
    })
    .await
    .unwrap();
    let texts = client.events().filter_map(async |event| match event {
        Event::Message(message) => Some(message.text),
        _ => None,
    });
    let mut texts = std::pin::pin!(texts);
    for n in 0..MESSAGES {
        assert_eq!(timeout(BOUND, texts.next()).await.unwrap(), Some(n.to_string()));
    }
    let reader = client.event_reader().unwrap();
    assert_eq!(timeout(BOUND, client.events().next()).await.unwrap().map(drop), None);
    drop(reader);
}

#[tokio::test]
async fn all_pages_of_a_list_are_streamed() {
    let client = connected(async |socket| {
        let page = |name: &str, parameters: &str| {
            let next = if parameters.contains("after") { "" } else { r#","next":"2""# };
            let entry = if next.is_empty() { "second" } else { "first" };
            Some(match name {
                "LIST_GROUPS" => format!(r#"{{"groups":[{{"groupID":"{GROUP}","name":"{entry}"}}]{next}}}"#),
                "GET_GROUP" => format!(
                    r#"{{"groupID":"{GROUP}","name":"x","visibility":"public","members":[{{"username":"{entry}","role":"member"}}]{next}}}"#
                ),
                _ => format!(r#"{{"blocked":["{entry}"]{next}}}"#),
            })
        };
        answer(socket, page).await;
    })
    .await
    .unwrap();
    let groups: Vec<_> = client.list_all(ListGroups::new()).try_collect().await.unwrap();
    let names: Vec<_> = groups.iter().map(|group| group.name.as_str()).collect();
    assert_eq!(names, ["first", "second"]);
    let group: GroupId = GROUP.parse().unwrap();
    let members: Vec<_> = client.list_all(GetGroup::new(group)).try_collect().await.unwrap();
    assert_eq!(
        members.iter().map(|member| member.username.as_str()).collect::<Vec<_>>(),
        ["first", "second"]
    );
    let blocked: Vec<_> = client.list_all(ListBlocked::new()).try_collect().await.unwrap();
    assert_eq!(blocked.len(), 2);
}

#[tokio::test]
async fn list_ends_after_an_error() {
    let client = connected(async |socket| answer(socket, |_, _| Some("{}".to_owned())).await).await.unwrap();
    let mut groups = client.list_all(ListGroups::new());
    let error = timeout(BOUND, groups.next()).await.unwrap().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadAnswer);
    assert!(timeout(BOUND, groups.next()).await.unwrap().is_none());
}

#[tokio::test]
async fn request_has_the_result_of_its_command() {
    let client = connected(async |socket| {
        let page = |_: &str, parameters: &str| {
            assert_eq!(parameters, r#"{"limit":20}"#);
            Some(r#"{"groups":[]}"#.to_owned())
        };
        answer(socket, page).await;
    })
    .await
    .unwrap();
    let list =
        client.execute(ListGroups::new().limit(callie_client::PageLimit::new(20).unwrap())).await.unwrap();
    assert!(list.groups.is_empty() && list.next.is_none());
}

#[tokio::test]
async fn awaited_message_gives_its_outcome() {
    let client = connected(async |mut socket| while let Some(Ok(_)) = socket.next().await {}).await.unwrap();
    let invalid = client.send("Bob", "x").await.unwrap_err();
    assert_eq!((invalid.kind(), invalid.code()), (ErrorKind::InvalidArgument, code::INVALID_ARGUMENT));
    let no_time = client.send("bob", "x").timeout(std::time::Duration::ZERO).await.unwrap_err();
    assert_eq!(no_time.reason(), "the timeout for sending must be longer than 0");
    let pending = client.send("bob".parse::<callie_client::Username>().unwrap(), "x").into_future();
    client.begin_disconnect();
    assert_eq!(timeout(BOUND, pending).await.unwrap(), Ok(SendOutcome::Unconfirmed));
}

#[tokio::test]
async fn unreachable_server_has_a_source() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error =
        Server::new(&format!("http://{free}")).unwrap().login("ada", "password", None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
    assert!(error.source().is_some_and(|source| source.downcast_ref::<std::io::Error>().is_some()));
}

#[test]
fn public_types_cross_threads() {
    fn crosses<T: Send + Sync + 'static>() {}
    crosses::<Client>();
    crosses::<Config>();
    crosses::<Credentials>();
    crosses::<Error>();
    crosses::<Event>();
    crosses::<Server>();
    crosses::<Ticket>();
    fn moves<T: Send + 'static>() {}
    moves::<Events>();
    moves::<callie_client::EventReader>();
    moves::<callie_client::Entries<ListGroups>>();
}
