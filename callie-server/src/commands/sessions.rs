//! A user's own sessions.

use callie_core::{SessionId, SysCode};

use super::answer::{Answer, Refusal};
use crate::clock;
use crate::gateway::Speaker;
use crate::http::session_list;

pub(super) async fn list(speaker: &Speaker) -> Result<Answer, Refusal> {
    let sessions = speaker.app.store.list_sessions(&speaker.origin.user.name, clock::now()).await?;
    Ok(Answer::result(&session_list(sessions, &speaker.origin.link.session)))
}

/// The sockets of the session close when the store tells of its end.
pub(super) async fn revoke(speaker: &Speaker, id: SessionId) -> Result<Answer, Refusal> {
    if speaker.app.store.end_session(&speaker.origin.user.name, &id, clock::now()).await? {
        Ok(Answer::done())
    } else {
        Err(Refusal::new(SysCode::SessionNotFound))
    }
}
