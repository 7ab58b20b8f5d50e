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
# npm keeps packages below ~/.npm, so this uses the network once.
install() { npm install --prefer-offline --ignore-scripts --no-audit --no-fund --loglevel=error "$@" </dev/null; }
(cd bindings/typescript && npm pack --silent --pack-destination "$outside" >/dev/null)
cp -r examples/typescript "$outside/chat"
cd "$outside/chat"
install "$outside"/callie-*.tgz
npm run --silent build
cd "$root"
CALLIE_CHAT="node $outside/chat/chat.js" target/venv/bin/python -m pytest -q bindings/tests/check_chat.py
