// The scenarios of bindings/scenarios.json that this platform can pass, under their names in camel case.

import * as accounts from "./accounts.js";
import * as commands from "./commands.js";
import type { Scenario } from "./env.js";
import * as lifetimes from "./lifetimes.js";
import * as messages from "./messages.js";
import * as resilience from "./resilience.js";
import * as vectors from "./vectors.js";

export const scenarios: Record<string, Scenario> = {
  ...accounts,
  ...commands,
  ...lifetimes,
  ...messages,
  ...resilience,
  ...vectors,
};

/** The longest time of a scenario, in milliseconds. */
export const SCENARIO_TIMEOUT_MS = 100_000;
