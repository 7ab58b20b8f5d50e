//! `callie-server admin …`: who is a server admin, who is banned. Works on the database, beside a running server.

use std::io::Write as _;

use callie_core::command::RemovalReason;
use callie_core::{Timestamp, Username};
use clap::Subcommand;

use super::{Failure, Options};
use crate::clock;
use crate::store::{Ban, Store};

#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Makes a user a server admin
    Grant {
        /// The user
        #[arg(value_parser = username)]
        user: Username,
    },
    /// Makes a server admin a user like any other
    Revoke {
        /// The user
        #[arg(value_parser = username)]
        user: Username,
    },
    /// Ends all sessions of a user and lets the user log in no more
    Ban {
        /// The user
        #[arg(value_parser = username)]
        user: Username,
        /// Why, for the user: at most 256 characters
        #[arg(long, value_parser = reason)]
        reason: Option<RemovalReason>,
        /// When the ban ends, as 2030-01-31T12:00:00.000Z; never, if not given
        #[arg(long, value_name = "INSTANT", value_parser = instant)]
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

fn username(text: &str) -> Result<Username, String> {
    Username::parse(text).map_err(|e| format!("must be {e}"))
}

fn reason(text: &str) -> Result<RemovalReason, String> {
    RemovalReason::parse(text).map_err(|e| format!("must be {e}"))
}

fn instant(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).map_err(|e| format!("must be {e}"))
}

/// There is no such user in the database.
#[derive(Debug, thiserror::Error)]
#[error("there is no user {0}")]
struct NoSuchUser(Username);

pub(super) fn run(options: &Options, action: &Action) -> Result<(), Failure> {
    let config = options.load()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let store = Store::open_existing(&config.database).await?;
        let done = act(&store, action).await;
        store.close().await;
        done
    })
}

async fn act(store: &Store, action: &Action) -> Result<(), Failure> {
    let now = clock::now();
    let (user, found, said) = match action {
        Action::Grant { user } => (user, store.set_admin(user, true).await?, "is a server admin now"),
        Action::Revoke { user } => (user, store.set_admin(user, false).await?, "is no server admin now"),
        Action::Unban { user } => (user, store.unban(user).await?, "is not banned now"),
        Action::Ban { user, reason, until } => {
            let ban = Ban { reason: reason.clone(), until: until.map(Timestamp::unix_millis) };
            (user, store.ban(user, &ban, now).await?, "is banned now")
        }
        Action::List => return list(store).await,
    };
    if !found {
        return Err(NoSuchUser(user.clone()).into());
    }
    Ok(writeln!(std::io::stdout(), "{user} {said}")?)
}

/// One line for each: the name, what it is, and for a ban its end and reason.
async fn list(store: &Store) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    for admin in store.list_admins().await? {
        writeln!(out, "{admin}\tadmin")?;
    }
    for (user, ban) in store.list_banned(clock::now()).await? {
        let until = ban.until.map_or("always".to_owned(), |at| clock::timestamp(at).to_string());
        let reason = ban.reason.as_ref().map_or("", RemovalReason::as_str);
        writeln!(out, "{user}\tbanned\t{until}\t{reason}")?;
    }
    Ok(())
}
