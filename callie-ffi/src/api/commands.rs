//! The commands, one method each. A refusal carries the server's code, such as `FORBIDDEN` or `GROUP_NOT_FOUND`.

use std::collections::HashMap;
use std::fmt::Display;

use callie_core::account::SessionList;
use callie_core::command::{
    self, Command, Conversation, Cursor, DisplayName, Empty, GroupName, MessageText, PageLimit,
    RemovalReason, SignalData, SignalKind,
};
use callie_core::{GroupId, Limits, MessageId, NameError, SessionId, Timestamp, Username};

use serde::de::DeserializeOwned;

use super::client::Client;
use super::error::{RequestError, SendError};
use super::values::{
    BlockedPage, DirectMessages, Group, GroupDetails, GroupPage, PresenceAudience, Profile, Role,
    ServerStats, SessionInfo, Settings, Visibility,
};
use crate::runtime::within;
use callie_client::{self as client, Fault};

fn invalid(name: &str, expected: impl Display) -> client::RequestError {
    client::RequestError::InvalidArgument(Fault::argument(name, expected))
}

fn group(id: &str) -> Result<GroupId, client::RequestError> {
    GroupId::parse(id).map_err(|e| invalid("the group's ID", e))
}

fn user(name: &str) -> Result<Username, client::RequestError> {
    Username::parse(name).map_err(|e| invalid("the username", e))
}

fn users(names: &[String]) -> Result<Vec<Username>, client::RequestError> {
    names.iter().map(|name| user(name)).collect()
}

fn conversation(recipient: &str) -> Result<Conversation, client::RequestError> {
    Conversation::parse(recipient).map_err(|e| invalid("the recipient", e))
}

fn message(id: &str) -> Result<MessageId, client::RequestError> {
    MessageId::parse(id).map_err(|e| invalid("the message's ID", e))
}

fn text(text: String, limits: &Limits) -> Result<MessageText, client::RequestError> {
    MessageText::new(text, limits).map_err(|e| invalid("the text", e))
}

fn optional<T>(
    given: Option<String>,
    name: &str,
    parse: impl Fn(&str) -> Result<T, NameError>,
) -> Result<Option<T>, client::RequestError> {
    given.map(|given| parse(&given).map_err(|e| invalid(name, e))).transpose()
}

fn page(
    limit: Option<u16>,
    after: Option<String>,
) -> Result<(PageLimit, Option<Cursor>), client::RequestError> {
    let limit = match limit {
        None => PageLimit::default(),
        Some(limit) => PageLimit::new(limit).ok_or_else(|| invalid("the limit", "from 1 to 200"))?,
    };
    Ok((limit, optional(after, "the cursor", Cursor::parse)?))
}

fn online(presence: command::PresenceMap) -> HashMap<String, bool> {
    presence
        .presence
        .into_iter()
        .map(|(name, presence)| (name.to_string(), presence == command::Presence::Online))
        .collect()
}

impl Client {
    /// Carries out a command inside the runtime, and gives its result. All commands go through here, so that what waits for
    /// them is in the library once.
    async fn told<T: DeserializeOwned>(&self, command: Command) -> Result<T, RequestError> {
        let (result, _) = within(self.inner.request(&command)).await??.read()?;
        Ok(result)
    }

    /// The same for a command that has nothing to tell.
    async fn done(&self, command: Command) -> Result<(), RequestError> {
        self.told::<Empty>(command).await.map(drop)
    }
}

#[uniffi::export]
impl Client {
    /// Makes a group of this user and `members`.
    #[uniffi::method(default(members = [], visibility = None))]
    pub async fn create_group(
        &self,
        name: String,
        members: Vec<String>,
        visibility: Option<Visibility>,
    ) -> Result<Group, RequestError> {
        let name = GroupName::parse(&name).map_err(|e| invalid("the group's name", e))?;
        let visibility = visibility.map(command::Visibility::from).unwrap_or_default();
        Ok(self
            .told::<command::GroupCreated>(Command::CreateGroup {
                name,
                members: users(&members)?,
                visibility,
            })
            .await?
            .into())
    }

    /// Enters a public group.
    pub async fn join_group(&self, group_id: String) -> Result<(), RequestError> {
        self.done(Command::JoinGroup { group_id: group(&group_id)? }).await
    }

    /// Leaves a group; the last to leave deletes it.
    pub async fn leave_group(&self, group_id: String) -> Result<(), RequestError> {
        self.done(Command::LeaveGroup { group_id: group(&group_id)? }).await
    }

    /// Brings a user into a group.
    pub async fn add_member(&self, group_id: String, username: String) -> Result<(), RequestError> {
        self.done(Command::AddMember { group_id: group(&group_id)?, username: user(&username)? }).await
    }

