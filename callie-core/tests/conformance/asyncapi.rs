//! The AsyncAPI document of the socket, compared with the tables of the code.

use callie_core::command::{Command, Push};
use callie_core::{CloseCode, Limits, PAYLOAD_VERSION_TEXT, SysCode, account, should_reconnect};
use serde_json::{Value, json};

use crate::schema::{Schemas, document};

fn socket(document: &Value) -> &Value {
    &document["channels"]["socket"]
}

fn names(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn asyncapi_describes_the_socket() {
    let document = document("asyncapi.json");
    assert_eq!(document["asyncapi"], "3.0.0");
    assert_eq!(document["info"]["version"], PAYLOAD_VERSION_TEXT);
    assert_eq!(socket(&document)["address"], account::path::SOCKET);
    assert_eq!(socket(&document)["x-subprotocol"], account::SUBPROTOCOL);
    assert_eq!(socket(&document)["x-limits"], serde_json::to_value(Limits::default()).unwrap());
}

#[test]
fn asyncapi_has_every_close_code() {
    let document = document("asyncapi.json");
    let stated = socket(&document)["x-close-codes"].as_array().unwrap();
    assert_eq!(stated.len(), CloseCode::ALL.len());
    for (entry, code) in stated.iter().zip(CloseCode::ALL) {
        assert_eq!(entry["code"], code.as_u16());
        assert_eq!(entry["comesBack"], should_reconnect(code.as_u16()), "{code:?}");
        let mut after: Vec<_> =
            SysCode::ALL.iter().filter(|sys| sys.closes() == Some(code)).map(|sys| sys.as_str()).collect();
        if code == CloseCode::Flooding {
            // This code usually does not close the connection, so the table of codes has no close code for it.
            after.push(SysCode::RateLimited.as_str());
        }
        assert_eq!(entry["after"], json!(after), "{code:?}");
    }
}

#[test]
fn asyncapi_has_exactly_the_known_messages() {
    let document = document("asyncapi.json");
    let mut expected = Vec::new();
    for side in ["client", "server"] {
        expected.extend(["PING", "PONG", "MSG"].map(|kind| format!("{side}.{kind}")));
    }
    expected.extend(Command::NAMES.iter().map(|name| format!("client.CMD.{name}")));
    expected.extend(Push::NAMES.iter().map(|name| format!("server.CMD.{name}")));
    expected.extend(SysCode::ALL.iter().map(|code| format!("server.SYS.{code}")));
    expected.sort_unstable();
    assert_eq!(names(&document["components"]["messages"]), expected);
    assert_eq!(names(&socket(&document)["messages"]), expected);

    let mut operated = Vec::new();
    for (operation, side) in [("send", "client."), ("receive", "server.")] {
        for message in document["operations"][operation]["messages"].as_array().unwrap() {
            let reference = message["$ref"].as_str().unwrap();
            let name = reference.strip_prefix("#/channels/socket/messages/").unwrap();
            assert!(name.starts_with(side), "{name}");
            operated.push(name);
        }
    }
    operated.sort_unstable();
    assert_eq!(operated, expected);
}

#[test]
fn every_reference_resolves() {
    let document = document("asyncapi.json");
    let schemas = Schemas::read();
    let mut open = vec![&document];
    let mut seen = 0;
    while let Some(value) = open.pop() {
        match value {
            Value::Array(items) => open.extend(items),
            Value::Object(members) => {
                if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
                    let (file, pointer) = reference.split_once('#').unwrap();
                    let target = match file {
                        "" => &document,
                        "payload.schema.json" => &schemas.payload,
                        "vocabulary.schema.json" => &schemas.vocabulary,
                        other => panic!("{other}"),
                    };
                    assert!(target.pointer(pointer).is_some(), "{reference}");
                    seen += 1;
                }
                open.extend(members.values());
            }
            _ => {}
        }
    }
    assert!(seen > 200, "{seen}");
}
