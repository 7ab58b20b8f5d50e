#!/usr/bin/env bash
# Runs a command with a folder for temporary files of its own, and fails where the command leaves something in it:
# scripts/tidy.sh cargo test …
set -euo pipefail

(($#)) || { echo "usage: scripts/tidy.sh COMMAND [ARGUMENT]…" >&2; exit 1; }

# Short, as sockets of PostgreSQL are below it, and below /tmp, which the Debian root of scripts/swift.sh sees too. Other users
# pass through it: PostgreSQL does not run as root.
folder=$(mktemp -d /tmp/callie-tests.XXXXXX)
chmod 755 "$folder"
trap 'rm -rf "$folder"' EXIT

status=0
TMPDIR="$folder" "$@" || status=$?

# What Swift's package manager, Chromium and pytest keep is theirs, and goes with the folder.
left() {
    find "$folder" -mindepth 1 -maxdepth 1 ! -name 'TemporaryDirectory.*' ! -name 'swift-generated-sources' ! -name '*.lock' \
        ! -name '*org.chromium.Chromium.*' ! -name 'pytest-of-*' -printf '%f\n'
}
# Helpers of the tests, such as the keepers of PostgreSQL, tidy up after the process that they watch has ended.
for _ in $(seq 100); do
    [[ -n $(left) ]] || break
    sleep 0.1
done
if [[ -n $(left) ]]; then
    echo "tidy: the tests have left these in $folder:" >&2
    (cd "$folder" && left | xargs ls -ld) >&2
    exit 1
fi
exit "$status"
