// HTTP calls of the protocol ("Accounts and sessions").

import { LONGEST_TIMER_MS } from "./arguments.js";
import type { Config } from "./config.js";
import { badAnswer, textOf, thrown, timedOut, unreachable } from "./errors.js";
import { refusal, retryAfterMs } from "./problem.js";

/** A call. */
export interface Call {
  method: "GET" | "POST" | "DELETE";
  path: string;
  token?: string;
  body?: object;
  /** The status of success. */
  good: number;
}

/** The most bytes of an answer. The protocol's answers are far smaller. */
const MAX_ANSWER_BYTES = 64 * 1024;

/** Makes a call and returns the body of the answer, as JSON; `undefined` if it is empty. */
export async function call(config: Config, { method, path, token, body, good }: Call): Promise<unknown> {
  const headers: Record<string, string> = {};
  if (body) headers["Content-Type"] = "application/json";
  if (token) headers.Authorization = `Bearer ${token}`;
  const timeout = new AbortController();
  const timer =
    config.requestTimeoutMs <= LONGEST_TIMER_MS
      ? setTimeout(() => timeout.abort(), config.requestTimeoutMs)
      : undefined;
  try {
    const response = await fetch(config.url + path, {
      method,
      headers,
      ...(body && { body: JSON.stringify(body) }),
      // Credentials are tokens alone, and a redirect could take them elsewhere.
      credentials: "omit",
      redirect: "error",
      cache: "no-store",
      signal: timeout.signal,
    });
    const answer = await read(response);
    if (response.status === good) return parsed(answer);
    const problem = refusal(response.status, answer, retryAfterMs(response.headers.get("Retry-After")));
    if (problem) throw thrown(problem);
    throw badAnswer(`HTTP ${response.status} without a problem document`);
  } catch (error) {
    if (timeout.signal.aborted) throw timedOut("the server's answer took too long");
    if (!(error instanceof TypeError)) throw error;
    throw unreachable(`the server cannot be reached: ${textOf(error.cause ?? error)}`, error);
  } finally {
    clearTimeout(timer);
  }
}

async function read(response: Response): Promise<string> {
  if (!response.body) return "";
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  let answer = "";
  for (let bytes = 0; ;) {
    const { done, value } = await reader.read();
    if (done) return answer + decoder.decode();
    bytes += value.length;
    if (bytes > MAX_ANSWER_BYTES) {
      await reader.cancel();
      throw badAnswer(`more than ${MAX_ANSWER_BYTES} bytes`);
    }
    answer += decoder.decode(value, { stream: true });
  }
}

function parsed(answer: string): unknown {
  if (!answer) return undefined;
  try {
    return JSON.parse(answer);
  } catch {
    throw badAnswer("it is not JSON");
  }
}
