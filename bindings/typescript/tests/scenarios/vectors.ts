// The conformance vectors.

import { checkPayload, checkServerPayload } from "callie";
import { check, equal, type TestEnv, url } from "./env.js";

/** A vector, as far as this test uses it. */
interface Vector {
  name: string;
  from: "client" | "server";
  payload?: string;
  /** Texts, and how often each is repeated. */
  parts?: [string, number][];
  fault?: { code: string; path: string };
  connectionToken?: string;
}

export async function everyVectorIsChecked(env: TestEnv): Promise<void> {
  const folder = await url(env, "vectors");
  let checked = 0;
  for (const file of await env.list(folder)) {
    if (!file.endsWith(".json")) continue;
    const { vectors } = JSON.parse(await env.read(`${folder}/${file}`)) as { vectors: Vector[] };
    for (const { name, from, payload, parts = [], fault, connectionToken } of vectors) {
      const text = payload ?? parts.map(([part, times]) => part.repeat(times)).join("");
      const found = await (from === "client" ? checkPayload(text) : checkServerPayload(text));
      equal(found?.code, fault?.code, `${file}: ${name}`);
      // Only the connection's server knows which parts of a path the connection's token hides.
      if (!fault || !connectionToken) equal(found?.path, fault?.path, `${file}: ${name}`);
      checked += 1;
    }
  }
  check(checked >= 300, `${checked} vectors`);
}
