#!/usr/bin/env bash
# Runs the tests of the Kotlin package. Every version in the pom is fixed, so Maven asks the network for nothing once it
# has everything.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/bindings.sh kotlin
# A compiler or a test that hangs is ended: fifteen minutes hold a first download too.
timeout 900 mvn --batch-mode --no-transfer-progress --quiet --file bindings/kotlin/pom.xml test </dev/null
