//! `callie-server user …`: accounts, managed in the database while a server may run.

use callie_core::Username;
use callie_core::account;
use clap::Subcommand;
use serde::Serialize;
use serde_json::json;

use super::acts::{NoSuchUser, act, note, on_store, os_user, username};
use super::{Failure, Shared, output, secret_input, user_output};
use crate::base::clock::{self, DAY, Millis};
use crate::base::ids;
use crate::http::Passwords;
use crate::store::{AdminAct, Store, TokenHash};

/// The most uses of one invitation.
const MAX_USES: i64 = 100_000;
/// The most days that an invitation lasts.
const MAX_DAYS: i64 = 365;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    action: Action,
    /// Print JSON for programs: one object, or for a list one object a line
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Adds a user, also while registration is closed; asks for the password, or reads it from standard input
    Add {
        /// The new user
        #[arg(value_parser = username)]
        user: Username,
    },
    /// Lists all users, sorted by name
    List,
    /// Shows a user: groups, blocks, sessions, settings
    Show {
        /// The user
        #[arg(value_parser = username)]
        user: Username,
    },
    /// Sets a password and ends all sessions of the user; asks for it, or reads it from standard input
    Password {
        /// The user
        #[arg(value_parser = username)]
        user: Username,
    },
    /// Deletes an account with everything of the user, for good; the name stays taken
    Delete {
        /// The user
        #[arg(value_parser = username)]
        user: Username,
        /// Delete without asking
        #[arg(long)]
        yes: bool,
    },
    /// Creates an invitation for registration = "invite", and prints its token
    Invite {
        /// The number of users who may register with it
        #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=MAX_USES))]
        uses: u32,
        /// The number of days after which it expires
        #[arg(long, value_name = "N", default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=MAX_DAYS))]
        days: u32,
    },
    /// Prints all that the server keeps of a user, as JSON
    Export {
        /// The user
        #[arg(value_parser = username)]
        user: Username,
    },
}

/// The name of a new user is taken.
#[derive(Debug, thiserror::Error)]
#[error("the name {0} is taken, by a user or by a deleted account; choose another")]
struct NameTaken(Username);

pub(super) fn run(shared: &Shared, arguments: &Arguments) -> Result<(), Failure> {
    let report = Report { json: arguments.json };
    match &arguments.action {
        Action::Add { user } => {
            let password = secret_input::new_password()?;
            account::check_registration(user.as_str(), &password)?;
            on_store(shared, async |store| add(store, user, password, &report).await)
        }
        Action::List => on_store(shared, async |store| list(store, &report).await),
        Action::Show { user } => on_store(shared, async |store| show(store, user, &report).await),
        Action::Password { user } => {
            let password = secret_input::new_password()?;
            if !account::is_acceptable_password(&password) {
                return Err(account::AccountError::WeakPassword.into());
            }
            on_store(shared, async |store| set_password(store, user, password, &report).await)
        }
        Action::Delete { user, yes } => {
            if !yes {
                secret_input::confirm_deletion(user)?;
            }
            on_store(shared, async |store| delete(store, user, &report).await)
        }
        Action::Invite { uses, days } => {
            on_store(shared, async |store| invite(store, *uses, *days, &report).await)
        }
        Action::Export { user } => on_store(shared, async |store| export(store, user).await),
    }
}

/// How the commands report what they have done.
struct Report {
    json: bool,
}

impl Report {
    /// Reports what was done to `user`.
    fn done(&self, user: &Username, words: &str) {
        if self.json {
            output::report(&json!({ "username": user }).to_string());
        } else {
            output::report(&format!("{user} {words}"));
        }
    }
}

async fn add(store: &Store, user: &Username, password: String, report: &Report) -> Result<(), Failure> {
    let hash = Passwords::new().await?.hash(password).await?;
    if !store.accounts.create(user, &hash, clock::now()).await? {
        return Err(NameTaken(user.clone()).into());
    }
    note(store, &act("ADD_USER", Some(user))).await?;
    report.done(user, "is a user now");
    Ok(())
}

async fn list(store: &Store, report: &Report) -> Result<(), Failure> {
    let mut after = None;
    let now = clock::now();
    if !report.json && !output::print_part(user_output::HEADER)? {
        return Ok(());
    }
    loop {
        let page = store.account_data.page(after.as_ref(), now).await?;
        let Some(last) = page.last() else { return Ok(()) };
        let lines = page.iter().map(if report.json { user_output::json_line } else { user_output::line });
        if !output::print_part(&lines.collect::<String>())? {
            return Ok(());
        }
        after = Some(last.username.clone());
    }
}

async fn show(store: &Store, user: &Username, report: &Report) -> Result<(), Failure> {
    let data = store.account_data.get(user, None, clock::now()).await?;
    let data = data.ok_or_else(|| NoSuchUser(user.clone()))?;
    output::print(&if report.json {
        to_json(&data, serde_json::to_string)?
    } else {
        user_output::page(&data)
    })
}

async fn set_password(
    store: &Store,
    user: &Username,
    password: String,
    report: &Report,
) -> Result<(), Failure> {
    let hash = Passwords::new().await?.hash(password).await?;
    if !store.accounts.set_password(user, &hash, clock::now()).await? {
        return Err(NoSuchUser(user.clone()).into());
    }
    note(store, &act("SET_PASSWORD", Some(user))).await?;
    report.done(user, "has a new password, and must log in again");
    Ok(())
}

async fn delete(store: &Store, user: &Username, report: &Report) -> Result<(), Failure> {
    let admin = os_user();
    if !store.deletions.by_admin(user, &admin, clock::now()).await? {
        return Err(NoSuchUser(user.clone()).into());
    }
    // The running servers log it when they read of the deletion. An entry of its own would keep the name.
    AdminAct::deletion(&admin, user).log();
    report.done(user, "is deleted");
    Ok(())
}

async fn invite(store: &Store, uses: u32, days: u32, report: &Report) -> Result<(), Failure> {
    let token = ids::new_token()?;
    let expires = clock::now() + Millis::from(days) * DAY;
    store.invitations.create(&TokenHash::of(&token), uses, expires).await?;
    note(store, &act("INVITE", None)).await?;
    output::print(&if report.json {
        format!("{}\n", json!({ "invite": token, "uses": uses, "expiresAt": clock::timestamp(expires) }))
    } else {
        format!("{token}\n")
    })
}

async fn export(store: &Store, user: &Username) -> Result<(), Failure> {
    let data = store.account_data.get(user, None, clock::now()).await?;
    let data = data.ok_or_else(|| NoSuchUser(user.clone()))?;
    note(store, &act("EXPORT_USER", Some(user))).await?;
    output::print(&to_json(&data, serde_json::to_string_pretty)?)
}

fn to_json<T: Serialize>(
    value: &T,
    write: fn(&T) -> serde_json::Result<String>,
) -> Result<String, serde_json::Error> {
    write(value).map(|text| text + "\n")
}
