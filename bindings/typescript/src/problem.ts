// The problem documents with which a server refuses HTTP calls (RFC 9457).

import type { WrittenError } from "./errors.js";

/** Reads a refusal; none if the body is no problem document. */
export function refusal(status: number, body: string, retryAfter?: number): WrittenError | undefined {
  let problem: unknown;
  try {
    problem = JSON.parse(body);
  } catch {
    return undefined;
  }
  const { code, detail, status: said } = (problem ?? {}) as Record<string, unknown>;
  if (typeof code !== "string" || (said !== undefined && said !== status)) return undefined;
  const wait = retryAfter === undefined ? "" : ` (again in ${retryAfter / 1000} s)`;
  return { kind: "REFUSED", code, reason: `${typeof detail === "string" ? detail : ""}${wait}` };
}

/** Reads a `Retry-After` that is a number of seconds. */
export function retryAfterMs(header: string | null | undefined): number | undefined {
  return header && /^\s*\d{1,9}\s*$/.test(header) ? Number(header) * 1000 : undefined;
}
