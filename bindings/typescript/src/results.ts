// The results of commands and HTTP calls: the values of the protocol, checked, as the values of this package.

import { BadAnswer, badAnswer } from "./errors.js";
import type {
  BlockedPage,
  DirectMessages,
  Group,
  GroupDetails,
  GroupPage,
  GroupSummary,
  Member,
  PresenceAudience,
  Profile,
  Role,
  ServerStats,
  SessionInfo,
  Settings,
  Visibility,
} from "./values.js";

/** Reads the members of a JSON object, and fails if one does not have its type. */
class Reader {
  readonly #members: Record<string, unknown>;

  constructor(value: unknown) {
    // The result of a command is missing if it was lost with a connection.
    if (value === undefined) {
      throw new BadAnswer("RESULT_LOST", "it was carried out, but the result was lost with a connection");
    }
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw badAnswer("an object is expected");
    this.#members = value as Record<string, unknown>;
  }

  text(name: string): string {
    const value = this.#members[name];
    if (typeof value !== "string") throw badAnswer(`${name} must be a string`);
    return value;
  }

  optionalText(name: string): string | undefined {
    return this.#members[name] === undefined || this.#members[name] === null ? undefined : this.text(name);
  }

  word<T extends string>(name: string, words: readonly T[]): T {
    const value = this.text(name);
    if (!words.includes(value as T)) throw badAnswer(`${name} must be one of ${words.join(", ")}`);
    return value as T;
  }

  count(name: string): number {
    const value = this.#members[name] ?? 0;
    if (typeof value !== "number" || !Number.isInteger(value) || value < 0) throw badAnswer(`${name} must be a count`);
    return value;
  }

  flag(name: string): boolean {
    const value = this.#members[name] ?? false;
    if (typeof value !== "boolean") throw badAnswer(`${name} must be a boolean`);
    return value;
  }

  instant(name: string): Date {
    const value = new Date(this.text(name));
    if (Number.isNaN(value.getTime())) throw badAnswer(`${name} must be a timestamp`);
    return value;
  }

  list<T>(name: string, read: (item: unknown) => T, isOptional = false): T[] {
    const value = this.#members[name] ?? (isOptional ? [] : undefined);
    if (!Array.isArray(value)) throw badAnswer(`${name} must be an array`);
    return value.map(read);
  }

  object(name: string): Record<string, unknown> {
    return new Reader(this.#members[name] ?? null).#members;
  }
}

const ROLES: readonly Role[] = ["owner", "admin", "member"];
const VISIBILITIES: readonly Visibility[] = ["private", "public"];
const AUDIENCES: readonly PresenceAudience[] = ["everyone", "groups", "nobody"];
const SENDERS: readonly DirectMessages[] = ["everyone", "groups"];

function username(value: unknown): string {
  if (typeof value !== "string") throw badAnswer("a username must be a string");
  return value;
}

/** A page with its `next`, which the last page does not have. */
function page<T extends object>(reader: Reader, items: T): T & { next?: string } {
  const next = reader.optionalText("next");
  return next === undefined ? items : { ...items, next };
}

export function group(value: unknown): Group {
  const reader = new Reader(value);
  return {
    groupId: reader.text("groupID"),
    name: reader.text("name"),
    visibility: reader.word("visibility", VISIBILITIES),
    members: reader.list("members", username, true),
  };
}

function groupSummary(value: unknown): GroupSummary {
  const reader = new Reader(value);
  const summary: GroupSummary = {
    groupId: reader.text("groupID"),
    name: reader.text("name"),
    memberCount: reader.count("memberCount"),
  };
  if (reader.optionalText("role") !== undefined) summary.role = reader.word("role", ROLES);
  return summary;
}

export function groupPage(value: unknown): GroupPage {
  const reader = new Reader(value);
  return page(reader, { groups: reader.list("groups", groupSummary) });
}

function member(value: unknown): Member {
  const reader = new Reader(value);
  return { username: reader.text("username"), role: reader.word("role", ROLES), online: reader.flag("online") };
}

export function groupDetails(value: unknown): GroupDetails {
  const reader = new Reader(value);
  return page(reader, {
    groupId: reader.text("groupID"),
    name: reader.text("name"),
    visibility: reader.word("visibility", VISIBILITIES),
    memberCount: reader.count("memberCount"),
    members: reader.list("members", member, true),
  });
}

export function blockedPage(value: unknown): BlockedPage {
  const reader = new Reader(value);
  return page(reader, { usernames: reader.list("blocked", username) });
}

export function presence(value: unknown): Map<string, boolean> {
  const users = new Reader(value).object("presence");
  const reader = new Reader(users);
  return new Map(Object.keys(users).map((name) => [name, reader.word(name, ["online", "offline"]) === "online"]));
}

export function profile(value: unknown): Profile {
  const reader = new Reader(value);
  return { username: reader.text("username"), displayName: reader.text("displayName") };
}

export function settings(value: unknown): Settings {
  const reader = new Reader(value);
  return {
    displayName: reader.text("displayName"),
    presence: reader.word("presence", AUDIENCES),
    directMessages: reader.word("directMessages", SENDERS),
  };
}

export function serverStats(value: unknown): ServerStats {
  const reader = new Reader(value);
  return {
    uptimeSeconds: reader.count("uptimeSeconds"),
    connections: reader.count("connections"),
    usersOnline: reader.count("usersOnline"),
    payloadsReceived: reader.count("payloadsReceived"),
    payloadsSent: reader.count("payloadsSent"),
  };
}

function session(value: unknown): SessionInfo {
  const reader = new Reader(value);
  const device = reader.optionalText("device");
  return {
    sessionId: reader.text("sessionID"),
    ...(device === undefined ? {} : { device }),
    createdAt: reader.instant("createdAt"),
    lastSeenAt: reader.instant("lastSeenAt"),
    expiresAt: reader.instant("expiresAt"),
    current: reader.flag("current"),
  };
}

export function sessions(value: unknown): SessionInfo[] {
  return new Reader(value).list("sessions", session);
}

/** The username and the token of a login. */
export function login(value: unknown): { username: string; token: string } {
  const reader = new Reader(value);
  return { username: reader.text("username"), token: reader.text("token") };
}
