#!/usr/bin/env bash
# Builds the TypeScript package in bindings/typescript/dist.
set -euo pipefail
cd "$(dirname "$0")/.."

package=bindings/typescript
# npm writes this file when it has installed everything.
if [[ ! $package/node_modules/.package-lock.json -nt $package/package-lock.json ]]; then
    (cd "$package" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
    touch "$package/node_modules/.package-lock.json"
fi
scripts/wasm.sh "$package/dist/callie.wasm"
(cd "$package" && node scripts/build.mjs)
