// The protocol (docs/protocol.md) and its names. Other modules use only the exports of this one.

export const SERVER = "SERVER";
export const EVERYONE = "BROADCAST";
export const SOCKET = "/ws";
export const SUBPROTOCOL = "callie.1";
export const VERSION = "1.0";

/** The page's URL without its file name. A proxy may serve the page below a path prefix. */
const BASE = new URL("../", import.meta.url);

/** The URL of a path of the protocol, below the prefix that this page is served at. */
export const at = (path) => new URL(`.${path}`, BASE);

/** The codes of notices that this page handles or has texts for. */
export const Code = Object.freeze({
  authenticated: "AUTHENTICATED",
  authFailed: "AUTH_FAILED",
  authTimeout: "AUTH_TIMEOUT",
  sessionExpired: "SESSION_EXPIRED",
  sessionRevoked: "SESSION_REVOKED",
  kicked: "KICKED",
  banned: "BANNED",
  tooManyInvalid: "TOO_MANY_INVALID",
  serverShutdown: "SERVER_SHUTDOWN",
  overloaded: "OVERLOADED",
  delivered: "DELIVERED",
  unconfirmed: "DELIVERY_UNCONFIRMED",
  partly: "PARTIALLY_DELIVERED",
  duplicate: "DUPLICATE_PAYLOAD",
  rateLimited: "RATE_LIMITED",
  offline: "RECIPIENT_OFFLINE",
  unknownRecipient: "RECIPIENT_UNKNOWN",
  notAMember: "NOT_A_MEMBER",
  forbidden: "FORBIDDEN",
  commandOk: "COMMAND_OK",
  userNotFound: "USER_NOT_FOUND",
  groupNotFound: "GROUP_NOT_FOUND",
  conflict: "CONFLICT",
  limitReached: "LIMIT_REACHED",
  invalidField: "INVALID_FIELD",
  invalidParameters: "INVALID_PARAMETERS",
  tooLarge: "PAYLOAD_TOO_LARGE",
  internal: "INTERNAL_ERROR",
  userJoined: "USER_JOINED",
  userLeft: "USER_LEFT",
  groupUpdated: "GROUP_UPDATED",
  groupDeleted: "GROUP_DELETED",
  announcement: "ANNOUNCEMENT",
});

/** The codes of HTTP calls that this page has texts for. */
export const AccountCode = Object.freeze({
  taken: "USERNAME_TAKEN",
  badName: "INVALID_USERNAME",
  weak: "WEAK_PASSWORD",
  closed: "REGISTRATION_CLOSED",
  wrong: "INVALID_CREDENTIALS",
  banned: "BANNED",
  rateLimited: "RATE_LIMITED",
  unavailable: "UNAVAILABLE",
});

/** The outcomes of a duplicate payload. */
export const Outcome = Object.freeze({
  pending: "pending",
  sent: "sent",
  delivered: "delivered",
  unconfirmed: "unconfirmed",
  failed: "failed",
});

export const AttachmentKind = Object.freeze({ image: "image", video: "video", file: "file" });
export const TYPING = "typing";
/** The most confirmations in one ACK. */
export const MAX_CONFIRMED = 256;

/** Returns whether a client reconnects after a close with this code. */
export function comesBack(code) {
  return ![1002, 1003, 1007, 1008, 1009, 1010].includes(code) && !(code >= 4500 && code <= 4999);
}

export const isGroup = (recipient) => recipient.startsWith("group:");
const NAME = /^[a-z0-9][a-z0-9._-]{1,31}$/;
export const isUsername = (text) => NAME.test(text);

