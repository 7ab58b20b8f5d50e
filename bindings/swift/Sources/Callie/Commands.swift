// Generated from callie-core/src/command/table.rs by `make generate`. Do not edit.
import CallieNative
import Foundation

/// The commands. A refusal is a `CallieError` of the kind `refused` with the server's code, such as `FORBIDDEN`.
extension Client {
    /// Creates a group whose owner is the caller.
    ///
    /// Either every user in `members` joins or no group is created. Duplicate names and the caller's own are merged.
    /// `FORBIDDEN` if a user does not accept direct messages from the caller.
    ///
    /// - Parameters:
    ///   - name: The group's name: 1 to 64 characters, no control characters.
    ///   - members: The usernames of the initial members besides the caller.
    ///   - visibility: Who can find and join the group; private unless given.
    /// - Throws: `CallieError` of the kind `refused` with the code `USER_NOT_FOUND`, `FORBIDDEN` or `LIMIT_REACHED`.
    public func createGroup(
        name: String, members: [String] = [], visibility: Visibility = .private
    ) async throws -> Group {
        try await calling { try await native.createGroup(name: name, members: members, visibility: visibility) }
    }

    /// Joins a public group.
    ///
    /// - Parameters:
    ///   - groupId: The group's ID.
    /// - Throws: `CallieError` of the kind `refused` with the code `GROUP_NOT_FOUND`, `CONFLICT` or `LIMIT_REACHED`.
    public func joinGroup(groupId: String) async throws {
        try await calling { try await native.joinGroup(groupId: groupId) }
    }

    /// Leaves a group.
    ///
    /// An owner who leaves is succeeded by the longest-standing admin, or by the longest-standing member if there is no
    /// admin. The group is deleted when its last member leaves. Requires membership in the group.
    ///
    /// - Parameters:
    ///   - groupId: The group's ID.
    /// - Throws: `CallieError` of the kind `refused` with the code `GROUP_NOT_FOUND` or `NOT_A_MEMBER`.
    public func leaveGroup(groupId: String) async throws {
        try await calling { try await native.leaveGroup(groupId: groupId) }
    }

    /// Adds a user to a group.
    ///
    /// Requires the role of admin or owner in the group.
    ///
    /// - Parameters:
    ///   - groupId: The group's ID.
    ///   - username: The user to add.
    /// - Throws: `CallieError` of the kind `refused` with the code `GROUP_NOT_FOUND`, `NOT_A_MEMBER`, `FORBIDDEN`,
    ///   `USER_NOT_FOUND`, `CONFLICT` or `LIMIT_REACHED`.
    public func addMember(groupId: String, username: String) async throws {
        try await calling { try await native.addMember(groupId: groupId, username: username) }
    }

    /// Removes a user from a group.
    ///
    /// Only the owner can remove an admin, and nobody can remove the owner. Requires the role of admin or owner in the
    /// group.
    ///
    /// - Parameters:
    ///   - groupId: The group's ID.
    ///   - username: The member to remove.
    /// - Throws: `CallieError` of the kind `refused` with the code `GROUP_NOT_FOUND`, `NOT_A_MEMBER`, `FORBIDDEN` or
    ///   `USER_NOT_FOUND`.
    public func removeMember(groupId: String, username: String) async throws {
        try await calling { try await native.removeMember(groupId: groupId, username: username) }
    }

    /// Changes the role of another member.
    ///
    /// A group has one owner: making a member the owner makes the caller an admin. Requires the role of owner in the
    /// group.
    ///
    /// - Parameters:
    ///   - groupId: The group's ID.
    ///   - username: The member.
    ///   - role: The new role.
    /// - Throws: `CallieError` of the kind `refused` with the code `GROUP_NOT_FOUND`, `NOT_A_MEMBER`, `FORBIDDEN` or
    ///   `USER_NOT_FOUND`.
    public func setRole(groupId: String, username: String, role: Role) async throws {
        try await calling { try await native.setRole(groupId: groupId, username: username, role: role) }
    }

