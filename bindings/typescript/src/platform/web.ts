// Browsers: the module is a file beside this one.

export { openWebSocket as openLink } from "./websocket.js";

export async function loadModule(): Promise<WebAssembly.Module> {
  const response = await fetch(new URL("callie.wasm", import.meta.url));
  if (!response.ok) throw new Error(`${response.url}: HTTP ${response.status}`);
  return WebAssembly.compile(await response.arrayBuffer());
}
