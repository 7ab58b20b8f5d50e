#!/usr/bin/env bash
# Runs a command with its own directory for temporary files, and fails if the command leaves files in it:
# scripts/tidy.sh cargo test …
set -euo pipefail

(($#)) || { echo "usage: scripts/tidy.sh COMMAND [ARGUMENT]…" >&2; exit 1; }

# The path is short, because it contains PostgreSQL's sockets, and below /tmp, which the Debian root of scripts/swift.sh shares.
# Other users can enter the directory, because PostgreSQL does not run as root.
folder=$(mktemp -d /tmp/callie-tests.XXXXXX)
chmod 755 "$folder"
trap 'rm -rf "$folder"' EXIT

status=0
TMPDIR="$folder" "$@" || status=$?

# Lists the remaining files, except those that Swift's package manager, Chromium and pytest keep.
left() {
    find "$folder" -mindepth 1 -maxdepth 1 ! -name 'TemporaryDirectory.*' ! -name 'swift-generated-sources' ! -name '*.lock' \
        ! -name '*org.chromium.Chromium.*' ! -name 'pytest-of-*' -printf '%f\n'
}
# Waits for helper processes of the tests, such as the watchers of PostgreSQL, which clean up after the process that they watch has ended.
for _ in $(seq 100); do
    [[ -n $(left) ]] || break
    sleep 0.1
done
if [[ -n $(left) ]]; then
    echo "tidy: the tests left these files in $folder:" >&2
    (cd "$folder" && left | xargs ls -ld) >&2
    exit 1
fi
exit "$status"
