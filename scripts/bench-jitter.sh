#!/usr/bin/env bash
# Measures how much arrives over connections that are cut all the time, beside socket.io: scripts/bench-jitter.sh CLIENTS SECONDS
set -euo pipefail
cd "$(dirname "$0")/.."

packages=${XDG_CACHE_HOME:-$HOME/.cache}/callie/socketio
if [[ ! -e $packages/node_modules/socket.io ]]; then
    mkdir -p "$packages"
    npm --prefix "$packages" install --silent --no-audit --no-fund socket.io@4.8.4 socket.io-client@4.8.4
fi
exec cargo bench -p callie-server --bench gateway -- jitter "$1" "$2" "$packages"
