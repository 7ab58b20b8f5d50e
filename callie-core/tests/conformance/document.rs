//! `docs/protocol.md`: every example is valid, or invalid as documented, and every table agrees with the code.

use std::collections::BTreeSet;
use std::path::Path;

use callie_core::account::{self, AccountError};
use callie_core::account_data;
use callie_core::command::{Command, Push};
use callie_core::{
    CloseCode, ContentRef, Limits, Notice, PayloadRef, PayloadType, RecipientKind, Route, SysCode, route,
    should_reconnect,
};
use serde_json::Value;

use crate::schema::Schemas;

fn document() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/protocol.md");
    std::fs::read_to_string(path).unwrap()
}

/// The fenced blocks: the info string of the fence, and the text of the block.
fn blocks(document: &str) -> Vec<(&str, &str)> {
    let mut parts = document.split("```");
    let mut blocks = Vec::new();
    // Text and blocks alternate, beginning with text.
    while let (Some(_), Some(inside)) = (parts.next(), parts.next()) {
        blocks.push(inside.split_once('\n').unwrap());
    }
    blocks
}

/// The cells of the table after `<!-- table: name -->`, without its header.
fn table(document: &str, name: &str) -> Vec<Vec<String>> {
    let (_, behind) = document.split_once(&format!("<!-- table: {name} -->\n")).unwrap();
    let rows = behind.lines().take_while(|line| line.starts_with('|')).skip(2);
    rows.map(|row| row.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect()).collect()
}

