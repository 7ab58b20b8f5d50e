// Messages and their outcomes.

import { type Attachment, Client, InvalidArgument, type Message, QueueFull, Server, type Ticket } from "callie";
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
  url,
  within,
} from "./env.js";

/** Every kind of character that JSON, UTF-8 and UTF-16 treat differently. */
const TEXT = '# Grüße 👋🏽\n\n`"\\\t\u0001\u007f\u2028 <b>&amp;</b> \ufffd 你好 \u{1f469}\u200d\u{1f680}';

export async function statesAreReportedInOrder(env: TestEnv): Promise<void> {
  const ada = await online(await url(env), "ada");
  await ada.disconnect();
  const events = await rest(ada);
  equal(
    events.map((event) => (event.type === "connectionChanged" ? event.state.kind : event.type)),
    ["connecting", "online", "closed"],
  );
  const closed = events.at(-1);
  check(closed?.type === "closed" && closed.closeCode === 1000 && closed.code === "DISCONNECTED", "closed");
}

export async function messageArrives(env: TestEnv): Promise<void> {
  const server = await url(env);
  await using ada = await online(server, "ada");
  await using bob = await online(server, "bob");
  const sent = ada.send("bob", TEXT);
  ada.send("bob", "the next");
  const first = await next(bob, "message");
  equal([first.text, first.sender, first.recipient], [TEXT, "ada", "bob"]);
  equal(first.messageId, sent.messageId);
  check(first.payloadId, "a payload ID");
  check(Math.abs(first.sentAt.getTime() - Date.now()) < SOON_MS, "sent now");
  equal(await nextText(bob), "the next");
}

export async function attachmentArrives(env: TestEnv): Promise<void> {
  const server = await url(env);
  await using ada = await online(server, "ada");
  await using bob = await online(server, "bob");
  const file: Attachment = {
    kind: "video",
    url: "https://example.org/%E2%9C%93.mp4",
    filename: "✓ été.mp4",
    size: 2 ** 53 - 1,
    filetype: "video/mp4",
  };
  ada.send("bob", "look", { attachments: [file] });
  const [arrived] = (await next(bob, "message")).attachments;
  const { metadata, ...rest } = arrived ?? file;
  equal(rest, file);
  equal(metadata?.filetype, "video/mp4");
}

export async function messageIsConfirmed(env: TestEnv): Promise<void> {
  const server = await url(env);
  await using ada = await online(server, "ada");
  await using bob = await online(server, "bob");
  const sent = ada.send("bob", "Hello");
  await next(bob, "message");
  const end = await outcome(sent);
  equal(end, { kind: "delivered", confirmed: 1, unconfirmed: 0, offline: 0, stored: 0 });
  const ended = await next(ada, "ended");
  equal([ended.ticket, ended.messageId, ended.outcome], [sent.number, sent.messageId, end]);
  equal(await sent.outcome, end);
}

export async function offlineRecipientIsReported(env: TestEnv): Promise<void> {
  const server = await url(env);
  await new Server(server).register("bob", PASSWORD);
  await using ada = await online(server, "ada");
  equal((await outcome(ada.send("bob", "are you there?"))).kind, "offline");
}

export async function unknownRecipientIsReported(env: TestEnv): Promise<void> {
  await using ada = await online(await url(env), "ada");
  const end = await outcome(ada.send("nobody", "are you there?"));
  check(end.kind === "failed" && end.code === "RECIPIENT_UNKNOWN" && end.reason, JSON.stringify(end));
}

export async function groupMessageArrives(env: TestEnv): Promise<void> {
  const server = await url(env);
  await using ada = await online(server, "ada");
  await using bob = await online(server, "bob");
  await using eve = await online(server, "eve");
  const group = await ada.createGroup("Tea ☕", ["bob", "eve"]);
  ada.send(group.groupId, "to all");
  for (const other of [bob, eve]) {
    const arrived = await next(other, "message");
    equal([arrived.text, arrived.recipient, arrived.sender], ["to all", group.groupId, "ada"]);
  }
}

