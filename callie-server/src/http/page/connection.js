// The connection of one session: authenticates, answers PINGs, confirms messages, detects a lost connection, and reconnects.

import {
  Code, EVERYONE, MAX_CONFIRMED, Outcome, SOCKET, SUBPROTOCOL,
  at, authenticate, command, comesBack, confirm, message, ping, pong, read,
} from "./protocol.js";

/** How long connecting and authenticating may take. A bad network needs a few seconds. */
const OPEN_TIMEOUT = 15_000;
/** How long the server may take to answer a PING or a command before the connection counts as lost. */
const ANSWER_TIMEOUT = 10_000;
/** How long a message may take until its outcome, connected or not. Shorter than the server remembers payloads. */
const SEND_TIMEOUT = 60_000;
/** How long confirmations are collected. */
const CONFIRM_DELAY = 20;
/** The upper bounds of the first and of the longest wait before reconnecting. Each wait is random, from 0 to its bound. */
const FIRST_WAIT = 500;
const LONGEST_WAIT = 30_000;
/** The most messages without an outcome, and the most received messages that are remembered to detect duplicates. */
const MAX_WAITING = 200;
const MAX_REMEMBERED = 2_000;

/** A refusal by the server. */
export class Refusal extends Error {
  constructor(notice) {
    super(notice.text);
    this.code = notice.code;
  }
}

/** A command without an answer, because the connection was lost. */
export class LinkLost extends Error {}

/**
 * Calls these functions of its owner: `state(name, details)`, where the name is "connecting", "online", "waiting" or
 * "ended"; `received(what)` for messages, signals, edits, deletions and notices; `outcome(id, notice)` for the outcome of a message.
 */
export class Connection {
  #session;
  #owner;
  #socket = null;
  #online = false;
  #attempts = 0;
  #retryAfter = 0;
  #lastNotice = null;
  #heartbeat = 30_000;
  #heard = 0;
  #timers = new Map();
  #commands = new Map();
  #messages = new Map();
  #seen = new Set();
  #toConfirm = [];

  constructor(session, owner) {
    this.#session = session;
    this.#owner = owner;
  }

  get online() {
    return this.#online;
  }

