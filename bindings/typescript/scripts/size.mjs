// Prints the size of the package as a page loads it, and fails if it exceeds the limit.

import { readFile } from "node:fs/promises";
import { brotliCompressSync, constants } from "node:zlib";

/** The limit for the minified JavaScript and the WebAssembly module together, compressed with brotli. */
const LIMIT_KB = 120;

async function compressed(file) {
  const bytes = await readFile(new URL(`../dist/${file}`, import.meta.url));
  return brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length / 1000;
}

const parts = { "callie.js": await compressed("callie.js"), "callie.wasm": await compressed("callie.wasm") };
const total = Object.values(parts).reduce((sum, kb) => sum + kb);
for (const [file, kb] of Object.entries(parts)) console.log(`${file.padEnd(20)} ${kb.toFixed(1).padStart(6)} KB`);
console.log(`${"TypeScript package".padEnd(20)} ${total.toFixed(1).padStart(6)} KB    (limit: ${LIMIT_KB} KB, brotli)`);
if (total > LIMIT_KB) process.exitCode = 1;
