//! What server admins do. Who is one is asked anew each time, so that a change takes effect at once.

use callie_core::command::{MessageText, RemovalReason, ServerStats};
use callie_core::{Notice, Recipient, SysCode, Timestamp, Username};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::answer::{Answer, Refusal};
use crate::clock;
use crate::cluster::Entry;
use crate::gateway::{Speaker, stamp};
use crate::router::Farewell;
use crate::store::Ban;

async fn require_admin(speaker: &Speaker) -> Result<(), Refusal> {
    if speaker.app.store.is_admin(&speaker.origin.user.name).await? {
        Ok(())
    } else {
        Err(Refusal::because(SysCode::Forbidden, "only server admins may do this"))
    }
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
    let ban = Ban { reason, until: until.map(Timestamp::unix_millis) };
    if speaker.app.store.ban(&username, &ban, clock::now()).await? {
        Ok(Answer::done())
    } else {
        Err(Refusal::new(SysCode::UserNotFound))
    }
}

pub(super) async fn unban(speaker: &Speaker, username: Username) -> Result<Answer, Refusal> {
    require_admin(speaker).await?;
    if speaker.app.store.unban(&username).await? {
        Ok(Answer::done())
    } else {
        Err(Refusal::new(SysCode::UserNotFound))
    }
}

pub(super) async fn announce(speaker: &Speaker, text: MessageText) -> Result<Answer, Refusal> {
    require_admin(speaker).await?;
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
