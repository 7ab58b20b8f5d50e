//! Groups: making, joining, leaving, ruling and listing them.

use std::ffi::c_char;

use callie_core::command::{
    Command, Cursor, GroupCreated, GroupDetails, GroupList, GroupName, Role, Visibility,
};
use callie_core::{GroupId, Username};

use super::super::client::CallieClient;
use super::super::status::CallieStatus;
use super::{done, optional, page, parsed, told, users};

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
    // SAFETY: the caller's promise: the texts are NULL or end in NUL, the result can be written to.
    unsafe {
        told::<GroupCreated>(client, result, |client| {
            Ok(Command::CreateGroup {
                name: parsed(name, "name", GroupName::parse)?,
                members: users(members, member_count, client.client.limits().max_group_members, "members")?,
                visibility: if is_public { Visibility::Public } else { Visibility::Private },
            })
        })
    }
}

/// Enters a public group.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_join_group(
    client: *mut CallieClient,
    group_id: *const c_char,
) -> CallieStatus {
    // SAFETY: the caller's promise: the texts are NULL or end in NUL.
    unsafe {
        done(client, |_| Ok(Command::JoinGroup { group_id: parsed(group_id, "group_id", GroupId::parse)? }))
    }
}

/// Leaves a group. The last to leave deletes it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_leave_group(
    client: *mut CallieClient,
    group_id: *const c_char,
) -> CallieStatus {
    // SAFETY: the caller's promise: the texts are NULL or end in NUL.
    unsafe {
        done(client, |_| Ok(Command::LeaveGroup { group_id: parsed(group_id, "group_id", GroupId::parse)? }))
    }
}

/// Brings a user into a group.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_add_member(
    client: *mut CallieClient,
    group_id: *const c_char,
    username: *const c_char,
) -> CallieStatus {
    // SAFETY: the caller's promise: the texts are NULL or end in NUL.
    unsafe {
        done(client, |_| {
            Ok(Command::AddMember {
                group_id: parsed(group_id, "group_id", GroupId::parse)?,
                username: parsed(username, "username", Username::parse)?,
            })
        })
    }
}

/// Takes a user out of a group.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_remove_member(
    client: *mut CallieClient,
    group_id: *const c_char,
    username: *const c_char,
) -> CallieStatus {
    // SAFETY: the caller's promise: the texts are NULL or end in NUL.
    unsafe {
        done(client, |_| {
            Ok(Command::RemoveMember {
                group_id: parsed(group_id, "group_id", GroupId::parse)?,
                username: parsed(username, "username", Username::parse)?,
            })
        })
    }
}

/// Gives a member another role, `owner`, `admin` or `member`; a new owner makes the old one an admin.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_set_role(
    client: *mut CallieClient,
    group_id: *const c_char,
    username: *const c_char,
    role: *const c_char,
) -> CallieStatus {
    // SAFETY: the caller's promise: the texts are NULL or end in NUL.
    unsafe {
        done(client, |_| {
            Ok(Command::SetRole {
                group_id: parsed(group_id, "group_id", GroupId::parse)?,
                username: parsed(username, "username", Username::parse)?,
                role: parsed(role, "role", Role::parse)?,
            })
        })
    }
}

/// Gives a group another name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_rename_group(
    client: *mut CallieClient,
    group_id: *const c_char,
    name: *const c_char,
) -> CallieStatus {
    // SAFETY: the caller's promise: the texts are NULL or end in NUL.
    unsafe {
        done(client, |_| {
            Ok(Command::RenameGroup {
                group_id: parsed(group_id, "group_id", GroupId::parse)?,
                name: parsed(name, "name", GroupName::parse)?,
            })
        })
    }
}

/// Ends a group.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn callie_client_delete_group(
    client: *mut CallieClient,
    group_id: *const c_char,
) -> CallieStatus {
    // SAFETY: the caller's promise: the texts are NULL or end in NUL.
    unsafe {
        done(client, |_| Ok(Command::DeleteGroup { group_id: parsed(group_id, "group_id", GroupId::parse)? }))
    }
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
    // SAFETY: the caller's promise: the texts are NULL or end in NUL, the result can be written to.
    unsafe {
        told::<GroupList>(client, result, |_| {
            Ok(Command::ListGroups { limit: page(limit)?, after: optional(after, "after", Cursor::parse)? })
        })
    }
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
    // SAFETY: the caller's promise: the texts are NULL or end in NUL, the result can be written to.
    unsafe {
        told::<GroupList>(client, result, |_| {
            Ok(Command::ListPublicGroups {
                limit: page(limit)?,
                after: optional(after, "after", Cursor::parse)?,
            })
        })
    }
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
    // SAFETY: the caller's promise: the texts are NULL or end in NUL, the result can be written to.
    unsafe {
        told::<GroupDetails>(client, result, |_| {
            Ok(Command::GetGroup {
                group_id: parsed(group_id, "group_id", GroupId::parse)?,
                limit: page(limit)?,
                after: optional(after, "after", Cursor::parse)?,
            })
        })
    }
}
