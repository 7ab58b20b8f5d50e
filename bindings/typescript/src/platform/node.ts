// Node, Deno and Bun: the module is a file beside this one. Node 20 needs the package `ws`.

import { readFile } from "node:fs/promises";
import { internal } from "../errors.js";
import type { Link, LinkListener } from "../link.js";
import { openWebSocket } from "./websocket.js";
import { openWs, type WsConstructor } from "./ws.js";

export async function loadModule(): Promise<WebAssembly.Module> {
  if (typeof WebSocket === "undefined") await loadWs();
  return WebAssembly.compile(await readFile(new URL("callie.wasm", import.meta.url)));
}

let ws: WsConstructor | undefined;

async function loadWs(): Promise<void> {
  try {
    ws = (await import("ws")).WebSocket;
  } catch (error) {
    throw internal("this platform has no WebSocket: install the package ws beside callie, or use Node 22", error);
  }
}

export function openLink(url: string, subprotocol: string, listener: LinkListener): Link {
  return ws ? openWs(ws, url, subprotocol, listener) : openWebSocket(url, subprotocol, listener);
}
