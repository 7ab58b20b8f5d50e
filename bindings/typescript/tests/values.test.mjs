// What JavaScript can pass in, and what a server can return: typed errors, and no others.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, test } from "node:test";
import * as callie from "callie";
import { TestBed } from "./testbed.mjs";

const PASSWORD = "correct horse battery";
let bed;
let env;
let url;
let ada;

before(async () => {
  bed = await TestBed.start();
  env = await bed.env();
  [url] = await env.ask("server");
  ada = await callie.Client.open(url, "ada", { password: PASSWORD, register: true });
});

after(async () => {
  await ada.disconnect();
  env.close();
  await bed.close();
});

function isInvalid(call) {
  assert.throws(call, (error) => {
    assert.ok(error instanceof callie.InvalidArgument, error);
    assert.equal(error.code, "INVALID_ARGUMENT");
    assert.ok(error.reason.length > 0 && error.message === `${error.reason} (${error.code})`);
    return true;
  });
}

const cyclic = {};
cyclic.self = cyclic;
let deep = {};
for (let n = 0; n < 100_000; n++) deep = { deep };

for (const [name, metadata] of Object.entries({
  cyclic,
  deep,
  bigint: { x: 1n },
  nan: { x: Number.NaN },
  infinity: { x: [Number.POSITIVE_INFINITY] },
  function: { x() {} },
  symbol: { x: Symbol("x") },
  surrogate: { x: "\ud800" },
  surrogateKey: { "\udfff": 1 },
  array: [1],
  null: null,
  text: "{}",
  huge: { x: "x".repeat(10_000_000) },
  throwing: {
    toJSON() {
      throw new Error("the application's own fault");
    },
  },
  getter: {
    get x() {
      throw new Error("the application's own fault");
    },
  },
  proxy: new Proxy(
    {},
    {
      ownKeys() {
        throw new Error("the application's own fault");
      },
    },
  ),
})) {
  test(`metadata that is not JSON is refused: ${name}`, () => {
    isInvalid(() => ada.send("bob", "x", { metadata }));
    assert.equal(ada.stats.messagesSent, 0);
  });
}

for (const bad of [undefined, null, 3, Number.NaN, 1n, {}, [], Symbol("x"), () => {}, "\ud800", "x".repeat(100_000)]) {
  test(`a value that is no username is refused: ${typeof bad} ${String(bad).slice(0, 9)}`, () => {
    isInvalid(() => ada.send(bad, "x"));
  });
}

for (const bad of [0, -1, Number.NaN, "5", 5n, null]) {
  test(`a time that is none is refused: ${typeof bad} ${bad}`, () => {
    isInvalid(() => ada.send("bob", "x", { timeoutMs: bad }));
    isInvalid(() => new callie.Client(url, "ada", { token: "t", requestTimeoutMs: bad }));
  });
}

test("calls with wrong options are refused", async () => {
  isInvalid(() => new callie.Client(url, "ada", {}));
  isInvalid(() => new callie.Client(url, "ada", { token: "t", password: PASSWORD }));
  isInvalid(() => new callie.Client(url, "ada", { token: "t", tokenSource: "t" }));
  isInvalid(() => new callie.Client(url, "ada", { token: "t", maxWaiting: 0 }));
  isInvalid(() => ada.send("bob", "x", null));
  isInvalid(() => ada.send("bob", "x", { attachments: "none" }));
  isInvalid(() => ada.send("bob", "x", { attachments: [null] }));
  isInvalid(() => ada.send("bob", "x", { attachments: [{ kind: "file", url: "https://a.example/", size: 1.5 }] }));
  isInvalid(() => ada.send("bob", "x", { confirm: "yes" }));
  isInvalid(() => ada.send("bob", "x", { messageId: "" }));
  isInvalid(() => ada.listen("none"));
  isInvalid(() => ada.addEventListener("message", null));
  await assert.rejects(ada.nextEvents({ max: 0 }), callie.InvalidArgument);
  await assert.rejects(ada.nextEvents({ signal: {} }), callie.InvalidArgument);
  await assert.rejects(ada.createGroup("Tea", "bob"), callie.InvalidArgument);
  await assert.rejects(ada.banUser("bob", { until: new Date(Number.NaN) }), callie.InvalidArgument);
});

test("a client that was not started says so", () => {
  const client = new callie.Client(url, "ada", { token: "t" });
  isInvalid(() => client.send("bob", "x"));
  assert.equal(client.state.kind, "suspended");
});

test("members that are undefined are left out of metadata", async () => {
  const bob = await callie.Client.open(url, "bob", { password: PASSWORD, register: true });
  ada.send("bob", "x", { metadata: { here: 1, gone: undefined, __proto__: { inherited: 1 } } });
  for await (const event of bob) {
    if (event.type !== "message") continue;
    assert.deepEqual(event.metadata, { here: 1, ack: true });
    break;
  }
  await bob.disconnect();
});

test("a token source that rejects ends the client", async () => {
  const tokenSource = () => Promise.reject(new Error("the application's own fault"));
  const eve = await callie.Client.open(url, "eve", { password: PASSWORD, register: true, tokenSource });
  await env.ask("revoke eve");
  const events = [];
  for await (const event of eve) events.push(event);
  const closed = events.at(-1);
  assert.equal(closed.code, "SESSION_REVOKED");
  assert.match(closed.reason, /the application's own fault/);
});

test("an aborted call rejects with the reason of its signal", async () => {
  const [silent] = await env.ask("hostile silent");
  const reason = new RangeError("enough");
  const server = new callie.Server(silent);
  await assert.rejects(server.login("ada", PASSWORD, { signal: AbortSignal.abort(reason) }), reason);
  const abort = new AbortController();
  const login = server.login("ada", PASSWORD, { signal: abort.signal });
  abort.abort(reason);
  await assert.rejects(login, reason);
  const client = new callie.Client(silent, "ada", { token: "t" });
  const again = new AbortController();
  const connecting = client.connect({ signal: again.signal });
  again.abort(reason);
  await assert.rejects(connecting, reason);
  await client.disconnect();
});

test("a clock outside of the protocol's years does no harm", async () => {
  const now = Date.now;
  for (const wrong of [-1e15, 1e15, Number.NaN, now() - 1e8]) {
    Date.now = () => wrong;
    try {
      assert.equal((await ada.send("ada", "what time is it?", { confirm: false })).kind, "sent");
    } finally {
      Date.now = now;
    }
  }
});

test("an import has no side effects", () => {
  // Without WebAssembly and WebSocket, as where a page is rendered on a server. The program ends by itself.
  const program = `
    delete globalThis.WebAssembly;
    delete globalThis.WebSocket;
    const before = Object.getOwnPropertyNames(globalThis).join();
    for (const name of ["callie", "callie/inline"]) await import(name);
    console.log(Object.getOwnPropertyNames(globalThis).join() === before);`;
  const options = { cwd: import.meta.dirname, encoding: "utf8", timeout: 20_000 };
  const printed = execFileSync(process.execPath, ["--input-type=module", "--eval", program], options);
  assert.equal(printed, "true\n");
});

test("the inlined module is the same", async () => {
  const inline = await import("callie/inline");
  const fault = await inline.checkPayload('{"token":""}');
  assert.deepEqual(fault, await callie.checkPayload('{"token":""}'));
  assert.equal(fault.code, "MISSING_FIELD");
});
