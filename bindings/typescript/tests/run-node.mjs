// Runs the scenarios in Node, and writes `name ok` or `name failed` for each: run-node.mjs [NAME]…

import { scenarios, SCENARIO_TIMEOUT_MS } from "./build/scenarios.js";
import { TestBed } from "./testbed.mjs";

const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(scenarios);
const bed = await TestBed.start();
for (const name of names) {
  const env = await bed.env();
  let timer;
  try {
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error("the scenario took too long")), SCENARIO_TIMEOUT_MS);
    });
    await Promise.race([scenarios[name](env), late]);
    console.log(`${name} ok`);
  } catch (error) {
    console.log(`${name} failed: ${String(error.message).replaceAll("\n", " ")}`);
    console.error(error);
    process.exitCode = 1;
  } finally {
    clearTimeout(timer);
    env.close();
  }
}
await bed.close();
