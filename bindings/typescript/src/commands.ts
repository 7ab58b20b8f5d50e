// Generated from callie-core/src/command/table.rs by `make generate`. Do not edit.

import * as check from "./arguments.js";
import type { JsonValue } from "./arguments.js";
import * as results from "./results.js";
import type * as values from "./values.js";

/** The commands of the protocol, one method each. A refusal is a {@link Refused} with the server's code. */
export abstract class Commands {
  /** Sends a command and returns its result; `undefined` if that was lost with a connection. */
  protected abstract request(name: string, parameters: object): Promise<unknown>;
  /** Sends a command without an answer. */
  protected abstract tell(name: string, parameters: object): void;

  /**
   * Creates a group whose owner is the caller.
   *
   * Either every user in `members` joins or no group is created. Duplicate names and the caller's own are merged.
   * `FORBIDDEN` if a user does not accept direct messages from the caller.
   *
   * @param name The group's name: 1 to 64 characters, no control characters.
   * @param members The usernames of the initial members besides the caller.
   * @param options.visibility Who can find and join the group; private unless given.
   * @throws {@link Refused} with the code `USER_NOT_FOUND`, `FORBIDDEN` or `LIMIT_REACHED`.
   */
  async createGroup(
    name: string,
    members: Iterable<string> = [],
    options?: { visibility?: values.Visibility | undefined },
  ): Promise<values.Group> {
    const { visibility } = check.options(options);
    return results.group(await this.request("CREATE_GROUP", {
      name: check.text(name, "name"),
      members: check.texts(members, "members"),
      visibility: check.optionalText(visibility, "visibility"),
    }));
  }

  /**
   * Joins a public group.
   *
   * @param groupId The group's ID.
   * @throws {@link Refused} with the code `GROUP_NOT_FOUND`, `CONFLICT` or `LIMIT_REACHED`.
   */
  async joinGroup(groupId: string): Promise<void> {
    await this.request("JOIN_GROUP", { groupID: check.text(groupId, "groupId") });
  }

  /**
   * Leaves a group.
   *
   * An owner who leaves is succeeded by the longest-standing admin, or by the longest-standing member if there is no
   * admin. The group is deleted when its last member leaves. Requires membership in the group.
   *
   * @param groupId The group's ID.
   * @throws {@link Refused} with the code `GROUP_NOT_FOUND` or `NOT_A_MEMBER`.
   */
  async leaveGroup(groupId: string): Promise<void> {
    await this.request("LEAVE_GROUP", { groupID: check.text(groupId, "groupId") });
  }

  /**
   * Adds a user to a group.
   *
   * Requires the role of admin or owner in the group.
   *
   * @param groupId The group's ID.
   * @param username The user to add.
   * @throws {@link Refused} with the code `GROUP_NOT_FOUND`, `NOT_A_MEMBER`, `FORBIDDEN`, `USER_NOT_FOUND`, `CONFLICT`
   *   or `LIMIT_REACHED`.
   */
  async addMember(groupId: string, username: string): Promise<void> {
    await this.request("ADD_MEMBER", {
      groupID: check.text(groupId, "groupId"),
      username: check.text(username, "username"),
    });
  }

  /**
   * Removes a user from a group.
   *
   * Only the owner can remove an admin, and nobody can remove the owner. Requires the role of admin or owner in the
   * group.
   *
   * @param groupId The group's ID.
   * @param username The member to remove.
   * @throws {@link Refused} with the code `GROUP_NOT_FOUND`, `NOT_A_MEMBER`, `FORBIDDEN` or `USER_NOT_FOUND`.
   */
  async removeMember(groupId: string, username: string): Promise<void> {
    await this.request("REMOVE_MEMBER", {
      groupID: check.text(groupId, "groupId"),
      username: check.text(username, "username"),
    });
  }

  /**
   * Changes the role of another member.
   *
   * A group has one owner: making a member the owner makes the caller an admin. Requires the role of owner in the
   * group.
   *
   * @param groupId The group's ID.
   * @param username The member.
   * @param role The new role.
   * @throws {@link Refused} with the code `GROUP_NOT_FOUND`, `NOT_A_MEMBER`, `FORBIDDEN` or `USER_NOT_FOUND`.
   */
  async setRole(groupId: string, username: string, role: values.Role): Promise<void> {
    await this.request("SET_ROLE", {
      groupID: check.text(groupId, "groupId"),
      username: check.text(username, "username"),
      role: check.text(role, "role"),
    });
  }

