// Generated from callie-core/src/command/table.rs by `make generate`. Do not edit.
package dev.callie

import kotlinx.coroutines.flow.Flow
import kotlinx.serialization.json.JsonElement
import java.time.Instant

// The commands. A refusal is a CallieException.Refused with the server's code, such as FORBIDDEN.

/**
 * Creates a group whose owner is the caller.
 *
 * Either every user in [members] joins or no group is created. Duplicate names and the caller's own are merged.
 * `FORBIDDEN` if a user does not accept direct messages from the caller.
 *
 * @param name The group's name: 1 to 64 characters, no control characters.
 * @param members The usernames of the initial members besides the caller.
 * @param visibility Who can find and join the group; private unless given.
 * @throws CallieException.Refused with the code `USER_NOT_FOUND`, `FORBIDDEN` or `LIMIT_REACHED`
 */
public suspend fun Client.createGroup(
    name: String,
    members: List<String> = emptyList(),
    visibility: Visibility = Visibility.PRIVATE,
): Group =
    calling { native.createGroup(name.checked("name"), members.checked("members"), visibility) }

/**
 * Joins a public group.
 *
 * @param groupId The group's ID.
 * @throws CallieException.Refused with the code `GROUP_NOT_FOUND`, `CONFLICT` or `LIMIT_REACHED`
 */
public suspend fun Client.joinGroup(groupId: String): Unit =
    calling { native.joinGroup(groupId.checked("groupId")) }

/**
 * Leaves a group.
 *
 * An owner who leaves is succeeded by the longest-standing admin, or by the longest-standing member if there is no
 * admin. The group is deleted when its last member leaves. Requires membership in the group.
 *
 * @param groupId The group's ID.
 * @throws CallieException.Refused with the code `GROUP_NOT_FOUND` or `NOT_A_MEMBER`
 */
public suspend fun Client.leaveGroup(groupId: String): Unit =
    calling { native.leaveGroup(groupId.checked("groupId")) }

/**
 * Adds a user to a group.
 *
 * Requires the role of admin or owner in the group.
 *
 * @param groupId The group's ID.
 * @param username The user to add.
 * @throws CallieException.Refused with the code `GROUP_NOT_FOUND`, `NOT_A_MEMBER`, `FORBIDDEN`, `USER_NOT_FOUND`,
 *   `CONFLICT` or `LIMIT_REACHED`
 */
public suspend fun Client.addMember(groupId: String, username: String): Unit =
    calling { native.addMember(groupId.checked("groupId"), username.checked("username")) }

/**
 * Removes a user from a group.
 *
 * Only the owner can remove an admin, and nobody can remove the owner. Requires the role of admin or owner in the
 * group.
 *
 * @param groupId The group's ID.
 * @param username The member to remove.
 * @throws CallieException.Refused with the code `GROUP_NOT_FOUND`, `NOT_A_MEMBER`, `FORBIDDEN` or `USER_NOT_FOUND`
 */
public suspend fun Client.removeMember(groupId: String, username: String): Unit =
    calling { native.removeMember(groupId.checked("groupId"), username.checked("username")) }

/**
 * Changes the role of another member.
 *
 * A group has one owner: making a member the owner makes the caller an admin. Requires the role of owner in the group.
 *
 * @param groupId The group's ID.
 * @param username The member.
 * @param role The new role.
 * @throws CallieException.Refused with the code `GROUP_NOT_FOUND`, `NOT_A_MEMBER`, `FORBIDDEN` or `USER_NOT_FOUND`
 */
public suspend fun Client.setRole(groupId: String, username: String, role: Role): Unit =
    calling { native.setRole(groupId.checked("groupId"), username.checked("username"), role) }

/**
 * Renames a group.
 *
 * Requires the role of admin or owner in the group.
 *
 * @param groupId The group's ID.
 * @param name The new name: 1 to 64 characters, no control characters.
 * @throws CallieException.Refused with the code `GROUP_NOT_FOUND`, `NOT_A_MEMBER` or `FORBIDDEN`
 */
public suspend fun Client.renameGroup(groupId: String, name: String): Unit =
    calling { native.renameGroup(groupId.checked("groupId"), name.checked("name")) }

/**
 * Deletes a group.
 *
 * Requires the role of owner in the group.
 *
 * @param groupId The group's ID.
 * @throws CallieException.Refused with the code `GROUP_NOT_FOUND`, `NOT_A_MEMBER` or `FORBIDDEN`
 */
public suspend fun Client.deleteGroup(groupId: String): Unit =
    calling { native.deleteGroup(groupId.checked("groupId")) }

/**
 * Returns one page of the groups that the caller is a member of.
 *
 * @param limit The maximum number of groups in the page, 1 to 200; 100 unless given.
 * @param after The `next` of the previous page; the first page unless given.
 */
