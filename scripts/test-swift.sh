#!/usr/bin/env bash
# Tests the Swift package, with the Swift on PATH or the one of scripts/swift.sh: first its scenarios, then the chat, which is
# built as a package outside the repository.
set -euo pipefail
cd "$(dirname "$0")/.."
checkout=$PWD
# Creates the toolchain if it is missing, before the timeout of the tests starts.
scripts/swift.sh true

# Ends a compiler or a test that hangs.
swift() {
    timeout 900 scripts/swift.sh swift "$@" </dev/null
}

report=target/swift/tests
rm -f "$report"*.xml
failed=0
# The scenarios run one after the other, because each starts its own servers.
swift test --no-parallel --package-path "$checkout/bindings/swift" --scratch-path "$checkout/target/swift/build" \
    --xunit-output "$checkout/$report.xml" || failed=1
# Saves the results of failed tests too. Swift Testing writes a separate file from XCTest's.
if [[ -e $report-swift-testing.xml ]]; then
    scripts/matrix.py read swift junit "$report-swift-testing.xml"
fi
((failed == 0)) || exit 1

# The directory is below /tmp, which the Debian root shares.
outside=$(mktemp -d "${TMPDIR:-/tmp}/callie-chat.XXXXXX")
trap 'rm -rf "$outside"' EXIT
cp -r examples/swift/Package.swift examples/swift/Sources "$outside"
CALLIE_PACKAGE="$checkout/bindings/swift" swift build --package-path "$outside" --scratch-path "$outside/build"
CALLIE_CHAT="scripts/swift.sh $outside/build/debug/Chat" target/venv/bin/python -m pytest -q bindings/tests/check_chat.py bindings/tests/check_chat_state.py
