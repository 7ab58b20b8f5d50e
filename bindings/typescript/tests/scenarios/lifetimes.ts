// Waits, listeners and the end of clients.

import { type CallieEvent, Client, ClosedError, InvalidArgument, type Message } from "callie";
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
  rest,
  state,
  type TestEnv,
  until,
  url,
  within,
} from "./env.js";

export async function cancelledWaitLosesNothing(env: TestEnv): Promise<void> {
  const server = await url(env);
  await using ada = await online(server, "ada");
  await using bob = await online(server, "bob");
  await state(bob, "online");
  equal(await bob.nextEvents({ timeoutMs: 50 }), []);
  for (const text of numbers(50)) {
    const abort = new AbortController();
    const waiting = bob.nextEvents({ max: 1, signal: abort.signal });
    ada.send("bob", text);
    abort.abort();
    equal((await fails(() => waiting, DOMException)).name, "AbortError");
    equal(await nextText(bob), text);
  }
}

export async function callbackMayCallBack(env: TestEnv): Promise<void> {
  const server = await url(env);
  await using ada = await online(server, "ada");
  const bob = await online(server, "bob");
  const delivered: CallieEvent[] = [];
  const over = new Promise<void>((resolve) => {
    bob.listen(async (events) => {
      for (const event of events) {
        delivered.push(event);
        if (event.type === "message") {
          equal(bob.state.kind, "online");
          // Waits for the end inside the callback.
          equal((await bob.send("ada", "back to you")).kind, "delivered");
          await bob.disconnect();
        }
        if (event.type === "closed") resolve();
      }
    });
  });
  await fails(() => bob.listen(() => {}), InvalidArgument);
  await fails(() => bob.nextEvents(), InvalidArgument);
  ada.send("bob", "Hello");
  equal(await nextText(ada), "back to you");
  await within(over);
  equal(delivered.at(-1)?.type, "closed");
}

export async function failingCallbackIsSurvived(env: TestEnv): Promise<void> {
  const server = await url(env);
  await using ada = await online(server, "ada");
  await using bob = await online(server, "bob");
  const delivered: string[] = [];
  const messages = (events: CallieEvent[]): Message[] => events.filter((event) => event.type === "message");
  const third = new Promise<void>((resolve) => {
    bob.listen((events) => {
      const texts = messages(events).map((message) => message.text);
      delivered.push(...texts);
      if (texts.includes("third")) resolve();
      const error = new Error("the application's own fault");
      if (texts.includes("first")) throw error;
      return Promise.reject(error);
    });
  });
  for (const text of ["first", "second"]) equal((await outcome(ada.send("bob", text))).kind, "delivered");
  ada.send("bob", "third");
  await within(third);
  equal(delivered, ["first", "second", "third"]);
}

export async function clientMayBeDroppedOnAnotherThread(env: TestEnv): Promise<void> {
  const server = await url(env);
  await using ada = await online(server, "ada");
  await dropped(server);
  await ada.subscribePresence(["bob"]);
  // The garbage collector closes the connection of a client that nobody holds.
  for (;;) {
    await env.collectGarbage();
    if (!(await ada.getPresence(["bob"])).get("bob")) return;
    await ada.nextEvents({ timeoutMs: 100 });
  }
}

/** Connects a client and forgets it, after a callback of it has run. */
async function dropped(server: string): Promise<void> {
  const bob = await online(server, "bob");
  equal((await next(bob, "connectionChanged")).state.kind, "connecting");
}

export async function useAfterDisconnectIsAnError(env: TestEnv): Promise<void> {
  const ada = await online(await url(env), "ada");
  await ada.disconnect();
  await rest(ada);
  for (const call of [
    () => ada.nextEvents(),
    () => ada.ping(),
    () => ada.listGroups(),
    () => ada.send("bob", "x"),
    () => ada.signal("bob", "typing"),
    () => ada.connect(),
    () => ada.start(),
    () => ada.login(),
    () => ada.suspend(),
    () => ada.resume(),
    () => ada.listen(() => {}),
  ]) {
    const error = await fails(call, ClosedError);
    check(error.code && error.reason, "code and reason");
  }
  ada.networkChanged();
  await ada.disconnect();
  await ada.disconnect();
}

export async function disconnectWritesWhatWasSent(env: TestEnv): Promise<void> {
  const server = await url(env);
  await using bob = await online(server, "bob");
  const first = await online(server, "ada");
  const { token } = first;
  await first.disconnect();
  for (let n = 0; n < 30; n++) {
    const ada = new Client(server, "ada", { token });
    await ada.connect();
    const tickets = [0, 1, 2].map((k) => ada.send("bob", `${n} ${k}`));
    await ada.disconnect();
    equal(await nextTexts(bob, 3), [`${n} 0`, `${n} 1`, `${n} 2`]);
    const ended = (await rest(ada)).flatMap((event) => (event.type === "ended" ? [event.ticket] : []));
    equal(
      ended.sort(),
      tickets.map((ticket) => ticket.number),
    );
    for (const ticket of tickets) {
      const { kind } = await outcome(ticket);
      check(kind === "delivered" || kind === "unconfirmed", kind);
    }
  }
}

export async function abandonedIteratorLosesNothing(env: TestEnv): Promise<void> {
  const server = await url(env);
  await using ada = await online(server, "ada");
  await using bob = await online(server, "bob");
  await state(bob, "online");
  const texts: string[] = [];
  for (const text of numbers(100)) ada.send("bob", text);
  for (let way = 0; texts.length < 100; way++) {
    const signal = AbortSignal.timeout(10);
    const iterate = async (): Promise<void> => {
      for await (const event of bob.events({ signal })) {
        if (event.type === "message") texts.push(event.text);
        if (texts.length % 3 === 0 || texts.length === 100) return;
        if (way % 3 === 0 && texts.length % 5 === 0) throw new RangeError("the application's own fault");
        if (way % 3 === 1 && texts.length % 4 === 0) await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    await iterate().catch((error: unknown) => check(error instanceof RangeError || signal.aborted, String(error)));
  }
  equal(texts, numbers(100));
  // A wait that is under way ends with its iteration, and takes nothing.
  const iterator = bob[Symbol.asyncIterator]();
  const waiting = iterator.next();
  await iterator.return?.();
  ada.send("bob", "for the next");
  equal((await within(waiting)).done, true);
  await until(bob, (event) => event.type === "message" && event.text === "for the next");
}
