import CallieNative
import Foundation

/// The commands. A refusal is a `CallieError` of the kind `.refused` with the server's code, such as `FORBIDDEN`.
extension Client {
    /// Makes a group of this user and `members`.
    public func createGroup(
        name: String, members: [String] = [], visibility: Visibility? = nil
    ) async throws -> Group {
        try await calling { try await native.createGroup(name: name, members: members, visibility: visibility) }
    }

    /// Enters a public group.
    public func joinGroup(groupId: String) async throws {
        try await calling { try await native.joinGroup(groupId: groupId) }
    }

    /// Leaves a group; the last to leave deletes it.
    public func leaveGroup(groupId: String) async throws {
        try await calling { try await native.leaveGroup(groupId: groupId) }
    }

    /// Brings a user into a group.
    public func addMember(groupId: String, username: String) async throws {
        try await calling { try await native.addMember(groupId: groupId, username: username) }
    }

    /// Takes a user out of a group.
    public func removeMember(groupId: String, username: String) async throws {
        try await calling { try await native.removeMember(groupId: groupId, username: username) }
    }

    /// Gives a member another role; a new owner makes the old one an admin.
    public func setRole(groupId: String, username: String, role: Role) async throws {
        try await calling { try await native.setRole(groupId: groupId, username: username, role: role) }
    }

    /// Gives a group another name.
    public func renameGroup(groupId: String, name: String) async throws {
        try await calling { try await native.renameGroup(groupId: groupId, name: name) }
    }

    /// Ends a group.
    public func deleteGroup(groupId: String) async throws {
        try await calling { try await native.deleteGroup(groupId: groupId) }
    }

    /// One page of the groups that this user is in; `after` is the `next` of the page before.
    public func listGroups(limit: UInt16? = nil, after: String? = nil) async throws -> GroupPage {
        try await calling { try await native.listGroups(limit: limit, after: after) }
    }

    /// One page of the groups that anyone can join; `after` is the `next` of the page before.
    public func listPublicGroups(limit: UInt16? = nil, after: String? = nil) async throws -> GroupPage {
        try await calling { try await native.listPublicGroups(limit: limit, after: after) }
    }

    /// A group, with one page of its members; `after` is the `next` of the page before.
    public func getGroup(
        groupId: String, limit: UInt16? = nil, after: String? = nil
    ) async throws -> GroupDetails {
        try await calling { try await native.getGroup(groupId: groupId, limit: limit, after: after) }
    }

    /// Tells those who have a message of this user its new text.
    public func editMessage(recipient: String, messageId: String, text: String) async throws {
        try await calling { try await native.editMessage(recipient: recipient, messageId: messageId, text: text) }
    }

    /// Tells those who have a message to drop it; `sender` is its author, where that is not this user.
    public func deleteMessage(recipient: String, messageId: String, sender: String? = nil) async throws {
        try await calling { try await native.deleteMessage(recipient: recipient, messageId: messageId, sender: sender) }
    }

    /// Who is online, by name.
    public func getPresence(usernames: [String]) async throws -> [String: Bool] {
        try await calling { try await native.getPresence(usernames: usernames) }
    }

    /// Who is online, by name, and to be told of changes.
    public func subscribePresence(usernames: [String]) async throws -> [String: Bool] {
        try await calling { try await native.subscribePresence(usernames: usernames) }
    }

    /// Not to be told any more.
    public func unsubscribePresence(usernames: [String]) async throws {
        try await calling { try await native.unsubscribePresence(usernames: usernames) }
    }

    /// What a user tells of themselves.
    public func getProfile(username: String) async throws -> Profile {
        try await calling { try await native.getProfile(username: username) }
    }

    /// This user's settings.
    public func getSettings() async throws -> Settings {
        try await calling { try await native.getSettings() }
    }

    /// Changes those of this user's settings that are given.
    public func updateSettings(
        displayName: String? = nil, presence: PresenceAudience? = nil, directMessages: DirectMessages? = nil
    ) async throws -> Settings {
        try await calling { try await native.updateSettings(displayName: displayName, presence: presence, directMessages: directMessages) }
    }

    /// Stops all direct traffic with a user, both ways.
    public func blockUser(username: String) async throws {
        try await calling { try await native.blockUser(username: username) }
    }

    /// Allows it again.
    public func unblockUser(username: String) async throws {
        try await calling { try await native.unblockUser(username: username) }
    }

    /// One page of those whom this user blocked; `after` is the `next` of the page before.
    public func listBlocked(limit: UInt16? = nil, after: String? = nil) async throws -> BlockedPage {
        try await calling { try await native.listBlocked(limit: limit, after: after) }
    }

    /// This user's sessions.
    public func listSessions() async throws -> [SessionInfo] {
        try await calling { try await native.listSessions() }
    }

    /// Ends one of this user's sessions.
    public func revokeSession(sessionId: String) async throws {
        try await calling { try await native.revokeSession(sessionId: sessionId) }
    }

    /// Ends a user's connections, as an admin of the server.
    public func kickUser(username: String, reason: String? = nil) async throws {
        try await calling { try await native.kickUser(username: username, reason: reason) }
    }

    /// Ends a user's sessions and takes no new ones until a time, or for ever, as an admin of the server. A time that the
    /// protocol cannot write, from the year 10000 on, is refused.
    public func banUser(username: String, reason: String? = nil, until: Date? = nil) async throws {
        try await calling { try await native.banUser(username: username, reason: reason, untilMs: until.map(\.milliseconds)) }
    }

    /// Takes a ban back, as an admin of the server.
    public func unbanUser(username: String) async throws {
        try await calling { try await native.unbanUser(username: username) }
    }

    /// Speaks to everyone online, as an admin of the server.
    public func announce(text: String) async throws {
        try await calling { try await native.announce(text: text) }
    }

    /// The server's figures, for an admin of it.
    public func serverStats() async throws -> ServerStats {
        try await calling { try await native.serverStats() }
    }
}
