// A headless Chromium, and the files of the package for its pages.

import { once } from "node:events";
import { readFile } from "node:fs/promises";
import http from "node:http";
import path from "node:path";
import { chromium } from "playwright-core";

const TYPES = { ".html": "text/html", ".js": "text/javascript", ".wasm": "application/wasm", ".css": "text/css" };

/** Serves the files of a folder, and `pages` at their paths, on a port of 127.0.0.1. */
export class Files {
  #server;
  /** The origin of all pages. */
  origin;

  static async serve(folder, pages = {}, headers = {}) {
    const files = new Files();
    files.#server = http.createServer(async (request, response) => {
      const { pathname } = new URL(request.url, "http://127.0.0.1");
      try {
        const body = pages[pathname] ?? (await readFile(path.join(folder, pathname)));
        const type = TYPES[path.extname(pathname)] ?? "application/octet-stream";
        response.writeHead(200, { "Content-Type": type, ...headers }).end(body);
      } catch {
        response.writeHead(404).end();
      }
    });
    files.#server.listen(0, "127.0.0.1");
    await once(files.#server, "listening");
    files.origin = `http://127.0.0.1:${files.#server.address().port}`;
    return files;
  }

  close() {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

/** Starts Debian's Chromium. Scripts can collect garbage there. */
export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--js-flags=--expose-gc"],
  });
}
