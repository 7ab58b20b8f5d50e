//! The commands, one function each. Results are JSON objects, as the protocol names their members ("Commands").
//!
//! A refusal is `CALLIE_STATUS_REFUSED` with the server's code, such as `FORBIDDEN` or `GROUP_NOT_FOUND`.

use std::ffi::c_char;

use callie_core::account::SessionList;
use callie_core::command::{
    BlockedList, Command, Conversation, Cursor, DirectMessages, DisplayName, Empty, GroupCreated,
    GroupDetails, GroupList, GroupName, MessageText, PageLimit, PresenceAudience, PresenceMap, Profile,
    RemovalReason, Role, ServerStats, Settings, SignalData, SignalKind, Visibility,
};
use callie_core::{GroupId, MessageId, NameError, SessionId, Timestamp, Username};

use serde::de::DeserializeOwned;

use super::border::{Place, array, guard, optional_text, text};
use super::client::{CLIENTS, CallieClient, Held};
use super::server::malformed;
use super::status::{CallieStatus, Failure};
use super::text::give;
use crate::runtime::block_on;

/// Reads a text of a form of the protocol.
///
/// # Safety
/// `pointer` is NULL or ends in NUL.
unsafe fn parsed<T>(
    pointer: *const c_char,
    name: &str,
    parse: fn(&str) -> Result<T, NameError>,
) -> Result<T, Failure> {
    // SAFETY: passed on to the caller.
    parse(unsafe { text(pointer, name)? }).map_err(|e| malformed(name, e))
}

/// The same where it may be left out with NULL.
///
/// # Safety
/// As for [`parsed`].
unsafe fn optional<T>(
    pointer: *const c_char,
    name: &str,
    parse: fn(&str) -> Result<T, NameError>,
) -> Result<Option<T>, Failure> {
    // SAFETY: passed on to the caller.
    let given = unsafe { optional_text(pointer, name)? };
    given.map(|given| parse(given).map_err(|e| malformed(name, e))).transpose()
}

/// Reads `count` usernames.
///
/// # Safety
/// `pointer` is NULL or points to so many texts, each NULL or ending in NUL.
unsafe fn users(pointer: *const *const c_char, count: usize, name: &str) -> Result<Vec<Username>, Failure> {
    // SAFETY: passed on to the caller.
    unsafe { array(pointer, count, name)?.iter().map(|&user| parsed(user, name, Username::parse)).collect() }
}

/// Reads a text that is not empty and within the server's limit.
///
/// # Safety
/// `pointer` is NULL or ends in NUL.
unsafe fn line(client: &Held, pointer: *const c_char, name: &str) -> Result<MessageText, Failure> {
    // SAFETY: passed on to the caller.
    let line = unsafe { text(pointer, name)? };
    MessageText::new(line, &client.client.limits()).map_err(|e| malformed(name, e))
}

fn page(limit: u16) -> Result<PageLimit, Failure> {
    if limit == 0 {
        return Ok(PageLimit::default());
    }
    PageLimit::new(limit).ok_or_else(|| malformed("limit", "at most 200"))
}

/// Carries out a command that has nothing to tell.
fn done(client: &Held, command: Command) -> Result<(), Failure> {
    let (Empty {}, _) = block_on(client.client.outcome(&command))??.read()?;
    Ok(())
}

/// Carries out a command and gives its result, which is a `T`, as it came.
fn told<T: DeserializeOwned>(
    client: &Held,
    command: Command,
    result: &Place<*mut c_char>,
) -> Result<(), Failure> {
    let (_, json) = block_on(client.client.outcome(&command))??.read::<T>()?;
    result.put(give(json)?);
    Ok(())
}

/// Says something fleeting, `kind` being `typing`, `read` or another name of `a-z` and `_`, with JSON `data` or NULL. It is
/// taken at once; nothing tells that it arrived.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_signal(
    client: *mut CallieClient,
    recipient: *const c_char,
    kind: *const c_char,
    data: *const c_char,
) -> CallieStatus {
    guard(|| {
        let client = CLIENTS.get(client)?;
        // SAFETY: the caller's promise: the texts are NULL or end in NUL.
        let (recipient, kind, data) = unsafe {
            (
                parsed(recipient, "recipient", Conversation::parse)?,
                parsed(kind, "kind", SignalKind::parse)?,
                optional(data, "data", SignalData::parse)?,
            )
        };
        Ok(client.client.signal(recipient, kind, data)?)
    })
}

