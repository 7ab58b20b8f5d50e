//! What server admins do. Whether the sender is one is read each time, so that a change takes effect immediately.

use std::sync::Arc;

use callie_core::command::{MessageText, RemovalReason, ServerStats};
use callie_core::server::CloseReason;
use callie_core::{Notice, Recipient, SysCode, Timestamp, Username};
use tokio_tungstenite::tungstenite::Utf8Bytes;

use super::answer::{Answer, Refusal};
use crate::base::clock;
use crate::base::ids::envelope_ids;
use crate::base::telemetry::{Counters, Line, Telemetry};
use crate::net::Connections;
use crate::router::{Entry, Hub, Origin};
use crate::store::{Accounts, Admins, Ban};

/// The commands of server admins.
pub(super) struct AdminCommands {
    pub(super) hub: Arc<Hub>,
    pub(super) accounts: Accounts,
    pub(super) admins: Admins,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) connections: Arc<Connections>,
    pub(super) counters: Arc<Counters>,
}

/// Logs an act of an admin. There is no limit: admins are trusted, and each act must be found in the log.
fn record(
    origin: &Origin,
    act: &str,
    username: &Username,
    reason: Option<&RemovalReason>,
    until: Option<Timestamp>,
) {
    let (user, address) = (&origin.link.user, origin.link.address());
    let (reason, until) = (reason.map(RemovalReason::as_str), until.map(|until| until.to_string()));
    tracing::info!(admin = %user, %address, act, user = %username, reason, until, "an admin acted");
}

impl AdminCommands {
    async fn require_admin(&self, origin: &Origin) -> Result<(), Refusal> {
        if self.admins.is_admin(&origin.user.name).await? {
            return Ok(());
        }
        if self.telemetry.lines.admit(Line::Admin) {
            let (user, address) = (&origin.link.user, origin.link.address());
            tracing::warn!(%user, %address, "refused an admin's command: the user is not an admin");
        }
        Err(Refusal::because(SysCode::Forbidden, "only server admins may do this"))
    }

    /// Closes the connections of the user and ends no session: the user may connect again.
    pub(super) async fn kick(
        &self,
        origin: &Origin,
        username: Username,
        reason: Option<RemovalReason>,
    ) -> Result<Answer, Refusal> {
        self.require_admin(origin).await?;
        if !self.accounts.exists(&username).await? {
            return Err(Refusal::new(SysCode::UserNotFound));
        }
        record(origin, "KICK_USER", &username, reason.as_ref(), None);
        self.hub.end(&username, &CloseReason::kicked(reason.clone()));
        self.hub.remote.send_to_all(&Entry::Kick { user: username, reason });
        Ok(Answer::done())
    }

    /// The connections of the user are closed when the store reports the ban.
    pub(super) async fn ban(
        &self,
        origin: &Origin,
        username: Username,
        reason: Option<RemovalReason>,
        until: Option<Timestamp>,
    ) -> Result<Answer, Refusal> {
        self.require_admin(origin).await?;
        let now = clock::now();
        if until.is_some_and(|until| until.unix_millis() <= now) {
            return Err(Refusal::parameter("BAN_USER", 2, "must be in the future"));
        }
        let ban = Ban { reason, until: until.map(Timestamp::unix_millis) };
        if self.admins.ban(&username, &ban, now).await? {
            record(origin, "BAN_USER", &username, ban.reason.as_ref(), until);
            Ok(Answer::done())
        } else {
            Err(Refusal::new(SysCode::UserNotFound))
        }
    }

    pub(super) async fn unban(&self, origin: &Origin, username: Username) -> Result<Answer, Refusal> {
        self.require_admin(origin).await?;
        if self.admins.unban(&username).await? {
            record(origin, "UNBAN_USER", &username, None, None);
            Ok(Answer::done())
        } else {
            Err(Refusal::new(SysCode::UserNotFound))
        }
    }

    pub(super) async fn announce(&self, origin: &Origin, text: MessageText) -> Result<Answer, Refusal> {
        self.require_admin(origin).await?;
        let (user, address) = (&origin.link.user, origin.link.address());
        let bytes = text.as_str().len();
        tracing::info!(admin = %user, %address, act = "ANNOUNCE", bytes, "an admin acted");
        let notice = Notice::announcement(&text);
        let text = Utf8Bytes::from(notice.to_payload(Recipient::Broadcast, envelope_ids()).encode());
        self.hub.to_everyone(&text, None);
        Ok(Answer::done())
    }

    pub(super) async fn stats(&self, origin: &Origin) -> Result<Answer, Refusal> {
        self.require_admin(origin).await?;
        let stats = ServerStats::default()
            .with_uptime_seconds(self.counters.uptime_seconds())
            .with_connections(self.connections.authenticated() as u64)
            .with_users_online(self.hub.users_online() as u64)
            .with_payloads_received(self.counters.total_received())
            .with_payloads_sent(self.counters.total_sent());
        Ok(Answer::result(&stats))
    }
}
