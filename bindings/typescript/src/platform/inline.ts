// Any platform: the module is a text in this file.

import base64 from "#module";

export { openWebSocket as openLink } from "./websocket.js";

export async function loadModule(): Promise<WebAssembly.Module> {
  return WebAssembly.compile(Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)));
}