    /// Takes a user out of a group.
    pub async fn remove_member(&self, group_id: String, username: String) -> Result<(), RequestError> {
        self.done(Command::RemoveMember { group_id: group(&group_id)?, username: user(&username)? }).await
    }

    /// Gives a member another role; a new owner makes the old one an admin.
    pub async fn set_role(&self, group_id: String, username: String, role: Role) -> Result<(), RequestError> {
        self.done(Command::SetRole {
            group_id: group(&group_id)?,
            username: user(&username)?,
            role: role.into(),
        })
        .await
    }

    /// Gives a group another name.
    pub async fn rename_group(&self, group_id: String, name: String) -> Result<(), RequestError> {
        let name = GroupName::parse(&name).map_err(|e| invalid("the group's name", e))?;
        self.done(Command::RenameGroup { group_id: group(&group_id)?, name }).await
    }

    /// Ends a group.
    pub async fn delete_group(&self, group_id: String) -> Result<(), RequestError> {
        self.done(Command::DeleteGroup { group_id: group(&group_id)? }).await
    }

    /// One page of the groups that this user is in; `after` is the `next` of the page before.
    #[uniffi::method(default(limit = None, after = None))]
    pub async fn list_groups(
        &self,
        limit: Option<u16>,
        after: Option<String>,
    ) -> Result<GroupPage, RequestError> {
        let (limit, after) = page(limit, after)?;
        Ok(self.told::<command::GroupList>(Command::ListGroups { limit, after }).await?.into())
    }

    /// One page of the groups that anyone can join; `after` is the `next` of the page before.
    #[uniffi::method(default(limit = None, after = None))]
    pub async fn list_public_groups(
        &self,
        limit: Option<u16>,
        after: Option<String>,
    ) -> Result<GroupPage, RequestError> {
        let (limit, after) = page(limit, after)?;
        Ok(self.told::<command::GroupList>(Command::ListPublicGroups { limit, after }).await?.into())
    }

    /// A group, with one page of its members; `after` is the `next` of the page before.
    #[uniffi::method(default(limit = None, after = None))]
    pub async fn get_group(
        &self,
        group_id: String,
        limit: Option<u16>,
        after: Option<String>,
    ) -> Result<GroupDetails, RequestError> {
        let (limit, after) = page(limit, after)?;
        Ok(self
            .told::<command::GroupDetails>(Command::GetGroup { group_id: group(&group_id)?, limit, after })
            .await?
            .into())
    }

    /// Tells those who have a message to drop it; `sender` is its author, where that is not this user.
    #[uniffi::method(default(sender = None))]
    pub async fn delete_message(
        &self,
        recipient: String,
        message_id: String,
        sender: Option<String>,
    ) -> Result<(), RequestError> {
        let sender = optional(sender, "the sender", Username::parse)?;
        self.done(Command::DeleteMessage {
            recipient: conversation(&recipient)?,
            message_id: message(&message_id)?,
            sender,
        })
        .await
    }

    /// Tells those who have a message of this user its new text.
    pub async fn edit_message(
        &self,
        recipient: String,
        message_id: String,
        text: String,
    ) -> Result<(), RequestError> {
        let text = self::text(text, &self.inner.limits())?;
        self.done(Command::EditMessage {
            recipient: conversation(&recipient)?,
            message_id: message(&message_id)?,
            text,
        })
        .await
    }

    /// Says something fleeting, such as `typing` or `read`, with JSON `data`. It is taken at once; nothing tells that it
    /// arrived.
    #[uniffi::method(default(data = None))]
    pub fn signal(&self, recipient: String, kind: String, data: Option<String>) -> Result<(), SendError> {
        let invalid = |name, e| client::SendError::InvalidArgument(Fault::argument(name, e));
        let recipient = Conversation::parse(&recipient).map_err(|e| invalid("the recipient", e))?;
        let kind = SignalKind::parse(&kind).map_err(|e| invalid("the kind", e))?;
        let data =
            data.map(|json| SignalData::parse(&json)).transpose().map_err(|e| invalid("the data", e))?;
        Ok(self.inner.signal(recipient, kind, data)?)
    }

    /// Who is online, by name.
    pub async fn get_presence(&self, usernames: Vec<String>) -> Result<HashMap<String, bool>, RequestError> {
        Ok(online(
            self.told::<command::PresenceMap>(Command::GetPresence { usernames: users(&usernames)? }).await?,
        ))
    }

    /// Who is online, by name, and to be told of changes.
    pub async fn subscribe_presence(
        &self,
        usernames: Vec<String>,
    ) -> Result<HashMap<String, bool>, RequestError> {
        Ok(online(
            self.told::<command::PresenceMap>(Command::SubscribePresence { usernames: users(&usernames)? })
                .await?,
        ))
    }