public suspend fun Client.listGroups(limit: Int? = null, after: String? = null): GroupPage =
    calling { native.listGroups(limit?.page(), after?.checked("after")) }

/** Returns a flow over all pages of [listGroups]. */
public fun Client.allGroups(limit: Int? = null): Flow<GroupSummary> =
    pages { after -> listGroups(limit, after).let { Page(it.groups, it.next) } }

/**
 * Returns one page of the public groups, without the caller's roles.
 *
 * @param limit The maximum number of groups in the page, 1 to 200; 100 unless given.
 * @param after The `next` of the previous page; the first page unless given.
 */
public suspend fun Client.listPublicGroups(limit: Int? = null, after: String? = null): GroupPage =
    calling { native.listPublicGroups(limit?.page(), after?.checked("after")) }

/** Returns a flow over all pages of [listPublicGroups]. */
public fun Client.allPublicGroups(limit: Int? = null): Flow<GroupSummary> =
    pages { after -> listPublicGroups(limit, after).let { Page(it.groups, it.next) } }

/**
 * Returns a group with one page of its members.
 *
 * Requires membership in the group.
 *
 * @param groupId The group's ID.
 * @param limit The maximum number of members in the page, 1 to 200; 100 unless given.
 * @param after The `next` of the previous page; the first page unless given.
 * @throws CallieException.Refused with the code `GROUP_NOT_FOUND` or `NOT_A_MEMBER`
 */
public suspend fun Client.getGroup(groupId: String, limit: Int? = null, after: String? = null): GroupDetails =
    calling { native.getGroup(groupId.checked("groupId"), limit?.page(), after?.checked("after")) }

/** Returns a flow over all pages of [getGroup]. */
public fun Client.allMembers(groupId: String, limit: Int? = null): Flow<Member> =
    pages { after -> getGroup(groupId, limit, after).let { Page(it.members, it.next) } }

/**
 * Tells everyone who may have received a message to delete it.
 *
 * Requires authorship of the message or, in a group, the role of admin or owner.
 *
 * @param recipient The username or group ID that the message was sent to.
 * @param messageId The message's ID.
 * @param sender The author of the message; the caller unless given.
 * @throws CallieException.Refused with the code `FORBIDDEN`, `RECIPIENT_OFFLINE`, `RECIPIENT_UNKNOWN` or `NOT_A_MEMBER`
 */
public suspend fun Client.deleteMessage(recipient: String, messageId: String, sender: String? = null): Unit =
    calling {
        native.deleteMessage(
            recipient.checked("recipient"),
            messageId.checked("messageId"),
            sender?.checked("sender"),
        )
    }

/**
 * Replaces the text of one of the caller's messages for everyone who may have received it.
 *
 * Requires authorship of the message.
 *
 * @param recipient The username or group ID that the message was sent to.
 * @param messageId The message's ID.
 * @param text The new text, in Markdown; not empty, and within the server's limit for messages.
 * @throws CallieException.Refused with the code `FORBIDDEN`, `RECIPIENT_OFFLINE`, `RECIPIENT_UNKNOWN` or `NOT_A_MEMBER`
 */
public suspend fun Client.editMessage(recipient: String, messageId: String, text: String): Unit =
    calling { native.editMessage(recipient.checked("recipient"), messageId.checked("messageId"), text.checked("text")) }

/**
 * Sends a short-lived signal, such as a typing indicator.
 *
 * Delivery is neither guaranteed nor reported. A refusal arrives as a notice with the code `RECIPIENT_UNKNOWN`,
 * `NOT_A_MEMBER` or `FORBIDDEN`.
 *
 * @param recipient The username or group ID of the receiver.
 * @param kind `typing`, `read`, or another name of 1 to 32 lower-case letters and underscores.
 * @param data Any JSON value of at most 1,024 bytes.
 */
public fun Client.signal(recipient: String, kind: String, data: JsonElement? = null): Unit =
    calling { native.signal(recipient.checked("recipient"), kind.checked("kind"), data?.text("data")) }

/**
 * Returns which of the given users are online.
 *
 * Users that do not exist or that hide their presence from the caller are reported offline.
 *
 * @param usernames The usernames, 1 to 256.
 */
public suspend fun Client.getPresence(usernames: List<String>): Map<String, Boolean> =
    calling { native.getPresence(usernames.checked("usernames")) }

/**
 * Returns which of the given users are online, and subscribes to changes until the connection ends.
 *
 * Each change arrives as a `USER_JOINED` or `USER_LEFT` notice without a group.
 *
 * @param usernames The usernames, 1 to 256.
 * @throws CallieException.Refused with the code `LIMIT_REACHED`
 */
public suspend fun Client.subscribePresence(usernames: List<String>): Map<String, Boolean> =
    calling { native.subscribePresence(usernames.checked("usernames")) }

/**
 * Cancels presence subscriptions.
 *
 * @param usernames The usernames, 1 to 256.
 */
