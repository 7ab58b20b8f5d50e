// Runs the scenarios in a headless Chromium, and writes `name ok` or `name failed` for each: run-chromium.mjs [NAME]…

import { fileURLToPath } from "node:url";
import { Files, launch } from "./browser.mjs";
import { SCENARIO_TIMEOUT_MS } from "./build/scenarios.js";
import { TestBed } from "./testbed.mjs";

const PAGE = `<!doctype html><meta charset="utf-8"><title>Scenarios</title>
<script type="importmap">{"imports": {"callie": "/dist/callie.js"}}</script>
<script type="module">
  import { scenarios } from "/tests/build/scenarios.js";
  const env = {
    ask: (request) => testBed("ask", request),
    read: (path) => testBed("read", path),
    list: (path) => testBed("list", path),
    async collectGarbage() {
      gc();
      // Finalizers run in tasks of their own.
      await new Promise((resolve) => setTimeout(resolve));
    },
  };
  window.names = Object.keys(scenarios);
  window.run = (name) => scenarios[name](env).then(() => "", (error) => error.stack || String(error));
</script>`;
// The server's page has such a policy: no eval, and WebAssembly.
const POLICY =
  "default-src 'none'; script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'; connect-src 'self' http: https: ws: wss:";

const root = fileURLToPath(new URL("..", import.meta.url));
const files = await Files.serve(root, { "/page.html": PAGE }, { "Content-Security-Policy": POLICY });
const bed = await TestBed.start();
const browser = await launch();

/** Runs one scenario in a page of its own, and returns why it failed. */
async function run(name) {
  const env = await bed.env();
  await env.ask(`origin ${files.origin}`);
  const page = await browser.newPage();
  const late = new Promise((resolve) => {
    setTimeout(resolve, SCENARIO_TIMEOUT_MS, "the scenario took too long").unref();
  });
  try {
    await page.exposeFunction("testBed", (call, given) => env[call](given));
    await page.goto(`${files.origin}/page.html`, { waitUntil: "load" });
    await page.waitForFunction("window.run");
    return await Promise.race([page.evaluate(`run(${JSON.stringify(name)})`), late]);
  } catch (error) {
    return error.stack;
  } finally {
    await page.close();
    env.close();
  }
}

async function allNames() {
  const page = await browser.newPage();
  await page.goto(`${files.origin}/page.html`);
  await page.waitForFunction("window.names");
  const names = await page.evaluate("names");
  await page.close();
  return names;
}

try {
  for (const name of process.argv.length > 2 ? process.argv.slice(2) : await allNames()) {
    const failure = await run(name);
    console.log(failure ? `${name} failed: ${failure.replaceAll("\n", " ")}` : `${name} ok`);
    if (failure) process.exitCode = 1;
  }
} finally {
  await browser.close();
  await bed.close();
  files.close();
}
