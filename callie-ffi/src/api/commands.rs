// Generated from callie-core/src/command/table.rs by `make generate`. Do not edit.
//! One method for each command. A refusal carries the server's code, such as `FORBIDDEN`.

use std::collections::HashMap;
use std::time::SystemTime;

use callie_core::command;
use callie_core::command::{
    Command, Conversation, Cursor, DisplayName, GroupName, RemovalReason, SignalData, SignalKind,
};
use callie_core::{GroupId, MessageId, SessionId, Username};

use super::client::Client;
use super::error::CallError;
use super::requests::{instant, message_text, online, optional, page_limit, parsed, read, users};
use super::values::{
    BlockedPage, DirectMessages, Group, GroupDetails, GroupPage, PresenceAudience, Profile, Role,
    ServerStats, SessionInfo, Settings, Visibility,
};

#[uniffi::export]
impl Client {
    /// Creates a group whose owner is the caller.
    ///
    /// Either every user in `members` joins or no group is created. Duplicate names and the caller's own are
    /// merged. `FORBIDDEN` if a user does not accept direct messages from the caller.
    ///
    /// - `name`: The group's name: 1 to 64 characters, no control characters.
    /// - `members`: The usernames of the initial members besides the caller.
    /// - `visibility`: Who can find and join the group; private unless given.
    ///
    /// # Errors
    /// [`CallError`]; refused with the code `USER_NOT_FOUND`, `FORBIDDEN` or `LIMIT_REACHED`.
    #[uniffi::method(default(members = [], visibility = None))]
    pub async fn create_group(
        &self,
        name: String,
        members: Vec<String>,
        visibility: Option<Visibility>,
    ) -> Result<Group, CallError> {
        let command = Command::CreateGroup {
            name: parsed(&name, "name", GroupName::parse)?,
            members: users(&members, "members")?,
            visibility: visibility.map(Into::into).unwrap_or_default(),
        };
        let result: command::Group = read(self.call(command).await?)?;
        Ok(result.into())
    }

    /// Joins a public group.
    ///
    /// - `group_id`: The group's ID.
    ///
    /// # Errors
    /// [`CallError`]; refused with the code `GROUP_NOT_FOUND`, `CONFLICT` or `LIMIT_REACHED`.
    pub async fn join_group(&self, group_id: String) -> Result<(), CallError> {
        let command = Command::JoinGroup { group_id: parsed(&group_id, "groupID", GroupId::parse)? };
        self.call_unit(command).await
    }

    /// Leaves a group.
    ///
    /// An owner who leaves is succeeded by the longest-standing admin, or by the longest-standing member if there
    /// is no admin. The group is deleted when its last member leaves. Requires membership in the group.
    ///
    /// - `group_id`: The group's ID.
    ///
    /// # Errors
    /// [`CallError`]; refused with the code `GROUP_NOT_FOUND` or `NOT_A_MEMBER`.
    pub async fn leave_group(&self, group_id: String) -> Result<(), CallError> {
        let command = Command::LeaveGroup { group_id: parsed(&group_id, "groupID", GroupId::parse)? };
        self.call_unit(command).await
    }

    /// Adds a user to a group.
    ///
    /// Requires the role of admin or owner in the group.
    ///
    /// - `group_id`: The group's ID.
    /// - `username`: The user to add.
    ///
    /// # Errors
    /// [`CallError`]; refused with the code `GROUP_NOT_FOUND`, `NOT_A_MEMBER`, `FORBIDDEN`, `USER_NOT_FOUND`,
    /// `CONFLICT` or `LIMIT_REACHED`.
    pub async fn add_member(&self, group_id: String, username: String) -> Result<(), CallError> {
        let command = Command::AddMember {
            group_id: parsed(&group_id, "groupID", GroupId::parse)?,
            username: parsed(&username, "username", Username::parse)?,
        };
        self.call_unit(command).await
    }