/** Returns a UUIDv7. crypto.randomUUID does not exist on pages without TLS. */
export function newId(now = Date.now()) {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  for (let i = 0; i < 6; i++) bytes[i] = Math.floor(now / 2 ** (40 - 8 * i)) % 256;
  bytes[6] = 0x70 | (bytes[6] & 0x0f);
  bytes[8] = 0x80 | (bytes[8] & 0x3f);
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

// ---- Accounts, over HTTP ----

const credentials = ({ name, password }) => ({ username: name, password });

export const accounts = Object.freeze({
  register: (who) => ({ method: "POST", path: "/api/v1/register", body: credentials(who) }),
  login: (who) => ({
    method: "POST",
    path: "/api/v1/login",
    body: { ...credentials(who), device: "web page" },
    read: (answer) => ({ token: answer.token, name: answer.username }),
  }),
  logout: (token) => ({ method: "POST", path: "/api/v1/logout", token }),
});

/** Reads the answer to a refused call. */
export const readProblem = (body) => ({ code: String(body?.code ?? ""), text: String(body?.detail ?? "") });

// ---- Sending ----

function payload(session, to, type, content, metadata = {}) {
  const id = newId();
  const text = JSON.stringify({
    token: session.token,
    sender: session.name,
    recipient: to,
    timestamp: new Date().toISOString(),
    type,
    content,
    metadata,
    payloadID: id,
    payloadVersion: VERSION,
  });
  return { id, text };
}

export const authenticate = (session) =>
  payload(session, SERVER, "CMD", { command: "AUTHENTICATE", parameters: {} });

export const ping = (session) => payload(session, SERVER, "PING", {});

export const pong = (session, received) =>
  payload(session, received.from, "PONG", {}, { inReplyTo: received.id });

export const confirm = (session, received) =>
  command(session, {
    name: "ACK",
    parameters: { payloads: received.map(({ from, id }) => ({ sender: from, payloadID: id })) },
  });

/** A chat message. It asks for confirmation, unless it is a broadcast, for which the protocol has none. */
export function message(session, to, { id, text, files }) {
  const content = { messageID: id, text };
  if (files.length > 0) {
    content.attachments = files.map(({ kind, url, name }) => ({
      type: kind,
      url,
      ...(name && { metadata: { filename: name } }),
    }));
  }
  return payload(session, to, "MSG", content, to === EVERYONE ? {} : { ack: true });
}

export const command = (session, { name, parameters }) =>
  payload(session, SERVER, "CMD", { command: name, parameters });

// ---- Commands: a name, parameters, and how to read the result ----

const nothing = () => undefined;
const page = (after) => (after ? { after } : {});
const group = (g) => ({ id: g.groupID, title: g.name, role: g.role, count: g.memberCount });

export const commands = Object.freeze({
  signal: (recipient, kind) => ({ name: "SIGNAL", parameters: { recipient, kind }, read: nothing }),
  createGroup: (title, members, open) => ({
    name: "CREATE_GROUP",
    parameters: { name: title, members, visibility: open ? "public" : "private" },
    read: (r) => ({ id: r.groupID, title: r.name, count: r.members.length }),
  }),
  joinGroup: (id) => ({ name: "JOIN_GROUP", parameters: { groupID: id }, read: nothing }),
  leaveGroup: (id) => ({ name: "LEAVE_GROUP", parameters: { groupID: id }, read: nothing }),
  addMember: (id, user) => ({ name: "ADD_MEMBER", parameters: { groupID: id, username: user }, read: nothing }),
  ownGroups: (after) => ({ name: "LIST_GROUPS", parameters: page(after), read: groups }),
  publicGroups: (after) => ({ name: "LIST_PUBLIC_GROUPS", parameters: page(after), read: groups }),
  members: (id, after) => ({
    name: "GET_GROUP",
    parameters: { groupID: id, ...page(after) },
    read: (r) => ({
      ...group(r),
      open: r.visibility === "public",
      items: r.members.map((m) => ({ name: m.username, role: m.role, online: m.online })),
      next: r.next,
    }),
  }),
  watch: (names) => ({
    name: "SUBSCRIBE_PRESENCE",
    parameters: { usernames: names },
    read: (r) => Object.entries(r.presence).map(([name, is]) => ({ name, online: is === "online" })),
  }),
  profile: (name) => ({
    name: "GET_PROFILE",
    parameters: { username: name },
    read: (r) => ({ name: r.username, shown: r.displayName }),
  }),
});

function groups(r) {
  return { items: r.groups.map(group), next: r.next };
}

/** Returns whether this role may add members. */
export const mayAdd = (role) => role === "owner" || role === "admin";

// ---- Receiving ----

/** Parses a text message of the server. Returns null if this page does not know it. */
export function read(text) {
  let p;
  try {
    p = JSON.parse(text);
  } catch {
    return null;
  }
  const head = { id: p?.payloadID, from: p?.sender, to: p?.recipient, at: Date.parse(p?.timestamp) };
  switch (p?.type) {
    case "PING":
      return { kind: "ping", ...head };
    case "PONG":
      return { kind: "pong", ...head };
    case "MSG":
      return { kind: "message", ...head, wantsAck: p.metadata?.ack === true, message: readMessage(p.content) };
    case "SYS":
      return { kind: "notice", ...readNotice(p.content, p.metadata ?? {}) };
    case "CMD":
      return readPush(p.content.command, p.content.parameters);
    default:
      return null;
  }
}

function readMessage(content) {
  const files = (content.attachments ?? []).map(({ type, url, metadata }) => ({
    kind: type,
    url,
    name: metadata?.filename,
    size: metadata?.size,
  }));
  return { id: content.messageID, text: content.text, files };
}

function readNotice({ code, description }, m) {
  return {
    code,
    text: description,
    replyTo: m.inReplyTo,
    command: m.command,
    path: m.path,
    user: m.username,
    group: m.groupID,
    result: m.result,
    retryAfter: m.retryAfterMs,
    outcome: m.outcome,
    delivered: m.delivered,
    missed: m.unconfirmed,
    offline: m.offlineCount,
    reason: m.reason,
    heartbeat: m.heartbeatSeconds,
    limits: m.limits && { text: m.limits.maxTextBytes, files: m.limits.maxAttachments },
  };
}

function readPush(name, p) {
  switch (name) {
    case "SIGNAL":
      return { kind: "signal", from: p.from, to: p.recipient, signal: p.kind };
    case "EDIT_MESSAGE":
      return { kind: "edit", author: p.sender, to: p.recipient, message: p.messageID, text: p.text };
    case "DELETE_MESSAGE":
      return { kind: "delete", author: p.sender, to: p.recipient, message: p.messageID, by: p.deletedBy };
    default:
      return null;
  }
}
