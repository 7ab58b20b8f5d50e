//! The commands, one method each. A refusal carries the server's code, such as `FORBIDDEN` or `GROUP_NOT_FOUND`.

use std::collections::HashMap;
use std::fmt::Display;

use callie_core::command::{
    self, Conversation, Cursor, DisplayName, GroupName, MessageText, PageLimit, RemovalReason, SignalData,
    SignalKind,
};
use callie_core::{GroupId, Limits, MessageId, NameError, SessionId, Timestamp, Username};

use super::client::Client;
use super::error::{RequestError, SendError};
use super::values::{
    BlockedPage, DirectMessages, Group, GroupDetails, GroupPage, PresenceAudience, Profile, Role,
    ServerStats, SessionInfo, Settings, Visibility,
};
use crate::client::{self, Fault};
use crate::runtime::within;

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

/// Writes what a foreign command does: it awaits the command inside the runtime and gives its result.
macro_rules! run {
    ($call:expr) => {
        Ok(within($call).await??.into())
    };
}

/// The same for commands that have nothing to tell.
macro_rules! run_silently {
    ($call:expr) => {{
        within($call).await??;
        Ok(())
    }};
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
        run!(self.inner.create_group(name, users(&members)?, visibility))
    }

    /// Enters a public group.
    pub async fn join_group(&self, group_id: String) -> Result<(), RequestError> {
        run_silently!(self.inner.join_group(group(&group_id)?))
    }

    /// Leaves a group; the last to leave deletes it.
    pub async fn leave_group(&self, group_id: String) -> Result<(), RequestError> {
        run_silently!(self.inner.leave_group(group(&group_id)?))
    }

    /// Brings a user into a group.
    pub async fn add_member(&self, group_id: String, username: String) -> Result<(), RequestError> {
        run_silently!(self.inner.add_member(group(&group_id)?, user(&username)?))
    }

    /// Takes a user out of a group.
    pub async fn remove_member(&self, group_id: String, username: String) -> Result<(), RequestError> {
        run_silently!(self.inner.remove_member(group(&group_id)?, user(&username)?))
    }

    /// Gives a member another role; a new owner makes the old one an admin.
    pub async fn set_role(&self, group_id: String, username: String, role: Role) -> Result<(), RequestError> {
        run_silently!(self.inner.set_role(group(&group_id)?, user(&username)?, role.into()))
    }

    /// Gives a group another name.
    pub async fn rename_group(&self, group_id: String, name: String) -> Result<(), RequestError> {
        let name = GroupName::parse(&name).map_err(|e| invalid("the group's name", e))?;
        run_silently!(self.inner.rename_group(group(&group_id)?, name))
    }

    /// Ends a group.
    pub async fn delete_group(&self, group_id: String) -> Result<(), RequestError> {
        run_silently!(self.inner.delete_group(group(&group_id)?))
    }

    /// One page of the groups that this user is in; `after` is the `next` of the page before.
    #[uniffi::method(default(limit = None, after = None))]
    pub async fn list_groups(
        &self,
        limit: Option<u16>,
        after: Option<String>,
    ) -> Result<GroupPage, RequestError> {
        let (limit, after) = page(limit, after)?;
        run!(self.inner.list_groups(limit, after))
    }

    /// One page of the groups that anyone can join; `after` is the `next` of the page before.
    #[uniffi::method(default(limit = None, after = None))]
    pub async fn list_public_groups(
        &self,
        limit: Option<u16>,
        after: Option<String>,
    ) -> Result<GroupPage, RequestError> {
        let (limit, after) = page(limit, after)?;
        run!(self.inner.list_public_groups(limit, after))
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
        run!(self.inner.get_group(group(&group_id)?, limit, after))
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
        run_silently!(self.inner.delete_message(conversation(&recipient)?, message(&message_id)?, sender))
    }

    /// Tells those who have a message of this user its new text.
    pub async fn edit_message(
        &self,
        recipient: String,
        message_id: String,
        text: String,
    ) -> Result<(), RequestError> {
        let text = self::text(text, &self.inner.limits())?;
        run_silently!(self.inner.edit_message(conversation(&recipient)?, message(&message_id)?, text))
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
        Ok(online(within(self.inner.get_presence(users(&usernames)?)).await??))
    }

    /// Who is online, by name, and to be told of changes.
    pub async fn subscribe_presence(
        &self,
        usernames: Vec<String>,
    ) -> Result<HashMap<String, bool>, RequestError> {
        Ok(online(within(self.inner.subscribe_presence(users(&usernames)?)).await??))
    }

    /// Not to be told any more.
    pub async fn unsubscribe_presence(&self, usernames: Vec<String>) -> Result<(), RequestError> {
        run_silently!(self.inner.unsubscribe_presence(users(&usernames)?))
    }

    /// What a user tells of themselves.
    pub async fn get_profile(&self, username: String) -> Result<Profile, RequestError> {
        run!(self.inner.get_profile(user(&username)?))
    }

    /// This user's settings.
    pub async fn get_settings(&self) -> Result<Settings, RequestError> {
        run!(self.inner.get_settings())
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
        run!(self.inner.update_settings(display_name, presence, direct))
    }

    /// Stops all direct traffic with a user, both ways.
    pub async fn block_user(&self, username: String) -> Result<(), RequestError> {
        run_silently!(self.inner.block_user(user(&username)?))
    }

    /// Allows it again.
    pub async fn unblock_user(&self, username: String) -> Result<(), RequestError> {
        run_silently!(self.inner.unblock_user(user(&username)?))
    }

    /// One page of those whom this user blocked; `after` is the `next` of the page before.
    #[uniffi::method(default(limit = None, after = None))]
    pub async fn list_blocked(
        &self,
        limit: Option<u16>,
        after: Option<String>,
    ) -> Result<BlockedPage, RequestError> {
        let (limit, after) = page(limit, after)?;
        run!(self.inner.list_blocked(limit, after))
    }

    /// This user's sessions.
    pub async fn list_sessions(&self) -> Result<Vec<SessionInfo>, RequestError> {
        let list = within(self.inner.list_sessions()).await??;
        Ok(list.sessions.into_iter().map(SessionInfo::from).collect())
    }

    /// Ends one of this user's sessions.
    pub async fn revoke_session(&self, session_id: String) -> Result<(), RequestError> {
        let session_id = SessionId::parse(&session_id).map_err(|e| invalid("the session's ID", e))?;
        run_silently!(self.inner.revoke_session(session_id))
    }

    /// Ends a user's connections, as an admin of the server.
    #[uniffi::method(default(reason = None))]
    pub async fn kick_user(&self, username: String, reason: Option<String>) -> Result<(), RequestError> {
        let reason = optional(reason, "the reason", RemovalReason::parse)?;
        run_silently!(self.inner.kick_user(user(&username)?, reason))
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
        run_silently!(self.inner.ban_user(user(&username)?, reason, until))
    }

    /// Takes a ban back, as an admin of the server.
    pub async fn unban_user(&self, username: String) -> Result<(), RequestError> {
        run_silently!(self.inner.unban_user(user(&username)?))
    }

    /// Speaks to everyone online, as an admin of the server.
    pub async fn announce(&self, text: String) -> Result<(), RequestError> {
        let text = self::text(text, &self.inner.limits())?;
        run_silently!(self.inner.announce(text))
    }

    /// The server's figures, for an admin of it.
    pub async fn server_stats(&self) -> Result<ServerStats, RequestError> {
        run!(self.inner.server_stats())
    }
}
