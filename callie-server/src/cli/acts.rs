//! What the commands that change the database for an admin share: their arguments, their errors, and the record of what was
//! done.

use callie_core::Username;

use super::{Failure, Shared, run_to_end};
use crate::base::{clock, telemetry};
use crate::store::{AdminAct, Store};

/// There is no such user in the database.
#[derive(Debug, thiserror::Error)]
#[error("there is no user {0}")]
pub(super) struct NoSuchUser(pub(super) Username);

/// Parses the name of a user.
pub(super) fn username(text: &str) -> Result<Username, String> {
    Username::parse(text).map_err(|e| format!("must be {e}"))
}

/// Runs `act` on the database, which must exist.
pub(super) fn on_store(
    shared: &Shared,
    act: impl AsyncFnOnce(&Store) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let config = shared.load()?;
    telemetry::init(&config);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    run_to_end(runtime, async {
        let store = Store::open_existing(&config.database).await?;
        let done = act(&store).await;
        store.close().await;
        done
    })
}

/// Returns an act of the user of the operating system, with the name of a command, on `user` if it concerns one.
pub(super) fn act(name: &str, user: Option<&Username>) -> AdminAct {
    AdminAct { admin: os_user(), act: name.to_owned(), user: user.cloned(), reason: None, until: None }
}

/// Logs an act, here and in the running servers.
pub(super) async fn note(store: &Store, act: &AdminAct) -> Result<(), Failure> {
    act.log();
    Ok(store.events.note_admin_act(act, clock::now()).await?)
}

/// Returns the user of the operating system who runs this command, as far as it is known.
pub(super) fn os_user() -> String {
    let uid = rustix::process::getuid().as_raw();
    let name = ["SUDO_USER", "USER", "LOGNAME"].into_iter().find_map(|key| std::env::var(key).ok());
    match name {
        Some(name) => format!("{name} (uid {uid}, command line)"),
        None => format!("uid {uid} (command line)"),
    }
}
