//! What the commands of the protocol do, one file per family.
//!
//! The store checks who may do what in the transaction that does it; what changes a group or a block is done in a lane
//! (see `gateway/lanes.rs`), in the database first and in memory after, so that both agree.

mod admin;
mod answer;
mod groups;
mod messages;
mod presence;
mod sessions;
mod settings;

use callie_core::Outcome;
use callie_core::command::Command;

use crate::gateway::{Reply, Speaker};
use crate::router::PayloadKey;
use answer::{Answer, Refusal};

pub(crate) use groups::group_changed;

/// Carries out a command, and answers it.
pub(crate) async fn carry_out(speaker: Speaker, command: Command, reply: Reply, key: Option<PayloadKey>) {
    match execute(&speaker, command).await {
        Ok(Answer::Result(notice)) => speaker.answer(&reply, key, Outcome::Sent, *notice),
        Ok(Answer::Silence) => speaker.took(reply.kind(), key, Outcome::Sent),
        Err(refusal) => {
            refusal.log();
            let outcome = refusal.outcome();
            speaker.answer(&reply, key, outcome, refusal.into_notice());
        }
    }
}

async fn execute(speaker: &Speaker, command: Command) -> Result<Answer, Refusal> {
    match command {
        // The conversation itself takes these two.
        Command::Authenticate {} | Command::Ack { .. } => Ok(Answer::Silence),
        Command::CreateGroup { name, members, visibility } => {
            groups::create(speaker, name, members, visibility).await
        }
        Command::JoinGroup { group_id } => groups::join(speaker, group_id).await,
        Command::LeaveGroup { group_id } => groups::leave(speaker, group_id).await,
        Command::AddMember { group_id, username } => groups::add(speaker, group_id, username).await,
        Command::RemoveMember { group_id, username } => groups::remove(speaker, group_id, username).await,
        Command::SetRole { group_id, username, role } => {
            groups::set_role(speaker, group_id, username, role).await
        }
        Command::RenameGroup { group_id, name } => groups::rename(speaker, group_id, name).await,
        Command::DeleteGroup { group_id } => groups::delete(speaker, group_id).await,
        Command::ListGroups { limit, after } => groups::list(speaker, limit, after).await,
        Command::ListPublicGroups { limit, after } => groups::list_public(speaker, limit, after).await,
        Command::GetGroup { group_id, limit, after } => groups::get(speaker, group_id, limit, after).await,
        Command::DeleteMessage { recipient, message_id, sender } => {
            messages::delete(speaker, recipient, message_id, sender).await
        }
        Command::EditMessage { recipient, message_id, text } => {
            messages::edit(speaker, recipient, message_id, text).await
        }
        Command::Signal { recipient, kind, data } => messages::signal(speaker, recipient, kind, data).await,
        Command::GetPresence { usernames } => Ok(presence::get(speaker, usernames)),
        Command::SubscribePresence { usernames } => presence::subscribe(speaker, usernames),
        Command::UnsubscribePresence { usernames } => Ok(presence::unsubscribe(speaker, &usernames)),
        Command::GetProfile { username } => settings::profile(speaker, username).await,
        Command::GetSettings {} => settings::get(speaker).await,
        Command::UpdateSettings { display_name, presence, direct_messages } => {
            settings::update(speaker, display_name, presence, direct_messages).await
        }
        Command::BlockUser { username } => settings::block(speaker, username).await,
        Command::UnblockUser { username } => settings::unblock(speaker, username).await,
        Command::ListBlocked { limit, after } => settings::list_blocked(speaker, limit, after).await,
        Command::ListSessions {} => sessions::list(speaker).await,
        Command::RevokeSession { session_id } => sessions::revoke(speaker, session_id).await,
        Command::KickUser { username, reason } => admin::kick(speaker, username, reason).await,
        Command::BanUser { username, reason, until } => admin::ban(speaker, username, reason, until).await,
        Command::UnbanUser { username } => admin::unban(speaker, username).await,
        Command::Announce { text } => admin::announce(speaker, text).await,
        Command::ServerStats {} => admin::stats(speaker).await,
        // A command of a later version of the core, which this server does not carry out.
        _ => Err(Refusal::new(callie_core::SysCode::UnknownCommand)),
    }
}