export async function broadcastArrives(env: TestEnv): Promise<void> {
  const server = await url(env);
  await using ada = await online(server, "ada");
  await using bob = await online(server, "bob");
  await using eve = await online(server, "eve");
  const sent = ada.send("BROADCAST", "hear ye");
  for (const other of [bob, eve]) {
    const arrived = await next(other, "message");
    equal([arrived.text, arrived.recipient], ["hear ye", "BROADCAST"]);
  }
  equal((await outcome(sent)).kind, "sent");
}

export async function eventsKeepTheirOrder(env: TestEnv): Promise<void> {
  const server = await url(env);
  await using ada = await online(server, "ada");
  await using bob = await online(server, "bob");
  for (const text of numbers(200)) ada.send("bob", text);
  equal(await nextTexts(bob, 200), numbers(200));
}

export async function burstOf10000EventsArrives(env: TestEnv): Promise<void> {
  const count = 10_000;
  const server = await url(env);
  await using ada = await online(server, "ada");
  await using bob = await online(server, "bob");
  // Takes the sender's events too, because sends are refused while too many of them wait.
  const drain = rest(ada);
  const sending = sendAll(ada, numbers(count));
  const texts: string[] = [];
  while (texts.length < count) {
    const batch = await bob.nextEvents({ timeoutMs: SOON_MS });
    check(batch.length > 0, `${texts.length} came`);
    for (const event of batch) if (event.type === "message") texts.push(event.text);
  }
  await sending;
  equal(texts, numbers(count));
  await ada.disconnect();
  await drain;
}

/** Sends texts as fast as the queue accepts them. */
async function sendAll(client: Client, texts: string[]): Promise<void> {
  const underWay: Ticket[] = [];
  for (const text of texts) {
    for (;;) {
      try {
        underWay.push(client.send("bob", text, { confirm: false }));
        break;
      } catch (error) {
        if (!(error instanceof QueueFull)) throw error;
        const [first] = underWay.splice(0, 1);
        if (first) await outcome(first);
      }
    }
  }
}

export async function invalidArgumentsAreRefused(env: TestEnv): Promise<void> {
  for (const bad of ["nonsense", "ftp://example.org", "http://u:p@example.org", ""]) {
    await fails(() => new Client(bad, "ada", { token: "token" }), InvalidArgument);
  }
  await using ada = await online(await url(env), "ada");
  const file = (kind: string, where: string): Attachment => ({ kind: kind as "file", url: where });
  for (const send of [
    () => ada.send("Not A Name", "x"),
    () => ada.send("", "x"),
    () => ada.send("bob", ""),
    () => ada.send("bob", "x".repeat(ada.limits.maxTextBytes + 1)),
    () => ada.send("bob", "\ud800"),
    () => ada.send("bob", null as unknown as string),
    () => ada.send("bob", "x", { attachments: [file("file", "ftp://example.org/a")] }),
    () => ada.send("bob", "x", { attachments: [file("sound", "https://example.org/a")] }),
    () => ada.command("lower case"),
  ]) {
    const error = await fails(send, InvalidArgument);
    check(error.code && error.reason, "code and reason");
  }
  equal(ada.stats.messagesSent, 0);
}

export async function sentMessageArrives(env: TestEnv): Promise<void> {
  const server = await url(env, "strict");
  const count = 150;
  await using bob = await online(server, "bob");
  const taking = nextTexts(bob, 2 * count);
  await using first = await online(server, "ada");
  await using second = await online(server, "ada");
  const tickets: Ticket[] = [];
  for (const n of numbers(count)) {
    tickets.push(first.send("bob", `first ${n}`, { confirm: false }));
    tickets.push(second.send("bob", `second ${n}`, { confirm: false }));
  }
  for (const ticket of tickets) equal((await within(ticket, 3 * SOON_MS)).kind, "sent");
  // The server may accept a payload after it has dropped an earlier one, so the order is not certain.
  const expected = ["first", "second"].flatMap((device) => numbers(count).map((n) => `${device} ${n}`));
  equal((await taking).sort(), expected.sort());
}

