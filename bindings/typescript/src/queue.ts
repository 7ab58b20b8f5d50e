// The queue of events for the application.

import { type ClosedError, invalid, QueueFull } from "./errors.js";
import type { CallieEvent, Closed } from "./events.js";

interface Queued {
  event: CallieEvent;
  /** The position among all events. */
  place: number;
  /** Of a message, what confirms it. */
  receipt: number;
}

/** Who takes the events. */
type Taker = "nobody" | "calls" | "listener";

/**
 * Events in order, in two groups: those that the server sent, and the client's own (states and outcomes).
 *
 * While the first group is full, nothing is read. The second does not stop reading: for an application that has never
 * taken an event only the newest of that group are kept, and for one that takes events further sends are refused before
 * they could fill the memory.
 */
export class EventQueue {
  readonly #full: number;
  readonly #received = new Fifo<Queued>();
  readonly #own = new Fifo<Queued>();
  #places = 0;
  #taker: Taker = "nobody";
  /** No events will be added. */
  #isComplete = false;
  #waiting = new Set<() => void>();

  constructor(full: number) {
    this.#full = full;
  }

  /** How many received events still fit before reading has to stop. */
  get room(): number {
    return this.#full - this.#received.length;
  }

  get length(): number {
    return this.#received.length + this.#own.length;
  }

  /** Whether the last event was taken. */
  get isOver(): boolean {
    return this.#isComplete && this.length === 0;
  }

  /** Fails if a further payload with an outcome could let the events exceed their bounds. */
  checkRoom(waiting: number, maxWaiting: number): void {
    const isTooMuch = this.#taker === "nobody" ? this.room <= 0 : waiting + this.length >= maxWaiting + this.#full;
    if (isTooMuch) throw this.untaken();
  }

  /** The error of a call that cannot succeed before events are taken. */
  untaken(): QueueFull {
    const reason = `${this.length} events wait to be taken; take events, as nothing more can be answered before`;
    return new QueueFull("QUEUE_FULL", reason);
  }

  add(event: CallieEvent, receipt: number): void {
    if (this.#isComplete) return;
    const queued = { event, place: this.#places++, receipt };
    if (event.type === "connectionChanged" || event.type === "ended") this.#addOwn(queued);
    else this.#received.push(queued);
  }

  /** Adds the last event. */
  complete(closed: Closed): void {
    if (this.#isComplete) return;
    this.#isComplete = true;
    this.#own.push({ event: closed, place: this.#places++, receipt: 0 });
  }

  #addOwn(queued: Queued): void {
    if (this.#own.length >= this.#full) {
      if (this.#taker === "nobody") {
        this.#own.shift();
      } else if (queued.event.type === "connectionChanged" && this.#own.last?.event.type === "connectionChanged") {
        // Otherwise the states of a server that is unreachable for weeks would fill the memory.
        this.#own.pop();
      }
    }
    this.#own.push(queued);
  }

  /** Wakes all that wait. */
  notify(): void {
    if (this.#waiting.size === 0) return;
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const wake of waiting) wake();
  }

  /** Calls `wake` once when there may be events; the result cancels that. */
  onNotify(wake: () => void): () => void {
    this.#waiting.add(wake);
    return () => this.#waiting.delete(wake);
  }

  /** Fails if the events are a listener's. */
  checkCalls(): void {
    if (this.#taker === "listener") throw invalid("a listener takes the events of this client, so no call can");
  }

  /** Takes the next event; `undefined` if there is none. `taken` receives the receipt of a message. */
  take(taker: Taker, taken: (receipt: number) => void): CallieEvent | undefined {
    this.#taker = taker;
    const received = this.#received.first;
    const own = this.#own.first;
    const isReceived = received !== undefined && (own === undefined || received.place < own.place);
    const queued = isReceived ? this.#received.shift() : this.#own.shift();
    if (queued === undefined) return undefined;
    if (queued.receipt > 0) taken(queued.receipt);
    return queued.event;
  }

  /** Reserves all further events for a listener. */
  listen(ended: () => ClosedError): void {
    if (this.#taker === "listener") throw invalid("this client has a listener already");
    if (this.isOver) throw ended();
    this.#taker = "listener";
    this.notify();
  }

  /** Returns the events to calls. */
  unlisten(): void {
    if (this.#taker === "listener") this.#taker = "calls";
  }
}

/** A queue whose elements are removed in constant time. */
export class Fifo<T> {
  #items: (T | undefined)[] = [];
  #start = 0;

  get length(): number {
    return this.#items.length - this.#start;
  }

  get first(): T | undefined {
    return this.#items[this.#start];
  }

  get last(): T | undefined {
    return this.length === 0 ? undefined : this.#items[this.#items.length - 1];
  }

  push(item: T): void {
    this.#items.push(item);
  }

  pop(): void {
    if (this.length > 0) this.#items.pop();
  }

  shift(): T | undefined {
    const item = this.#items[this.#start];
    if (this.length === 0) return undefined;
    this.#items[this.#start++] = undefined;
    if (this.#start === this.#items.length) {
      this.#items.length = this.#start = 0;
    } else if (this.#start >= 1024 && this.#start * 2 > this.#items.length) {
      this.#items.splice(0, this.#start);
      this.#start = 0;
    }
    return item;
  }

  clear(): void {
    this.#items.length = this.#start = 0;
  }
}