    /// Removes a user from a group.
    ///
    /// Only the owner can remove an admin, and nobody can remove the owner. Requires the role of admin or owner
    /// in the group.
    ///
    /// - `group_id`: The group's ID.
    /// - `username`: The member to remove.
    ///
    /// # Errors
    /// [`CallError`]; refused with the code `GROUP_NOT_FOUND`, `NOT_A_MEMBER`, `FORBIDDEN` or `USER_NOT_FOUND`.
    pub async fn remove_member(&self, group_id: String, username: String) -> Result<(), CallError> {
        let command = Command::RemoveMember {
            group_id: parsed(&group_id, "groupID", GroupId::parse)?,
            username: parsed(&username, "username", Username::parse)?,
        };
        self.call_unit(command).await
    }

    /// Changes the role of another member.
    ///
    /// A group has one owner: making a member the owner makes the caller an admin. Requires the role of owner in
    /// the group.
    ///
    /// - `group_id`: The group's ID.
    /// - `username`: The member.
    /// - `role`: The new role.
    ///
    /// # Errors
    /// [`CallError`]; refused with the code `GROUP_NOT_FOUND`, `NOT_A_MEMBER`, `FORBIDDEN` or `USER_NOT_FOUND`.
    pub async fn set_role(&self, group_id: String, username: String, role: Role) -> Result<(), CallError> {
        let command = Command::SetRole {
            group_id: parsed(&group_id, "groupID", GroupId::parse)?,
            username: parsed(&username, "username", Username::parse)?,
            role: role.into(),
        };
        self.call_unit(command).await
    }

    /// Renames a group.
    ///
    /// Requires the role of admin or owner in the group.
    ///
    /// - `group_id`: The group's ID.
    /// - `name`: The new name: 1 to 64 characters, no control characters.
    ///
    /// # Errors
    /// [`CallError`]; refused with the code `GROUP_NOT_FOUND`, `NOT_A_MEMBER` or `FORBIDDEN`.
    pub async fn rename_group(&self, group_id: String, name: String) -> Result<(), CallError> {
        let command = Command::RenameGroup {
            group_id: parsed(&group_id, "groupID", GroupId::parse)?,
            name: parsed(&name, "name", GroupName::parse)?,
        };
        self.call_unit(command).await
    }

    /// Deletes a group.
    ///
    /// Requires the role of owner in the group.
    ///
    /// - `group_id`: The group's ID.
    ///
    /// # Errors
    /// [`CallError`]; refused with the code `GROUP_NOT_FOUND`, `NOT_A_MEMBER` or `FORBIDDEN`.
    pub async fn delete_group(&self, group_id: String) -> Result<(), CallError> {
        let command = Command::DeleteGroup { group_id: parsed(&group_id, "groupID", GroupId::parse)? };
        self.call_unit(command).await
    }

    /// Returns one page of the groups that the caller is a member of.
    ///
    /// - `limit`: The maximum number of groups in the page, 1 to 200; 100 unless given.
    /// - `after`: The `next` of the previous page; the first page unless given.
    ///
    /// # Errors
    /// [`CallError`].
    #[uniffi::method(default(limit = None, after = None))]
    pub async fn list_groups(
        &self,
        limit: Option<u16>,
        after: Option<String>,
    ) -> Result<GroupPage, CallError> {
        let command = Command::ListGroups {
            limit: page_limit(limit)?,
            after: optional(after.as_deref(), "after", Cursor::parse)?,
        };
        let result: command::GroupPage = read(self.call(command).await?)?;
        Ok(result.into())
    }

    /// Returns one page of the public groups, without the caller's roles.
    ///
    /// - `limit`: The maximum number of groups in the page, 1 to 200; 100 unless given.
    /// - `after`: The `next` of the previous page; the first page unless given.
    ///
    /// # Errors
    /// [`CallError`].
    #[uniffi::method(default(limit = None, after = None))]
    pub async fn list_public_groups(
        &self,
        limit: Option<u16>,
        after: Option<String>,
    ) -> Result<GroupPage, CallError> {
        let command = Command::ListPublicGroups {
            limit: page_limit(limit)?,
            after: optional(after.as_deref(), "after", Cursor::parse)?,
        };
        let result: command::GroupPage = read(self.call(command).await?)?;
        Ok(result.into())
    }

