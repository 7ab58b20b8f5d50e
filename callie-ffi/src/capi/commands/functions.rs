// Generated from callie-core/src/command/table.rs by `make generate`. Do not edit.
//! One function for each command.

#![allow(
    unsafe_op_in_unsafe_fn,
    reason = "the caller's promise: texts are NULL or end in NUL, arrays have their length, results can be written to"
)]

use std::ffi::c_char;

use callie_core::MAX_PRESENCE_NAMES;
use callie_core::account::SessionList;
use callie_core::command::{
    BlockedPage, Command, Conversation, Cursor, DirectMessages, DisplayName, Group, GroupDetails, GroupName,
    GroupPage, PresenceAudience, PresenceMap, Profile, RemovalReason, Role, ServerStats, Settings,
    SignalData, SignalKind, Visibility,
};
use callie_core::{GroupId, MessageId, SessionId, Timestamp, Username};

use super::super::held::CallieClient;
use super::super::status::CallieStatus;
use super::{
    call_unanswered, call_unit, call_value, message_text, optional, or_default, page, parsed, users,
};

/// Creates a group whose owner is the caller.
///
/// Either every user in `members` joins or no group is created. Duplicate names and the caller's own are
/// merged. `FORBIDDEN` if a user does not accept direct messages from the caller.
///
/// - `name`: The group's name: 1 to 64 characters, no control characters.
/// - `members`: The usernames of the initial members besides the caller.
/// - `visibility`: Who can find and join the group; private unless given.
///
/// Each of `members` and `visibility` may be NULL. The result is `{groupID, name, visibility, members}`; the
/// caller frees it. `CALLIE_STATUS_REFUSED` with the code `USER_NOT_FOUND`, `FORBIDDEN` or `LIMIT_REACHED` if
/// the server refuses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_create_group(
    client: *mut CallieClient,
    name: *const c_char,
    members: *const *const c_char,
    member_count: usize,
    visibility: *const c_char,
    result: *mut *mut c_char,
) -> CallieStatus {
    call_value::<Group>(client, result, |client| {
        Ok(Command::CreateGroup {
            name: parsed(name, "name", GroupName::parse)?,
            members: users(members, member_count, client.client.limits().max_group_members, "members")?,
            visibility: or_default(visibility, "visibility", Visibility::parse)?,
        })
    })
}

/// Joins a public group.
///
/// - `group_id`: The group's ID.
///
/// `CALLIE_STATUS_REFUSED` with the code `GROUP_NOT_FOUND`, `CONFLICT` or `LIMIT_REACHED` if the server
/// refuses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_join_group(
    client: *mut CallieClient,
    group_id: *const c_char,
) -> CallieStatus {
    call_unit(client, |_| Ok(Command::JoinGroup { group_id: parsed(group_id, "group_id", GroupId::parse)? }))
}

/// Leaves a group.
///
/// An owner who leaves is succeeded by the longest-standing admin, or by the longest-standing member if there
/// is no admin. The group is deleted when its last member leaves. Requires membership in the group.
///
/// - `group_id`: The group's ID.
///
/// `CALLIE_STATUS_REFUSED` with the code `GROUP_NOT_FOUND` or `NOT_A_MEMBER` if the server refuses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_leave_group(
    client: *mut CallieClient,
    group_id: *const c_char,
) -> CallieStatus {
    call_unit(client, |_| Ok(Command::LeaveGroup { group_id: parsed(group_id, "group_id", GroupId::parse)? }))
}

/// Adds a user to a group.
///
/// Requires the role of admin or owner in the group.
///
/// - `group_id`: The group's ID.
/// - `username`: The user to add.
///
/// `CALLIE_STATUS_REFUSED` with the code `GROUP_NOT_FOUND`, `NOT_A_MEMBER`, `FORBIDDEN`, `USER_NOT_FOUND`,
/// `CONFLICT` or `LIMIT_REACHED` if the server refuses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_add_member(
    client: *mut CallieClient,
    group_id: *const c_char,
    username: *const c_char,
) -> CallieStatus {
    call_unit(client, |_| {
        Ok(Command::AddMember {
            group_id: parsed(group_id, "group_id", GroupId::parse)?,
            username: parsed(username, "username", Username::parse)?,
        })
    })
}