  /**
   * Renames a group.
   *
   * Requires the role of admin or owner in the group.
   *
   * @param groupId The group's ID.
   * @param name The new name: 1 to 64 characters, no control characters.
   * @throws {@link Refused} with the code `GROUP_NOT_FOUND`, `NOT_A_MEMBER` or `FORBIDDEN`.
   */
  async renameGroup(groupId: string, name: string): Promise<void> {
    await this.request("RENAME_GROUP", { groupID: check.text(groupId, "groupId"), name: check.text(name, "name") });
  }

  /**
   * Deletes a group.
   *
   * Requires the role of owner in the group.
   *
   * @param groupId The group's ID.
   * @throws {@link Refused} with the code `GROUP_NOT_FOUND`, `NOT_A_MEMBER` or `FORBIDDEN`.
   */
  async deleteGroup(groupId: string): Promise<void> {
    await this.request("DELETE_GROUP", { groupID: check.text(groupId, "groupId") });
  }

  /**
   * Returns one page of the groups that the caller is a member of.
   *
   * @param options.limit The maximum number of groups in the page, 1 to 200; 100 unless given.
   * @param options.after The `next` of the previous page; the first page unless given.
   */
  async listGroups(options?: { limit?: number | undefined; after?: string | undefined }): Promise<values.GroupPage> {
    const { limit, after } = check.options(options);
    return results.groupPage(await this.request("LIST_GROUPS", {
      limit: check.pageLimit(limit, "limit"),
      after: check.optionalText(after, "after"),
    }));
  }

  /** Iterates over all pages of {@link listGroups}. */
  async *allGroups(options?: { limit?: number | undefined }): AsyncGenerator<values.GroupSummary, void> {
    for (let after: string | undefined; ; ) {
      const page = await this.listGroups({ ...check.options(options), after });
      yield* page.groups;
      if (page.next === undefined) return;
      after = page.next;
    }
  }

  /**
   * Returns one page of the public groups, without the caller's roles.
   *
   * @param options.limit The maximum number of groups in the page, 1 to 200; 100 unless given.
   * @param options.after The `next` of the previous page; the first page unless given.
   */
  async listPublicGroups(
    options?: { limit?: number | undefined; after?: string | undefined },
  ): Promise<values.GroupPage> {
    const { limit, after } = check.options(options);
    return results.groupPage(await this.request("LIST_PUBLIC_GROUPS", {
      limit: check.pageLimit(limit, "limit"),
      after: check.optionalText(after, "after"),
    }));
  }

  /** Iterates over all pages of {@link listPublicGroups}. */
  async *allPublicGroups(options?: { limit?: number | undefined }): AsyncGenerator<values.GroupSummary, void> {
    for (let after: string | undefined; ; ) {
      const page = await this.listPublicGroups({ ...check.options(options), after });
      yield* page.groups;
      if (page.next === undefined) return;
      after = page.next;
    }
  }

  /**
   * Returns a group with one page of its members.
   *
   * Requires membership in the group.
   *
   * @param groupId The group's ID.
   * @param options.limit The maximum number of members in the page, 1 to 200; 100 unless given.
   * @param options.after The `next` of the previous page; the first page unless given.
   * @throws {@link Refused} with the code `GROUP_NOT_FOUND` or `NOT_A_MEMBER`.
   */
  async getGroup(
    groupId: string,
    options?: { limit?: number | undefined; after?: string | undefined },
  ): Promise<values.GroupDetails> {
    const { limit, after } = check.options(options);
    return results.groupDetails(await this.request("GET_GROUP", {
      groupID: check.text(groupId, "groupId"),
      limit: check.pageLimit(limit, "limit"),
      after: check.optionalText(after, "after"),
    }));
  }

  /** Iterates over all pages of {@link getGroup}. */
  async *allMembers(groupId: string, options?: { limit?: number | undefined }): AsyncGenerator<values.Member, void> {
    for (let after: string | undefined; ; ) {
      const page = await this.getGroup(groupId, { ...check.options(options), after });
      yield* page.members;
      if (page.next === undefined) return;
      after = page.next;
    }
  }