    /// Renames a group.
    ///
    /// Requires the role of admin or owner in the group.
    ///
    /// - Parameters:
    ///   - groupId: The group's ID.
    ///   - name: The new name: 1 to 64 characters, no control characters.
    /// - Throws: `CallieError` of the kind `refused` with the code `GROUP_NOT_FOUND`, `NOT_A_MEMBER` or `FORBIDDEN`.
    public func renameGroup(groupId: String, name: String) async throws {
        try await calling { try await native.renameGroup(groupId: groupId, name: name) }
    }

    /// Deletes a group.
    ///
    /// Requires the role of owner in the group.
    ///
    /// - Parameters:
    ///   - groupId: The group's ID.
    /// - Throws: `CallieError` of the kind `refused` with the code `GROUP_NOT_FOUND`, `NOT_A_MEMBER` or `FORBIDDEN`.
    public func deleteGroup(groupId: String) async throws {
        try await calling { try await native.deleteGroup(groupId: groupId) }
    }

    /// Returns one page of the groups that the caller is a member of.
    ///
    /// - Parameters:
    ///   - limit: The maximum number of groups in the page, 1 to 200; 100 unless given.
    ///   - after: The `next` of the previous page; the first page unless given.
    public func listGroups(limit: Int? = nil, after: String? = nil) async throws -> GroupPage {
        try await calling { try await native.listGroups(limit: limit.map(UInt16.init(clamping:)), after: after) }
    }

    /// Returns a sequence over all pages of `listGroups`.
    public func allGroups(limit: Int? = nil) -> Pages<GroupSummary> {
        Pages { after in
            let page = try await self.listGroups(limit: limit, after: after)
            return (page.groups, page.next)
        }
    }

    /// Returns one page of the public groups, without the caller's roles.
    ///
    /// - Parameters:
    ///   - limit: The maximum number of groups in the page, 1 to 200; 100 unless given.
    ///   - after: The `next` of the previous page; the first page unless given.
    public func listPublicGroups(limit: Int? = nil, after: String? = nil) async throws -> GroupPage {
        try await calling { try await native.listPublicGroups(limit: limit.map(UInt16.init(clamping:)), after: after) }
    }

    /// Returns a sequence over all pages of `listPublicGroups`.
    public func allPublicGroups(limit: Int? = nil) -> Pages<GroupSummary> {
        Pages { after in
            let page = try await self.listPublicGroups(limit: limit, after: after)
            return (page.groups, page.next)
        }
    }

    /// Returns a group with one page of its members.
    ///
    /// Requires membership in the group.
    ///
    /// - Parameters:
    ///   - groupId: The group's ID.
    ///   - limit: The maximum number of members in the page, 1 to 200; 100 unless given.
    ///   - after: The `next` of the previous page; the first page unless given.
    /// - Throws: `CallieError` of the kind `refused` with the code `GROUP_NOT_FOUND` or `NOT_A_MEMBER`.
    public func getGroup(groupId: String, limit: Int? = nil, after: String? = nil) async throws -> GroupDetails {
        try await calling {
            try await native.getGroup(groupId: groupId, limit: limit.map(UInt16.init(clamping:)), after: after)
        }
    }

    /// Returns a sequence over all pages of `getGroup`.
    public func allMembers(groupId: String, limit: Int? = nil) -> Pages<Member> {
        Pages { after in
            let page = try await self.getGroup(groupId: groupId, limit: limit, after: after)
            return (page.members, page.next)
        }
    }

    /// Tells everyone who may have received a message to delete it.
    ///
    /// Requires authorship of the message or, in a group, the role of admin or owner.
    ///
    /// - Parameters:
    ///   - recipient: The username or group ID that the message was sent to.
    ///   - messageId: The message's ID.
    ///   - sender: The author of the message; the caller unless given.
    /// - Throws: `CallieError` of the kind `refused` with the code `FORBIDDEN`, `RECIPIENT_OFFLINE`,
    ///   `RECIPIENT_UNKNOWN` or `NOT_A_MEMBER`.
    public func deleteMessage(recipient: String, messageId: String, sender: String? = nil) async throws {
        try await calling { try await native.deleteMessage(recipient: recipient, messageId: messageId, sender: sender) }
    }

