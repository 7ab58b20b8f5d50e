#!/usr/bin/env bash
# Starts three nodes, NATS, PostgreSQL and nginx on this machine, from distribution packages. Ctrl-C ends all of them.
#
#     examples/cluster/run.sh                       the cluster listens on http://127.0.0.1:8080
#     NODES=2 PORT=9000 examples/cluster/run.sh     two nodes on port 9000; the following ports are used too
#
# Needs the packages postgresql and nginx, and nats-server, which `make install` installs. All processes listen on loopback only.
# Their files are in a temporary directory that is removed at the end.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
nodes=${NODES:-3}
port=${PORT:-8080}
server=${CALLIE_SERVER:-$root/target/release/callie-server}
nats=$(PATH="$root/target/venv/bin:$PATH" command -v nats-server) || { echo "run.sh: nats-server is missing: make install" >&2; exit 1; }
PATH="$PATH:/usr/sbin"
command -v nginx >/dev/null || { echo "run.sh: nginx is missing: make install" >&2; exit 1; }
# The newest version. If there is none, ls fails, and the check below reports it.
postgres=$(ls /usr/lib/postgresql/*/bin/initdb 2>/dev/null | sort -V | tail -n 1) || true
postgres=${postgres%/initdb}
[[ -n $postgres ]] || { echo "run.sh: PostgreSQL is missing: make install" >&2; exit 1; }
[[ -x $server ]] || (cd "$root" && cargo build --release -p callie-server)

folder=$(mktemp -d)
# PostgreSQL does not run as root.
as_postgres=()
if ((EUID == 0)); then
    as_postgres=(setpriv --reuid=postgres --regid=postgres --init-groups)
    chown postgres "$folder"
fi
chmod 755 "$folder"
mkdir "$folder/nginx"

started=()
end() {
    trap - EXIT
    # Ends the nodes before the processes that they need to close their connections.
    for pid in "${started[@]}"; do
        kill -TERM "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    rm -rf "$folder"
}
trap end EXIT
trap 'exit 0' INT TERM

wait_for() {
    for _ in $(seq 300); do
        if "${@:2}" >/dev/null 2>&1; then return; fi
        sleep 0.1
    done
    echo "run.sh: $1 did not start" >&2
    exit 1
}

# The ports, in this order: nginx, the nodes, their metrics, PostgreSQL, NATS.
node_port() { echo $((port + 1 + $1)); }
ops_port() { echo $((port + 1 + nodes + $1)); }
postgres_port=$((port + 1 + 2 * nodes))
nats_port=$((port + 2 + 2 * nodes))
quiet() { "$@" >>"$folder/log" 2>&1; }

cd /
quiet "${as_postgres[@]}" "$postgres/initdb" -D "$folder/postgres" -U callie --auth=trust --encoding=UTF8 --locale=C
"${as_postgres[@]}" "$postgres/postgres" -D "$folder/postgres" -p "$postgres_port" -c listen_addresses=127.0.0.1 \
    -c unix_socket_directories="$folder" -c max_connections=200 >"$folder/postgres.log" 2>&1 &
postgres_pid=$!
started=("$postgres_pid")
wait_for PostgreSQL "$postgres/pg_isready" -h 127.0.0.1 -p "$postgres_port"
quiet "$postgres/createdb" -h 127.0.0.1 -p "$postgres_port" -U callie callie

"$nats" --addr 127.0.0.1 --port "$nats_port" >"$folder/nats.log" 2>&1 &
nats_pid=$!
started=("$nats_pid" "$postgres_pid")
wait_for NATS bash -c "exec 3<>/dev/tcp/127.0.0.1/$nats_port"

lines=
node_pids=()
for ((at = 0; at < nodes; at++)); do
    CALLIE_LISTEN="127.0.0.1:$(node_port "$at")" CALLIE_METRICS_LISTEN="127.0.0.1:$(ops_port "$at")" \
        CALLIE_DATABASE="postgres://callie@127.0.0.1:$postgres_port/callie" CALLIE_CLUSTER="nats://127.0.0.1:$nats_port" \
        CALLIE_TRUSTED_PROXIES='["127.0.0.0/8"]' "$server" >"$folder/node-$at.log" 2>&1 &
    node_pids+=($!)
    started=("${node_pids[@]}" "$nats_pid" "$postgres_pid")
    lines+="server 127.0.0.1:$(node_port "$at") max_fails=1 fail_timeout=2s; "
done
for ((at = 0; at < nodes; at++)); do
    wait_for "node $at" python3 -c "import urllib.request; urllib.request.urlopen('http://127.0.0.1:$(ops_port "$at")/readyz')"
done

sed -e "s/NODES/$lines/" -e "s/LISTEN/127.0.0.1:$port/" "$root/examples/cluster/nginx.conf" | grep -v '^#' >"$folder/nginx/nginx.conf"
nginx -p "$folder/nginx" -c nginx.conf -g 'daemon off;' >"$folder/nginx.log" 2>&1 &
started=("$!" "${started[@]}")
wait_for nginx bash -c "exec 3<>/dev/tcp/127.0.0.1/$port"

echo "callie cluster of $nodes listening on http://127.0.0.1:$port"
for ((at = 0; at < nodes; at++)); do
    echo "  node $at: process ${node_pids[$at]}, figures at http://127.0.0.1:$(ops_port "$at")/metrics"
done
wait "${started[0]}"