/// Makes a group of this user and the `member_count` users in `members` (NULL where there are none). A public one can be
/// joined by anyone.
///
/// The result is `{groupID, name, visibility, members}`; the caller frees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_create_group(
    client: *mut CallieClient,
    name: *const c_char,
    members: *const *const c_char,
    member_count: usize,
    is_public: bool,
    result: *mut *mut c_char,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the texts are NULL or end in NUL, the result can be written to.
        let (result, client, command) = unsafe {
            let result = Place::at(result, "result", std::ptr::null_mut())?;
            let client = CLIENTS.get(client)?;
            (
                result,
                client,
                Command::CreateGroup {
                    name: parsed(name, "name", GroupName::parse)?,
                    members: users(members, member_count, "members")?,
                    visibility: if is_public { Visibility::Public } else { Visibility::Private },
                },
            )
        };
        told::<GroupCreated>(&client, command, &result)
    })
}

/// Enters a public group.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_join_group(
    client: *mut CallieClient,
    group_id: *const c_char,
) -> CallieStatus {
    guard(|| {
        let client = CLIENTS.get(client)?;
        // SAFETY: the caller's promise: the texts are NULL or end in NUL.
        let command =
            unsafe { Command::JoinGroup { group_id: parsed(group_id, "group_id", GroupId::parse)? } };
        done(&client, command)
    })
}

/// Leaves a group. The last to leave deletes it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_leave_group(
    client: *mut CallieClient,
    group_id: *const c_char,
) -> CallieStatus {
    guard(|| {
        let client = CLIENTS.get(client)?;
        // SAFETY: the caller's promise: the texts are NULL or end in NUL.
        let command =
            unsafe { Command::LeaveGroup { group_id: parsed(group_id, "group_id", GroupId::parse)? } };
        done(&client, command)
    })
}

/// Brings a user into a group.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_add_member(
    client: *mut CallieClient,
    group_id: *const c_char,
    username: *const c_char,
) -> CallieStatus {
    guard(|| {
        let client = CLIENTS.get(client)?;
        // SAFETY: the caller's promise: the texts are NULL or end in NUL.
        let command = unsafe {
            Command::AddMember {
                group_id: parsed(group_id, "group_id", GroupId::parse)?,
                username: parsed(username, "username", Username::parse)?,
            }
        };
        done(&client, command)
    })
}

/// Takes a user out of a group.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_remove_member(
    client: *mut CallieClient,
    group_id: *const c_char,
    username: *const c_char,
) -> CallieStatus {
    guard(|| {
        let client = CLIENTS.get(client)?;
        // SAFETY: the caller's promise: the texts are NULL or end in NUL.
        let command = unsafe {
            Command::RemoveMember {
                group_id: parsed(group_id, "group_id", GroupId::parse)?,
                username: parsed(username, "username", Username::parse)?,
            }
        };
        done(&client, command)
    })
}

/// Gives a member another role, `owner`, `admin` or `member`; a new owner makes the old one an admin.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_set_role(
    client: *mut CallieClient,
    group_id: *const c_char,
    username: *const c_char,
    role: *const c_char,
) -> CallieStatus {
    guard(|| {
        let client = CLIENTS.get(client)?;
        // SAFETY: the caller's promise: the texts are NULL or end in NUL.
        let command = unsafe {
            Command::SetRole {
                group_id: parsed(group_id, "group_id", GroupId::parse)?,
                username: parsed(username, "username", Username::parse)?,
                role: parsed(role, "role", Role::parse)?,
            }
        };
        done(&client, command)
    })
}

/// Gives a group another name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_rename_group(
    client: *mut CallieClient,
    group_id: *const c_char,
    name: *const c_char,
) -> CallieStatus {
    guard(|| {
        let client = CLIENTS.get(client)?;
        // SAFETY: the caller's promise: the texts are NULL or end in NUL.
        let command = unsafe {
            Command::RenameGroup {
                group_id: parsed(group_id, "group_id", GroupId::parse)?,
                name: parsed(name, "name", GroupName::parse)?,
            }
        };
        done(&client, command)
    })
}