/// Removes a user from a group.
///
/// Only the owner can remove an admin, and nobody can remove the owner. Requires the role of admin or owner
/// in the group.
///
/// - `group_id`: The group's ID.
/// - `username`: The member to remove.
///
/// `CALLIE_STATUS_REFUSED` with the code `GROUP_NOT_FOUND`, `NOT_A_MEMBER`, `FORBIDDEN` or `USER_NOT_FOUND`
/// if the server refuses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_remove_member(
    client: *mut CallieClient,
    group_id: *const c_char,
    username: *const c_char,
) -> CallieStatus {
    call_unit(client, |_| {
        Ok(Command::RemoveMember {
            group_id: parsed(group_id, "group_id", GroupId::parse)?,
            username: parsed(username, "username", Username::parse)?,
        })
    })
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
/// `CALLIE_STATUS_REFUSED` with the code `GROUP_NOT_FOUND`, `NOT_A_MEMBER`, `FORBIDDEN` or `USER_NOT_FOUND`
/// if the server refuses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_set_role(
    client: *mut CallieClient,
    group_id: *const c_char,
    username: *const c_char,
    role: *const c_char,
) -> CallieStatus {
    call_unit(client, |_| {
        Ok(Command::SetRole {
            group_id: parsed(group_id, "group_id", GroupId::parse)?,
            username: parsed(username, "username", Username::parse)?,
            role: parsed(role, "role", Role::parse)?,
        })
    })
}

/// Renames a group.
///
/// Requires the role of admin or owner in the group.
///
/// - `group_id`: The group's ID.
/// - `name`: The new name: 1 to 64 characters, no control characters.
///
/// `CALLIE_STATUS_REFUSED` with the code `GROUP_NOT_FOUND`, `NOT_A_MEMBER` or `FORBIDDEN` if the server
/// refuses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_rename_group(
    client: *mut CallieClient,
    group_id: *const c_char,
    name: *const c_char,
) -> CallieStatus {
    call_unit(client, |_| {
        Ok(Command::RenameGroup {
            group_id: parsed(group_id, "group_id", GroupId::parse)?,
            name: parsed(name, "name", GroupName::parse)?,
        })
    })
}

/// Deletes a group.
///
/// Requires the role of owner in the group.
///
/// - `group_id`: The group's ID.
///
/// `CALLIE_STATUS_REFUSED` with the code `GROUP_NOT_FOUND`, `NOT_A_MEMBER` or `FORBIDDEN` if the server
/// refuses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_delete_group(
    client: *mut CallieClient,
    group_id: *const c_char,
) -> CallieStatus {
    call_unit(client, |_| {
        Ok(Command::DeleteGroup { group_id: parsed(group_id, "group_id", GroupId::parse)? })
    })
}

/// Returns one page of the groups that the caller is a member of.
///
/// - `limit`: The maximum number of groups in the page, 1 to 200; 100 unless given.
/// - `after`: The `next` of the previous page; the first page unless given.
///
/// `after` may be NULL. A `limit` of 0 stands for 100. The result is `{groups: [{groupID, name, role?,
/// memberCount}], next?}`; the caller frees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_list_groups(
    client: *mut CallieClient,
    limit: u16,
    after: *const c_char,
    result: *mut *mut c_char,
) -> CallieStatus {
    call_value::<GroupPage>(client, result, |_| {
        Ok(Command::ListGroups { limit: page(limit)?, after: optional(after, "after", Cursor::parse)? })
    })
}

/// Returns one page of the public groups, without the caller's roles.
///
/// - `limit`: The maximum number of groups in the page, 1 to 200; 100 unless given.
/// - `after`: The `next` of the previous page; the first page unless given.
///
/// `after` may be NULL. A `limit` of 0 stands for 100. The result is `{groups: [{groupID, name, role?,
/// memberCount}], next?}`; the caller frees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_list_public_groups(
    client: *mut CallieClient,
    limit: u16,
    after: *const c_char,
    result: *mut *mut c_char,
) -> CallieStatus {
    call_value::<GroupPage>(client, result, |_| {
        Ok(Command::ListPublicGroups { limit: page(limit)?, after: optional(after, "after", Cursor::parse)? })
    })
}

