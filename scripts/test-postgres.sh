#!/usr/bin/env bash
# Runs the given tests of the server on PostgreSQL: scripts/test-postgres.sh TEST…
#
# It runs the executables that `make test-rust` has built. `cargo test --test …` would build the dependencies again: for a
# selection of tests, cargo does not unify features with the packages that have none of them.
set -euo pipefail
cd "$(dirname "$0")/.."

executables=$(cargo test --workspace --features callie-ffi/bindgen --no-run --message-format=json | python3 -c '
import json, sys
wanted = dict.fromkeys(sys.argv[1:])
for line in sys.stdin:
    built = json.loads(line)
    if built.get("executable") and built["target"]["kind"] == ["test"] and built["target"]["name"] in wanted:
        wanted[built["target"]["name"]] = built["executable"]
missing = [name for name, path in wanted.items() if path is None]
if missing:
    sys.exit("test-postgres: there is no test " + ", ".join(missing))
print(*wanted.values(), sep="\n")
' "$@")

export CALLIE_TEST_DATABASE=postgres
cd callie-server
for executable in $executables; do
    echo "     Running $executable on PostgreSQL"
    "$executable"
done
