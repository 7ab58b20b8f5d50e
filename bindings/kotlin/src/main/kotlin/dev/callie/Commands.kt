package dev.callie

import java.time.Instant

// The commands. A refusal is a CallieException.Refused with the server's code, such as FORBIDDEN or GROUP_NOT_FOUND.

/** Makes a group of this user and [members]. */
public suspend fun Client.createGroup(
    name: String,
    members: List<String> = emptyList(),
    visibility: Visibility? = null,
): Group =
    calling { native.createGroup(name.checked("the name"), members.checked("a member"), visibility) }

/** Enters a public group. */
public suspend fun Client.joinGroup(groupId: String): Unit =
    calling { native.joinGroup(groupId.checked("the group ID")) }

/** Leaves a group; the last to leave deletes it. */
public suspend fun Client.leaveGroup(groupId: String): Unit =
    calling { native.leaveGroup(groupId.checked("the group ID")) }

/** Brings a user into a group. */
public suspend fun Client.addMember(groupId: String, username: String): Unit =
    calling { native.addMember(groupId.checked("the group ID"), username.checked("the username")) }

/** Takes a user out of a group. */
public suspend fun Client.removeMember(groupId: String, username: String): Unit =
    calling { native.removeMember(groupId.checked("the group ID"), username.checked("the username")) }

/** Gives a member another role; a new owner makes the old one an admin. */
public suspend fun Client.setRole(groupId: String, username: String, role: Role): Unit =
    calling { native.setRole(groupId.checked("the group ID"), username.checked("the username"), role) }

/** Gives a group another name. */
public suspend fun Client.renameGroup(groupId: String, name: String): Unit =
    calling { native.renameGroup(groupId.checked("the group ID"), name.checked("the name")) }

/** Ends a group. */
public suspend fun Client.deleteGroup(groupId: String): Unit =
    calling { native.deleteGroup(groupId.checked("the group ID")) }

/** One page of the groups that this user is in; [after] is the `next` of the page before. */
public suspend fun Client.listGroups(limit: Int? = null, after: String? = null): GroupPage =
    calling { native.listGroups(limit?.page(), after?.checked("the cursor")) }

/** One page of the groups that anyone can join; [after] is the `next` of the page before. */
public suspend fun Client.listPublicGroups(limit: Int? = null, after: String? = null): GroupPage =
    calling { native.listPublicGroups(limit?.page(), after?.checked("the cursor")) }

/** A group, with one page of its members; [after] is the `next` of the page before. */
public suspend fun Client.getGroup(groupId: String, limit: Int? = null, after: String? = null): GroupDetails =
    calling { native.getGroup(groupId.checked("the group ID"), limit?.page(), after?.checked("the cursor")) }

/** Tells those who have a message of this user its new text. */
public suspend fun Client.editMessage(recipient: String, messageId: String, text: String): Unit =
    calling {
        native.editMessage(
            recipient.checked("the recipient"), messageId.checked("the message ID"), text.checked("the text"),
        )
    }

/** Tells those who have a message to drop it; [sender] is its author, where that is not this user. */
public suspend fun Client.deleteMessage(recipient: String, messageId: String, sender: String? = null): Unit =
    calling {
        native.deleteMessage(
            recipient.checked("the recipient"), messageId.checked("the message ID"), sender?.checked("the sender"),
        )
    }

/** Who is online, by name. */
public suspend fun Client.getPresence(usernames: List<String>): Map<String, Boolean> =
    calling { native.getPresence(usernames.checked("a username")) }

/** Who is online, by name, and to be told of changes. */
public suspend fun Client.subscribePresence(usernames: List<String>): Map<String, Boolean> =
    calling { native.subscribePresence(usernames.checked("a username")) }

/** Not to be told any more. */
public suspend fun Client.unsubscribePresence(usernames: List<String>): Unit =
    calling { native.unsubscribePresence(usernames.checked("a username")) }

/** What a user tells of themselves. */
public suspend fun Client.getProfile(username: String): Profile =
    calling { native.getProfile(username.checked("the username")) }

/** This user's settings. */
public suspend fun Client.getSettings(): Settings =
    calling { native.getSettings() }

/** Changes those of this user's settings that are given. */
public suspend fun Client.updateSettings(
    displayName: String? = null,
    presence: PresenceAudience? = null,
    directMessages: DirectMessages? = null,
): Settings =
    calling { native.updateSettings(displayName?.checked("the display name"), presence, directMessages) }

/** Stops all direct traffic with a user, both ways. */
public suspend fun Client.blockUser(username: String): Unit =
    calling { native.blockUser(username.checked("the username")) }

/** Allows it again. */
public suspend fun Client.unblockUser(username: String): Unit =
    calling { native.unblockUser(username.checked("the username")) }

/** One page of those whom this user blocked; [after] is the `next` of the page before. */
public suspend fun Client.listBlocked(limit: Int? = null, after: String? = null): BlockedPage =
    calling { native.listBlocked(limit?.page(), after?.checked("the cursor")) }

/** This user's sessions. */
public suspend fun Client.listSessions(): List<SessionInfo> =
    calling { native.listSessions() }

/** Ends one of this user's sessions. */
public suspend fun Client.revokeSession(sessionId: String): Unit =
    calling { native.revokeSession(sessionId.checked("the session ID")) }

/** Ends a user's connections, as an admin of the server. */
public suspend fun Client.kickUser(username: String, reason: String? = null): Unit =
    calling { native.kickUser(username.checked("the username"), reason?.checked("the reason")) }

/**
 * Ends a user's sessions and takes no new ones until a time, or for ever, as an admin of the server. A time that the protocol
 * cannot write, from the year 10000 on, is refused.
 */
public suspend fun Client.banUser(username: String, reason: String? = null, until: Instant? = null): Unit =
    calling { native.banUser(username.checked("the username"), reason?.checked("the reason"), until?.millis()) }

/** Takes a ban back, as an admin of the server. */
public suspend fun Client.unbanUser(username: String): Unit =
    calling { native.unbanUser(username.checked("the username")) }

/** Speaks to everyone online, as an admin of the server. */
public suspend fun Client.announce(text: String): Unit =
    calling { native.announce(text.checked("the text")) }

/** The server's figures, for an admin of it. */
public suspend fun Client.serverStats(): ServerStats =
    calling { native.serverStats() }

// The nearest that there is: the library refuses it.
private fun Instant.millis(): Long = try {
    toEpochMilli()
} catch (_: ArithmeticException) {
    if (epochSecond < 0) Long.MIN_VALUE else Long.MAX_VALUE
}

// What no page holds is refused by the library.
private fun Int.page(): UShort = coerceIn(0, 0xFFFF).toUShort()