/// Returns a group with one page of its members.
///
/// Requires membership in the group.
///
/// - `group_id`: The group's ID.
/// - `limit`: The maximum number of members in the page, 1 to 200; 100 unless given.
/// - `after`: The `next` of the previous page; the first page unless given.
///
/// `after` may be NULL. A `limit` of 0 stands for 100. The result is `{groupID, name, visibility,
/// memberCount, members: [{username, role, online}], next?}`; the caller frees it. `CALLIE_STATUS_REFUSED`
/// with the code `GROUP_NOT_FOUND` or `NOT_A_MEMBER` if the server refuses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_get_group(
    client: *mut CallieClient,
    group_id: *const c_char,
    limit: u16,
    after: *const c_char,
    result: *mut *mut c_char,
) -> CallieStatus {
    call_value::<GroupDetails>(client, result, |_| {
        Ok(Command::GetGroup {
            group_id: parsed(group_id, "group_id", GroupId::parse)?,
            limit: page(limit)?,
            after: optional(after, "after", Cursor::parse)?,
        })
    })
}

/// Tells everyone who may have received a message to delete it.
///
/// Requires authorship of the message or, in a group, the role of admin or owner.
///
/// - `recipient`: The username or group ID that the message was sent to.
/// - `message_id`: The message's ID.
/// - `sender`: The author of the message; the caller unless given.
///
/// `sender` may be NULL. `CALLIE_STATUS_REFUSED` with the code `FORBIDDEN`, `RECIPIENT_OFFLINE`,
/// `RECIPIENT_UNKNOWN` or `NOT_A_MEMBER` if the server refuses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_delete_message(
    client: *mut CallieClient,
    recipient: *const c_char,
    message_id: *const c_char,
    sender: *const c_char,
) -> CallieStatus {
    call_unit(client, |_| {
        Ok(Command::DeleteMessage {
            recipient: parsed(recipient, "recipient", Conversation::parse)?,
            message_id: parsed(message_id, "message_id", MessageId::parse)?,
            sender: optional(sender, "sender", Username::parse)?,
        })
    })
}

/// Replaces the text of one of the caller's messages for everyone who may have received it.
///
/// Requires authorship of the message.
///
/// - `recipient`: The username or group ID that the message was sent to.
/// - `message_id`: The message's ID.
/// - `text`: The new text, in Markdown; not empty, and within the server's limit for messages.
///
/// `CALLIE_STATUS_REFUSED` with the code `FORBIDDEN`, `RECIPIENT_OFFLINE`, `RECIPIENT_UNKNOWN` or
/// `NOT_A_MEMBER` if the server refuses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_edit_message(
    client: *mut CallieClient,
    recipient: *const c_char,
    message_id: *const c_char,
    text: *const c_char,
) -> CallieStatus {
    call_unit(client, |client| {
        Ok(Command::EditMessage {
            recipient: parsed(recipient, "recipient", Conversation::parse)?,
            message_id: parsed(message_id, "message_id", MessageId::parse)?,
            text: message_text(client, text, "text")?,
        })
    })
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
/// `data` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_signal(
    client: *mut CallieClient,
    recipient: *const c_char,
    kind: *const c_char,
    data: *const c_char,
) -> CallieStatus {
    call_unanswered(client, |client| {
        Ok(client.client.signal(
            parsed(recipient, "recipient", Conversation::parse)?,
            parsed(kind, "kind", SignalKind::parse)?,
            optional(data, "data", SignalData::parse)?,
        )?)
    })
}

/// Returns which of the given users are online.
///
/// Users that do not exist or that hide their presence from the caller are reported offline.
///
/// - `usernames`: The usernames, 1 to 256.
///
/// The result is `{presence: {username: "online"|"offline"}}`; the caller frees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_get_presence(
    client: *mut CallieClient,
    usernames: *const *const c_char,
    username_count: usize,
    result: *mut *mut c_char,
) -> CallieStatus {
    call_value::<PresenceMap>(client, result, |_| {
        Ok(Command::GetPresence {
            usernames: users(usernames, username_count, MAX_PRESENCE_NAMES, "usernames")?,
        })
    })
}

