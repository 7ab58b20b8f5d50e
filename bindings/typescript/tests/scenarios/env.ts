// What scenarios use: the servers of the test bed, and waits for events.

import { type CallieEvent, Client, type ClientOptions, type EventMap, type SendOutcome, type Ticket } from "callie";

/** The password of every user. */
export const PASSWORD = "correct horse battery";
/** The longest wait of a step, in milliseconds. */
export const SOON_MS = 30_000;

/** The servers of one scenario, which end with it. */
export interface TestEnv {
  /** Sends a request to the test bed and returns the values of its answer. */
  ask(request: string): Promise<string[]>;
  /** Collects garbage. */
  collectGarbage(): Promise<void>;
  /** Reads a file of the test bed. */
  read(path: string): Promise<string>;
  /** The names of the files of a folder of the test bed. */
  list(path: string): Promise<string[]>;
}

/** A scenario: it fails by throwing. */
export type Scenario = (env: TestEnv) => Promise<void>;

/** Starts a server and returns its URL. */
export async function url(env: TestEnv, request = "server"): Promise<string> {
  const [first] = await env.ask(request);
  if (!first) throw new Error(`${request}: no URL`);
  return first;
}

/** A client of a new or existing user, which is not connected. */
export function user(server: string, name: string, options: Partial<ClientOptions> = {}): Client {
  return new Client(server, name, { password: PASSWORD, register: true, ...options });
}

/** A client of a user, which is connected. */
export async function online(server: string, name: string, options: Partial<ClientOptions> = {}): Promise<Client> {
  const client = user(server, name, options);
  await client.connect();
  return client;
}

export function check(condition: unknown, what: string): asserts condition {
  if (!condition) throw new Error(`failed: ${what}`);
}

export function equal(actual: unknown, expected: unknown, what = "equal"): void {
  const [a, b] = [show(actual), show(expected)];
  if (a !== b) throw new Error(`${what}: ${a} is not ${b}`);
}

function show(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) => {
    if (item instanceof Map) return Object.fromEntries(item);
    if (typeof item !== "object" || item === null || Array.isArray(item)) return item;
    return Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

type ErrorClass = abstract new (...given: never[]) => Error;

/** Checks that a call fails with an error of one of these classes, and returns the error. */
export async function fails<Classes extends ErrorClass[]>(
  what: () => unknown,
  ...classes: Classes
): Promise<InstanceType<Classes[number]>> {
  try {
    await what();
  } catch (error) {
    if (classes.some((one) => error instanceof one)) return error as InstanceType<Classes[number]>;
    throw new Error(`another error than ${classes.map((one) => one.name).join(", ")}: ${String(error)}`, {
      cause: error,
    });
  }
  throw new Error(`no error: ${what}`);
}

export function within<T>(what: PromiseLike<T>, ms = SOON_MS): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it took more than ${ms} ms`)), ms);
  });
  return Promise.race([what, late]).finally(() => clearTimeout(timer));
}

export function outcome(ticket: Ticket): Promise<SendOutcome> {
  return within(ticket);
}

/** Waits for an event that `wanted` accepts, and discards others. */
export async function until(client: Client, wanted: (event: CallieEvent) => boolean): Promise<CallieEvent> {
  const deadline = performance.now() + SOON_MS;
  for (;;) {
    const timeoutMs = Math.max(0, deadline - performance.now());
    const [event] = await client.nextEvents({ max: 1, timeoutMs });
    if (!event) throw new Error("the event did not come in time");
    if (wanted(event)) return event;
  }
}

/** Waits for the next event of a type. */
export async function next<Type extends keyof EventMap>(client: Client, type: Type): Promise<EventMap[Type]> {
  return (await until(client, (event) => event.type === type)) as EventMap[Type];
}

/** Waits for the next message and returns its text. */
export async function nextText(client: Client): Promise<string> {
  return (await next(client, "message")).text;
}

/** Waits for the texts of the next `count` messages. */
export async function nextTexts(client: Client, count: number): Promise<string[]> {
  const texts: string[] = [];
  while (texts.length < count) texts.push(await nextText(client));
  return texts;
}

/** Waits until the connection has this state. */
export async function state<Kind extends Client["state"]["kind"]>(
  client: Client,
  kind: Kind,
): Promise<Extract<Client["state"], { kind: Kind }>> {
  const changed = await until(client, (event) => event.type === "connectionChanged" && event.state.kind === kind);
  return (changed as EventMap["connectionChanged"]).state as Extract<Client["state"], { kind: Kind }>;
}

/** All events up to the last. */
export async function rest(client: Client): Promise<CallieEvent[]> {
  const events: CallieEvent[] = [];
  for await (const event of client) events.push(event);
  return events;
}

/** Numbers as texts, from 0. */
export function numbers(count: number): string[] {
  return Array.from({ length: count }, (_, n) => String(n));
}
