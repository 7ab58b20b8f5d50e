// Clients against servers and modules that misbehave.

import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, test } from "node:test";
import * as callie from "callie";
import { WebSocketServer } from "ws";
import { TestBed } from "./testbed.mjs";

const PASSWORD = "correct horse battery";
let bed;
let env;
let url;

before(async () => {
  bed = await TestBed.start();
  env = await bed.env();
  [url] = await env.ask("server");
});

after(async () => {
  env.close();
  await bed.close();
});

function online(name, options) {
  return callie.Client.open(url, name, { password: PASSWORD, register: true, ...options });
}

/** Lets a function of the modules that are loaded from now on fail, as a panic does, while `work` runs. */
async function withFault(name, work) {
  const { instantiate } = WebAssembly;
  let isBroken = false;
  WebAssembly.instantiate = async (module, imports) => {
    const { exports } = await instantiate(module, imports);
    const faulty = () => {
      throw new WebAssembly.RuntimeError("unreachable");
    };
    const get = (_, key) => (isBroken && key === name ? faulty : exports[key]);
    return { exports: new Proxy({}, { get }) };
  };
  try {
    await work(() => {
      isBroken = true;
    });
  } finally {
    WebAssembly.instantiate = instantiate;
  }
}

test("a fault of the module ends one client with a typed error", async () => {
  const other = await online("other");
  await withFault("callie_received", async (breakIt) => {
    const ada = await online("ada");
    breakIt();
    const ticket = ada.send("other", "Hello");
    const pinged = assert.rejects(ada.ping(), (error) => error instanceof callie.Internal && error.code === "INTERNAL");
    const events = [];
    for await (const event of ada) events.push(event);
    await pinged;
    assert.deepEqual(await ticket, { kind: "unconfirmed" });
    assert.deepEqual(
      events.map((event) => (event.type === "connectionChanged" ? event.state.kind : event.type)),
      ["connecting", "online", "ended", "closed"],
    );
    assert.equal(events.at(-1).code, "INTERNAL");
    assert.equal(ada.state.kind, "closed");
    assert.throws(() => ada.send("other", "x"), callie.ClosedError);
    await assert.rejects(ada.connect(), callie.ClosedError);
    await ada.disconnect();
  });
  assert.ok((await other.ping()) > 0);
  await other.disconnect();
});

for (const name of [
  "callie_poll",
  "callie_deadline",
  "callie_send",
  "callie_summary",
  "callie_waiting",
  "callie_taken",
  "callie_wake",
]) {
  test(`a fault of the module is no unhandled error: ${name}`, async () => {
    await withFault(name, async (breakIt) => {
      const eve = await online("eve");
      breakIt();
      try {
        eve.send("eve", "Hello");
        assert.notEqual(eve.state.kind, "waiting");
        for await (const _ of eve);
      } catch (error) {
        assert.ok(error instanceof callie.CallieError, error);
      }
      // Its timer and its socket end too.
      await eve.disconnect().catch((error) => assert.ok(error instanceof callie.CallieError, error));
    });
  });
}

test("a client that takes no events reads no more than its queue holds, and loses nothing", async () => {
  const ada = await online("ada");
  const bob = await online("bob", { eventQueue: 8 });
  const tickets = [];
  for (let n = 0; n < 500; n++) tickets.push(ada.send("bob", String(n), { confirm: false }));
  for (const ticket of tickets) assert.equal((await ticket).kind, "sent");
  // The answer to this ping would follow the messages.
  await assert.rejects(bob.ping(), callie.QueueFull);
  assert.ok(bob.stats.messagesReceived <= 8, String(bob.stats.messagesReceived));
  const texts = [];
  for await (const event of bob) {
    if (event.type === "message") texts.push(event.text);
    if (texts.length === 500) break;
  }
  assert.deepEqual(
    texts,
    Array.from({ length: 500 }, (_, n) => String(n)),
  );
  assert.equal(bob.stats.reconnects, 0);
  await ada.disconnect();
  await bob.disconnect();
});

test("listeners receive the events of their type, and can be removed", async () => {
  const ada = await online("ada");
  const bob = new callie.Client(url, "bob", { password: PASSWORD, register: true });
  const seen = [];
  const abort = new AbortController();
  const note = (event) => seen.push(`${event.type} ${event.text ?? event.code}`);
  bob.addEventListener("message", note);
  bob.addEventListener("message", note);
  bob.addEventListener("message", () => seen.push("once"), { once: true });
  bob.addEventListener("message", () => seen.push("aborted"), { signal: abort.signal });
  const closed = new Promise((resolve) => bob.addEventListener("closed", resolve));
  await bob.connect();
  await ada.send("bob", "first");
  abort.abort();
  await ada.send("bob", "second");
  assert.deepEqual(seen, ["message first", "once", "aborted", "message second"]);
  await assert.rejects(bob.nextEvents(), callie.InvalidArgument);
  await bob.disconnect();
  assert.equal((await closed).code, "DISCONNECTED");
  await ada.disconnect();
});

test("without listeners, the events wait to be taken again", async () => {
  const ada = await online("ada");
  const bob = await online("bob");
  const first = new Promise((resolve) => bob.addEventListener("message", resolve, { once: true }));
  await ada.send("bob", "first");
  assert.equal((await first).text, "first");
  ada.send("bob", "second");
  for (;;) {
    const [event] = await bob.nextEvents({ max: 1 });
    if (event.type !== "message") continue;
    assert.equal(event.text, "second");
    break;
  }
  await ada.disconnect();
  await bob.disconnect();
});

test("an await-using block disconnects its client", async () => {
  const client = await online("ada");
  await client[Symbol.asyncDispose]();
  assert.equal(client.state.kind, "closed");
});

test("a binary or oversized message ends the connection with a typed error", async () => {
  for (const message of [Buffer.from([1]), "x".repeat(2 * 1024 * 1024)]) {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1", handleProtocols: () => "callie.1" });
    await once(server, "listening");
    server.on("connection", (socket) => {
      socket.on("error", () => {});
      socket.send(message);
    });
    const client = new callie.Client(`http://127.0.0.1:${server.address().port}`, "ada", { token: "t" });
    await assert.rejects(client.connect(), callie.BadAnswer);
    await client.disconnect();
    server.close();
  }
});

test("a refused upgrade has the code and the wait of the server", async () => {
  const answer = JSON.stringify({ type: "about:blank", status: 503, code: "UNAVAILABLE", detail: "try again later" });
  const server = (await import("node:http")).createServer();
  server.on("upgrade", (_, socket) => {
    const head = "HTTP/1.1 503 Service Unavailable\r\nretry-after: 7\r\ncontent-type: application/problem+json";
    socket.end(`${head}\r\ncontent-length: ${answer.length}\r\nconnection: close\r\n\r\n${answer}`);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = new callie.Client(`http://127.0.0.1:${server.address().port}`, "ada", { token: "t" });
  await assert.rejects(
    client.connect(),
    (error) => error instanceof callie.Refused && error.code === "UNAVAILABLE" && error.reason === "try again later",
  );
  await client.start();
  let state;
  do {
    const [event] = await client.nextEvents({ max: 1 });
    state = event.state;
  } while (state?.kind !== "waiting");
  assert.ok(state.retryInMs >= 7_000, String(state.retryInMs));
  await client.disconnect();
  server.close();
});