/// The texts between backticks.
fn code_spans(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

fn number(cell: &str) -> u64 {
    cell.replace(',', "").parse().unwrap()
}

#[derive(Default)]
struct Shown {
    types: BTreeSet<(&'static str, &'static str)>,
    requests: BTreeSet<String>,
    results: BTreeSet<String>,
    pushes: BTreeSet<String>,
    codes: BTreeSet<SysCode>,
}

fn check_client(text: &str, schemas: &Schemas, shown: &mut Shown) {
    let frame =
        PayloadRef::from_client(text, &Limits::default()).unwrap_or_else(|fault| panic!("{fault}: {text}"));
    shown.types.insert(("client", frame.payload_type().as_str()));
    if let Some(command) = frame.command(&Limits::default()) {
        let command = command.unwrap_or_else(|fault| panic!("{fault}: {text}"));
        let value: Value = serde_json::from_str(text).unwrap();
        schemas.word("command", command.name()).validate(&value["content"]["parameters"]).unwrap();
        shown.requests.insert(command.name().to_owned());
    }
}

fn check_server(text: &str, schemas: &Schemas, shown: &mut Shown) {
    let frame = PayloadRef::from_server(text).unwrap_or_else(|fault| panic!("{fault}: {text}"));
    shown.types.insert(("server", frame.payload_type().as_str()));
    let value: Value = serde_json::from_str(text).unwrap();
    match frame.content() {
        ContentRef::Cmd(call) => {
            let push =
                Push::read(call.name(), call.parameters()).unwrap_or_else(|fault| panic!("{fault}: {text}"));
            schemas.word("push", push.name()).validate(&value["content"]["parameters"]).unwrap();
            shown.pushes.insert(push.name().to_owned());
        }
        ContentRef::Sys(_) => check_notice(&frame, &value["metadata"], schemas, shown),
        _ => {}
    }
}

fn check_notice(frame: &PayloadRef<'_>, metadata: &Value, schemas: &Schemas, shown: &mut Shown) {
    let text = frame.text();
    let notice = Notice::read(frame).unwrap_or_else(|| panic!("no notice: {text}"));
    let code = notice.code();
    schemas.word("notice", code.as_str()).validate(metadata).unwrap_or_else(|e| panic!("{e}: {text}"));
    for member in metadata.as_object().unwrap().keys() {
        let known = code.metadata().iter().any(|name| name.trim_end_matches('?') == member);
        assert!(known, "{code} has no {member}: {text}");
    }
    if code == SysCode::CommandOk {
        let command = metadata["command"].as_str().unwrap();
        schemas
            .word("result", command)
            .validate(&metadata["result"])
            .unwrap_or_else(|e| panic!("{e}: {text}"));
        shown.results.insert(command.to_owned());
    }
    shown.codes.insert(code);
}

#[test]
fn every_example_is_valid_and_none_is_missing() {
    let (document, schemas) = (document(), Schemas::read());
    let mut shown = Shown::default();
    for (kind, text) in blocks(&document) {
        let text = text.trim_end();
        match kind {
            "json client" => check_client(text, &schemas, &mut shown),
            "json server" => check_server(text, &schemas, &mut shown),
            "json LoginRequest" => drop(serde_json::from_str::<account::LoginRequest>(text).unwrap()),
            "json Login" => drop(serde_json::from_str::<account::Login>(text).unwrap()),
            "json AccountData" => {
                let data: account_data::AccountData = serde_json::from_str(text).unwrap();
                let shown: Value = serde_json::from_str(text).unwrap();
                assert_eq!(serde_json::to_value(data).unwrap(), shown);
            }
            "json SessionList" => drop(serde_json::from_str::<account::SessionList>(text).unwrap()),
            "json Problem" => {
                let problem: account::Problem = serde_json::from_str(text).unwrap();
                assert_eq!(AccountError::from_problem(&problem).unwrap().problem(), problem);
            }
            other => panic!("an example of no known kind: {other}"),
        }
    }
    for side in ["client", "server"] {
        for &kind in PayloadType::ALL {
            // A client may not send SYS.
            let expected = (side, kind) != ("client", PayloadType::Sys);
            assert_eq!(shown.types.contains(&(side, kind.as_str())), expected, "{side} {}", kind.as_str());
        }
    }
    let all = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(shown.requests, all(Command::NAMES));
    let unanswered = all(&["AUTHENTICATE", "ACK", "SIGNAL"]);
    assert_eq!(shown.results, all(Command::NAMES).difference(&unanswered).cloned().collect());
    assert_eq!(shown.pushes, all(&Push::NAMES));
    assert_eq!(shown.codes, SysCode::ALL.iter().copied().collect());
}

#[test]
fn table_of_codes_matches_the_crate() {
    let rows = table(&document(), "codes");
    assert_eq!(rows.len(), SysCode::ALL.len());
    for (row, code) in rows.iter().zip(SysCode::ALL) {
        assert_eq!(code_spans(&row[0]), [code.as_str()]);
        if !code.description().is_empty() {
            assert_eq!(row[1], code.description());
        }
        assert_eq!(code_spans(&row[2]), code.metadata(), "{code}");
        let closes = code.closes().map_or("–".to_owned(), |close| close.as_u16().to_string());
        assert_eq!(row[3], closes, "{code}");
    }
}

#[test]
fn table_of_commands_matches_the_crate() {
    let (rows, schemas) = (table(&document(), "commands"), Schemas::read());
    assert_eq!(rows.len(), Command::NAMES.len());
    for (row, name) in rows.iter().zip(Command::NAMES) {
        assert_eq!(row[0], format!("[`{name}`](#{})", name.to_lowercase()));
        let definition = schemas.definition("command", name);
        let required = definition["required"].as_array().unwrap();
        let parameters: Vec<_> = Command::parameters_of(name)
            .unwrap()
            .iter()
            .map(|name| format!("{name}{}", if required.iter().any(|r| r == name) { "" } else { "?" }))
            .collect();
        assert_eq!(code_spans(&row[1]), parameters, "{name}");
        let who = match definition["x-permission"].as_str().unwrap() {
            "anyone" => "anyone",
            "member" => "a member",
            "groupAdmin" => "admin, owner",
            "groupOwner" => "owner",
            "author" => "the author",
            "authorOrGroupAdmin" => "the author; in a group also admin, owner",
            "serverAdmin" => "server admins",
            other => panic!("{other}"),
        };
        assert_eq!(row[2], who, "{name}");
    }
}

#[test]
fn table_of_close_codes_matches_the_crate() {
    let rows = table(&document(), "close codes");
    assert_eq!(rows.len(), CloseCode::ALL.len());
    for (row, close) in rows.iter().zip(CloseCode::ALL) {
        assert_eq!(number(&row[0]), u64::from(close.as_u16()));
        let mut before: Vec<_> = SysCode::ALL
            .iter()
            .filter(|code| code.closes() == Some(close))
            .map(|code| code.as_str())
            .collect();
        if close == CloseCode::Flooding {
            before.push(SysCode::RateLimited.as_str());
        }
        assert_eq!(code_spans(&row[2]), before, "{close:?}");
        assert_eq!(row[3], if should_reconnect(close.as_u16()) { "yes" } else { "no" }, "{close:?}");
    }
}

#[test]
fn table_of_routes_matches_the_crate() {
    let rows = table(&document(), "routing");
    let recipients =
        [RecipientKind::Server, RecipientKind::User, RecipientKind::Group, RecipientKind::Broadcast];
    let types = [PayloadType::Ping, PayloadType::Pong, PayloadType::Msg, PayloadType::Cmd, PayloadType::Sys];
    assert_eq!(rows.len(), recipients.len());
    for (row, recipient) in rows.iter().zip(recipients) {
        for (cell, kind) in row[1..].iter().zip(types) {
            let expected = match route(kind, recipient) {
                Route::AnswerPong => "answered with PONG".to_owned(),
                Route::Take => "taken".to_owned(),
                Route::Execute => "executed".to_owned(),
                Route::ToUser => "passed on".to_owned(),
                Route::ToGroup => "to all other members".to_owned(),
                Route::ToEveryone => "to everyone online".to_owned(),
                Route::Refuse(code) => format!("`{code}`"),
            };
            assert_eq!(*cell, expected, "{recipient:?} {kind:?}");
        }
    }
}

#[test]
fn table_of_account_errors_matches_the_crate() {
    let rows = table(&document(), "account errors");
    let stated: BTreeSet<_> =
        rows.iter().map(|row| (code_spans(&row[0])[0].to_owned(), number(&row[1]))).collect();
    let known = AccountError::ALL.iter().map(|e| (e.code().to_owned(), u64::from(e.status())));
    assert_eq!(stated, known.collect());
}

#[test]
fn tables_of_limits_match_the_crate() {
    let document = document();
    let defaults = serde_json::to_value(Limits::default()).unwrap();
    let rows = table(&document, "server limits");
    assert_eq!(rows.len(), defaults.as_object().unwrap().len());
    for row in rows {
        assert_eq!(defaults[code_spans(&row[0])[0]], number(&row[1]), "{}", row[0]);
    }
    let fixed: [(&str, u64); 17] = [
        ("levels of nesting in a payload", callie_core::MAX_DEPTH.into()),
        ("levels of nesting in metadata and parameters", callie_core::MAX_OPEN_DEPTH.into()),
        ("bytes of metadata as sent", callie_core::MAX_METADATA_BYTES as u64),
        ("characters of a username", callie_core::MAX_USERNAME_BYTES as u64),
        ("characters of an ID", callie_core::MAX_ID_BYTES as u64),
        ("bytes of a URL", callie_core::MAX_URL_BYTES as u64),
        ("bytes of a filename", callie_core::MAX_FILENAME_BYTES as u64),
        ("bytes of a path", callie_core::MAX_PATH_BYTES as u64),
        ("confirmations in one ACK", callie_core::MAX_ACKS as u64),
        ("names in a presence command", callie_core::MAX_PRESENCE_NAMES as u64),
        ("bytes of a signal's data as sent", callie_core::MAX_SIGNAL_DATA_BYTES as u64),
        ("entries of a page", callie_core::MAX_PAGE.into()),
        ("entries of a page by default", callie_core::DEFAULT_PAGE.into()),
        ("names in PARTIALLY_DELIVERED", callie_core::MAX_OFFLINE_NAMES as u64),
        ("bytes of a password", account::MAX_PASSWORD_BYTES as u64),
        ("bytes of a device's name", account::MAX_DEVICE_BYTES as u64),
        ("sessions of a user", account::MAX_SESSIONS as u64),
    ];
    let stated: Vec<_> =
        table(&document, "limits").iter().map(|row| (row[0].clone(), number(&row[1]))).collect();
    let known: Vec<_> = fixed.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
    assert_eq!(stated, known);
}

#[test]
fn every_internal_link_resolves() {
    let document = document();
    let anchor = |title: &str| {
        let kept = title.to_lowercase();
        kept.chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
            .collect::<String>()
            .replace(' ', "-")
    };
    let titles = document.lines().filter(|line| line.starts_with('#'));
    let anchors: BTreeSet<_> = titles.map(|line| anchor(line.trim_start_matches('#').trim())).collect();
    for link in document.split("](#").skip(1) {
        let target = link.split(')').next().unwrap();
        assert!(anchors.contains(target), "{target}");
    }
}
