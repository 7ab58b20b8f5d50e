// Takes events, one by one or in batches.

import { LONGEST_TIMER_MS } from "./arguments.js";
import type { Driver } from "./driver.js";
import type { CallieEvent } from "./events.js";

/** Takes up to `max` of the events that are there. */
function takeNow(driver: Driver, max: number): CallieEvent[] {
  const events: CallieEvent[] = [];
  while (events.length < max) {
    const event = driver.queue.take("calls", driver.take);
    if (event === undefined) break;
    events.push(event);
  }
  return events;
}

/** Takes up to `max` events, and waits for the first. */
export async function nextEvents(
  driver: Driver,
  max: number,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<CallieEvent[]> {
  const until = performance.now() + timeoutMs;
  for (;;) {
    signal?.throwIfAborted();
    driver.queue.checkCalls();
    if (driver.queue.isOver) throw driver.endError();
    const events = takeNow(driver, max);
    const left = until - performance.now();
    if (events.length > 0 || left <= 0) return events;
    await arrival(driver, left, signal);
  }
}

/** Waits until there may be events, or the time is over, or the signal is aborted. */
function arrival(driver: Driver, wait: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      cancel();
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const cancel = driver.queue.onNotify(done);
    const timer = wait <= LONGEST_TIMER_MS ? setTimeout(done, wait) : undefined;
    signal?.addEventListener("abort", done);
  });
}

/** An iteration over the events of a client. */
export class EventIterator implements AsyncIterableIterator<CallieEvent> {
  readonly #driver: Driver;
  /** Keeps the client, whose connection is closed when nobody holds it. */
  readonly client: unknown;
  readonly #signal: AbortSignal | undefined;
  /** Ends the waits of an iteration that is left. */
  readonly #left = new AbortController();

  constructor(driver: Driver, client: unknown, signal: AbortSignal | undefined) {
    this.#driver = driver;
    this.client = client;
    this.#signal = signal;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<CallieEvent>> {
    const { queue, take } = this.#driver;
    for (;;) {
      this.#signal?.throwIfAborted();
      if (this.#left.signal.aborted) return { done: true, value: undefined };
      queue.checkCalls();
      if (queue.isOver) return { done: true, value: undefined };
      const event = queue.take("calls", take);
      if (event !== undefined) return { done: false, value: event };
      await this.#arrival();
    }
  }

  #arrival(): Promise<void> {
    const { signal } = this.#left;
    return arrival(
      this.#driver,
      Number.POSITIVE_INFINITY,
      this.#signal ? AbortSignal.any([signal, this.#signal]) : signal,
    );
  }

  async return(): Promise<IteratorResult<CallieEvent>> {
    this.#left.abort();
    return { done: true, value: undefined };
  }
}
