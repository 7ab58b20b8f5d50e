// Events, and the values that they consist of.

import type { JsonObject, JsonValue } from "./arguments.js";
import type { Limits } from "./values.js";

/** The kind of file that an attachment is. */
export type AttachmentKind = "image" | "video" | "file";

/** A file that a message refers to by its URL. Callie servers do not store files. */
export interface Attachment {
  kind: AttachmentKind;
  url: string;
  filename?: string | undefined;
  /** In bytes, below 2^53. */
  size?: number | undefined;
  /** A MIME type, such as `image/png`. */
  filetype?: string | undefined;
  /** All of the attachment's metadata. When sending, the three members above take precedence. */
  metadata?: JsonObject | undefined;
}

/** A chat message, from another user or from this user on another connection. */
export interface Message {
  readonly type: "message";
  sender: string;
  /** This user, a group ID or `BROADCAST`. */
  recipient: string;
  /** In Markdown. */
  text: string;
  attachments: Attachment[];
  /** The sender's claim. */
  sentAt: Date;
  /** What edits and deletions refer to. */
  messageId: string;
  payloadId: string;
  /** Added by the sender. The protocol reserves the keys `ack` and `inReplyTo`. */
  metadata: JsonObject;
}

/** How the sending of a message ended. */
export type SendOutcome =
  /** The recipient's client confirmed it; for a group, at least one member's did. */
  | {
      readonly kind: "delivered";
      /**
       * The number of recipients whose client confirmed it; `null` if the server's answer was lost with a connection.
       */
      confirmed: number | null;
      /** The number of online recipients whose client did not confirm it, or `null`. */
      unconfirmed: number | null;
      /** The number of offline members of the group, or `null`. */
      offline: number | null;
      /** The number of offline members for whom the server keeps the message, or `null`. */
      stored: number | null;
    }
  /**
   * The recipient, or every other member of the group, is offline: the server keeps it, and delivers it later if the
   * recipient takes messages from this user. {@link DeliveredLate} reports that.
   */
  | { readonly kind: "stored" }
  /** The server accepted it; no confirmation was requested. */
  | { readonly kind: "sent" }
  /** The recipient, or every other member of the group, is offline: it did not arrive. */
  | { readonly kind: "offline" }
  /** It did not arrive. */
  | {
      readonly kind: "failed";
      /** The server's code, such as `RECIPIENT_UNKNOWN`, or `EXPIRED` or `DISCONNECTED`. */
      code: string;
      /** The reason, for people. */
      reason: string;
      /** The place of the fault in the payload, a JSON Pointer; empty if there is none. */
      path: string;
    }
  /** It was sent; whether it arrived is unknown. */
  | { readonly kind: "unconfirmed" };

/** The sending of a message ended. Every message has one such event. */
export interface Ended {
  readonly type: "ended";
  /** The {@link Ticket.number} of the message. */
  ticket: number;
  messageId: string;
  outcome: SendOutcome;
}

/** The state of the connection. */
export type ConnectionState =
  /** Not connected, and not trying to: not started, suspended, or a single attempt failed. */
  | { readonly kind: "suspended" }
  /** Opening a connection or authenticating on it. */
  | { readonly kind: "connecting" }
  /** Connected and authenticated. */
  | {
      readonly kind: "online";
      /** When the session ends if it is not used. */
      expiresAt?: Date;
      limits: Limits;
      /**
       * Whether the connection continues the one before, so that nothing is missing. Otherwise payloads may be missing
       * that were sent to the user since the last connection was lost.
       */
      resumed: boolean;
    }
  /** Not connected; the client will try again. */
  | {
      readonly kind: "waiting";
      /** The time until the next attempt, in milliseconds. */
      retryInMs: number;
      /** The close code of the last connection; 1006 if it was lost without one or never open. */
      closeCode: number;
      /** Why the client is not connected, for people. */
      reason: string;
    }
  /** The client has ended. */
  | { readonly kind: "closed" };

/** The state of the connection changed. The end of the client is reported by {@link Closed} alone. */
export interface ConnectionChanged {
  readonly type: "connectionChanged";
  state: ConnectionState;
}

/**
 * A message that the server had kept was delivered, and confirmed by its recipient. For a message to a group, each
 * member for whom it was kept confirms it.
 */
export interface DeliveredLate {
  readonly type: "deliveredLate";
  payloadId: string;
  messageId: string;
}

