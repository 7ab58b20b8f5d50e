/**
 * Callie: real-time messaging.
 *
 * ```ts
 * import { Client } from "callie";
 *
 * await using client = await Client.open("http://127.0.0.1:8080", "ada", { password: "correct horse", register: true
 * }); client.send("bob", "Hello, **Bob**"); for await (const event of client) console.log(event);
 * ```
 *
 * Every error is a {@link CallieError} with a stable `code` and a `reason` for people.
 *
 * @packageDocumentation
 */

export type { Abortable } from "./abort.js";
export type { JsonObject, JsonValue } from "./arguments.js";
export { checkPayload, checkServerPayload } from "./check.js";
export { Client, type ClientOptions, type NextEventsOptions, type SendOptions } from "./client.js";
export type { Options } from "./config.js";
export type { TokenSource } from "./driver.js";
export {
  BadAnswer,
  CallieError,
  ClosedError,
  Internal,
  InvalidArgument,
  QueueFull,
  Refused,
  TimedOut,
  Unreachable,
} from "./errors.js";
export type * from "./events.js";
export type { EventListener, ListenerOptions } from "./listeners.js";
export { Credentials, type LoginOptions, Server } from "./server.js";
export type { Ticket } from "./ticket.js";
export type * from "./values.js";
