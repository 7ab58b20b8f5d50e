//! What `callie-server user` prints: tables for people, JSON for programs. Times are in UTC.

use std::fmt::Write as _;

use callie_core::Timestamp;
use callie_core::account_data::{AccountData, BanData};
use callie_core::command::{RemovalReason, Role};
use serde_json::json;

use crate::base::clock;
use crate::store::AccountSummary;

/// The first line of the list of users.
pub(super) const HEADER: &str =
    "NAME                             REGISTERED        LAST SEEN         SESSIONS  GROUPS  STATE\n";

/// Returns the line of a user in the list.
pub(super) fn line(user: &AccountSummary) -> String {
    let seen = user.last_seen.map_or("-".to_owned(), |at| minute(clock::timestamp(at)));
    let state = [(user.admin, "admin"), (user.ban.is_some(), "banned")];
    let state: Vec<&str> = state.iter().filter(|(holds, _)| *holds).map(|(_, word)| *word).collect();
    let (name, sessions, groups) = (user.username.as_str(), user.sessions, user.groups);
    let registered = minute(clock::timestamp(user.created));
    let line =
        format!("{name:<32} {registered:<17} {seen:<17} {sessions:>8}  {groups:>6}  {}", state.join(", "));
    line.trim_end().to_owned() + "\n"
}

/// Returns the line of a user in the list, as JSON.
pub(super) fn json_line(user: &AccountSummary) -> String {
    let ban = user.ban.as_ref();
    let ban = ban.map(|ban| BanData::new(ban.reason.clone(), ban.until.map(clock::timestamp)));
    let line = json!({
        "username": user.username,
        "createdAt": clock::timestamp(user.created),
        "admin": user.admin,
        "ban": ban,
        "sessions": user.sessions,
        "lastSeenAt": user.last_seen.map(clock::timestamp),
        "groups": user.groups,
    });
    format!("{line}\n")
}

/// Returns everything about a user.
pub(super) fn page(data: &AccountData) -> String {
    let mut page = String::new();
    // Writing to a string cannot fail.
    let mut row = |name: &str, value: &str| {
        let _ = writeln!(page, "{name:<16} {value}");
    };
    row("name", data.username.as_str());
    row("display name", or_dash(data.settings.display_name.as_str()));
    row("registered", &minute(data.created_at));
    row("server admin", if data.admin { "yes" } else { "no" });
    row("ban", &ban(data.ban.as_ref()));
    row("presence", data.settings.presence.as_str());
    row("direct messages", data.settings.direct_messages.as_str());
    let (received, sent) = (data.kept_messages.received, data.kept_messages.sent);
    row("kept messages", &format!("{received} to the user, {sent} from the user"));
    let mut list = |name: &str, values: Vec<String>| {
        let first = values.first().map_or("-", String::as_str);
        row(name, first);
        values.iter().skip(1).for_each(|value| row("", value));
    };
    list(
        "sessions",
        data.sessions
            .iter()
            .map(|session| {
                let device = session.device.as_ref().map_or("-", |device| or_dash(device.as_str()));
                let (seen, id) = (minute(session.last_seen_at), &session.session_id);
                format!("{id}  last seen {seen}  {device}")
            })
            .collect(),
    );
    list(
        "groups",
        data.groups
            .iter()
            .map(|group| {
                let role = group.role.map_or("-", Role::as_str);
                format!("{}  {role:<6}  {}", group.group_id, group.name)
            })
            .collect(),
    );
    list("blocks", data.blocked.iter().map(ToString::to_string).collect());
    page
}

fn ban(ban: Option<&BanData>) -> String {
    let Some(ban) = ban else { return "no".to_owned() };
    let until = ban.until.map_or("always".to_owned(), |until| format!("until {}", minute(until)));
    let reason = ban.reason.as_ref().map_or("", RemovalReason::as_str);
    format!("{until}  {reason}").trim_end().to_owned()
}

fn or_dash(text: &str) -> &str {
    if text.is_empty() { "-" } else { text }
}

/// Returns an instant without its seconds, such as `2030-01-31 12:00`.
fn minute(at: Timestamp) -> String {
    at.as_str().chars().take("2030-01-31T12:00".len()).collect::<String>().replace('T', " ")
}
