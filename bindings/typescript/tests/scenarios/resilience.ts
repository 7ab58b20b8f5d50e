// Connections and servers that break.

import { BadAnswer, CallieError, Client, type CallieEvent, Server, TimedOut, Unreachable } from "callie";
import {
  check,
  equal,
  fails,
  next,
  nextText,
  nextTexts,
  numbers,
  online,
  outcome,
  PASSWORD,
  rest,
  SOON_MS,
  state,
  type TestEnv,
  until,
  url,
  user,
  within,
} from "./env.js";

export async function cutConnectionLosesNothing(env: TestEnv): Promise<void> {
  await using ada = await online(await url(env), "ada");
  await using bob = await online(await url(env, "direct"), "bob");
  await state(bob, "online");
  await env.ask("hold");
  for (const text of numbers(20)) ada.send("bob", text);
  await env.ask("cut");
  await env.ask("release");
  equal(await nextTexts(bob, 20), numbers(20));
  equal(await bob.nextEvents({ max: 1, timeoutMs: 200 }), []);
  check(ada.stats.reconnects >= 1, "it reconnected");
}

export async function lostConnectionIsResumed(env: TestEnv): Promise<void> {
  await using ada = await online(await url(env), "ada");
  await using bob = await online(await url(env, "direct"), "bob");
  equal((await state(ada, "online")).resumed, false);
  await env.ask("refuse");
  await env.ask("cut");
  await state(ada, "waiting");
  const sent = numbers(3).map((text) => bob.send("ada", text));
  await env.ask("accept");
  equal((await state(ada, "online")).resumed, true);
  equal(await nextTexts(ada, 3), numbers(3));
  for (const ticket of sent) equal((await outcome(ticket)).kind, "delivered");
  ada.suspend();
  ada.resume();
  equal((await state(ada, "online")).resumed, false);
  equal([ada.stats.reconnects, ada.stats.resumed], [2, 1]);
}

export async function clientReconnectsToRestartedServer(env: TestEnv): Promise<void> {
  await using ada = await online(await url(env), "ada");
  await state(ada, "online");
  await env.ask("kill");
  const waiting = await state(ada, "waiting");
  check(waiting.retryInMs >= 0 && waiting.closeCode === 1006 && waiting.reason, JSON.stringify(waiting));
  await env.ask("start");
  await state(ada, "online");
  check((await ada.ping()) >= 0, "a ping");
}

export async function messageSentOfflineArrivesLater(env: TestEnv): Promise<void> {
  const server = await url(env);
  // The other client is connected directly, because clients reconnect in any order.
  await using bob = await online(await url(env, "direct"), "bob");
  await using ada = user(server, "ada");
  await ada.login();
  const early = ada.send("bob", "before connecting");
  await ada.start();
  equal(await nextText(bob), "before connecting");
  equal((await outcome(early)).kind, "delivered");
  await env.ask("refuse");
  await env.ask("cut");
  await state(ada, "waiting");
  ada.send("bob", "while it was away");
  await env.ask("accept");
  equal(await nextText(bob), "while it was away");
}

export async function deadlineEndsATicket(env: TestEnv): Promise<void> {
  await using client = new Client(await url(env, "nobody"), "ada", { token: "token" });
  await client.start();
  const began = performance.now();
  const end = await outcome(client.send("bob", "too late", { timeoutMs: 300 }));
  check(end.kind === "failed" && end.code === "EXPIRED", JSON.stringify(end));
  const took = performance.now() - began;
  check(took > 200 && took < SOON_MS, `${took} ms`);
}

export async function revokedSessionEndsTheClient(env: TestEnv): Promise<void> {
  await using ada = await online(await url(env), "ada");
  await env.ask("revoke ada");
  const closed = (await rest(ada)).at(-1);
  check(closed?.type === "closed", "closed");
  equal([closed.closeCode, closed.code], [4501, "SESSION_REVOKED"]);
  equal(ada.state.kind, "closed");
}

export async function tokenIsRefreshed(env: TestEnv): Promise<void> {
  const server = await url(env);
  const asked: [string, string][] = [];
  const tokenSource = async (username: string, code: string): Promise<string> => {
    asked.push([username, code]);
    return (await new Server(server).login("ada", PASSWORD)).token;
  };
  await using ada = await online(server, "ada", { tokenSource });
  await state(ada, "online");
  const before = ada.token;
  await env.ask("revoke ada");
  await state(ada, "online");
  equal(asked, [["ada", "SESSION_REVOKED"]]);
  check((await ada.ping()) >= 0, "a ping");
  check(ada.token !== before, "another token");
}

