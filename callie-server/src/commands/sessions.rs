//! The sessions of a user.

use callie_core::{SessionId, SysCode};

use super::answer::{Answer, Refusal};
use crate::base::clock;
use crate::router::Origin;
use crate::store::{Session, Sessions};

/// The commands about the sessions of their sender.
pub(super) struct SessionCommands {
    pub(super) sessions: Sessions,
}

impl SessionCommands {
    pub(super) async fn list(&self, origin: &Origin) -> Result<Answer, Refusal> {
        let sessions = self.sessions.list(&origin.user.name, clock::now()).await?;
        Ok(Answer::result(&Session::list(sessions, Some(&origin.link.session))))
    }

    /// The sockets of the session are closed when the store reports its end.
    pub(super) async fn revoke(&self, origin: &Origin, id: SessionId) -> Result<Answer, Refusal> {
        if self.sessions.end(&origin.user.name, &id, clock::now()).await? {
            Ok(Answer::done())
        } else {
            Err(Refusal::new(SysCode::SessionNotFound))
        }
    }
}
