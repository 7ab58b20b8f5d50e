// What calls take and return.

/**
 * The role of a member in a group: `member` reads and writes, `admin` also adds and removes members and renames the group,
 * `owner` also changes roles, hands the group over and deletes it. A group has one owner.
 */
export type Role = "member" | "admin" | "owner";

/** Who can find and join a group: only users who are added, or everyone. */
export type Visibility = "private" | "public";

/** Who can see whether a user is online. `groups` are the users who share a group with the user. */
export type PresenceAudience = "everyone" | "groups" | "nobody";

/** Who can send a user direct messages. `groups` are the users who share a group with the user. */
export type DirectMessages = "everyone" | "groups";

/** A group that was created. */
export interface Group {
  /** The recipient of messages to the group. */
  groupId: string;
  name: string;
  visibility: Visibility;
  members: string[];
}

/** A group in a list. */
export interface GroupSummary {
  groupId: string;
  name: string;
  /** This user's role; missing in the list of public groups. */
  role?: Role;
  memberCount: number;
}

/** One page of a list of groups. */
export interface GroupPage {
  groups: GroupSummary[];
  /** The `after` of the next page; missing on the last page. */
  next?: string;
}

/** One member of a group. */
export interface Member {
  username: string;
  role: Role;
  /** Whether the member is online, as far as their settings let this user see it. */
  online: boolean;
}

/** A group and one page of its members. */
export interface GroupDetails {
  groupId: string;
  name: string;
  visibility: Visibility;
  memberCount: number;
  members: Member[];
  /** The `after` of the next page; missing on the last page. */
  next?: string;
}

/** A user's public profile. */
export interface Profile {
  username: string;
  /** Empty if the user has none. */
  displayName: string;
}

/** A user's settings. */
export interface Settings {
  /** Empty for none. */
  displayName: string;
  /** Who can see whether the user is online. */
  presence: PresenceAudience;
  /** Who can send the user direct messages. */
  directMessages: DirectMessages;
}

/** One page of the users whom a user has blocked. */
export interface BlockedPage {
  usernames: string[];
  /** The `after` of the next page; missing on the last page. */
  next?: string;
}

/** One of a user's sessions. */
export interface SessionInfo {
  /** What `revokeSession` takes. */
  sessionId: string;
  /** The name that the login gave the device. */
  device?: string;
  createdAt: Date;
  lastSeenAt: Date;
  /** When the session ends if it is not used. */
  expiresAt: Date;
  /** Whether it is the session of the caller. */
  current: boolean;
}

/** The server's counters. They count from its start. */
export interface ServerStats {
  uptimeSeconds: number;
  /** Authenticated connections now. */
  connections: number;
  /** Users with at least one connection now. */
  usersOnline: number;
  payloadsReceived: number;
  payloadsSent: number;
}

/** Traffic counters since the client was created. */
export interface Stats {
  /** Successful connections. */
  connects: number;
  /** Successful connections after the first. */
  reconnects: number;
  /** Of these, the connections that continued the one before, so that nothing is missing. */
  resumed: number;
  payloadsSent: number;
  payloadsReceived: number;
  /** Messages accepted for sending. */
  messagesSent: number;
  /** Messages delivered to the application. */
  messagesReceived: number;
  /** Messages that arrived again and were dropped. */
  duplicates: number;
  /** Messages, pings and commands that have no outcome yet. */
  waiting: number;
  /** In UTF-8. */
  bytesSent: number;
  bytesReceived: number;
}

/** The server's limits. */
export interface Limits {
  maxPayloadBytes: number;
  /** In UTF-8. */
  maxTextBytes: number;
  maxAttachments: number;
  maxGroupMembers: number;
  /** The average rate per user. The client keeps to it. */
  messagesPerSecond: number;
  /** The number of messages that a user may send at once. */
  burst: number;
  /** The average rate of messages to `BROADCAST` per user. The client keeps to it. */
  broadcastsPerMinute: number;
  /** The number of messages to `BROADCAST` that a user may send at once. */
  broadcastBurst: number;
}

/** The first fault of a text that is not a valid payload. */
export interface Fault {
  /** For programs, such as `MISSING_FIELD`. */
  code: string;
  /** The place of the fault, a JSON Pointer from the payload's root. */
  path: string;
  reason: string;
}
