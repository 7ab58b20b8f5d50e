// AbortSignals.

import { invalid } from "./errors.js";

/** The options of a call that can be aborted. */
export interface Abortable {
  /** Rejects the call with the signal's reason when it is aborted. */
  signal?: AbortSignal | undefined;
}

export function checkSignal(signal: unknown): void {
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw invalid("signal must be an AbortSignal");
}

/** Waits for `work`, or rejects when the signal is aborted. `work` goes on; `abandoned` receives its result. */
export async function unlessAborted<T>(
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
  abandoned?: (result: T) => void,
): Promise<T> {
  checkSignal(signal);
  if (!signal) return work();
  signal.throwIfAborted();
  const done = work();
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => {
      reject(signal.reason);
      done.then(abandoned, () => {});
    };
    signal.addEventListener("abort", abort, { once: true });
    done.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