/// Returns which of the given users are online, and subscribes to changes until the connection ends.
///
/// Each change arrives as a `USER_JOINED` or `USER_LEFT` notice without a group.
///
/// - `usernames`: The usernames, 1 to 256.
///
/// The result is `{presence: {username: "online"|"offline"}}`; the caller frees it. `CALLIE_STATUS_REFUSED`
/// with the code `LIMIT_REACHED` if the server refuses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_subscribe_presence(
    client: *mut CallieClient,
    usernames: *const *const c_char,
    username_count: usize,
    result: *mut *mut c_char,
) -> CallieStatus {
    call_value::<PresenceMap>(client, result, |_| {
        Ok(Command::SubscribePresence {
            usernames: users(usernames, username_count, MAX_PRESENCE_NAMES, "usernames")?,
        })
    })
}

/// Cancels presence subscriptions.
///
/// - `usernames`: The usernames, 1 to 256.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_unsubscribe_presence(
    client: *mut CallieClient,
    usernames: *const *const c_char,
    username_count: usize,
) -> CallieStatus {
    call_unit(client, |_| {
        Ok(Command::UnsubscribePresence {
            usernames: users(usernames, username_count, MAX_PRESENCE_NAMES, "usernames")?,
        })
    })
}

/// Returns a user's public profile.
///
/// - `username`: The user.
///
/// The result is `{username, displayName}`; the caller frees it. `CALLIE_STATUS_REFUSED` with the code
/// `USER_NOT_FOUND` if the server refuses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_get_profile(
    client: *mut CallieClient,
    username: *const c_char,
    result: *mut *mut c_char,
) -> CallieStatus {
    call_value::<Profile>(client, result, |_| {
        Ok(Command::GetProfile { username: parsed(username, "username", Username::parse)? })
    })
}

/// Returns the caller's settings.
///
/// The result is `{displayName, presence, directMessages}`; the caller frees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_get_settings(
    client: *mut CallieClient,
    result: *mut *mut c_char,
) -> CallieStatus {
    call_value::<Settings>(client, result, |_| Ok(Command::GetSettings {}))
}

/// Changes the given settings of the caller, and returns all of them.
///
/// - `display_name`: The caller's display name: at most 64 characters, no control characters; empty for none.
/// - `presence`: Who can see whether the caller is online.
/// - `direct_messages`: Who can send the caller direct messages.
///
/// Each of `display_name`, `presence` and `direct_messages` may be NULL. The result is `{displayName,
/// presence, directMessages}`; the caller frees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_update_settings(
    client: *mut CallieClient,
    display_name: *const c_char,
    presence: *const c_char,
    direct_messages: *const c_char,
    result: *mut *mut c_char,
) -> CallieStatus {
    call_value::<Settings>(client, result, |_| {
        Ok(Command::UpdateSettings {
            display_name: optional(display_name, "display_name", DisplayName::parse)?,
            presence: optional(presence, "presence", PresenceAudience::parse)?,
            direct_messages: optional(direct_messages, "direct_messages", DirectMessages::parse)?,
        })
    })
}

/// Blocks a user: stops direct messages and presence in both directions.
///
/// Messages in groups and broadcasts are not affected.
///
/// - `username`: The user to block.
///
/// `CALLIE_STATUS_REFUSED` with the code `USER_NOT_FOUND` if the server refuses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_block_user(
    client: *mut CallieClient,
    username: *const c_char,
) -> CallieStatus {
    call_unit(client, |_| Ok(Command::BlockUser { username: parsed(username, "username", Username::parse)? }))
}

/// Unblocks a user, who may then message the caller again.
///
/// - `username`: The user to unblock.
///
/// `CALLIE_STATUS_REFUSED` with the code `USER_NOT_FOUND` if the server refuses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_unblock_user(
    client: *mut CallieClient,
    username: *const c_char,
) -> CallieStatus {
    call_unit(client, |_| {
        Ok(Command::UnblockUser { username: parsed(username, "username", Username::parse)? })
    })
}

/// Returns one page of the users that the caller has blocked.
///
/// - `limit`: The maximum number of users in the page, 1 to 200; 100 unless given.
/// - `after`: The `next` of the previous page; the first page unless given.
///
/// `after` may be NULL. A `limit` of 0 stands for 100. The result is `{blocked: [username], next?}`; the
/// caller frees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_list_blocked(
    client: *mut CallieClient,
    limit: u16,
    after: *const c_char,
    result: *mut *mut c_char,
) -> CallieStatus {
    call_value::<BlockedPage>(client, result, |_| {
        Ok(Command::ListBlocked { limit: page(limit)?, after: optional(after, "after", Cursor::parse)? })
    })
}

