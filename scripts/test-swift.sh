#!/usr/bin/env bash
# Runs the tests of the Swift package, with the Swift on PATH or the one that scripts/swift.sh brings.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/bindings.sh swift
checkout=$PWD
# Made where missing, before the clock for the tests begins.
scripts/swift.sh true
# A compiler or a test that hangs is ended.
timeout 900 scripts/swift.sh swift test --package-path "$checkout/bindings/swift" \
    --scratch-path "$checkout/target/swift/build" --xunit-output "$checkout/target/swift/tests.xml" </dev/null
