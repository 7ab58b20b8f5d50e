// Accounts and sessions: the calls that need no connection.

import { type Abortable, checkSignal, unlessAborted } from "./abort.js";
import { optionalText, options, text } from "./arguments.js";
import { type Config, config, type Options } from "./config.js";
import { invalid, Refused } from "./errors.js";
import { type Call, call } from "./http.js";
import { PATHS } from "./protocol.js";
import * as results from "./results.js";
import type { SessionInfo } from "./values.js";

/** The options of a login. */
export interface LoginOptions extends Abortable {
  /** The name of the new session in the list of the user's sessions. */
  device?: string | undefined;
}

/** A username and the token of a login on one server. Neither `JSON.stringify` nor the console shows the token. */
export class Credentials {
  /** The user. */
  readonly username: string;
  readonly #token: string;

  constructor(username: string, token: string) {
    this.username = text(username, "username");
    this.#token = text(token, "token");
  }

  /** The token, which `new Client(…, { token })` takes. Store it safely: it stands for the user. */
  get token(): string {
    return this.#token;
  }
}

/** A server, for registration, login and the management of sessions. Nothing is sent before the first call. */
export class Server {
  readonly #config: Config;

  /** `url` is `https://…`, or `http://…` without TLS. */
  constructor(url: string | URL, given?: Options) {
    this.#config = config(url, options(given));
  }

  /** Registers a new user. */
  async register(username: string, password: string, given?: Abortable): Promise<void> {
    const body = { username: text(username, "username"), password: text(password, "password") };
    await this.#call({ method: "POST", path: PATHS.register, body, good: 201 }, given);
  }

  /**
   * Logs a user in.
   *
   * If the call is aborted, a session that the server creates all the same is ended in the background.
   */
  async login(username: string, password: string, given?: LoginOptions): Promise<Credentials> {
    const { device, signal } = options(given);
    const body = {
      username: text(username, "username"),
      password: text(password, "password"),
      device: optionalText(device, "device"),
    };
    const work = async (): Promise<Credentials> => {
      const answer = results.login(await this.#send({ method: "POST", path: PATHS.login, body, good: 200 }));
      return new Credentials(answer.username, answer.token);
    };
    return unlessAborted(signal, work, (unwanted) => void this.logout(unwanted).catch(() => {}));
  }

  /** Registers a user unless the name is taken, then logs in. */
  async registerAndLogin(username: string, password: string, given?: LoginOptions): Promise<Credentials> {
    const isRefused = (error: unknown, code: string): boolean => error instanceof Refused && error.code === code;
    // A login first, so that a second start costs none of the registrations that the server allows.
    try {
      return await this.login(username, password, given);
    } catch (error) {
      if (!isRefused(error, "INVALID_CREDENTIALS")) throw error;
    }
    let isTaken = false;
    try {
      await this.register(username, password, given);
    } catch (error) {
      // Another may have registered meanwhile, with the same password.
      if (!isRefused(error, "USERNAME_TAKEN")) throw error;
      isTaken = true;
    }
    try {
      return await this.login(username, password, given);
    } catch (error) {
      if (!isTaken || !isRefused(error, "INVALID_CREDENTIALS")) throw error;
      const reason = `the name ${username} is taken, and the password is not its user's`;
      throw new Refused("INVALID_CREDENTIALS", reason);
    }
  }

  /** Ends the session of the credentials: its connections close and the token becomes invalid. */
  async logout(credentials: Credentials, given?: Abortable): Promise<void> {
    await this.#call({ method: "POST", path: PATHS.logout, token: tokenOf(credentials), good: 204 }, given);
  }

  /** Changes the password of the user. The user's other sessions end. */
  async changePassword(
    credentials: Credentials,
    oldPassword: string,
    newPassword: string,
    given?: Abortable,
  ): Promise<void> {
    const body = { oldPassword: text(oldPassword, "oldPassword"), newPassword: text(newPassword, "newPassword") };
    const token = tokenOf(credentials);
    await this.#call({ method: "POST", path: PATHS.password, token, body, good: 204 }, given);
  }

  /** Returns all sessions of the user, newest first. */
  async sessions(credentials: Credentials, given?: Abortable): Promise<SessionInfo[]> {
    const token = tokenOf(credentials);
    return results.sessions(await this.#call({ method: "GET", path: PATHS.sessions, token, good: 200 }, given));
  }

  /** Revokes one of the user's sessions and closes its connections. */
  async revokeSession(credentials: Credentials, sessionId: string, given?: Abortable): Promise<void> {
    const path = `${PATHS.sessions}/${encodeURIComponent(text(sessionId, "sessionId"))}`;
    await this.#call({ method: "DELETE", path, token: tokenOf(credentials), good: 204 }, given);
  }

  async #call(what: Call, given?: Abortable): Promise<unknown> {
    const { signal } = options(given);
    checkSignal(signal);
    return unlessAborted(signal, () => this.#send(what));
  }

  #send(what: Call): Promise<unknown> {
    return call(this.#config, what);
  }
}

function tokenOf(credentials: Credentials): string {
  if (!(credentials instanceof Credentials)) throw invalid("credentials must be Credentials of a login");
  return credentials.token;
}