  /** Connects immediately. */
  start() {
    if (this.#socket) return;
    this.#stopTimer("again");
    this.#owner.state("connecting");
    const url = at(SOCKET);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url, SUBPROTOCOL);
    this.#socket = socket;
    this.#lastNotice = null;
    this.#timer("open", OPEN_TIMEOUT, () => this.#lost(1006));
    socket.onopen = () => socket.send(authenticate(this.#session).text);
    socket.onmessage = ({ data }) => this.#hear(data);
    socket.onclose = ({ code }) => this.#lost(code);
  }

  /** Ends the connection permanently. */
  stop() {
    const socket = this.#drop();
    for (const name of [...this.#timers.keys()]) this.#stopTimer(name);
    this.#messages.clear();
    socket?.close(1000);
  }

  /** Runs a command. Returns its result, or throws a Refusal or LinkLost. */
  request(wanted) {
    if (!this.#online) return Promise.reject(new LinkLost());
    const sent = command(this.#session, wanted);
    this.#socket.send(sent.text);
    return new Promise((resolve, reject) => {
      this.#commands.set(sent.id, { resolve, reject, read: wanted.read });
      this.#timer(sent.id, ANSWER_TIMEOUT, () => this.#lost(1006));
    });
  }

  /** Sends a signal, whose outcome is not reported. */
  signal(wanted) {
    if (this.#online) this.#socket.send(command(this.#session, wanted).text);
  }

  /** Sends a message, now or once connected. Returns its payload's ID, or null if too many messages wait. */
  post(to, draft) {
    if (this.#messages.size >= MAX_WAITING) return null;
    const made = message(this.#session, to, draft);
    const waiting = { text: made.text, written: false, confirmed: to !== EVERYONE };
    this.#messages.set(made.id, waiting);
    this.#timer(made.id, SEND_TIMEOUT, () => this.#finish(made.id, waiting.written ? Code.unconfirmed : null));
    // After the caller has stored the ID: a broadcast has its outcome as soon as it is written.
    queueMicrotask(() => this.#write(made.id, waiting));
    return made.id;
  }

  #write(id, waiting) {
    if (!this.#online || !this.#messages.has(id)) return;
    this.#socket.send(waiting.text);
    waiting.written = true;
    this.#owner.written(id);
    if (!waiting.confirmed) this.#forget(id);
  }

  #writeAll() {
    // Includes messages that were written to a lost connection: the server and the recipients detect duplicates by the ID.
    for (const [id, waiting] of [...this.#messages]) this.#write(id, waiting);
  }

  #forget(id) {
    this.#stopTimer(id);
    return this.#messages.delete(id);
  }

  #finish(id, code, notice = {}) {
    this.#forget(id);
    this.#owner.outcome(id, { ...notice, code });
  }

  #hear(data) {
    this.#heard = Date.now();
    const what = read(data);
    switch (what?.kind) {
      case "ping":
        return this.#online && this.#socket.send(pong(this.#session, what).text);
      case "message":
        return this.#take(what);
      case "notice":
        return this.#notice(what);
      case "signal":
      case "edit":
      case "delete":
        return this.#owner.received(what);
    }
  }

  #take(what) {
    // Copies of messages from the user's other connections are not confirmed.
    if (what.wantsAck && (what.from !== this.#session.name || what.to === this.#session.name)) {
      this.#toConfirm.push({ from: what.from, id: what.id });
      if (this.#toConfirm.length >= MAX_CONFIRMED) this.#confirm();
      else if (!this.#timers.has("confirm")) this.#timer("confirm", CONFIRM_DELAY, () => this.#confirm());
    }
    const key = `${what.from} ${what.id}`;
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    if (this.#seen.size > MAX_REMEMBERED) this.#seen.delete(this.#seen.values().next().value);
    this.#owner.received(what);
  }

  #confirm() {
    this.#stopTimer("confirm");
    if (this.#online && this.#toConfirm.length > 0) this.#socket.send(confirm(this.#session, this.#toConfirm).text);
    this.#toConfirm = [];
  }

  #notice(notice) {
    this.#lastNotice = notice;
    this.#retryAfter = notice.retryAfter ?? this.#retryAfter;
    if (notice.code === Code.authenticated) return this.#welcome(notice);
    const waits = this.#commands.get(notice.replyTo);
    if (waits) {
      this.#commands.delete(notice.replyTo);
      this.#stopTimer(notice.replyTo);
      if (notice.code !== Code.commandOk) return waits.reject(new Refusal(notice));
      return waits.resolve(waits.read(notice.result));
    }
    if (this.#messages.has(notice.replyTo)) return this.#answer(notice);
    this.#owner.received(notice);
  }

  #answer(notice) {
    const id = notice.replyTo;
    if (notice.code === Code.rateLimited) {
      // The other payloads that were dropped with this one get no separate answer.
      return this.#timer("calm", notice.retryAfter ?? 1_000, () => this.#writeAll());
    }
    if (notice.code !== Code.duplicate) return this.#finish(id, notice.code, notice);
    switch (notice.outcome) {
      case Outcome.pending:
        return;
      case Outcome.delivered:
        return this.#finish(id, Code.delivered, notice);
      case Outcome.failed:
        return this.#finish(id, Code.duplicate, notice);
      default:
        return this.#finish(id, Code.unconfirmed, notice);
    }
  }

  #welcome(notice) {
    this.#stopTimer("open");
    this.#attempts = 0;
    this.#retryAfter = 0;
    this.#online = true;
    this.#heartbeat = (notice.heartbeat ?? 30) * 1_000;
    this.#owner.state("online", { limits: notice.limits });
    this.#writeAll();
    this.#listen();
  }

  /** Sends a PING after a silence as long as the server's heartbeat, and gives up the connection without an answer. */
  #listen() {
    const silence = Date.now() - this.#heard;
    if (silence < this.#heartbeat) return this.#timer("listen", this.#heartbeat - silence, () => this.#listen());
    const before = this.#heard;
    this.#socket.send(ping(this.#session).text);
    this.#timer("listen", ANSWER_TIMEOUT, () => (this.#heard > before ? this.#listen() : this.#lost(1006)));
  }

  /** Called when the connection may be lost, or possible again. */
  nudge() {
    if (this.#online) {
      this.#heard = Math.min(this.#heard, Date.now() - this.#heartbeat);
      this.#listen();
    } else if (this.#timers.has("again")) {
      this.start();
    }
  }

  #drop() {
    const socket = this.#socket;
    if (socket) socket.onopen = socket.onmessage = socket.onclose = null;
    this.#socket = null;
    this.#online = false;
    this.#toConfirm = [];
    for (const name of ["open", "listen", "confirm", "calm"]) this.#stopTimer(name);
    for (const [id, { reject }] of this.#commands) {
      this.#stopTimer(id);
      reject(new LinkLost());
    }
    this.#commands.clear();
    return socket;
  }

  #lost(code) {
    const notice = this.#lastNotice;
    this.#drop()?.close();
    if (!comesBack(code)) return this.#owner.state("ended", { code, notice });
    const most = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#attempts);
    this.#attempts += 1;
    const wait = Math.max(this.#retryAfter, Math.random() * most);
    this.#retryAfter = 0;
    this.#timer("again", wait, () => this.start());
    this.#owner.state("waiting", { wait, notice });
  }

  #timer(name, wait, run) {
    this.#stopTimer(name);
    this.#timers.set(name, setTimeout(() => {
      this.#timers.delete(name);
      run();
    }, wait));
  }

  #stopTimer(name) {
    clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
  }
}
