// Between the WebSocket and the session: moves texts, passes the time and fetches tokens. The session decides.
//
// The module collects its outputs. They are fetched and performed together, in a microtask after the calls and the
// received texts that caused them.

import { LONGEST_TIMER_MS, milliseconds } from "./arguments.js";
import { type Config, socketUrl } from "./config.js";
import { elapsed, type Engine } from "./engine.js";
import { CallieError, internal, textOf, thrown, type WrittenError } from "./errors.js";
import {
  type CallieEvent,
  type Closed,
  connectionState,
  type ConnectionState,
  event,
  message,
  type SendOutcome,
} from "./events.js";
import { type Link, type LinkEnd, lost, type Text } from "./link.js";
import { PATHS, SUBPROTOCOL } from "./protocol.js";
import { EventQueue, Fifo } from "./queue.js";
import { Ticket } from "./ticket.js";
import type { Limits, Stats } from "./values.js";
import { openLink } from "#platform";

/** Returns a valid token of the same user. */
export type TokenSource = (username: string, code: string) => string | PromiseLike<string>;

/** What the module asks for; bindings/typescript/wasm/src/events.rs documents each. */
type Output =
  | { do: "open" }
  | { do: "transmit"; text: string }
  | { do: "close" }
  | { do: "abort" }
  | { do: "refreshToken"; code: string }
  | { do: "attempted"; error: WrittenError | null }
  | { do: "answered"; ticket: number; answer: Answer }
  | { do: "deliver"; text: number; receipt: number }
  | { do: "tell"; event: CallieEvent };

type Answer = { ok: unknown } | { roundTripUs: number } | { error: WrittenError };

/** A payload that was accepted for sending. */
interface Accepted {
  ticket: number;
  messageId: string;
}

/** What the session knows about itself. */
export interface Summary {
  state: ConnectionState;
  limits: Limits;
  duplicates: number;
  waiting: number;
  token: string;
  closed: Closed | null;
}

interface Settle<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
}

/** The most bytes of texts that wait to be written while texts are read: reading adds answers and confirmations. */
const MOST_BUFFERED_BYTES = 4 * 1024 * 1024;
/** If the server takes nothing for this long while so much waits, the connection counts as broken. */
const WRITE_TIMEOUT_MS = 30_000;
/** How often it is checked whether the server takes something. No platform reports that. */
const WRITE_CHECK_MS = 100;
/** The most characters of received texts that wait because the application takes no events. */
const MOST_HELD = 16 * 1024 * 1024;
/** A timer that is later than this by the time of day shows that the machine has slept. */
const SLEPT_MS = 5_000;