  /**
   * Tells everyone who may have received a message to delete it.
   *
   * Requires authorship of the message or, in a group, the role of admin or owner.
   *
   * @param recipient The username or group ID that the message was sent to.
   * @param messageId The message's ID.
   * @param options.sender The author of the message; the caller unless given.
   * @throws {@link Refused} with the code `FORBIDDEN`, `RECIPIENT_OFFLINE`, `RECIPIENT_UNKNOWN` or `NOT_A_MEMBER`.
   */
  async deleteMessage(recipient: string, messageId: string, options?: { sender?: string | undefined }): Promise<void> {
    const { sender } = check.options(options);
    await this.request("DELETE_MESSAGE", {
      recipient: check.text(recipient, "recipient"),
      messageID: check.text(messageId, "messageId"),
      sender: check.optionalText(sender, "sender"),
    });
  }

  /**
   * Replaces the text of one of the caller's messages for everyone who may have received it.
   *
   * Requires authorship of the message.
   *
   * @param recipient The username or group ID that the message was sent to.
   * @param messageId The message's ID.
   * @param text The new text, in Markdown; not empty, and within the server's limit for messages.
   * @throws {@link Refused} with the code `FORBIDDEN`, `RECIPIENT_OFFLINE`, `RECIPIENT_UNKNOWN` or `NOT_A_MEMBER`.
   */
  async editMessage(recipient: string, messageId: string, text: string): Promise<void> {
    await this.request("EDIT_MESSAGE", {
      recipient: check.text(recipient, "recipient"),
      messageID: check.text(messageId, "messageId"),
      text: check.text(text, "text"),
    });
  }

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
  signal(recipient: string, kind: string, data?: JsonValue): void {
    this.tell("SIGNAL", { recipient: check.text(recipient, "recipient"), kind: check.text(kind, "kind"), data: data });
  }

  /**
   * Returns which of the given users are online.
   *
   * Users that do not exist or that hide their presence from the caller are reported offline.
   *
   * @param usernames The usernames, 1 to 256.
   */
  async getPresence(usernames: Iterable<string>): Promise<Map<string, boolean>> {
    return results.presence(await this.request("GET_PRESENCE", { usernames: check.texts(usernames, "usernames") }));
  }

  /**
   * Returns which of the given users are online, and subscribes to changes until the connection ends.
   *
   * Each change arrives as a `USER_JOINED` or `USER_LEFT` notice without a group.
   *
   * @param usernames The usernames, 1 to 256.
   * @throws {@link Refused} with the code `LIMIT_REACHED`.
   */
  async subscribePresence(usernames: Iterable<string>): Promise<Map<string, boolean>> {
    return results.presence(await this.request("SUBSCRIBE_PRESENCE", {
      usernames: check.texts(usernames, "usernames"),
    }));
  }

  /**
   * Cancels presence subscriptions.
   *
   * @param usernames The usernames, 1 to 256.
   */
  async unsubscribePresence(usernames: Iterable<string>): Promise<void> {
    await this.request("UNSUBSCRIBE_PRESENCE", { usernames: check.texts(usernames, "usernames") });
  }

  /**
   * Returns a user's public profile.
   *
   * @param username The user.
   * @throws {@link Refused} with the code `USER_NOT_FOUND`.
   */
  async getProfile(username: string): Promise<values.Profile> {
    return results.profile(await this.request("GET_PROFILE", { username: check.text(username, "username") }));
  }

  /**
   * Returns the caller's settings.
   */
  async getSettings(): Promise<values.Settings> {
    return results.settings(await this.request("GET_SETTINGS", {}));
  }

  /**
   * Changes the given settings of the caller, and returns all of them.
   *
   * @param options.displayName The caller's display name: at most 64 characters, no control characters; empty for none.
   * @param options.presence Who can see whether the caller is online.
   * @param options.directMessages Who can send the caller direct messages.
   */
  async updateSettings(
    options?: {
      displayName?: string | undefined;
      presence?: values.PresenceAudience | undefined;
      directMessages?: values.DirectMessages | undefined;
    },
  ): Promise<values.Settings> {
    const { displayName, presence, directMessages } = check.options(options);
    return results.settings(await this.request("UPDATE_SETTINGS", {
      displayName: check.optionalText(displayName, "displayName"),
      presence: check.optionalText(presence, "presence"),
      directMessages: check.optionalText(directMessages, "directMessages"),
    }));
  }

  /**
   * Blocks a user: stops direct messages and presence in both directions.
   *
   * Messages in groups and broadcasts are not affected.
   *
   * @param username The user to block.
   * @throws {@link Refused} with the code `USER_NOT_FOUND`.
   */
  async blockUser(username: string): Promise<void> {
    await this.request("BLOCK_USER", { username: check.text(username, "username") });
  }

