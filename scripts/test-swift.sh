#!/usr/bin/env bash
# Tests the Swift package, with the Swift on PATH or the one that scripts/swift.sh brings: its scenarios, then the chat,
# built as a package outside the repository.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/bindings.sh swift
checkout=$PWD
# Made where missing, before the clock for the tests begins.
scripts/swift.sh true

# A compiler or a test that hangs is ended.
swift() {
    timeout 900 scripts/swift.sh swift "$@" </dev/null
}

report=target/swift/tests
rm -f "$report"*.xml
failed=0
# One after the other: each scenario starts servers of its own.
swift test --no-parallel --package-path "$checkout/bindings/swift" --scratch-path "$checkout/target/swift/build" \
    --xunit-output "$checkout/$report.xml" || failed=1
# What failed is noted too. Swift Testing writes a file of its own beside XCTest's.
if [[ -e $report-swift-testing.xml ]]; then
    scripts/matrix.py read swift junit "$report-swift-testing.xml"
fi
((failed == 0)) || exit 1

# Below /tmp, which the Debian root sees too.
outside=$(mktemp -d "${TMPDIR:-/tmp}/callie-chat.XXXXXX")
trap 'rm -rf "$outside"' EXIT
cp -r examples/swift/Package.swift examples/swift/Sources "$outside"
CALLIE_PACKAGE="$checkout/bindings/swift" swift build --package-path "$outside" --scratch-path "$outside/build"
CALLIE_CHAT="scripts/swift.sh $outside/build/debug/Chat" target/venv/bin/python -m pytest -q bindings/tests/check_chat.py