/// Ends a group.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_delete_group(
    client: *mut CallieClient,
    group_id: *const c_char,
) -> CallieStatus {
    guard(|| {
        let client = CLIENTS.get(client)?;
        // SAFETY: the caller's promise: the texts are NULL or end in NUL.
        let command =
            unsafe { Command::DeleteGroup { group_id: parsed(group_id, "group_id", GroupId::parse)? } };
        done(&client, command)
    })
}

/// One page of the groups that this user is in, at most `limit` (1 to 200; 0 for 100); `after` is the `next` of the page
/// before, or NULL.
///
/// The result is `{groups: [{groupID, name, role, memberCount}], next?}`; the caller frees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_list_groups(
    client: *mut CallieClient,
    limit: u16,
    after: *const c_char,
    result: *mut *mut c_char,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the texts are NULL or end in NUL, the result can be written to.
        let (result, client, command) = unsafe {
            let result = Place::at(result, "result", std::ptr::null_mut())?;
            let client = CLIENTS.get(client)?;
            (
                result,
                client,
                Command::ListGroups { limit: page(limit)?, after: optional(after, "after", Cursor::parse)? },
            )
        };
        told::<GroupList>(&client, command, &result)
    })
}

/// One page of the groups that anyone can join; `limit` and `after` as for `callie_client_list_groups`.
///
/// The result is `{groups: [{groupID, name, memberCount}], next?}`; the caller frees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_list_public_groups(
    client: *mut CallieClient,
    limit: u16,
    after: *const c_char,
    result: *mut *mut c_char,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the texts are NULL or end in NUL, the result can be written to.
        let (result, client, command) = unsafe {
            let result = Place::at(result, "result", std::ptr::null_mut())?;
            let client = CLIENTS.get(client)?;
            (
                result,
                client,
                Command::ListPublicGroups {
                    limit: page(limit)?,
                    after: optional(after, "after", Cursor::parse)?,
                },
            )
        };
        told::<GroupList>(&client, command, &result)
    })
}

/// A group, with one page of its members; `limit` and `after` as for `callie_client_list_groups`.
///
/// The result is `{groupID, name, visibility, memberCount, members: [{username, role, online}], next?}`; the caller frees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_get_group(
    client: *mut CallieClient,
    group_id: *const c_char,
    limit: u16,
    after: *const c_char,
    result: *mut *mut c_char,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the texts are NULL or end in NUL, the result can be written to.
        let (result, client, command) = unsafe {
            let result = Place::at(result, "result", std::ptr::null_mut())?;
            let client = CLIENTS.get(client)?;
            (
                result,
                client,
                Command::GetGroup {
                    group_id: parsed(group_id, "group_id", GroupId::parse)?,
                    limit: page(limit)?,
                    after: optional(after, "after", Cursor::parse)?,
                },
            )
        };
        told::<GroupDetails>(&client, command, &result)
    })
}

/// Tells those who have a message to drop it; `sender` is its author, or NULL for this user.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_delete_message(
    client: *mut CallieClient,
    recipient: *const c_char,
    message_id: *const c_char,
    sender: *const c_char,
) -> CallieStatus {
    guard(|| {
        let client = CLIENTS.get(client)?;
        // SAFETY: the caller's promise: the texts are NULL or end in NUL.
        let command = unsafe {
            Command::DeleteMessage {
                recipient: parsed(recipient, "recipient", Conversation::parse)?,
                message_id: parsed(message_id, "message_id", MessageId::parse)?,
                sender: optional(sender, "sender", Username::parse)?,
            }
        };
        done(&client, command)
    })
}

/// Tells those who have a message of this user its new text.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_edit_message(
    client: *mut CallieClient,
    recipient: *const c_char,
    message_id: *const c_char,
    message: *const c_char,
) -> CallieStatus {
    guard(|| {
        let client = CLIENTS.get(client)?;
        // SAFETY: the caller's promise: the texts are NULL or end in NUL.
        let command = unsafe {
            Command::EditMessage {
                recipient: parsed(recipient, "recipient", Conversation::parse)?,
                message_id: parsed(message_id, "message_id", MessageId::parse)?,
                text: line(&client, message, "message")?,
            }
        };
        done(&client, command)
    })
}