    /// Not to be told any more.
    pub async fn unsubscribe_presence(&self, usernames: Vec<String>) -> Result<(), RequestError> {
        self.done(Command::UnsubscribePresence { usernames: users(&usernames)? }).await
    }

    /// What a user tells of themselves.
    pub async fn get_profile(&self, username: String) -> Result<Profile, RequestError> {
        Ok(self.told::<command::Profile>(Command::GetProfile { username: user(&username)? }).await?.into())
    }

    /// This user's settings.
    pub async fn get_settings(&self) -> Result<Settings, RequestError> {
        Ok(self.told::<command::Settings>(Command::GetSettings {}).await?.into())
    }

    /// Changes those of this user's settings that are given.
    #[uniffi::method(default(display_name = None, presence = None, direct_messages = None))]
    pub async fn update_settings(
        &self,
        display_name: Option<String>,
        presence: Option<PresenceAudience>,
        direct_messages: Option<DirectMessages>,
    ) -> Result<Settings, RequestError> {
        let display_name = optional(display_name, "the display name", DisplayName::parse)?;
        let (presence, direct) = (presence.map(Into::into), direct_messages.map(Into::into));
        Ok(self
            .told::<command::Settings>(Command::UpdateSettings {
                display_name,
                presence,
                direct_messages: direct,
            })
            .await?
            .into())
    }

    /// Stops all direct traffic with a user, both ways.
    pub async fn block_user(&self, username: String) -> Result<(), RequestError> {
        self.done(Command::BlockUser { username: user(&username)? }).await
    }

    /// Allows it again.
    pub async fn unblock_user(&self, username: String) -> Result<(), RequestError> {
        self.done(Command::UnblockUser { username: user(&username)? }).await
    }

    /// One page of those whom this user blocked; `after` is the `next` of the page before.
    #[uniffi::method(default(limit = None, after = None))]
    pub async fn list_blocked(
        &self,
        limit: Option<u16>,
        after: Option<String>,
    ) -> Result<BlockedPage, RequestError> {
        let (limit, after) = page(limit, after)?;
        Ok(self.told::<command::BlockedList>(Command::ListBlocked { limit, after }).await?.into())
    }

    /// This user's sessions.
    pub async fn list_sessions(&self) -> Result<Vec<SessionInfo>, RequestError> {
        let list = self.told::<SessionList>(Command::ListSessions {}).await?;
        Ok(list.sessions.into_iter().map(SessionInfo::from).collect())
    }

    /// Ends one of this user's sessions.
    pub async fn revoke_session(&self, session_id: String) -> Result<(), RequestError> {
        let session_id = SessionId::parse(&session_id).map_err(|e| invalid("the session's ID", e))?;
        self.done(Command::RevokeSession { session_id }).await
    }

    /// Ends a user's connections, as an admin of the server.
    #[uniffi::method(default(reason = None))]
    pub async fn kick_user(&self, username: String, reason: Option<String>) -> Result<(), RequestError> {
        let reason = optional(reason, "the reason", RemovalReason::parse)?;
        self.done(Command::KickUser { username: user(&username)?, reason }).await
    }

    /// Ends a user's sessions and takes no new ones, until a time in milliseconds since 1970 or for ever, as an admin of the
    /// server.
    #[uniffi::method(default(reason = None, until_ms = None))]
    pub async fn ban_user(
        &self,
        username: String,
        reason: Option<String>,
        until_ms: Option<i64>,
    ) -> Result<(), RequestError> {
        let reason = optional(reason, "the reason", RemovalReason::parse)?;
        let until = until_ms
            .map(|ms| {
                Timestamp::from_unix_millis(ms)
                    .ok_or_else(|| invalid("the time", "one before the year 10000"))
            })
            .transpose()?;
        self.done(Command::BanUser { username: user(&username)?, reason, until }).await
    }

    /// Takes a ban back, as an admin of the server.
    pub async fn unban_user(&self, username: String) -> Result<(), RequestError> {
        self.done(Command::UnbanUser { username: user(&username)? }).await
    }

    /// Speaks to everyone online, as an admin of the server.
    pub async fn announce(&self, text: String) -> Result<(), RequestError> {
        let text = self::text(text, &self.inner.limits())?;
        self.done(Command::Announce { text }).await
    }

    /// The server's figures, for an admin of it.
    pub async fn server_stats(&self) -> Result<ServerStats, RequestError> {
        Ok(self.told::<command::ServerStats>(Command::ServerStats {}).await?.into())
    }
}