    /// Replaces the text of one of the caller's messages for everyone who may have received it.
    ///
    /// Requires authorship of the message.
    ///
    /// - Parameters:
    ///   - recipient: The username or group ID that the message was sent to.
    ///   - messageId: The message's ID.
    ///   - text: The new text, in Markdown; not empty, and within the server's limit for messages.
    /// - Throws: `CallieError` of the kind `refused` with the code `FORBIDDEN`, `RECIPIENT_OFFLINE`,
    ///   `RECIPIENT_UNKNOWN` or `NOT_A_MEMBER`.
    public func editMessage(recipient: String, messageId: String, text: String) async throws {
        try await calling { try await native.editMessage(recipient: recipient, messageId: messageId, text: text) }
    }

    /// Sends a short-lived signal, such as a typing indicator.
    ///
    /// Delivery is neither guaranteed nor reported. A refusal arrives as a notice with the code `RECIPIENT_UNKNOWN`,
    /// `NOT_A_MEMBER` or `FORBIDDEN`.
    ///
    /// - Parameters:
    ///   - recipient: The username or group ID of the receiver.
    ///   - kind: `typing`, `read`, or another name of 1 to 32 lower-case letters and underscores.
    ///   - data: Any JSON value of at most 1,024 bytes.
    public func signal(recipient: String, kind: String, data: JSONValue? = nil) throws {
        try calling { try native.signal(recipient: recipient, kind: kind, data: data?.json) }
    }

    /// Returns which of the given users are online.
    ///
    /// Users that do not exist or that hide their presence from the caller are reported offline.
    ///
    /// - Parameters:
    ///   - usernames: The usernames, 1 to 256.
    public func getPresence(usernames: [String]) async throws -> [String: Bool] {
        try await calling { try await native.getPresence(usernames: usernames) }
    }

    /// Returns which of the given users are online, and subscribes to changes until the connection ends.
    ///
    /// Each change arrives as a `USER_JOINED` or `USER_LEFT` notice without a group.
    ///
    /// - Parameters:
    ///   - usernames: The usernames, 1 to 256.
    /// - Throws: `CallieError` of the kind `refused` with the code `LIMIT_REACHED`.
    public func subscribePresence(usernames: [String]) async throws -> [String: Bool] {
        try await calling { try await native.subscribePresence(usernames: usernames) }
    }

    /// Cancels presence subscriptions.
    ///
    /// - Parameters:
    ///   - usernames: The usernames, 1 to 256.
    public func unsubscribePresence(usernames: [String]) async throws {
        try await calling { try await native.unsubscribePresence(usernames: usernames) }
    }

    /// Returns a user's public profile.
    ///
    /// - Parameters:
    ///   - username: The user.
    /// - Throws: `CallieError` of the kind `refused` with the code `USER_NOT_FOUND`.
    public func getProfile(username: String) async throws -> Profile {
        try await calling { try await native.getProfile(username: username) }
    }

    /// Returns the caller's settings.
    public func getSettings() async throws -> Settings {
        try await calling { try await native.getSettings() }
    }

    /// Changes the given settings of the caller, and returns all of them.
    ///
    /// - Parameters:
    ///   - displayName: The caller's display name: at most 64 characters, no control characters; empty for none.
    ///   - presence: Who can see whether the caller is online.
    ///   - directMessages: Who can send the caller direct messages.
    public func updateSettings(
        displayName: String? = nil, presence: PresenceAudience? = nil, directMessages: DirectMessages? = nil
    ) async throws -> Settings {
        try await calling {
            try await native.updateSettings(
                displayName: displayName, presence: presence, directMessages: directMessages
            )
        }
    }

    /// Blocks a user: stops direct messages and presence in both directions.
    ///
    /// Messages in groups and broadcasts are not affected.
    ///
    /// - Parameters:
    ///   - username: The user to block.
    /// - Throws: `CallieError` of the kind `refused` with the code `USER_NOT_FOUND`.
    public func blockUser(username: String) async throws {
        try await calling { try await native.blockUser(username: username) }
    }