  /**
   * Unblocks a user, who may then message the caller again.
   *
   * @param username The user to unblock.
   * @throws {@link Refused} with the code `USER_NOT_FOUND`.
   */
  async unblockUser(username: string): Promise<void> {
    await this.request("UNBLOCK_USER", { username: check.text(username, "username") });
  }

  /**
   * Returns one page of the users that the caller has blocked.
   *
   * @param options.limit The maximum number of users in the page, 1 to 200; 100 unless given.
   * @param options.after The `next` of the previous page; the first page unless given.
   */
  async listBlocked(options?: { limit?: number | undefined; after?: string | undefined }): Promise<values.BlockedPage> {
    const { limit, after } = check.options(options);
    return results.blockedPage(await this.request("LIST_BLOCKED", {
      limit: check.pageLimit(limit, "limit"),
      after: check.optionalText(after, "after"),
    }));
  }

  /** Iterates over all pages of {@link listBlocked}. */
  async *allBlocked(options?: { limit?: number | undefined }): AsyncGenerator<string, void> {
    for (let after: string | undefined; ; ) {
      const page = await this.listBlocked({ ...check.options(options), after });
      yield* page.usernames;
      if (page.next === undefined) return;
      after = page.next;
    }
  }

  /**
   * Returns the caller's sessions, newest first.
   */
  async listSessions(): Promise<values.SessionInfo[]> {
    return results.sessions(await this.request("LIST_SESSIONS", {}));
  }

  /**
   * Revokes one of the caller's sessions and closes its connections.
   *
   * @param sessionId The session's ID.
   * @throws {@link Refused} with the code `SESSION_NOT_FOUND`.
   */
  async revokeSession(sessionId: string): Promise<void> {
    await this.request("REVOKE_SESSION", { sessionID: check.text(sessionId, "sessionId") });
  }

  /**
   * Closes a user's connections.
   *
   * Requires the rights of a server administrator.
   *
   * @param username The user to disconnect.
   * @param options.reason The reason to show to the user: 1 to 256 characters, no control characters.
   * @throws {@link Refused} with the code `FORBIDDEN` or `USER_NOT_FOUND`.
   */
  async kickUser(username: string, options?: { reason?: string | undefined }): Promise<void> {
    const { reason } = check.options(options);
    await this.request("KICK_USER", {
      username: check.text(username, "username"),
      reason: check.optionalText(reason, "reason"),
    });
  }

  /**
   * Bans a user: revokes all of the user's sessions and rejects logins.
   *
   * Requires the rights of a server administrator.
   *
   * @param username The user to ban.
   * @param options.reason The reason to show to the user: 1 to 256 characters, no control characters.
   * @param options.until When the ban ends, before the year 10000; never unless given.
   * @throws {@link Refused} with the code `FORBIDDEN` or `USER_NOT_FOUND`.
   */
  async banUser(username: string, options?: { reason?: string | undefined; until?: Date | undefined }): Promise<void> {
    const { reason, until } = check.options(options);
    await this.request("BAN_USER", {
      username: check.text(username, "username"),
      reason: check.optionalText(reason, "reason"),
      until: check.instant(until, "until"),
    });
  }

  /**
   * Lifts a ban.
   *
   * Requires the rights of a server administrator.
   *
   * @param username The user.
   * @throws {@link Refused} with the code `FORBIDDEN` or `USER_NOT_FOUND`.
   */
  async unbanUser(username: string): Promise<void> {
    await this.request("UNBAN_USER", { username: check.text(username, "username") });
  }

  /**
   * Sends an `ANNOUNCEMENT` notice to every online user.
   *
   * Requires the rights of a server administrator.
   *
   * @param text The text; not empty, and within the server's limit for messages.
   * @throws {@link Refused} with the code `FORBIDDEN`.
   */
  async announce(text: string): Promise<void> {
    await this.request("ANNOUNCE", { text: check.text(text, "text") });
  }

  /**
   * Returns the server's counters.
   *
   * Requires the rights of a server administrator.
   *
   * @throws {@link Refused} with the code `FORBIDDEN`.
   */
  async serverStats(): Promise<values.ServerStats> {
    return results.serverStats(await this.request("SERVER_STATS", {}));
  }
}
