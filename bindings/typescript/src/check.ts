// The validation of payloads, for programs that test themselves against the conformance vectors.

import { text } from "./arguments.js";
import { Engine } from "./engine.js";
import type { Fault } from "./values.js";

let engine: Promise<Engine> | undefined;

async function check(payload: string, fromServer: boolean): Promise<Fault | undefined> {
  const checked = text(payload, "payload");
  engine ??= Engine.load();
  const fault = (await engine).check<Fault | null>(checked, fromServer);
  return fault ? { code: fault.code, path: fault.path, reason: fault.reason } : undefined;
}

/** Returns the first fault of a text that a client would send to a server with default limits; none if it is valid. */
export async function checkPayload(payload: string): Promise<Fault | undefined> {
  return check(payload, false);
}

/** Returns the first fault of a text that a server would send to a client; none if it is valid. */
export async function checkServerPayload(payload: string): Promise<Fault | undefined> {
  return check(payload, true);
}
