// The life of a page in Chromium: what browsers do to pages and their connections.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Files, launch } from "./browser.mjs";
import { TestBed } from "./testbed.mjs";

const PAGE = `<!doctype html><meta charset="utf-8"><title>Page</title>
<script type="module">
  import { Client } from "/dist/callie.js";
  const password = "correct horse battery";
  window.open = async (url, name, options) => {
    window.client = new Client(url, name, { password, register: true, ...options });
    window.seen = [];
    client.addEventListener("connectionChanged", ({ state }) => seen.push(state.kind));
    client.addEventListener("message", ({ text }) => seen.push(text));
    await client.connect();
  };
  window.Client = Client;
</script>`;

const root = fileURLToPath(new URL("..", import.meta.url));
let files;
let bed;
let browser;
let env;
let page;

before(async () => {
  files = await Files.serve(root, { "/page.html": PAGE });
  bed = await TestBed.start();
  browser = await launch();
});

after(async () => {
  await browser.close();
  await bed.close();
  files.close();
});

/** Runs a test with servers and a page of its own. */
function inPage(name, work) {
  test(name, { timeout: 60_000 }, async () => {
    env = await bed.env();
    await env.ask(`origin ${files.origin}`);
    page = await browser.newPage();
    const errors = [];
    page.on("pageerror", (error) => errors.push(error));
    try {
      await page.goto(`${files.origin}/page.html`);
      await page.waitForFunction("window.Client");
      const [url] = await env.ask("server");
      await work(url);
      assert.deepEqual(errors, []);
    } finally {
      await page.close();
      env.close();
    }
  });
}

function open(url, name, options = {}) {
  return page.evaluate(`open(${JSON.stringify(url)}, ${JSON.stringify(name)}, ${JSON.stringify(options)})`);
}

/** Waits until the client has seen this, after what it has seen before. */
async function seen(what, count = 1) {
  await page.waitForFunction(`seen.filter((one) => one === ${JSON.stringify(what)}).length >= ${count}`);
}

/** Makes the client wait for its next attempt, which is far away. */
async function awaitFarAttempt() {
  await env.ask("refuse");
  await env.ask("cut");
  // The bound of the wait doubles with each attempt.
  await page.waitForFunction("client.state.kind === 'waiting' && client.state.retryInMs > 4000");
  await env.ask("accept");
}

for (const [what, event] of Object.entries({
  "the network returns": "dispatchEvent(new Event('online'))",
  "the page is shown": "document.dispatchEvent(new Event('visibilitychange'))",
  "the page returns from the back/forward cache":
    "dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))",
})) {
  inPage(`a client that waits reconnects when ${what}`, async (url) => {
    await open(url, "ada");
    await awaitFarAttempt();
    const began = Date.now();
    await page.evaluate(event);
    await seen("online", 2);
    assert.ok(Date.now() - began < 3_000);
  });
}

inPage("a page that is frozen and thawed has its client online, and no message is lost", async (url) => {
  await open(url, "ada");
  const session = await page.context().newCDPSession(page);
  await session.send("Page.setWebLifecycleState", { state: "frozen" });
  await env.ask("cut");
  await session.send("Page.setWebLifecycleState", { state: "active" });
  await page.waitForFunction("client.state.kind === 'online'");
  assert.equal(await page.evaluate("client.send('ada', 'after the thaw').then(({ kind }) => kind)"), "delivered");
  await seen("after the thaw");
});

inPage("a client that takes no events holds what arrives, and loses nothing", async (url) => {
  const [direct] = await env.ask("direct");
  const texts = await page.evaluate(`(async () => {
    const options = { password: "correct horse battery", register: true };
    const ada = await Client.open(${JSON.stringify(url)}, "ada", options);
    const bob = await Client.open(${JSON.stringify(direct)}, "bob", { ...options, eventQueue: 8 });
    const tickets = Array.from({ length: 300 }, (_, n) => ada.send("bob", String(n), { confirm: false }));
    for (const ticket of tickets) await ticket;
    await new Promise((resolve) => setTimeout(resolve, 300));
    const texts = [bob.stats.messagesReceived];
    for await (const event of bob) {
      if (event.type === "message") texts.push(event.text);
      if (texts.length === 301) break;
    }
    return texts;
  })()`);
  assert.ok(texts.shift() <= 8);
  assert.deepEqual(
    texts,
    Array.from({ length: 300 }, (_, n) => String(n)),
  );
});

inPage("an address that the page may not connect to is a typed error", async () => {
  const code = await page.evaluate(`
    new Client("http://[::ffff:0]:1", "ada", { token: "t" }).connect().then(() => "", (error) => error.code)`);
  assert.equal(code, "UNREACHABLE");
});