    /// Unblocks a user, who may then message the caller again.
    ///
    /// - Parameters:
    ///   - username: The user to unblock.
    /// - Throws: `CallieError` of the kind `refused` with the code `USER_NOT_FOUND`.
    public func unblockUser(username: String) async throws {
        try await calling { try await native.unblockUser(username: username) }
    }

    /// Returns one page of the users that the caller has blocked.
    ///
    /// - Parameters:
    ///   - limit: The maximum number of users in the page, 1 to 200; 100 unless given.
    ///   - after: The `next` of the previous page; the first page unless given.
    public func listBlocked(limit: Int? = nil, after: String? = nil) async throws -> BlockedPage {
        try await calling { try await native.listBlocked(limit: limit.map(UInt16.init(clamping:)), after: after) }
    }

    /// Returns a sequence over all pages of `listBlocked`.
    public func allBlocked(limit: Int? = nil) -> Pages<String> {
        Pages { after in
            let page = try await self.listBlocked(limit: limit, after: after)
            return (page.usernames, page.next)
        }
    }

    /// Returns the caller's sessions, newest first.
    public func listSessions() async throws -> [SessionInfo] {
        try await calling { try await native.listSessions() }
    }

    /// Revokes one of the caller's sessions and closes its connections.
    ///
    /// - Parameters:
    ///   - sessionId: The session's ID.
    /// - Throws: `CallieError` of the kind `refused` with the code `SESSION_NOT_FOUND`.
    public func revokeSession(sessionId: String) async throws {
        try await calling { try await native.revokeSession(sessionId: sessionId) }
    }

    /// Closes a user's connections.
    ///
    /// Requires the rights of a server administrator.
    ///
    /// - Parameters:
    ///   - username: The user to disconnect.
    ///   - reason: The reason to show to the user: 1 to 256 characters, no control characters.
    /// - Throws: `CallieError` of the kind `refused` with the code `FORBIDDEN` or `USER_NOT_FOUND`.
    public func kickUser(username: String, reason: String? = nil) async throws {
        try await calling { try await native.kickUser(username: username, reason: reason) }
    }

    /// Bans a user: revokes all of the user's sessions and rejects logins.
    ///
    /// Requires the rights of a server administrator.
    ///
    /// - Parameters:
    ///   - username: The user to ban.
    ///   - reason: The reason to show to the user: 1 to 256 characters, no control characters.
    ///   - until: When the ban ends, before the year 10000; never unless given.
    /// - Throws: `CallieError` of the kind `refused` with the code `FORBIDDEN` or `USER_NOT_FOUND`.
    public func banUser(username: String, reason: String? = nil, until: Date? = nil) async throws {
        try await calling { try await native.banUser(username: username, reason: reason, until: until?.clamped) }
    }

    /// Lifts a ban.
    ///
    /// Requires the rights of a server administrator.
    ///
    /// - Parameters:
    ///   - username: The user.
    /// - Throws: `CallieError` of the kind `refused` with the code `FORBIDDEN` or `USER_NOT_FOUND`.
    public func unbanUser(username: String) async throws {
        try await calling { try await native.unbanUser(username: username) }
    }

    /// Sends an `ANNOUNCEMENT` notice to every online user.
    ///
    /// Requires the rights of a server administrator.
    ///
    /// - Parameters:
    ///   - text: The text; not empty, and within the server's limit for messages.
    /// - Throws: `CallieError` of the kind `refused` with the code `FORBIDDEN`.
    public func announce(text: String) async throws {
        try await calling { try await native.announce(text: text) }
    }

    /// Returns the server's counters.
    ///
    /// Requires the rights of a server administrator.
    ///
    /// - Throws: `CallieError` of the kind `refused` with the code `FORBIDDEN`.
    public func serverStats() async throws -> ServerStats {
        try await calling { try await native.serverStats() }
    }
}
