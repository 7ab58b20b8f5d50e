#!/usr/bin/env bash
# Tests the TypeScript package: its parts, every scenario in Node and in Chromium, and then the package from its tarball, in
# projects outside of the repository.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
results=$root/target/scenarios
mkdir -p "$results"
failed=0

cd bindings/typescript
node tests/build.mjs
timeout 300 node --test tests/*.test.mjs </dev/null || failed=1
timeout 900 node --expose-gc tests/run-node.mjs </dev/null | tee "$results/node.log" || failed=1
timeout 900 node tests/run-chromium.mjs </dev/null | tee "$results/chromium.log" || failed=1
cd "$root"
scripts/matrix.py read node lines "$results/node.log"
scripts/matrix.py read chromium lines "$results/chromium.log"
((failed == 0)) || exit 1

outside=$(mktemp -d)
trap 'rm -rf "$outside"' EXIT
mkdir "$outside/projects" "$outside/chat"
cd bindings/typescript
npm pack --silent --pack-destination "$outside/projects" >/dev/null
timeout 600 node tests/outside.mjs "$outside/projects" </dev/null

cd "$outside/chat"
cp "$root"/examples/typescript/{chat.ts,package.json} .
# npm keeps what it has downloaded below ~/.npm.
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --loglevel=error "$outside"/projects/callie-*.tgz </dev/null
npm run --silent build
cd "$root"
CALLIE_CHAT="node $outside/chat/chat.js" target/venv/bin/python -m pytest -q bindings/tests/check_chat.py