export async function untakenMessageIsNotDelivered(env: TestEnv): Promise<void> {
  const server = await url(env);
  await using ada = await online(server, "ada");
  await using bob = await online(server, "bob");
  await state(bob, "online");
  const ticket = ada.send("bob", "take me");
  let isEnded = false;
  const ended = ticket.then((end) => {
    isEnded = true;
    return end;
  });
  // The answer to this ping follows everything that the message could have caused.
  await ada.ping("bob");
  await ada.ping("bob");
  check(!isEnded, "not delivered");
  equal(await nextText(bob), "take me");
  equal((await within(ended)).kind, "delivered");
}

export async function senderMayTakeNoEvents(env: TestEnv): Promise<void> {
  const server = await url(env);
  await using ada = await online(server, "ada", { eventQueue: 64 });
  const bob = await online(server, "bob");
  const taken: Message[] = [];
  bob.listen((events) => taken.push(...events.filter((event) => event.type === "message")));
  for (const text of numbers(200)) equal((await outcome(ada.send("bob", text))).kind, "delivered");
  check((await ada.ping()) >= 0, "a ping");
  await bob.disconnect();
  equal(
    taken.map((event) => event.text),
    numbers(200),
  );
}

export async function longestTimeoutIsAccepted(env: TestEnv): Promise<void> {
  const server = await url(env);
  for (const longest of [Number.POSITIVE_INFINITY, Number.MAX_VALUE, Number.MAX_SAFE_INTEGER]) {
    await using ada = await online(server, "ada", { requestTimeoutMs: longest, sendTimeoutMs: longest });
    await using bob = await online(server, "bob");
    const ticket = ada.send("bob", "Hello", { timeoutMs: longest });
    for (let isThere = false; !isThere;) {
      const events = await bob.nextEvents({ timeoutMs: longest });
      isThere = events.some((event) => event.type === "message");
    }
    equal((await outcome(ticket)).kind, "delivered");
  }
}

export async function replyNamesItsMessage(env: TestEnv): Promise<void> {
  const server = await url(env);
  await using ada = await online(server, "ada");
  await using bob = await online(server, "bob");
  ada.send("bob", "question", { metadata: { colour: "red", big: 1e30 } });
  const question = await next(bob, "message");
  bob.send("ada", "answer", { metadata: { inReplyTo: question.payloadId } });
  const answer = await next(ada, "message");
  equal([answer.text, answer.metadata.inReplyTo], ["answer", question.payloadId]);
  // Received metadata can be sent again unchanged.
  ada.send("bob", "the same metadata", { metadata: question.metadata });
  const again = await next(bob, "message");
  equal([again.metadata.colour, again.metadata.big], ["red", 1e30]);
  bob.send("ada", "and back", { metadata: answer.metadata });
  equal((await next(ada, "message")).metadata.inReplyTo, question.payloadId);
}

export async function invalidTextIsRefused(env: TestEnv): Promise<void> {
  const server = await url(env);
  await using ada = await online(server, "ada");
  await using bob = await online(server, "bob");
  for (const call of [
    () => ada.send("bob", "half an emoji \ud83d"),
    () => ada.send("bob\udc00", "x"),
    () => ada.send("bob", new Uint8Array([0xff]) as unknown as string),
    () => ada.send("bob", "x", { metadata: { x: Number.NaN } }),
    () => ada.send("bob", "x", { metadata: { x: Number.POSITIVE_INFINITY } }),
    () => ada.send("bob", "x", { metadata: { "\ud83d": 1 } }),
    () => ada.signal("bob", "typing", { x: Number.NEGATIVE_INFINITY }),
  ]) {
    await fails(call, InvalidArgument);
  }
  ada.send("bob", "a complete one \u{1f600}");
  equal(await nextText(bob), "a complete one \u{1f600}");
}
