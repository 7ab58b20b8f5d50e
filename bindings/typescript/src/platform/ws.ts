// A connection through the package `ws`, for Node 20.

import {
  CLOSE_TIMEOUT_MS,
  ended,
  type Link,
  type LinkEnd,
  type LinkListener,
  lost,
  MAX_INCOMING_BYTES,
  violated,
} from "../link.js";
import type { IncomingMessage } from "node:http";
import type { ClientOptions, WebSocket } from "ws";
import { refusal, retryAfterMs } from "../problem.js";

export type WsConstructor = new (url: string, subprotocol: string, options: ClientOptions) => WebSocket;

/** The most bytes of an answer that refuses a WebSocket. */
const MAX_ANSWER_BYTES = 64 * 1024;

export function openWs(Constructor: WsConstructor, url: string, subprotocol: string, listener: LinkListener): Link {
  const socket = new Constructor(url, subprotocol, { maxPayload: MAX_INCOMING_BYTES, perMessageDeflate: false });
  let wasOpen = false;
  let isOver = false;
  let why: LinkEnd | undefined;
  const end = (what: LinkEnd): void => {
    if (isOver) return;
    isOver = true;
    listener.closed(what);
  };
  const closed = new Promise<void>((resolve) => socket.on("close", resolve));
  socket.on("open", () => {
    wasOpen = true;
    if (!isOver) listener.opened();
  });
  socket.on("message", (data, isBinary) => {
    if (isOver) return;
    // A text is one buffer unless the socket's `binaryType` is changed.
    if (!isBinary) return listener.text(data as Buffer);
    end(violated("a binary message"));
    socket.close(1003);
  });
  socket.on("error", (error: Error & { code?: string }) => {
    // The codes of `ws` itself and of Node's HTTP parser.
    const isProtocol = /^(WS_ERR|HPE)_/.test(error.code ?? "");
    why ??= isProtocol ? violated(error.message) : lost(`the link to the server broke: ${error.message}`);
  });
  socket.on("unexpected-response", (_, response) => {
    void answered(response).then((what) => {
      end(what);
      socket.terminate();
    });
  });
  socket.on("close", (code, words) => {
    end(why ?? ended(code, words.toString(), wasOpen));
  });
  return {
    send: (text) => socket.send(text),
    get buffered() {
      return socket.bufferedAmount;
    },
    pause: () => socket.pause(),
    unpause: () => socket.resume(),
    abort() {
      isOver = true;
      socket.terminate();
    },
    async close() {
      isOver = true;
      socket.close(1000);
      const timer = setTimeout(() => socket.terminate(), CLOSE_TIMEOUT_MS);
      // A paused socket does not see the answer to its close.
      if (wasOpen) socket.resume();
      await closed;
      clearTimeout(timer);
    },
  };
}

/** What an answer means that is not the upgrade to a WebSocket. */
async function answered(response: IncomingMessage): Promise<LinkEnd> {
  const status = response.statusCode ?? 0;
  const body: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      body.push(chunk);
      bytes += chunk.length;
      if (bytes > MAX_ANSWER_BYTES) break;
    }
  } catch {
    return lost("the connection broke while the server answered");
  }
  const text = Buffer.concat(body).toString();
  const error = refusal(status, text) ?? violated(`HTTP ${status} in place of a WebSocket`).error;
  const wait = retryAfterMs(response.headers["retry-after"]);
  return wait === undefined ? { error } : { error, retryAfterMs: wait };
}
