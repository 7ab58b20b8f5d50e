// One connection: what the platforms' WebSockets have in common.

import type { WrittenError } from "./errors.js";

/** A received text, or its UTF-8 in a buffer of Node, whose `toString` decodes it in less time than a `TextDecoder`. */
export type Text = string | Uint8Array;

/** A WebSocket, which is being opened or is open. */
export interface Link {
  send(text: string): void;
  /** The bytes that wait to be written. */
  readonly buffered: number;
  /** Stops reading, where the platform can. */
  pause(): void;
  unpause(): void;
  /**
   * Writes what waits, closes the connection with the code 1000, and reports nothing more. Returns when it is closed,
   * and after a few seconds at the latest.
   */
  close(): Promise<void>;
  /**
   * Gives up the connection without the code 1000, so that the server keeps it for a resumption, and reports nothing
   * more.
   */
  abort(): void;
}

/** How a connection ended. */
export interface LinkEnd {
  /** The server's close code; none if the connection was lost or never open. */
  code?: number;
  error: WrittenError;
  /** The wait that the server asked for. */
  retryAfterMs?: number;
}

/** Receives the reports of a connection: `opened` at most once, then texts, and `closed` as the last. */
export interface LinkListener {
  opened(): void;
  text(text: Text): void;
  closed(end: LinkEnd): void;
}

/** How long a server may take to answer a close, in milliseconds. */
export const CLOSE_TIMEOUT_MS = 3_000;

/** The most bytes of a received text: far above the protocol's default limit, as a server may allow more. */
export const MAX_INCOMING_BYTES = 1024 * 1024;

/** The end of a connection that the server closed, or that was lost. */
export function ended(code: number, words: string, wasOpen: boolean): LinkEnd {
  if (!wasOpen) return lost("the server cannot be reached, or does not accept a WebSocket there");
  // Platforms tell a close without a code by 1005, and a lost connection by 1006 or 0.
  if (code < 1000 || code === 1005 || code === 1006) return lost("the connection ended without a close code");
  const reason = `the server closed with ${code}${words && ": "}${words}`;
  return { code, error: { kind: "UNREACHABLE", code: "UNREACHABLE", reason } };
}

export function lost(reason: string): LinkEnd {
  return { error: { kind: "UNREACHABLE", code: "UNREACHABLE", reason } };
}

/** The end of a connection whose server violates the protocol. */
export function violated(reason: string): LinkEnd {
  return {
    error: { kind: "BAD_ANSWER", code: "BAD_ANSWER", reason: `the server's answer is not the protocol: ${reason}` },
  };
}
