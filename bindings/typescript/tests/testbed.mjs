// The connection of the tests to the test bed, with one environment of servers for each test.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import net from "node:net";
import readline from "node:readline";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("../../../target/debug/callie-testbed", import.meta.url));

/** The running program. It ends with `close`, or with this process. */
export class TestBed {
  #process;
  #port;

  static async start() {
    const bed = new TestBed();
    bed.#process = spawn(PROGRAM, { stdio: ["pipe", "pipe", "inherit"] });
    const [line] = await once(readline.createInterface({ input: bed.#process.stdout }), "line");
    bed.#port = Number(line);
    return bed;
  }

  async env() {
    const link = net.connect(this.#port, "127.0.0.1");
    await once(link, "connect");
    return new TestEnv(link);
  }

  async close() {
    this.#process.stdin.end();
    if (this.#process.exitCode === null) await once(this.#process, "exit");
  }
}

/** The servers of one test, which end with this connection. */
class TestEnv {
  #link;
  #lines;

  constructor(link) {
    this.#link = link;
    this.#lines = readline.createInterface({ input: link })[Symbol.asyncIterator]();
  }

  async ask(request) {
    this.#link.write(`${request}\n`);
    const { value = "no answer" } = await this.#lines.next();
    const [verdict, ...values] = value.split(" ");
    if (verdict !== "ok") throw new Error(`${request}: ${value}`);
    return values;
  }

  async collectGarbage() {
    // Finalizers run in tasks of their own.
    globalThis.gc?.();
    await new Promise((resolve) => setImmediate(resolve));
  }

  read(path) {
    return readFile(path, "utf8");
  }

  list(path) {
    return readdir(path);
  }

  close() {
    this.#link.destroy();
  }
}