    /// Returns a group with one page of its members.
    ///
    /// Requires membership in the group.
    ///
    /// - `group_id`: The group's ID.
    /// - `limit`: The maximum number of members in the page, 1 to 200; 100 unless given.
    /// - `after`: The `next` of the previous page; the first page unless given.
    ///
    /// # Errors
    /// [`CallError`]; refused with the code `GROUP_NOT_FOUND` or `NOT_A_MEMBER`.
    #[uniffi::method(default(limit = None, after = None))]
    pub async fn get_group(
        &self,
        group_id: String,
        limit: Option<u16>,
        after: Option<String>,
    ) -> Result<GroupDetails, CallError> {
        let command = Command::GetGroup {
            group_id: parsed(&group_id, "groupID", GroupId::parse)?,
            limit: page_limit(limit)?,
            after: optional(after.as_deref(), "after", Cursor::parse)?,
        };
        let result: command::GroupDetails = read(self.call(command).await?)?;
        Ok(result.into())
    }

    /// Tells everyone who may have received a message to delete it.
    ///
    /// Requires authorship of the message or, in a group, the role of admin or owner.
    ///
    /// - `recipient`: The username or group ID that the message was sent to.
    /// - `message_id`: The message's ID.
    /// - `sender`: The author of the message; the caller unless given.
    ///
    /// # Errors
    /// [`CallError`]; refused with the code `FORBIDDEN`, `RECIPIENT_OFFLINE`, `RECIPIENT_UNKNOWN` or
    /// `NOT_A_MEMBER`.
    #[uniffi::method(default(sender = None))]
    pub async fn delete_message(
        &self,
        recipient: String,
        message_id: String,
        sender: Option<String>,
    ) -> Result<(), CallError> {
        let command = Command::DeleteMessage {
            recipient: parsed(&recipient, "recipient", Conversation::parse)?,
            message_id: parsed(&message_id, "messageID", MessageId::parse)?,
            sender: optional(sender.as_deref(), "sender", Username::parse)?,
        };
        self.call_unit(command).await
    }

    /// Replaces the text of one of the caller's messages for everyone who may have received it.
    ///
    /// Requires authorship of the message.
    ///
    /// - `recipient`: The username or group ID that the message was sent to.
    /// - `message_id`: The message's ID.
    /// - `text`: The new text, in Markdown; not empty, and within the server's limit for messages.
    ///
    /// # Errors
    /// [`CallError`]; refused with the code `FORBIDDEN`, `RECIPIENT_OFFLINE`, `RECIPIENT_UNKNOWN` or
    /// `NOT_A_MEMBER`.
    pub async fn edit_message(
        &self,
        recipient: String,
        message_id: String,
        text: String,
    ) -> Result<(), CallError> {
        let command = Command::EditMessage {
            recipient: parsed(&recipient, "recipient", Conversation::parse)?,
            message_id: parsed(&message_id, "messageID", MessageId::parse)?,
            text: message_text(text, &self.inner.limits(), "text")?,
        };
        self.call_unit(command).await
    }

    /// Sends a short-lived signal, such as a typing indicator.
    ///
    /// Delivery is neither guaranteed nor reported. A refusal arrives as a notice with the code
    /// `RECIPIENT_UNKNOWN`, `NOT_A_MEMBER` or `FORBIDDEN`.
    ///
    /// - `recipient`: The username or group ID of the receiver.
    /// - `kind`: `typing`, `read`, or another name of 1 to 32 lower-case letters and underscores.
    /// - `data`: Any JSON value of at most 1,024 bytes.
    ///
    /// # Errors
    /// [`CallError`].
    #[uniffi::method(default(data = None))]
    pub fn signal(&self, recipient: String, kind: String, data: Option<String>) -> Result<(), CallError> {
        self.inner.signal(
            parsed(&recipient, "recipient", Conversation::parse)?,
            parsed(&kind, "kind", SignalKind::parse)?,
            optional(data.as_deref(), "data", SignalData::parse)?,
        )?;
        Ok(())
    }

