//! What the commands of the protocol do, one file for each family: from a command and its sender to a result.
//!
//! The store checks who may do what, in the transaction that does it. Changes of a group, of settings or of blocks are made
//! in order (see `cache/keyed_queue.rs`): first in the database and then in memory, so that both agree.

mod admin;
mod answer;
mod groups;
mod messages;
mod presence;
mod sessions;
mod settings;

use std::sync::Arc;

use callie_core::SysCode;
use callie_core::command::Command;

use self::admin::AdminCommands;
use self::groups::GroupCommands;
use self::messages::MessageCommands;
use self::presence::PresenceCommands;
use self::sessions::SessionCommands;
use self::settings::SettingsCommands;
use crate::base::config::LiveConfig;
use crate::base::telemetry::{Counters, Telemetry};
use crate::cache::{Keeper, Unreachable, UserCache};
use crate::net::Connections;
use crate::router::{Hub, Origin};
use crate::store::Store;

pub(crate) use answer::{Answer, Refusal};

/// What the commands are carried out with.
pub(crate) struct Services {
    /// Who is connected.
    pub(crate) hub: Arc<Hub>,
    /// What memory has from the database.
    pub(crate) cache: Arc<UserCache>,
    /// Why a payload cannot be delivered.
    pub(crate) unreachable: Arc<Unreachable>,
    /// Keeps messages for users who are offline, if the configuration says so.
    pub(crate) keeper: Option<Arc<Keeper>>,
    /// The database.
    pub(crate) store: Store,
    /// The configuration in use.
    pub(crate) config: Arc<LiveConfig>,
    /// Metrics and log limits.
    pub(crate) telemetry: Arc<Telemetry>,
    /// The connections.
    pub(crate) connections: Arc<Connections>,
    /// The counters of payloads.
    pub(crate) counters: Arc<Counters>,
}

/// Carries out commands.
pub(crate) struct Commands {
    groups: Arc<GroupCommands>,
    messages: MessageCommands,
    presence: PresenceCommands,
    settings: Arc<SettingsCommands>,
    sessions: SessionCommands,
    admin: AdminCommands,
}

impl Commands {
    /// Gives each family of commands what it uses.
    pub(crate) fn new(services: Services) -> Self {
        let Services { hub, cache, unreachable, keeper, store, config, telemetry, connections, counters } =
            services;
        let limits = config.current().limits();
        Self {
            groups: Arc::new(GroupCommands {
                hub: hub.clone(),
                cache: cache.clone(),
                groups: store.groups.clone(),
                members: store.members.clone(),
                pages: store.group_pages.clone(),
                config,
                max_payload_bytes: limits.max_payload_bytes,
            }),
            messages: MessageCommands {
                hub: hub.clone(),
                cache: cache.clone(),
                unreachable,
                keeper,
                members: store.members.clone(),
                limits,
            },
            presence: PresenceCommands { hub: hub.clone() },
            settings: Arc::new(SettingsCommands {
                hub: hub.clone(),
                cache,
                settings: store.settings.clone(),
                blocks: store.blocks.clone(),
            }),
            sessions: SessionCommands { sessions: store.sessions.clone() },
            admin: AdminCommands {
                hub,
                accounts: store.accounts.clone(),
                admins: store.admins.clone(),
                telemetry,
                connections,
                counters,
            },
        }
    }

    /// Carries out a command of `origin`.
    pub(crate) async fn execute(&self, origin: &Origin, command: Command) -> Result<Answer, Refusal> {
        let Self { groups, messages, presence, settings, sessions, admin } = self;
        match command {
            // The gateway answers these two itself.
            Command::Authenticate { .. } | Command::Ack { .. } => Ok(Answer::Silence),
            Command::CreateGroup { name, members, visibility } => {
                groups.create(origin, name, members, visibility).await
            }
            Command::JoinGroup { group_id } => groups.join(origin, group_id).await,
            Command::LeaveGroup { group_id } => groups.leave(origin, group_id).await,
            Command::AddMember { group_id, username } => groups.add(origin, group_id, username).await,
            Command::RemoveMember { group_id, username } => groups.remove(origin, group_id, username).await,
            Command::SetRole { group_id, username, role } => {
                groups.set_role(origin, group_id, username, role).await
            }
            Command::RenameGroup { group_id, name } => groups.rename(origin, group_id, name).await,
            Command::DeleteGroup { group_id } => groups.delete(origin, group_id).await,
            Command::ListGroups { limit, after } => groups.list(origin, limit, after).await,
            Command::ListPublicGroups { limit, after } => groups.list_public(limit, after).await,
            Command::GetGroup { group_id, limit, after } => groups.get(origin, group_id, limit, after).await,
            Command::DeleteMessage { recipient, message_id, sender } => {
                messages.delete(origin, recipient, message_id, sender).await
            }
            Command::EditMessage { recipient, message_id, text } => {
                messages.edit(origin, recipient, message_id, text).await
            }
            Command::Signal { recipient, kind, data } => messages.signal(origin, recipient, kind, data).await,
            Command::GetPresence { usernames } => Ok(presence.get(origin, usernames)),
            Command::SubscribePresence { usernames } => presence.subscribe(origin, usernames),
            Command::UnsubscribePresence { usernames } => Ok(presence.unsubscribe(origin, &usernames)),
            Command::GetProfile { username } => settings.profile(username).await,
            Command::GetSettings {} => settings.get(origin).await,
            Command::UpdateSettings { display_name, presence, direct_messages } => {
                settings.update(origin, display_name, presence, direct_messages).await
            }
            Command::BlockUser { username } => settings.block(origin, username).await,
            Command::UnblockUser { username } => settings.unblock(origin, username).await,
            Command::ListBlocked { limit, after } => settings.list_blocked(origin, limit, after).await,
            Command::ListSessions {} => sessions.list(origin).await,
            Command::RevokeSession { session_id } => sessions.revoke(origin, session_id).await,
            Command::KickUser { username, reason } => admin.kick(origin, username, reason).await,
            Command::BanUser { username, reason, until } => admin.ban(origin, username, reason, until).await,
            Command::UnbanUser { username } => admin.unban(origin, username).await,
            Command::Announce { text } => admin.announce(origin, text).await,
            Command::ServerStats {} => admin.stats(origin).await,
            // A command of a later version of the core, which this server does not carry out.
            _ => Err(Refusal::new(SysCode::UnknownCommand)),
        }
    }
}
