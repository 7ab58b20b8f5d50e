//! What server admins do. Who is one is asked anew each time, so that a change takes effect at once.

use callie_core::command::{MessageText, RemovalReason, ServerStats};
use callie_core::{Notice, Recipient, SysCode, Timestamp, Username};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::answer::{Answer, Refusal};
use crate::clock;
use crate::cluster::Entry;
use crate::gateway::{Speaker, stamp};
use crate::router::{Farewell, Link};
use crate::store::Ban;
use crate::telemetry::Line;

async fn require_admin(speaker: &Speaker) -> Result<(), Refusal> {
    if speaker.app.store.is_admin(&speaker.origin.user.name).await? {
        Ok(())
    } else {
        if speaker.app.lines.admit(Line::Admin) {
            let link = &speaker.origin.link;
            tracing::warn!(user = %link.user, address = %link.address, "refused an admin's command: the user is no admin");
        }
        Err(Refusal::because(SysCode::Forbidden, "only server admins may do this"))
    }
}

/// Logs an act of an admin: no limit, since admins are trusted and each act must be found again.
fn record(
    speaker: &Speaker,
    act: &str,
    username: &Username,
    reason: Option<&RemovalReason>,
    until: Option<Timestamp>,
) {
    let Link { user, address, .. } = &*speaker.origin.link;
    let (reason, until) = (reason.map(RemovalReason::as_str), until.map(|until| until.to_string()));
    tracing::info!(admin = %user, %address, act, user = %username, reason, until, "an admin acted");
}

/// Ends the user's connections and no session: who is kicked may come back.
pub(super) async fn kick(
    speaker: &Speaker,
    username: Username,
    reason: Option<RemovalReason>,
) -> Result<Answer, Refusal> {
    require_admin(speaker).await?;
    if !speaker.app.store.user_exists(&username).await? {
        return Err(Refusal::new(SysCode::UserNotFound));
    }
    record(speaker, "KICK_USER", &username, reason.as_ref(), None);
    let hub = speaker.hub();
    hub.end(&username, &Farewell::kick(reason.clone()));
    hub.peers.tell_all(&Entry::Kick { user: username, reason });
    Ok(Answer::done())
}

/// The user's connections close when the store tells of the ban.
pub(super) async fn ban(
    speaker: &Speaker,
    username: Username,
    reason: Option<RemovalReason>,
    until: Option<Timestamp>,
) -> Result<Answer, Refusal> {
    require_admin(speaker).await?;
    let now = clock::now();
    if until.is_some_and(|until| until.unix_millis() <= now) {
        return Err(Refusal::parameter("BAN_USER", 2, "must be in the future"));
    }
    let ban = Ban { reason, until: until.map(Timestamp::unix_millis) };
    if speaker.app.store.ban(&username, &ban, now).await? {
        record(speaker, "BAN_USER", &username, ban.reason.as_ref(), until);
        Ok(Answer::done())
    } else {
        Err(Refusal::new(SysCode::UserNotFound))
    }
}

pub(super) async fn unban(speaker: &Speaker, username: Username) -> Result<Answer, Refusal> {
    require_admin(speaker).await?;
    if speaker.app.store.unban(&username).await? {
        record(speaker, "UNBAN_USER", &username, None, None);
        Ok(Answer::done())
    } else {
        Err(Refusal::new(SysCode::UserNotFound))
    }
}

pub(super) async fn announce(speaker: &Speaker, text: MessageText) -> Result<Answer, Refusal> {
    require_admin(speaker).await?;
    let Link { user, address, .. } = &*speaker.origin.link;
    tracing::info!(admin = %user, %address, act = "ANNOUNCE", bytes = text.as_str().len(), "an admin acted");
    let notice = Notice::new(SysCode::Announcement).describe(text.as_str().to_owned());
    let text = Utf8Bytes::from(notice.to_payload(Recipient::Broadcast, stamp()).encode());
    speaker.hub().to_everyone(&text, None);
    Ok(Answer::done())
}

pub(super) async fn stats(speaker: &Speaker) -> Result<Answer, Refusal> {
    require_admin(speaker).await?;
    let gateway = &speaker.app.gateway;
    Ok(Answer::result(&ServerStats {
        uptime_seconds: gateway.uptime_seconds(),
        connections: gateway.connections() as u64,
        users_online: gateway.users_online() as u64,
        payloads_received: gateway.payloads_received(),
        payloads_sent: gateway.payloads_sent(),
    }))
}