/// Returns the caller's sessions, newest first.
///
/// The result is `{sessions: [{sessionID, device, createdAt, lastSeenAt, expiresAt, current}]}`; the caller
/// frees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_list_sessions(
    client: *mut CallieClient,
    result: *mut *mut c_char,
) -> CallieStatus {
    call_value::<SessionList>(client, result, |_| Ok(Command::ListSessions {}))
}

/// Revokes one of the caller's sessions and closes its connections.
///
/// - `session_id`: The session's ID.
///
/// `CALLIE_STATUS_REFUSED` with the code `SESSION_NOT_FOUND` if the server refuses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_revoke_session(
    client: *mut CallieClient,
    session_id: *const c_char,
) -> CallieStatus {
    call_unit(client, |_| {
        Ok(Command::RevokeSession { session_id: parsed(session_id, "session_id", SessionId::parse)? })
    })
}

/// Closes a user's connections.
///
/// Requires the rights of a server administrator.
///
/// - `username`: The user to disconnect.
/// - `reason`: The reason to show to the user: 1 to 256 characters, no control characters.
///
/// `reason` may be NULL. `CALLIE_STATUS_REFUSED` with the code `FORBIDDEN` or `USER_NOT_FOUND` if the server
/// refuses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_kick_user(
    client: *mut CallieClient,
    username: *const c_char,
    reason: *const c_char,
) -> CallieStatus {
    call_unit(client, |_| {
        Ok(Command::KickUser {
            username: parsed(username, "username", Username::parse)?,
            reason: optional(reason, "reason", RemovalReason::parse)?,
        })
    })
}

/// Bans a user: revokes all of the user's sessions and rejects logins.
///
/// Requires the rights of a server administrator.
///
/// - `username`: The user to ban.
/// - `reason`: The reason to show to the user: 1 to 256 characters, no control characters.
/// - `until`: When the ban ends, before the year 10000; never unless given.
///
/// Each of `reason` and `until` may be NULL. A time is a text such as `2030-01-02T03:04:05.678Z`.
/// `CALLIE_STATUS_REFUSED` with the code `FORBIDDEN` or `USER_NOT_FOUND` if the server refuses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_ban_user(
    client: *mut CallieClient,
    username: *const c_char,
    reason: *const c_char,
    until: *const c_char,
) -> CallieStatus {
    call_unit(client, |_| {
        Ok(Command::BanUser {
            username: parsed(username, "username", Username::parse)?,
            reason: optional(reason, "reason", RemovalReason::parse)?,
            until: optional(until, "until", Timestamp::parse)?,
        })
    })
}

/// Lifts a ban.
///
/// Requires the rights of a server administrator.
///
/// - `username`: The user.
///
/// `CALLIE_STATUS_REFUSED` with the code `FORBIDDEN` or `USER_NOT_FOUND` if the server refuses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_unban_user(
    client: *mut CallieClient,
    username: *const c_char,
) -> CallieStatus {
    call_unit(client, |_| Ok(Command::UnbanUser { username: parsed(username, "username", Username::parse)? }))
}

/// Sends an `ANNOUNCEMENT` notice to every online user.
///
/// Requires the rights of a server administrator.
///
/// - `text`: The text; not empty, and within the server's limit for messages.
///
/// `CALLIE_STATUS_REFUSED` with the code `FORBIDDEN` if the server refuses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_announce(
    client: *mut CallieClient,
    text: *const c_char,
) -> CallieStatus {
    call_unit(client, |client| Ok(Command::Announce { text: message_text(client, text, "text")? }))
}

/// Returns the server's counters.
///
/// Requires the rights of a server administrator.
///
/// The result is `{uptimeSeconds, connections, usersOnline, payloadsReceived, payloadsSent}`; the caller
/// frees it. `CALLIE_STATUS_REFUSED` with the code `FORBIDDEN` if the server refuses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_server_stats(
    client: *mut CallieClient,
    result: *mut *mut c_char,
) -> CallieStatus {
    call_value::<ServerStats>(client, result, |_| Ok(Command::ServerStats {}))
}