/** A notice from the server that is not the outcome of a send: a user came online, a group changed. */
export interface Notice {
  readonly type: "notice";
  /** For programs, such as `USER_JOINED`. */
  code: string;
  /** For people. */
  description: string;
  sentAt: Date | null;
  /** All metadata of the notice; which members there are depends on the code. */
  metadata: JsonObject;
  /** The payload that the notice is about, if any. */
  inReplyTo?: string;
  username?: string;
  groupId?: string;
  messageId?: string;
}

/** The author of a message replaced its text. */
export interface Edited {
  readonly type: "edited";
  messageId: string;
  sender: string;
  recipient: string;
  text: string;
}

/** A message was deleted. A program that does not know the message ignores the event. */
export interface Deleted {
  readonly type: "deleted";
  messageId: string;
  sender: string;
  recipient: string;
  deletedBy: string;
}

/** A short-lived signal, such as a typing indicator. */
export interface Signal {
  readonly type: "signal";
  sender: string;
  recipient: string;
  /** `typing`, `read` or another name. */
  kind: string;
  /** A JSON value that belongs to it, if any. */
  data?: JsonValue;
}

/** A SYS or CMD payload of a later version of the protocol. */
export interface Unknown {
  readonly type: "unknown";
  payload: JsonObject;
}

/** The server sent a text that is not a valid payload. It was ignored. */
export interface Unreadable {
  readonly type: "unreadable";
  code: string;
  path: string;
  reason: string;
}

/** The client has ended. This is always the last event. */
export interface Closed {
  readonly type: "closed";
  /** The WebSocket close code; 1000 after `disconnect()`. */
  closeCode: number;
  /**
   * The reason, for programs: the server's code, such as `SESSION_REVOKED`, or `DISCONNECTED`, `CLOSED` or
   * `INTERNAL`.
   */
  code: string;
  reason: string;
}

/** An event for the application, told apart by its `type`. */
export type CallieEvent =
  | Message
  | Ended
  | ConnectionChanged
  | DeliveredLate
  | Notice
  | Edited
  | Deleted
  | Signal
  | Unknown
  | Unreadable
  | Closed;

/** The events by their `type`. */
export type EventMap = { [Type in CallieEvent["type"]]: Extract<CallieEvent, { type: Type }> };

/** A MSG payload that the module has checked. */
interface MessagePayload {
  sender: string;
  recipient: string;
  timestamp: string;
  content: {
    messageID: string;
    text?: string;
    attachments?: { type: AttachmentKind; url: string; metadata?: JsonObject }[];
  };
  metadata?: JsonObject;
  payloadID: string;
}

/** Makes an event of a MSG payload that the module has checked. */
export function message(payload: unknown): Message {
  const { sender, recipient, timestamp, content, metadata = {}, payloadID } = payload as MessagePayload;
  return {
    type: "message",
    sender,
    recipient,
    text: content.text ?? "",
    attachments: content.attachments?.map(attachment) ?? [],
    sentAt: new Date(timestamp),
    messageId: content.messageID,
    payloadId: payloadID,
    metadata,
  };
}

function attachment({
  type,
  url,
  metadata = {},
}: {
  type: AttachmentKind;
  url: string;
  metadata?: JsonObject;
}): Attachment {
  const made: Attachment = { kind: type, url };
  const { filename, size, filetype } = metadata;
  if (typeof filename === "string") made.filename = filename;
  if (typeof size === "number") made.size = size;
  if (typeof filetype === "string") made.filetype = filetype;
  made.metadata = metadata;
  return made;
}

/** Makes an event of what the module wrote: instants are numbers of milliseconds there. */
export function event(written: CallieEvent): CallieEvent {
  switch (written.type) {
    case "notice":
      notice(written);
      break;
    case "connectionChanged":
      written.state = connectionState(written.state);
      break;
  }
  return written;
}

function notice(written: Notice): void {
  if (written.sentAt !== null) written.sentAt = new Date(written.sentAt);
  const { inReplyTo, username, groupID, messageID } = written.metadata;
  if (typeof inReplyTo === "string") written.inReplyTo = inReplyTo;
  if (typeof username === "string") written.username = username;
  if (typeof groupID === "string") written.groupId = groupID;
  if (typeof messageID === "string") written.messageId = messageID;
}

/** Makes a connection state of what the module wrote. */
export function connectionState(written: ConnectionState): ConnectionState {
  if (written.kind === "online" && written.expiresAt !== undefined) written.expiresAt = new Date(written.expiresAt);
  return written;
}