/// Who of the `count` users is online.
///
/// The result is `{presence: {name: "online"|"offline"}}`; the caller frees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_get_presence(
    client: *mut CallieClient,
    usernames: *const *const c_char,
    count: usize,
    result: *mut *mut c_char,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the texts are NULL or end in NUL, the result can be written to.
        let (result, client, command) = unsafe {
            let result = Place::at(result, "result", std::ptr::null_mut())?;
            let client = CLIENTS.get(client)?;
            (result, client, Command::GetPresence { usernames: users(usernames, count, "usernames")? })
        };
        told::<PresenceMap>(&client, command, &result)
    })
}

/// Who of the `count` users is online, and to be told of changes.
///
/// The result is `{presence: {name: "online"|"offline"}}`; the caller frees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_subscribe_presence(
    client: *mut CallieClient,
    usernames: *const *const c_char,
    count: usize,
    result: *mut *mut c_char,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the texts are NULL or end in NUL, the result can be written to.
        let (result, client, command) = unsafe {
            let result = Place::at(result, "result", std::ptr::null_mut())?;
            let client = CLIENTS.get(client)?;
            (result, client, Command::SubscribePresence { usernames: users(usernames, count, "usernames")? })
        };
        told::<PresenceMap>(&client, command, &result)
    })
}

/// Not to be told any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_unsubscribe_presence(
    client: *mut CallieClient,
    usernames: *const *const c_char,
    count: usize,
) -> CallieStatus {
    guard(|| {
        let client = CLIENTS.get(client)?;
        // SAFETY: the caller's promise: the texts are NULL or end in NUL.
        let command =
            unsafe { Command::UnsubscribePresence { usernames: users(usernames, count, "usernames")? } };
        done(&client, command)
    })
}

/// What a user tells of themselves.
///
/// The result is `{username, displayName}`; the caller frees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_get_profile(
    client: *mut CallieClient,
    username: *const c_char,
    result: *mut *mut c_char,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the texts are NULL or end in NUL, the result can be written to.
        let (result, client, command) = unsafe {
            let result = Place::at(result, "result", std::ptr::null_mut())?;
            let client = CLIENTS.get(client)?;
            (result, client, Command::GetProfile { username: parsed(username, "username", Username::parse)? })
        };
        told::<Profile>(&client, command, &result)
    })
}

/// This user's settings.
///
/// The result is `{displayName, presence, directMessages}`; the caller frees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_get_settings(
    client: *mut CallieClient,
    result: *mut *mut c_char,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the result can be written to.
        let result = unsafe { Place::at(result, "result", std::ptr::null_mut())? };
        let client = CLIENTS.get(client)?;
        told::<Settings>(&client, Command::GetSettings {}, &result)
    })
}

/// Changes this user's settings, those that are not NULL: `presence` is `everyone`, `groups` or `nobody`, `direct_messages` is
/// `everyone` or `groups`.
///
/// The result is `{displayName, presence, directMessages}`; the caller frees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_update_settings(
    client: *mut CallieClient,
    display_name: *const c_char,
    presence: *const c_char,
    direct_messages: *const c_char,
    result: *mut *mut c_char,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the texts are NULL or end in NUL, the result can be written to.
        let (result, client, command) = unsafe {
            let result = Place::at(result, "result", std::ptr::null_mut())?;
            let client = CLIENTS.get(client)?;
            (
                result,
                client,
                Command::UpdateSettings {
                    display_name: optional(display_name, "display_name", DisplayName::parse)?,
                    presence: optional(presence, "presence", PresenceAudience::parse)?,
                    direct_messages: optional(direct_messages, "direct_messages", DirectMessages::parse)?,
                },
            )
        };
        told::<Settings>(&client, command, &result)
    })
}

/// Stops all direct traffic with a user, both ways.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_block_user(
    client: *mut CallieClient,
    username: *const c_char,
) -> CallieStatus {
    guard(|| {
        let client = CLIENTS.get(client)?;
        // SAFETY: the caller's promise: the texts are NULL or end in NUL.
        let command =
            unsafe { Command::BlockUser { username: parsed(username, "username", Username::parse)? } };
        done(&client, command)
    })
}

/// Allows it again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_unblock_user(
    client: *mut CallieClient,
    username: *const c_char,
) -> CallieStatus {
    guard(|| {
        let client = CLIENTS.get(client)?;
        // SAFETY: the caller's promise: the texts are NULL or end in NUL.
        let command =
            unsafe { Command::UnblockUser { username: parsed(username, "username", Username::parse)? } };
        done(&client, command)
    })
}

