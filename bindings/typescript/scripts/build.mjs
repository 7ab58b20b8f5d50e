// Builds the package in dist/ from dist/callie.wasm, which scripts/wasm.sh writes.

import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Writes dist/`name`.js: the package on one platform. */
async function bundle(name, platform, options) {
  await esbuild.build({
    absWorkingDir: root,
    entryPoints: { [name]: "src/index.ts" },
    outdir: "dist",
    bundle: true,
    minify: true,
    // Minified names would appear in messages.
    keepNames: false,
    sourcemap: true,
    format: "esm",
    target: ["es2022"],
    legalComments: "none",
    loader: { ".wasm": "base64" },
    alias: { "#platform": `./src/platform/${platform}.ts`, "#module": "./dist/callie.wasm" },
    ...options,
  });
}

await Promise.all([
  bundle("callie", "web", { platform: "browser" }),
  bundle("inline", "inline", { platform: "browser" }),
  bundle("node", "node", { platform: "node", external: ["ws"] }),
]);
execFileSync("node_modules/.bin/tsc", { cwd: root, stdio: "inherit" });
