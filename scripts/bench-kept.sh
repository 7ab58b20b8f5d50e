#!/usr/bin/env bash
# Measures messages to users who are offline, on SQLite and on a PostgreSQL of its own, beside mosquitto.
set -euo pipefail
cd "$(dirname "$0")/.."

export PATH="$PATH:/usr/sbin"
if ! command -v mosquitto >/dev/null; then
    echo "bench-kept: install mosquitto to compare with it" >&2
fi
programs=$(dirname "$(command -v initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' | tail -1)")
folder=$(mktemp -d)
as_postgres=()
if ((EUID == 0)); then
    chown postgres "$folder"
    as_postgres=(runuser -u postgres --)
fi
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"${as_postgres[@]}" "$programs/initdb" --auth=trust --username=callie --encoding=UTF8 -D "$folder/data" >/dev/null
"${as_postgres[@]}" "$programs/pg_ctl" -s -w -D "$folder/data" -l "$folder/log" \
    -o "-c listen_addresses=127.0.0.1 -p $port -k $folder" start
trap '"${as_postgres[@]}" "$programs/pg_ctl" -s -w -m immediate -D "$folder/data" stop; rm -rf "$folder"' EXIT
cargo bench -p callie-server --bench gateway -- kept "postgres://callie@127.0.0.1:$port/postgres" "$(command -v mosquitto || true)"
