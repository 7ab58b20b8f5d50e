// A connection through the WebSocket of browsers, Deno, Bun and Node 22.

import { CLOSE_TIMEOUT_MS, ended, type Link, type LinkListener, MAX_INCOMING_BYTES, violated } from "../link.js";

/** The code of a connection that counts as lost. A page cannot drop a connection without a code. */
const GIVEN_UP = 4000;

/** Opens a connection. */
export function openWebSocket(url: string, subprotocol: string, listener: LinkListener): Link {
  const socket = new WebSocket(url, subprotocol);
  let wasOpen = false;
  let isOver = false;
  const end = (report: () => void): void => {
    if (isOver) return;
    isOver = true;
    report();
  };
  const closed = new Promise<void>((resolve) => socket.addEventListener("close", () => resolve()));
  const refuse = (reason: string): void => {
    end(() => listener.closed(violated(reason)));
    socket.close(GIVEN_UP);
  };
  socket.addEventListener("open", () => {
    wasOpen = true;
    if (!isOver) listener.opened();
  });
  socket.addEventListener("message", ({ data }: MessageEvent<unknown>) => {
    if (isOver) return;
    if (typeof data !== "string") refuse("a binary message");
    else if (data.length > MAX_INCOMING_BYTES) refuse(`a message of more than ${MAX_INCOMING_BYTES} bytes`);
    else listener.text(data);
  });
  socket.addEventListener("close", ({ code, reason }) => {
    end(() => listener.closed(ended(code, reason, wasOpen)));
  });
  return {
    send: (text) => socket.send(text),
    get buffered() {
      return socket.bufferedAmount;
    },
    // The platform reads on; the driver keeps what arrives.
    pause() {},
    unpause() {},
    abort() {
      isOver = true;
      socket.close(GIVEN_UP);
    },
    async close() {
      isOver = true;
      socket.close(1000);
      let timer: ReturnType<typeof setTimeout> | undefined;
      await Promise.race([closed, new Promise((resolve) => (timer = setTimeout(resolve, CLOSE_TIMEOUT_MS)))]);
      clearTimeout(timer);
    },
  };
}
