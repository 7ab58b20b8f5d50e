// The WebAssembly module: one instance is the session of one client.

import { internal, thrown, type WrittenError } from "./errors.js";
import { loadModule } from "#platform";

/** The functions of the module; bindings/typescript/wasm/src/exports.rs documents them. */
interface Exports {
  memory: WebAssembly.Memory;
  callie_input(bytes: number): number;
  callie_output(): number;
  callie_create(bytes: number): number;
  callie_start(): number;
  callie_connect(): number;
  callie_suspend(): number;
  callie_resume(): number;
  callie_disconnect(): number;
  callie_network_changed(): number;
  callie_opened(): number;
  callie_closed(bytes: number): number;
  callie_received(bytes: number): number;
  callie_wake(readPaused: number): number;
  callie_taken(receipt: number): number;
  callie_token_refreshed(bytes: number): number;
  callie_token_refresh_failed(bytes: number): number;
  callie_set_refreshable(refreshable: number): number;
  callie_send(bytes: number): number;
  callie_command(bytes: number): number;
  callie_ping(bytes: number): number;
  callie_summary(): number;
  callie_waiting(): number;
  callie_deadline(): number;
  callie_poll(): number;
  callie_check(bytes: number, fromServer: number): number;
}

/** Functions without an argument that answer. */
type Request = "callie_start" | "callie_connect" | "callie_suspend" | "callie_resume" | "callie_summary";
/** Functions with fields that answer. */
type Call = "callie_create" | "callie_closed" | "callie_send" | "callie_command";
/** Functions without an argument that return the number of outputs. */
type Report = "callie_disconnect" | "callie_network_changed" | "callie_opened";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The milliseconds of the session's clock, which never goes back. */
export function elapsed(): number {
  return performance.now();
}

let loading: Promise<WebAssembly.Module> | undefined;

/** Loads the module once; a load that failed is tried again. */
async function loaded(): Promise<WebAssembly.Module> {
  loading ??= loadModule();
  try {
    return await loading;
  } catch (error) {
    loading = undefined;
    throw internal("the WebAssembly module of callie cannot be loaded; callie/inline contains it", error);
  }
}

export class Engine {
  readonly #exports: Exports;
  #bytes: Uint8Array<ArrayBuffer>;

  private constructor(exports: Exports) {
    this.#exports = exports;
    this.#bytes = new Uint8Array(exports.memory.buffer as ArrayBuffer);
  }

  static async load(): Promise<Engine> {
    const module = await loaded();
    let engine: Engine | undefined;
    const instance = await WebAssembly.instantiate(module, {
      callie: {
        elapsed,
        wall: () => Date.now(),
        random(start: number, bytes: number) {
          if (engine) crypto.getRandomValues(engine.#memory().subarray(start, start + bytes));
        },
      },
    });
    engine = new Engine(instance.exports as unknown as Exports);
    return engine;
  }

  request<T>(what: Request): T {
    return this.#answer(this.#exports[what]());
  }

  call<T>(what: Call, fields: readonly (string | undefined)[]): T {
    return this.#answer(this.#exports[what](this.#write(JSON.stringify(fields))));
  }

  ping<T>(recipient: string): T {
    return this.#answer(this.#exports.callie_ping(this.#write(recipient)));
  }

  check<T>(payload: string, fromServer: boolean): T {
    return this.#answer(this.#exports.callie_check(this.#write(payload), Number(fromServer)));
  }

  report(what: Report): number {
    return this.#exports[what]();
  }

  /** Reports a text message; returns the number of outputs that wait, like all reports. */
  received(text: string | Uint8Array): number {
    return this.#exports.callie_received(this.#write(text));
  }

  wake(readPaused: boolean): number {
    return this.#exports.callie_wake(Number(readPaused));
  }

  taken(receipt: number): number {
    return this.#exports.callie_taken(receipt);
  }

  tokenRefreshed(token: string): number {
    return this.#exports.callie_token_refreshed(this.#write(token));
  }

  tokenRefreshFailed(reason: string): number {
    return this.#exports.callie_token_refresh_failed(this.#write(reason));
  }

  setRefreshable(refreshable: boolean): number {
    return this.#exports.callie_set_refreshable(Number(refreshable));
  }

  /** The number of payloads without an outcome. */
  waiting(): number {
    return this.#exports.callie_waiting();
  }

  /** When `wake` must be called at the latest, by {@link elapsed}; infinite while nothing is due. */
  deadline(): number {
    return this.#exports.callie_deadline();
  }

  /** Takes all outputs. */
  poll<T>(): T[] {
    return JSON.parse(this.#read(this.#exports.callie_poll())) as T[];
  }

  #answer<T>(bytes: number): T {
    const answer = JSON.parse(this.#read(bytes)) as { ok: T; error?: WrittenError };
    if (answer.error) throw thrown(answer.error);
    return answer.ok;
  }

  #write(text: string | Uint8Array): number {
    if (typeof text !== "string") {
      const start = this.#exports.callie_input(text.length);
      this.#memory().set(text, start);
      return text.length;
    }
    // UTF-8 has at most three bytes for each unit of UTF-16.
    const start = this.#exports.callie_input(text.length * 3);
    return encoder.encodeInto(text, this.#memory().subarray(start, start + text.length * 3)).written;
  }

  #read(bytes: number): string {
    const start = this.#exports.callie_output();
    return decoder.decode(this.#memory().subarray(start, start + bytes));
  }

  #memory(): Uint8Array<ArrayBuffer> {
    // The memory gets another buffer when it grows.
    if (this.#bytes.length === 0) this.#bytes = new Uint8Array(this.#exports.memory.buffer as ArrayBuffer);
    return this.#bytes;
  }
}