export async function suspendedClientResumes(env: TestEnv): Promise<void> {
  const server = await url(env);
  await using ada = await online(server, "ada");
  await using bob = await online(server, "bob");
  ada.suspend();
  await state(ada, "suspended");
  const sent = ada.send("bob", "from the background");
  equal(ada.state.kind, "suspended");
  check((await bob.nextEvents({ timeoutMs: 200 })).length > 0, "the states of bob");
  equal(await bob.nextEvents({ max: 1, timeoutMs: 200 }), []);
  ada.resume();
  equal(await nextText(bob), "from the background");
  equal((await outcome(sent)).kind, "delivered");
}

export async function garbageIsSurvived(env: TestEnv): Promise<void> {
  await using ada = await hostile(env, "garbage");
  await ada.connect();
  const seen: CallieEvent[] = [];
  while (seen.at(-1)?.type !== "message") {
    seen.push(await until(ada, (event) => event.type !== "connectionChanged"));
  }
  equal(
    seen.map((event) => event.type),
    ["unreadable", "unreadable", "unreadable", "unknown", "message"],
  );
  for (const event of seen) if (event.type === "unreadable") check(event.code && event.reason, "code and reason");
  const [, , , unknown, message] = seen;
  check(unknown?.type === "unknown", "unknown");
  equal((unknown.payload.content as { code: string }).code, "FROM_THE_FUTURE");
  check(message?.type === "message" && message.text === "still here", "a message");
  check((await ada.ping()) >= 0, "a ping");
}

async function hostile(env: TestEnv, kind: string, requestTimeoutMs = SOON_MS): Promise<Client> {
  return new Client(await url(env, `hostile ${kind}`), "ada", { token: "token", requestTimeoutMs });
}

export async function lyingServerIsSurvived(env: TestEnv): Promise<void> {
  await using ada = await hostile(env, "liar");
  await ada.connect();
  equal(await nextText(ada), "once");
  const sent = ada.send("bob", "Hello");
  await until(ada, (event) => event.type === "notice" && event.code === "DELIVERED");
  await fails(() => ada.listGroups(), BadAnswer);
  check((await ada.ping()) >= 0, "a ping");
  equal([ada.stats.messagesReceived, ada.stats.duplicates], [1, 1]);
  // The false DELIVERED has no effect: the message has no outcome until the end.
  equal(ada.stats.waiting, 1);
  await ada.disconnect();
  equal((await outcome(sent)).kind, "unconfirmed");
}

export async function silentServerTimesOut(env: TestEnv): Promise<void> {
  const server = await url(env, "hostile silent");
  const began = performance.now();
  const requestTimeoutMs = 300;
  await fails(() => new Server(server, { requestTimeoutMs }).login("ada", PASSWORD), TimedOut);
  await fails(() => new Client(server, "ada", { token: "token", requestTimeoutMs }).connect(), TimedOut);
  check(performance.now() - began < SOON_MS, "in time");
}

export async function closeAtEveryStepIsAnError(env: TestEnv): Promise<void> {
  for (const step of ["on-accept", "in-upgrade", "after-upgrade", "after-authenticate", "in-frame"]) {
    await using client = await hostile(env, `close-${step}`);
    const error = await fails(() => within(client.connect()), Unreachable, BadAnswer);
    check(error.code && error.reason, step);
    equal(client.state.kind, "suspended", step);
  }
}

export async function statisticsCount(env: TestEnv): Promise<void> {
  await using ada = await online(await url(env), "ada");
  await using bob = await online(await url(env, "direct"), "bob");
  await state(ada, "online");
  const ticket = ada.send("bob", "Hello");
  await next(bob, "message");
  equal((await outcome(ticket)).kind, "delivered");
  const [sent, received] = [ada.stats, bob.stats];
  equal([sent.connects, sent.reconnects, sent.messagesSent], [1, 0, 1]);
  equal([received.messagesReceived, received.duplicates], [1, 0]);
  check(sent.payloadsSent >= 2 && sent.payloadsReceived >= 2, "payloads");
  check(sent.bytesSent > 100 && sent.bytesReceived > 100, "bytes");
  await env.ask("cut");
  await state(ada, "online");
  equal([ada.stats.connects, ada.stats.reconnects], [2, 1]);
}

export async function suspendAndConnectInAnyOrder(env: TestEnv): Promise<void> {
  await using client = await hostile(env, "silent");
  await client.login();
  const connecting = client.connect();
  connecting.catch(() => {});
  while (client.state.kind !== "connecting") await Promise.resolve();
  client.suspend();
  equal((await fails(() => within(connecting), CallieError)).code, "SUSPENDED");
  await using ada = await online(await url(env), "ada");
  for (let n = 0; n < 20; n++) {
    ada.suspend();
    await within(ada.connect());
    equal(ada.state.kind, "online");
  }
  check((await ada.ping()) >= 0, "a ping");
}
