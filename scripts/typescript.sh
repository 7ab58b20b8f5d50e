#!/usr/bin/env bash
# Builds the TypeScript package in bindings/typescript/dist.
set -euo pipefail
cd "$(dirname "$0")/.."

package=bindings/typescript
scripts/node-modules.sh
scripts/wasm.sh "$package/dist/callie.wasm"
(cd "$package" && node scripts/build.mjs)
