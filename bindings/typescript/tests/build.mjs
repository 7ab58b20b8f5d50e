// Checks the types of the tests, and bundles the scenarios in tests/build for Node and for browsers.

import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
await esbuild.build({
  absWorkingDir: root,
  entryPoints: { scenarios: "tests/scenarios/index.ts" },
  outdir: "tests/build",
  bundle: true,
  format: "esm",
  target: ["es2022"],
  packages: "external",
  sourcemap: "inline",
});
execFileSync("node_modules/.bin/tsc", ["--project", "tests"], { cwd: root, stdio: "inherit" });
