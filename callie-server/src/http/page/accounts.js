// Accounts over HTTP, and the session that this tab stores.

import { accounts, at, readProblem } from "./protocol.js";

const KEY = "callie.session";

/** A call that failed. `code` is empty if the server could not be reached. */
export class CallError extends Error {
  constructor({ code, text }, retryAfter) {
    super(text);
    this.code = code;
    this.retryAfter = retryAfter;
  }
}

async function call({ method, path, body, token, read }) {
  const headers = {};
  if (body) headers["content-type"] = "application/json";
  if (token) headers.authorization = `Bearer ${token}`;
  let answer;
  try {
    answer = await fetch(at(path), { method, headers, body: body && JSON.stringify(body), credentials: "omit" });
  } catch {
    throw new CallError({ code: "", text: "" });
  }
  const json = await answer.json().catch(() => null);
  if (!answer.ok) throw new CallError(readProblem(json), answer.headers.get("retry-after"));
  return read?.(json);
}

export async function signUp(who) {
  await call(accounts.register(who));
  return logIn(who);
}

export async function logIn(who) {
  const session = await call(accounts.login(who));
  sessionStorage.setItem(KEY, JSON.stringify(session));
  return session;
}

/** Forgets the session, and ends it on the server if that can be reached. */
export function logOut(session) {
  forget();
  return call(accounts.logout(session.token)).catch(() => {});
}

/** Returns the session of this tab, if there is one. */
export function kept() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY));
  } catch {
    return null;
  }
}

export function forget() {
  sessionStorage.removeItem(KEY);
}
