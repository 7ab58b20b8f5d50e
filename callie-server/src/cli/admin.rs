//! `callie-server admin …`: server admins and bans, changed in the database while a server may run.

use std::fmt::Write as _;

use callie_core::command::RemovalReason;
use callie_core::{Timestamp, Username};
use clap::Subcommand;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::acts::{NoSuchUser, act, note, on_store, username};
use super::{Failure, Shared, output};
use crate::base::clock;
use crate::store::{AdminAct, Ban, Store};

#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Makes a user a server admin
    Grant {
        /// The user
        #[arg(value_parser = username)]
        user: Username,
    },
    /// Makes a server admin an ordinary user
    Revoke {
        /// The user
        #[arg(value_parser = username)]
        user: Username,
    },
    /// Bans a user: ends all sessions and refuses logins
    Ban {
        /// The user
        #[arg(value_parser = username)]
        user: Username,
        /// The reason, which the user can see: at most 256 characters
        #[arg(long, value_parser = reason)]
        reason: Option<RemovalReason>,
        /// When the ban ends, such as 2030-01-31 or 2030-01-31T12:00Z, in UTC unless it has an offset [default: never]
        #[arg(long, value_name = "TIME", value_parser = instant)]
        until: Option<Timestamp>,
    },
    /// Lifts a ban
    Unban {
        /// The user
        #[arg(value_parser = username)]
        user: Username,
    },
    /// Lists the server admins and the banned users
    List,
}

fn reason(text: &str) -> Result<RemovalReason, String> {
    RemovalReason::parse(text).map_err(|e| format!("must be {e}"))
}

/// Parses an instant as people write it: a date, or a date and a time with or without seconds, fractions and an offset
/// from UTC.
fn instant(text: &str) -> Result<Timestamp, String> {
    let (date, rest) = text.split_once(['T', 't', ' ']).unwrap_or((text, "00:00"));
    let (time, offset) = rest.split_at(rest.find(['Z', 'z', '+', '-']).unwrap_or(rest.len()));
    let seconds = if time.len() == "12:00".len() { ":00" } else { "" };
    let offset = if offset.is_empty() { "Z" } else { offset };
    let parsed = OffsetDateTime::parse(&format!("{date}T{time}{seconds}{offset}"), &Rfc3339).ok();
    let millis = parsed.and_then(|at| i64::try_from(at.unix_timestamp_nanos() / 1_000_000).ok());
    millis
        .and_then(Timestamp::from_unix_millis)
        .ok_or_else(|| "must be a date such as 2030-01-31, or a time such as 2030-01-31T12:00Z".to_owned())
}

/// The end of the ban is in the past.
#[derive(Debug, thiserror::Error)]
#[error("{0} is in the past, and a ban must end in the future; nothing was changed")]
struct EndedBan(Timestamp);

pub(super) fn run(shared: &Shared, action: &Action) -> Result<(), Failure> {
    on_store(shared, async |store| carry_out(store, action).await)
}

async fn carry_out(store: &Store, action: &Action) -> Result<(), Failure> {
    let now = clock::now();
    let (user, name, found, report) = match action {
        Action::Grant { user } => {
            (user, "GRANT_ADMIN", store.admins.set_admin(user, true).await?, "is a server admin now".into())
        }
        Action::Revoke { user } => (
            user,
            "REVOKE_ADMIN",
            store.admins.set_admin(user, false).await?,
            "is no longer a server admin".into(),
        ),
        Action::Unban { user } => {
            (user, "UNBAN_USER", store.admins.unban(user).await?, "is no longer banned".into())
        }
        Action::Ban { user, reason, until } => {
            if let Some(until) = until.filter(|until| until.unix_millis() <= now) {
                return Err(EndedBan(until).into());
            }
            let ban = Ban { reason: reason.clone(), until: until.map(Timestamp::unix_millis) };
            let report = match until {
                Some(until) => format!("is banned until {until}"),
                None => "is banned".to_owned(),
            };
            (user, "BAN_USER", store.admins.ban(user, &ban, now).await?, report)
        }
        Action::List => return list(store).await,
    };
    if !found {
        return Err(NoSuchUser(user.clone()).into());
    }
    let (reason, until) = match action {
        Action::Ban { reason, until, .. } => (reason.clone(), *until),
        _ => (None, None),
    };
    note(store, &AdminAct { reason, until, ..act(name, Some(user)) }).await?;
    output::report(&format!("{user} {report}"));
    Ok(())
}

/// Prints one line for each admin and each ban: the name, "admin" or "banned", and for a ban its end and reason.
async fn list(store: &Store) -> Result<(), Failure> {
    let mut out = String::new();
    for admin in store.admins.list().await? {
        writeln!(out, "{admin}\tadmin")?;
    }
    for (user, ban) in store.admins.banned(clock::now()).await? {
        let until = ban.until.map_or("always".to_owned(), |at| clock::timestamp(at).to_string());
        let reason = ban.reason.as_ref().map_or("", RemovalReason::as_str);
        writeln!(out, "{user}\tbanned\t{until}\t{reason}")?;
    }
    output::print(&out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_forms_of_times_are_accepted() {
        for (text, means) in [
            ("2030-01-31", "2030-01-31T00:00:00.000Z"),
            ("2030-01-31T12:00", "2030-01-31T12:00:00.000Z"),
            ("2030-01-31 12:00Z", "2030-01-31T12:00:00.000Z"),
            ("2030-01-31T12:00:30Z", "2030-01-31T12:00:30.000Z"),
            ("2030-01-31T12:00:30.250Z", "2030-01-31T12:00:30.250Z"),
            ("2030-01-31T12:00:30.1234567Z", "2030-01-31T12:00:30.123Z"),
            ("2030-01-31T12:00+02:00", "2030-01-31T10:00:00.000Z"),
            ("2030-01-31 12:00:00-05:30", "2030-01-31T17:30:00.000Z"),
        ] {
            assert_eq!(instant(text).unwrap().as_str(), means, "{text}");
        }
        for bad in ["", "tomorrow", "2030-02-30", "2030-1-1", "31.01.2030", "2030-01-31T25:00Z", "2030"] {
            assert!(instant(bad).is_err(), "{bad}");
        }
    }
}