public suspend fun Client.unsubscribePresence(usernames: List<String>): Unit =
    calling { native.unsubscribePresence(usernames.checked("usernames")) }

/**
 * Returns a user's public profile.
 *
 * @param username The user.
 * @throws CallieException.Refused with the code `USER_NOT_FOUND`
 */
public suspend fun Client.getProfile(username: String): Profile =
    calling { native.getProfile(username.checked("username")) }

/** Returns the caller's settings. */
public suspend fun Client.getSettings(): Settings =
    calling { native.getSettings() }

/**
 * Changes the given settings of the caller, and returns all of them.
 *
 * @param displayName The caller's display name: at most 64 characters, no control characters; empty for none.
 * @param presence Who can see whether the caller is online.
 * @param directMessages Who can send the caller direct messages.
 */
public suspend fun Client.updateSettings(
    displayName: String? = null,
    presence: PresenceAudience? = null,
    directMessages: DirectMessages? = null,
): Settings =
    calling { native.updateSettings(displayName?.checked("displayName"), presence, directMessages) }

/**
 * Blocks a user: stops direct messages and presence in both directions.
 *
 * Messages in groups and broadcasts are not affected.
 *
 * @param username The user to block.
 * @throws CallieException.Refused with the code `USER_NOT_FOUND`
 */
public suspend fun Client.blockUser(username: String): Unit =
    calling { native.blockUser(username.checked("username")) }

/**
 * Unblocks a user, who may then message the caller again.
 *
 * @param username The user to unblock.
 * @throws CallieException.Refused with the code `USER_NOT_FOUND`
 */
public suspend fun Client.unblockUser(username: String): Unit =
    calling { native.unblockUser(username.checked("username")) }

/**
 * Returns one page of the users that the caller has blocked.
 *
 * @param limit The maximum number of users in the page, 1 to 200; 100 unless given.
 * @param after The `next` of the previous page; the first page unless given.
 */
public suspend fun Client.listBlocked(limit: Int? = null, after: String? = null): BlockedPage =
    calling { native.listBlocked(limit?.page(), after?.checked("after")) }

/** Returns a flow over all pages of [listBlocked]. */
public fun Client.allBlocked(limit: Int? = null): Flow<String> =
    pages { after -> listBlocked(limit, after).let { Page(it.usernames, it.next) } }

/** Returns the caller's sessions, newest first. */
public suspend fun Client.listSessions(): List<SessionInfo> =
    calling { native.listSessions() }

/**
 * Revokes one of the caller's sessions and closes its connections.
 *
 * @param sessionId The session's ID.
 * @throws CallieException.Refused with the code `SESSION_NOT_FOUND`
 */
public suspend fun Client.revokeSession(sessionId: String): Unit =
    calling { native.revokeSession(sessionId.checked("sessionId")) }

/**
 * Closes a user's connections.
 *
 * Requires the rights of a server administrator.
 *
 * @param username The user to disconnect.
 * @param reason The reason to show to the user: 1 to 256 characters, no control characters.
 * @throws CallieException.Refused with the code `FORBIDDEN` or `USER_NOT_FOUND`
 */
public suspend fun Client.kickUser(username: String, reason: String? = null): Unit =
    calling { native.kickUser(username.checked("username"), reason?.checked("reason")) }

/**
 * Bans a user: revokes all of the user's sessions and rejects logins.
 *
 * Requires the rights of a server administrator.
 *
 * @param username The user to ban.
 * @param reason The reason to show to the user: 1 to 256 characters, no control characters.
 * @param until When the ban ends, before the year 10000; never unless given.
 * @throws CallieException.Refused with the code `FORBIDDEN` or `USER_NOT_FOUND`
 */
public suspend fun Client.banUser(username: String, reason: String? = null, until: Instant? = null): Unit =
    calling { native.banUser(username.checked("username"), reason?.checked("reason"), until) }

/**
 * Lifts a ban.
 *
 * Requires the rights of a server administrator.
 *
 * @param username The user.
 * @throws CallieException.Refused with the code `FORBIDDEN` or `USER_NOT_FOUND`
 */
public suspend fun Client.unbanUser(username: String): Unit =
    calling { native.unbanUser(username.checked("username")) }

/**
 * Sends an `ANNOUNCEMENT` notice to every online user.
 *
 * Requires the rights of a server administrator.
 *
 * @param text The text; not empty, and within the server's limit for messages.
 * @throws CallieException.Refused with the code `FORBIDDEN`
 */
public suspend fun Client.announce(text: String): Unit =
    calling { native.announce(text.checked("text")) }

/**
 * Returns the server's counters.
 *
 * Requires the rights of a server administrator.
 *
 * @throws CallieException.Refused with the code `FORBIDDEN`
 */
public suspend fun Client.serverStats(): ServerStats =
    calling { native.serverStats() }
