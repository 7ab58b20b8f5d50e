// Passes events to the application's listeners.

import type { Driver } from "./driver.js";
import type { ClosedError } from "./errors.js";
import type { CallieEvent } from "./events.js";

/** Receives the events of one type. What it throws, or rejects with, is written to the console. */
export type EventListener<E> = (event: E) => unknown;

/** The options of a listener. */
export interface ListenerOptions {
  /** Whether it receives one event only. */
  once?: boolean | undefined;
  /** Removes the listener when it is aborted. */
  signal?: AbortSignal | undefined;
}

/** The most events of a batch. */
const BATCH = 64;

/** Passes events to a listener in batches, one after the other, until the last or until `isOver`. */
export function pump(driver: Driver, listener: (events: CallieEvent[]) => unknown, isOver = () => false): void {
  const { queue } = driver;
  const run = async (): Promise<void> => {
    for (;;) {
      if (isOver()) return queue.unlisten();
      const events: CallieEvent[] = [];
      for (let event = queue.take("listener", driver.take); event; event = queue.take("listener", driver.take)) {
        events.push(event);
        if (events.length === BATCH) break;
      }
      if (events.length > 0) await attempt(() => listener(events));
      else if (queue.isOver) return;
      else await new Promise<void>((resolve) => queue.onNotify(resolve));
    }
  };
  void run();
}

async function attempt(what: () => unknown): Promise<void> {
  try {
    await what();
  } catch (error) {
    console.error("a listener of callie failed:", error);
  }
}

interface Listener {
  call: EventListener<CallieEvent>;
  once: boolean;
}

/** The listeners of a client, by the type of their events. */
export class Listeners {
  readonly #byType = new Map<string, Listener[]>();
  #isPumping = false;
  #driver: Driver | undefined;

  add(type: string, call: EventListener<CallieEvent>, once: boolean, signal: AbortSignal | undefined): void {
    if (signal?.aborted) return;
    const listeners = this.#byType.get(type) ?? [];
    // As an EventTarget, it adds a listener once.
    if (listeners.some((listener) => listener.call === call)) return;
    this.#byType.set(type, [...listeners, { call, once }]);
    signal?.addEventListener("abort", () => this.remove(type, call), { once: true });
  }

  remove(type: string, call: EventListener<CallieEvent>): void {
    const rest = (this.#byType.get(type) ?? []).filter((listener) => listener.call !== call);
    if (rest.length > 0) this.#byType.set(type, rest);
    else this.#byType.delete(type);
    if (this.#byType.size === 0) this.#driver?.queue.notify();
  }

  /** Begins to pass events on, unless it does or there are no listeners. */
  attach(driver: Driver): void {
    this.#driver = driver;
    if (this.#isPumping || this.#byType.size === 0) return;
    driver.queue.listen(() => driver.endError() as ClosedError);
    this.#isPumping = true;
    // Listeners that are added by the same task receive all events.
    setTimeout(() => {
      const isOver = (): boolean => {
        this.#isPumping = this.#byType.size > 0;
        return !this.#isPumping;
      };
      pump(driver, (events) => this.#dispatch(events), isOver);
    });
  }

  async #dispatch(events: CallieEvent[]): Promise<void> {
    for (const event of events) {
      for (const { call, once } of this.#byType.get(event.type) ?? []) {
        if (once) this.remove(event.type, call);
        await attempt(() => call(event));
      }
    }
  }
}