/// One page of those whom this user blocked; `limit` and `after` as for `callie_client_list_groups`.
///
/// The result is `{blocked: [name], next?}`; the caller frees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_list_blocked(
    client: *mut CallieClient,
    limit: u16,
    after: *const c_char,
    result: *mut *mut c_char,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the texts are NULL or end in NUL, the result can be written to.
        let (result, client, command) = unsafe {
            let result = Place::at(result, "result", std::ptr::null_mut())?;
            let client = CLIENTS.get(client)?;
            (
                result,
                client,
                Command::ListBlocked { limit: page(limit)?, after: optional(after, "after", Cursor::parse)? },
            )
        };
        told::<BlockedList>(&client, command, &result)
    })
}

/// This user's sessions.
///
/// The result is `{sessions: [{sessionID, device, createdAt, lastSeenAt, expiresAt, current}]}`; the caller frees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_list_sessions(
    client: *mut CallieClient,
    result: *mut *mut c_char,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the result can be written to.
        let result = unsafe { Place::at(result, "result", std::ptr::null_mut())? };
        let client = CLIENTS.get(client)?;
        told::<SessionList>(&client, Command::ListSessions {}, &result)
    })
}

/// Ends one of this user's sessions.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_revoke_session(
    client: *mut CallieClient,
    session_id: *const c_char,
) -> CallieStatus {
    guard(|| {
        let client = CLIENTS.get(client)?;
        // SAFETY: the caller's promise: the texts are NULL or end in NUL.
        let command = unsafe {
            Command::RevokeSession { session_id: parsed(session_id, "session_id", SessionId::parse)? }
        };
        done(&client, command)
    })
}

/// Ends a user's connections, as an admin of the server. `reason` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_kick_user(
    client: *mut CallieClient,
    username: *const c_char,
    reason: *const c_char,
) -> CallieStatus {
    guard(|| {
        let client = CLIENTS.get(client)?;
        // SAFETY: the caller's promise: the texts are NULL or end in NUL.
        let command = unsafe {
            Command::KickUser {
                username: parsed(username, "username", Username::parse)?,
                reason: optional(reason, "reason", RemovalReason::parse)?,
            }
        };
        done(&client, command)
    })
}

/// Ends a user's sessions and takes no new ones, as an admin of the server, until a time such as `2030-01-02T03:04:05.678Z` or
/// for ever where that is NULL. `reason` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_ban_user(
    client: *mut CallieClient,
    username: *const c_char,
    reason: *const c_char,
    until: *const c_char,
) -> CallieStatus {
    guard(|| {
        let client = CLIENTS.get(client)?;
        // SAFETY: the caller's promise: the texts are NULL or end in NUL.
        let command = unsafe {
            Command::BanUser {
                username: parsed(username, "username", Username::parse)?,
                reason: optional(reason, "reason", RemovalReason::parse)?,
                until: optional(until, "until", Timestamp::parse)?,
            }
        };
        done(&client, command)
    })
}

/// Takes a ban back, as an admin of the server.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_unban_user(
    client: *mut CallieClient,
    username: *const c_char,
) -> CallieStatus {
    guard(|| {
        let client = CLIENTS.get(client)?;
        // SAFETY: the caller's promise: the texts are NULL or end in NUL.
        let command =
            unsafe { Command::UnbanUser { username: parsed(username, "username", Username::parse)? } };
        done(&client, command)
    })
}

/// Speaks to everyone online, as an admin of the server.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_announce(
    client: *mut CallieClient,
    message: *const c_char,
) -> CallieStatus {
    guard(|| {
        let client = CLIENTS.get(client)?;
        // SAFETY: the caller's promise: the texts are NULL or end in NUL.
        let command = unsafe { Command::Announce { text: line(&client, message, "message")? } };
        done(&client, command)
    })
}

/// The server's figures, for an admin of it.
///
/// The result is `{uptimeSeconds, connections, usersOnline, payloadsReceived, payloadsSent}`; the caller frees it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_server_stats(
    client: *mut CallieClient,
    result: *mut *mut c_char,
) -> CallieStatus {
    guard(|| {
        // SAFETY: the caller's promise: the result can be written to.
        let result = unsafe { Place::at(result, "result", std::ptr::null_mut())? };
        let client = CLIENTS.get(client)?;
        told::<ServerStats>(&client, Command::ServerStats {}, &result)
    })
}