    /// Returns which of the given users are online.
    ///
    /// Users that do not exist or that hide their presence from the caller are reported offline.
    ///
    /// - `usernames`: The usernames, 1 to 256.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn get_presence(&self, usernames: Vec<String>) -> Result<HashMap<String, bool>, CallError> {
        let command = Command::GetPresence { usernames: users(&usernames, "usernames")? };
        let result: command::PresenceMap = read(self.call(command).await?)?;
        Ok(online(result))
    }

    /// Returns which of the given users are online, and subscribes to changes until the connection ends.
    ///
    /// Each change arrives as a `USER_JOINED` or `USER_LEFT` notice without a group.
    ///
    /// - `usernames`: The usernames, 1 to 256.
    ///
    /// # Errors
    /// [`CallError`]; refused with the code `LIMIT_REACHED`.
    pub async fn subscribe_presence(
        &self,
        usernames: Vec<String>,
    ) -> Result<HashMap<String, bool>, CallError> {
        let command = Command::SubscribePresence { usernames: users(&usernames, "usernames")? };
        let result: command::PresenceMap = read(self.call(command).await?)?;
        Ok(online(result))
    }

    /// Cancels presence subscriptions.
    ///
    /// - `usernames`: The usernames, 1 to 256.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn unsubscribe_presence(&self, usernames: Vec<String>) -> Result<(), CallError> {
        let command = Command::UnsubscribePresence { usernames: users(&usernames, "usernames")? };
        self.call_unit(command).await
    }

    /// Returns a user's public profile.
    ///
    /// - `username`: The user.
    ///
    /// # Errors
    /// [`CallError`]; refused with the code `USER_NOT_FOUND`.
    pub async fn get_profile(&self, username: String) -> Result<Profile, CallError> {
        let command = Command::GetProfile { username: parsed(&username, "username", Username::parse)? };
        let result: command::Profile = read(self.call(command).await?)?;
        Ok(result.into())
    }

    /// Returns the caller's settings.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn get_settings(&self) -> Result<Settings, CallError> {
        let command = Command::GetSettings {};
        let result: command::Settings = read(self.call(command).await?)?;
        Ok(result.into())
    }

    /// Changes the given settings of the caller, and returns all of them.
    ///
    /// - `display_name`: The caller's display name: at most 64 characters, no control characters; empty for none.
    /// - `presence`: Who can see whether the caller is online.
    /// - `direct_messages`: Who can send the caller direct messages.
    ///
    /// # Errors
    /// [`CallError`].
    #[uniffi::method(default(display_name = None, presence = None, direct_messages = None))]
    pub async fn update_settings(
        &self,
        display_name: Option<String>,
        presence: Option<PresenceAudience>,
        direct_messages: Option<DirectMessages>,
    ) -> Result<Settings, CallError> {
        let command = Command::UpdateSettings {
            display_name: optional(display_name.as_deref(), "displayName", DisplayName::parse)?,
            presence: presence.map(Into::into),
            direct_messages: direct_messages.map(Into::into),
        };
        let result: command::Settings = read(self.call(command).await?)?;
        Ok(result.into())
    }

    /// Blocks a user: stops direct messages and presence in both directions.
    ///
    /// Messages in groups and broadcasts are not affected.
    ///
    /// - `username`: The user to block.
    ///
    /// # Errors
    /// [`CallError`]; refused with the code `USER_NOT_FOUND`.
    pub async fn block_user(&self, username: String) -> Result<(), CallError> {
        let command = Command::BlockUser { username: parsed(&username, "username", Username::parse)? };
        self.call_unit(command).await
    }

    /// Unblocks a user, who may then message the caller again.
    ///
    /// - `username`: The user to unblock.
    ///
    /// # Errors
    /// [`CallError`]; refused with the code `USER_NOT_FOUND`.
    pub async fn unblock_user(&self, username: String) -> Result<(), CallError> {
        let command = Command::UnblockUser { username: parsed(&username, "username", Username::parse)? };
        self.call_unit(command).await
    }

    /// Returns one page of the users that the caller has blocked.
    ///
    /// - `limit`: The maximum number of users in the page, 1 to 200; 100 unless given.
    /// - `after`: The `next` of the previous page; the first page unless given.
    ///
    /// # Errors
    /// [`CallError`].
    #[uniffi::method(default(limit = None, after = None))]
    pub async fn list_blocked(
        &self,
        limit: Option<u16>,
        after: Option<String>,
    ) -> Result<BlockedPage, CallError> {
        let command = Command::ListBlocked {
            limit: page_limit(limit)?,
            after: optional(after.as_deref(), "after", Cursor::parse)?,
        };
        let result: command::BlockedPage = read(self.call(command).await?)?;
        Ok(result.into())
    }

    /// Returns the caller's sessions, newest first.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn list_sessions(&self) -> Result<Vec<SessionInfo>, CallError> {
        let command = Command::ListSessions {};
        let result: callie_core::account::SessionList = read(self.call(command).await?)?;
        Ok(result.sessions.into_iter().map(SessionInfo::from).collect())
    }

    /// Revokes one of the caller's sessions and closes its connections.
    ///
    /// - `session_id`: The session's ID.
    ///
    /// # Errors
    /// [`CallError`]; refused with the code `SESSION_NOT_FOUND`.
    pub async fn revoke_session(&self, session_id: String) -> Result<(), CallError> {
        let command =
            Command::RevokeSession { session_id: parsed(&session_id, "sessionID", SessionId::parse)? };
        self.call_unit(command).await
    }

    /// Closes a user's connections.
    ///
    /// Requires the rights of a server administrator.
    ///
    /// - `username`: The user to disconnect.
    /// - `reason`: The reason to show to the user: 1 to 256 characters, no control characters.
    ///
    /// # Errors
    /// [`CallError`]; refused with the code `FORBIDDEN` or `USER_NOT_FOUND`.
    #[uniffi::method(default(reason = None))]
    pub async fn kick_user(&self, username: String, reason: Option<String>) -> Result<(), CallError> {
        let command = Command::KickUser {
            username: parsed(&username, "username", Username::parse)?,
            reason: optional(reason.as_deref(), "reason", RemovalReason::parse)?,
        };
        self.call_unit(command).await
    }

    /// Bans a user: revokes all of the user's sessions and rejects logins.
    ///
    /// Requires the rights of a server administrator.
    ///
    /// - `username`: The user to ban.
    /// - `reason`: The reason to show to the user: 1 to 256 characters, no control characters.
    /// - `until`: When the ban ends, before the year 10000; never unless given.
    ///
    /// # Errors
    /// [`CallError`]; refused with the code `FORBIDDEN` or `USER_NOT_FOUND`.
    #[uniffi::method(default(reason = None, until = None))]
    pub async fn ban_user(
        &self,
        username: String,
        reason: Option<String>,
        until: Option<SystemTime>,
    ) -> Result<(), CallError> {
        let command = Command::BanUser {
            username: parsed(&username, "username", Username::parse)?,
            reason: optional(reason.as_deref(), "reason", RemovalReason::parse)?,
            until: instant(until, "until")?,
        };
        self.call_unit(command).await
    }

    /// Lifts a ban.
    ///
    /// Requires the rights of a server administrator.
    ///
    /// - `username`: The user.
    ///
    /// # Errors
    /// [`CallError`]; refused with the code `FORBIDDEN` or `USER_NOT_FOUND`.
    pub async fn unban_user(&self, username: String) -> Result<(), CallError> {
        let command = Command::UnbanUser { username: parsed(&username, "username", Username::parse)? };
        self.call_unit(command).await
    }

    /// Sends an `ANNOUNCEMENT` notice to every online user.
    ///
    /// Requires the rights of a server administrator.
    ///
    /// - `text`: The text; not empty, and within the server's limit for messages.
    ///
    /// # Errors
    /// [`CallError`]; refused with the code `FORBIDDEN`.
    pub async fn announce(&self, text: String) -> Result<(), CallError> {
        let command = Command::Announce { text: message_text(text, &self.inner.limits(), "text")? };
        self.call_unit(command).await
    }

    /// Returns the server's counters.
    ///
    /// Requires the rights of a server administrator.
    ///
    /// # Errors
    /// [`CallError`]; refused with the code `FORBIDDEN`.
    pub async fn server_stats(&self) -> Result<ServerStats, CallError> {
        let command = Command::ServerStats {};
        let result: command::ServerStats = read(self.call(command).await?)?;
        Ok(result.into())
    }
}
