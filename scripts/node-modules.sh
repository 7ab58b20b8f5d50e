#!/usr/bin/env bash
# Installs the tools of the TypeScript package with npm, unless they are installed.
set -euo pipefail
cd "$(dirname "$0")/../bindings/typescript"

# npm writes this file when it has installed everything.
installed=node_modules/.package-lock.json
if [[ ! $installed -nt package-lock.json ]]; then
    npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
    touch "$installed"
fi
