// The options of servers and clients, with their defaults.

import { time, whole } from "./arguments.js";
import { invalid } from "./errors.js";

/** The options of a {@link Server} and a {@link Client}. */
export interface Options {
  /** For one HTTP call, for opening a WebSocket and for its authentication, in milliseconds; 30,000 unless given. */
  requestTimeoutMs?: number | undefined;
  /** For a message, a ping or a command until its outcome, connected or not, in milliseconds; 60,000 unless given. */
  sendTimeoutMs?: number | undefined;
  /** The most messages, pings and commands without an outcome; 1,000 unless given. Further ones are refused. */
  maxWaiting?: number | undefined;
  /** The most received events that wait to be taken; 1,024 unless given. Until some are taken, nothing more is read. */
  eventQueue?: number | undefined;
}

/** A configuration that was checked. */
export interface Config {
  /** The server's URL for HTTP calls, without a slash at the end. */
  url: string;
  requestTimeoutMs: number;
  sendTimeoutMs: number;
  maxWaiting: number;
  eventQueue: number;
}

export function config(url: unknown, given: Options): Config {
  const { requestTimeoutMs = 30_000, sendTimeoutMs = 60_000, maxWaiting = 1_000, eventQueue = 1_024 } = given;
  return {
    url: address(url),
    requestTimeoutMs: time(requestTimeoutMs, "requestTimeoutMs"),
    sendTimeoutMs: time(sendTimeoutMs, "sendTimeoutMs"),
    maxWaiting: whole(maxWaiting, "maxWaiting", 1),
    eventQueue: whole(eventQueue, "eventQueue", 1),
  };
}

const SCHEMES: Record<string, string> = { "http:": "http:", "ws:": "http:", "https:": "https:", "wss:": "https:" };

/** Checks the address of a server. */
function address(given: unknown): string {
  const text = given instanceof URL ? given.href : given;
  const url = typeof text === "string" ? parsed(text) : undefined;
  const scheme = url && SCHEMES[url.protocol];
  if (!url || !scheme || url.username || url.password || url.port === "0" || /[?#]/.test(String(text))) {
    if (typeof text === "string" && !text.includes("://") && parsed(`https://${text}`)?.hostname) {
      throw invalid(`the server's address has no scheme: write https://${text}, or http://${text} without TLS`);
    }
    throw invalid(
      "the server's address must be a URL such as https://chat.example.org or http://127.0.0.1:8080, " +
        "without user info, query or fragment",
    );
  }
  return `${scheme}//${url.host}${url.pathname.replace(/\/+$/, "")}`;
}

function parsed(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}

/** The URL of the WebSocket. */
export function socketUrl({ url }: Config, path: string): string {
  return `${url.replace(/^http/, "ws")}${path}`;
}