export class Driver {
  readonly queue: EventQueue;
  readonly #engine: Engine;
  readonly #config: Config;
  readonly #username: string;
  #tokenSource: TokenSource | undefined;
  #link: Link | undefined;
  /** The number of the current connection. Reports about earlier ones are ignored. */
  #number = 0;
  #isOnline = false;
  #isClosed = false;
  /** Earlier connections that are still closing. */
  readonly #closing = new Set<Promise<void>>();
  #attempts: Settle<void>[] = [];
  readonly #answers = new Map<number, Settle<Answer>>();
  readonly #tickets = new Map<number, { messageId: string; resolve(outcome: SendOutcome): void }>();
  /** Texts that were received while reading is paused, and the end of their connection. */
  readonly #held = new Fifo<Text>();
  #heldLength = 0;
  #heldEnd: LinkEnd | undefined;
  #isPaused = false;
  #stuckSince: number | undefined;
  /** The texts that were read since outputs were fetched. */
  #texts: Text[] = [];
  /** The receipt of the last message that the application took and that is not confirmed. */
  #taken = 0;
  #isScheduled = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  /** After a fault of the module: what is left of the client. */
  #remains: Summary | undefined;
  readonly #stats: Omit<Stats, "duplicates" | "waiting" | "reconnects"> = {
    connects: 0,
    resumed: 0,
    payloadsSent: 0,
    payloadsReceived: 0,
    messagesSent: 0,
    messagesReceived: 0,
    bytesSent: 0,
    bytesReceived: 0,
  };

  constructor(engine: Engine, config: Config, username: string, token: string, tokenSource?: TokenSource) {
    engine.call("callie_create", [
      username,
      token,
      milliseconds(config.requestTimeoutMs),
      milliseconds(config.sendTimeoutMs),
      String(config.maxWaiting),
    ]);
    this.#engine = engine;
    this.#config = config;
    this.#username = username;
    this.queue = new EventQueue(config.eventQueue);
    this.setTokenSource(tokenSource);
  }

  // The application's calls.

  start(): void {
    this.#ask(() => this.#engine.request("callie_start"));
  }

  connect(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#ask(() => {
        this.#engine.request("callie_connect");
        this.#attempts.push({ resolve, reject });
      });
    });
  }

  suspend(): void {
    this.#ask(() => this.#engine.request("callie_suspend"));
  }

  resume(): void {
    this.#ask(() => this.#engine.request("callie_resume"));
  }

  /** A report, which never fails. */
  networkChanged(): void {
    this.#report(() => this.#engine.report("callie_network_changed"));
  }

  /** Ends the client, and waits until its connections are closed. It never fails. */
  async disconnect(): Promise<void> {
    this.#report(() => this.#engine.report("callie_disconnect"));
    this.#flush();
    await Promise.all(this.#closing);
  }

  /** Whether the client has ended. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  setTokenSource(source: TokenSource | undefined): void {
    this.#tokenSource = source;
    this.#ask(() => this.#engine.setRefreshable(source !== undefined));
  }

  send(fields: readonly (string | undefined)[]): Ticket {
    return this.#submit(() => {
      const { ticket, messageId } = this.#engine.call<Accepted>("callie_send", fields);
      this.#stats.messagesSent += 1;
      const outcome = new Promise<SendOutcome>((resolve) => this.#tickets.set(ticket, { messageId, resolve }));
      return new Ticket(ticket, messageId, outcome);
    });
  }

  /** Sends a command and returns its result; nothing if it was lost with a connection. */
  async command(name: string, parameters: string): Promise<unknown> {
    const answer = await this.#request(() => this.#engine.call<Accepted>("callie_command", [name, parameters]));
    return "ok" in answer ? (answer.ok ?? undefined) : undefined;
  }

  /** Sends a command without an answer. */
  tell(name: string, parameters: string): void {
    this.#submit(() => this.#engine.call<Accepted>("callie_command", [name, parameters]));
  }

  /** Sends a PING and returns the round-trip time in milliseconds. */
  async ping(recipient: string): Promise<number> {
    const answer = await this.#request(() => this.#engine.ping<Accepted>(recipient));
    return "roundTripUs" in answer ? answer.roundTripUs / 1000 : 0;
  }

  summary(): Summary {
    if (this.#remains) return this.#remains;
    const summary = this.#ask(() => this.#engine.request<Summary>("callie_summary"));
    return { ...summary, state: connectionState(summary.state) };
  }

  stats(): Stats {
    const { duplicates, waiting } = this.summary();
    return { ...this.#stats, reconnects: Math.max(0, this.#stats.connects - 1), duplicates, waiting };
  }

  /** Notes that the application has the message with this receipt. */
  readonly take = (receipt: number): void => {
    this.#taken = receipt;
    this.#schedule();
  };

  #request(what: () => Accepted): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#submit(() => this.#answers.set(what().ticket, { resolve, reject }));
    });
  }

  #submit<T>(what: () => T): T {
    return this.#ask(() => {
      // On a client that has ended, the module says so.
      if (!this.#isClosed) this.queue.checkRoom(this.#engine.waiting(), this.#config.maxWaiting);
      return what();
    });
  }

  /** Calls the module, and performs the outputs soon. */
  #ask<T>(what: () => T): T {
    if (this.#remains) throw this.#endError();
    try {
      const done = what();
      this.#schedule();
      return done;
    } catch (error) {
      if (error instanceof CallieError) throw error;
      throw this.#crash(error);
    }
  }

  #endError(): CallieError {
    const { reason, closeCode } = this.#remains?.closed ?? { reason: "", closeCode: 1000 };
    return thrown({ kind: "CLOSED", code: "CLOSED", reason: `the client has ended: ${reason} (${closeCode})` });
  }

  /** The error of calls after the last event was taken. */
  endError(): CallieError {
    try {
      this.start();
    } catch (error) {
      if (error instanceof CallieError) return error;
    }
    return internal("the client has not ended");
  }

  // The outputs.

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => this.#flush());
  }

  /** Fetches and performs all outputs. */
  #flush(): void {
    this.#isScheduled = false;
    if (this.#remains) return;
    try {
      if (this.#taken > 0) {
        const receipt = this.#taken;
        this.#taken = 0;
        this.#engine.taken(receipt);
      }
      for (;;) {
        const outputs = this.#engine.poll<Output>();
        const texts = this.#texts;
        this.#texts = [];
        if (outputs.length === 0) break;
        for (const output of outputs) this.#perform(output, texts);
        this.#unpause();
      }
      this.#unpause();
      this.#arm();
    } catch (error) {
      this.#crash(error);
    }
    this.queue.notify();
  }

  #perform(output: Output, texts: readonly Text[]): void {
    switch (output.do) {
      case "deliver":
        this.#stats.messagesReceived += 1;
        this.queue.add(message(parsed(texts[output.text])), output.receipt);
        break;
      case "tell":
        this.#tell(output.event);
        break;
      case "transmit":
        this.#transmit(output.text);
        break;
      case "open":
        this.#open();
        break;
      case "close":
        this.#close();
        break;
      case "abort":
        this.#abort();
        break;
      case "attempted": {
        const attempts = this.#attempts;
        this.#attempts = [];
        for (const { resolve, reject } of attempts) output.error ? reject(thrown(output.error)) : resolve();
        break;
      }
      case "answered":
        this.#answered(output.ticket, output.answer);
        break;
      case "refreshToken":
        void this.#refreshToken(output.code);
        break;
    }
  }

  #tell(written: CallieEvent): void {
    switch (written.type) {
      case "closed":
        this.#isOnline = false;
        this.#isClosed = true;
        this.queue.complete(written);
        return;
      case "connectionChanged":
        this.#isOnline = written.state.kind === "online";
        if (this.#isOnline) this.#stats.connects += 1;
        if (written.state.kind === "online" && written.state.resumed) this.#stats.resumed += 1;
        break;
      case "ended":
        this.#tickets.get(written.ticket)?.resolve(written.outcome);
        this.#tickets.delete(written.ticket);
        break;
    }
    this.queue.add(event(written), 0);
  }

  #answered(ticket: number, answer: Answer): void {
    const settle = this.#answers.get(ticket);
    this.#answers.delete(ticket);
    if (!settle) return;
    if (!("error" in answer)) settle.resolve(answer);
    else if (answer.error.kind === "TIMED_OUT" && this.queue.room <= 0) settle.reject(this.queue.untaken());
    else settle.reject(thrown(answer.error));
  }

  async #refreshToken(code: string): Promise<void> {
    try {
      const token: unknown = await this.#tokenSource?.(this.#username, code);
      if (typeof token !== "string") throw new Error("the token source returned no string");
      this.#report(() => this.#engine.tokenRefreshed(token));
    } catch (error) {
      this.#report(() => this.#engine.tokenRefreshFailed(`no new token: ${textOf(error)}`));
    }
  }

  #transmit(text: string): void {
    if (!this.#link) return;
    this.#stats.payloadsSent += 1;
    this.#stats.bytesSent += utf8Length(text);
    this.#link.send(text);
  }

  #open(): void {
    this.#forgetLink();
    const number = this.#number;
    const isCurrent = (): boolean => number === this.#number && !this.#remains;
    try {
      this.#link = openLink(socketUrl(this.#config, PATHS.socket), SUBPROTOCOL, {
        opened: () => isCurrent() && this.#report(() => this.#engine.report("callie_opened")),
        text: (text) => isCurrent() && this.#received(text),
        closed: (end) => isCurrent() && this.#ended(end),
      });
    } catch (error) {
      // Browsers refuse some addresses immediately, such as ws:// in a page that was loaded through TLS.
      this.#linkClosed(lost(`the connection cannot be opened: ${textOf(error)}`));
    }
  }

  #close(): void {
    const link = this.#link;
    this.#forgetLink();
    if (!link) return;
    const closing = link.close().finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }

  /** Gives up the connection. */
  #abort(): void {
    const link = this.#link;
    this.#forgetLink();
    link?.abort();
  }

  /** Ignores all further reports of the current connection. */
  #forgetLink(): void {
    this.#number += 1;
    this.#link = undefined;
    this.#held.clear();
    this.#heldLength = 0;
    this.#heldEnd = undefined;
    this.#isPaused = false;
    this.#stuckSince = undefined;
  }

  // Reports about the connection.

  #report(what: () => number): void {
    if (this.#remains) return;
    try {
      what();
    } catch (error) {
      this.#crash(error);
      return;
    }
    this.#schedule();
  }

  #received(text: Text): void {
    if (this.#held.length > 0 || this.#isReadPaused()) {
      this.#hold(text);
      return;
    }
    this.#read(text);
  }

  #read(text: Text): void {
    this.#stats.payloadsReceived += 1;
    this.#stats.bytesReceived += typeof text === "string" ? utf8Length(text) : text.length;
    this.#report(() => {
      this.#texts.push(text);
      const waiting = this.#engine.received(text);
      // The outputs may be events that fill the queue.
      if (waiting >= this.queue.room) this.#flush();
      return waiting;
    });
  }

  #hold(text: Text): void {
    if (!this.#isPaused) {
      this.#isPaused = true;
      this.#link?.pause();
    }
    this.#held.push(text);
    this.#heldLength += text.length;
    if (this.#heldLength > MOST_HELD) this.#giveUp("more arrived than the application takes");
  }

  /**
   * Whether nothing is read: the application takes no events, or the server takes no texts. Until the session is
   * authenticated, reading continues: a call may wait for the server's answer.
   */
  #isReadPaused(): boolean {
    return (this.#isOnline && this.queue.room <= 0) || (this.#link?.buffered ?? 0) > MOST_BUFFERED_BYTES;
  }

  /** Reads what was held, while that is possible. */
  #unpause(): void {
    while (this.#held.length > 0 && !this.#isReadPaused()) {
      const text = this.#held.shift();
      if (text === undefined) break;
      this.#heldLength -= text.length;
      this.#read(text);
    }
    if (this.#held.length > 0) return;
    if (this.#isPaused && !this.#isReadPaused()) {
      this.#isPaused = false;
      this.#link?.unpause();
    }
    const end = this.#heldEnd;
    if (end) {
      this.#heldEnd = undefined;
      this.#linkClosed(end);
    }
  }

  #ended(end: LinkEnd): void {
    if (this.#held.length > 0) this.#heldEnd = end;
    else this.#linkClosed(end);
  }

  #linkClosed({ code, error, retryAfterMs }: LinkEnd): void {
    this.#forgetLink();
    const fields = [code, error.kind, error.code, error.reason, retryAfterMs];
    this.#report(() => {
      this.#engine.call(
        "callie_closed",
        fields.map((field) => (field === undefined ? undefined : String(field))),
      );
      return 0;
    });
  }

  /** Gives up the connection, and reports it as lost. */
  #giveUp(reason: string): void {
    this.#abort();
    this.#linkClosed(lost(reason));
  }

  // The time.

  /** Sets the timer for the session's deadline. A timer that is early costs less than to set another. */
  #arm(): void {
    let at = this.#engine.deadline();
    if (this.#link && this.#link.buffered > MOST_BUFFERED_BYTES) at = Math.min(at, elapsed() + WRITE_CHECK_MS);
    if (at >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = at;
    const wait = Math.min(Math.max(0, Math.ceil(at - elapsed())), LONGEST_TIMER_MS);
    const expected = Date.now() + wait;
    this.#timer = setTimeout(() => this.#due(expected), wait);
  }

  #due(expected: number): void {
    this.#timer = undefined;
    this.#timerAt = Number.POSITIVE_INFINITY;
    this.#report(() => {
      if (Date.now() - expected > SLEPT_MS) this.#engine.report("callie_network_changed");
      this.#checkWriting();
      return this.#engine.wake(this.#isReadPaused());
    });
  }

  #checkWriting(): void {
    if (!this.#link || this.#link.buffered <= MOST_BUFFERED_BYTES) {
      this.#stuckSince = undefined;
      return;
    }
    this.#stuckSince ??= elapsed();
    if (elapsed() - this.#stuckSince > WRITE_TIMEOUT_MS) this.#giveUp("the server took nothing for too long");
  }

  // The end.

  /** Ends the client after a fault of the module, which cannot be called again, and returns the error. */
  #crash(cause: unknown): CallieError {
    const error = internal(`a fault of callie itself: ${textOf(cause)}`, cause);
    if (this.#remains) return error;
    this.#isClosed = true;
    const closed: Closed = { type: "closed", closeCode: 1006, code: "INTERNAL", reason: error.reason };
    this.#remains = { state: { kind: "closed" }, limits: NO_LIMITS, duplicates: 0, waiting: 0, token: "", closed };
    clearTimeout(this.#timer);
    this.#abort();
    for (const [ticket, { messageId, resolve }] of this.#tickets) {
      const outcome: SendOutcome = { kind: "unconfirmed" };
      this.queue.add({ type: "ended", ticket, messageId, outcome }, 0);
      resolve(outcome);
    }
    this.#tickets.clear();
    for (const { reject } of [...this.#attempts, ...this.#answers.values()]) reject(error);
    this.#attempts = [];
    this.#answers.clear();
    this.queue.complete(closed);
    this.queue.notify();
    return error;
  }
}

const NO_LIMITS: Limits = {
  maxPayloadBytes: 0,
  maxTextBytes: 0,
  maxAttachments: 0,
  maxGroupMembers: 0,
  messagesPerSecond: 0,
  burst: 0,
  broadcastsPerMinute: 0,
  broadcastBurst: 0,
};

/** Parses a text that the module has found to be a payload. */
function parsed(text: Text = ""): unknown {
  return JSON.parse(text.toString());
}

/** The bytes of a text in UTF-8. */
function utf8Length(text: string): number {
  let bytes = text.length;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    // Each half of a pair counts two bytes.
    if (unit > 0x7f) bytes += unit > 0x7ff && (unit < 0xd800 || unit > 0xdfff) ? 2 : 1;
  }
  return bytes;
}
