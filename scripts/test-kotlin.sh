#!/usr/bin/env bash
# Tests the Kotlin package: its scenarios, then the chat, built as a project outside the repository against the installed
# package. Every version in the poms is fixed, so Maven asks the network for nothing once it has everything.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/bindings.sh kotlin
# Java takes neither TMPDIR nor leaves /tmp alone by itself.
java_options="-Djava.io.tmpdir=${TMPDIR:-/tmp} -XX:-UsePerfData"

# A compiler or a test that hangs is ended: fifteen minutes hold a first download too.
maven() {
    JDK_JAVA_OPTIONS="$java_options" timeout 900 mvn --batch-mode --no-transfer-progress --quiet "$@" </dev/null
}

reports=bindings/kotlin/target/surefire-reports
rm -rf "$reports"
failed=0
maven --file bindings/kotlin/pom.xml install || failed=1
# What failed is noted too.
if compgen -G "$reports/TEST-*.xml" >/dev/null; then
    scripts/matrix.py read kotlin junit "$reports"/TEST-*.xml
fi
((failed == 0)) || exit 1

outside=$(mktemp -d)
trap 'rm -rf "$outside"' EXIT
cp -r examples/kotlin/pom.xml examples/kotlin/src "$outside"
maven --file "$outside/pom.xml" package
CALLIE_CHAT="java $java_options -jar $outside/target/chat.jar" target/venv/bin/python -m pytest -q bindings/tests/check_chat.py
