#!/usr/bin/env bash
# Tests the Kotlin package: first its scenarios, then the chat, which is built outside the repository against the installed
# package. All versions in the poms are fixed, so Maven does not use the network once it has downloaded everything.
set -euo pipefail
cd "$(dirname "$0")/.."
# By default, Java ignores TMPDIR and writes its performance data to /tmp.
java_options="-Djava.io.tmpdir=${TMPDIR:-/tmp} -XX:-UsePerfData"

# Ends a compiler or a test that hangs. Fifteen minutes are enough for a first download.
maven() {
    JDK_JAVA_OPTIONS="$java_options" timeout 900 mvn --batch-mode --no-transfer-progress --quiet "$@" </dev/null
}

reports=bindings/kotlin/target/surefire-reports
rm -rf "$reports"
failed=0
maven --file bindings/kotlin/pom.xml install || failed=1
# Saves the results of failed tests too.
if compgen -G "$reports/TEST-*.xml" >/dev/null; then
    scripts/matrix.py read kotlin junit "$reports"/TEST-*.xml
fi
((failed == 0)) || exit 1

outside=$(mktemp -d)
trap 'rm -rf "$outside"' EXIT
cp -r examples/kotlin/pom.xml examples/kotlin/src "$outside"
maven --file "$outside/pom.xml" package
CALLIE_CHAT="java $java_options -jar $outside/target/chat.jar" target/venv/bin/python -m pytest -q bindings/tests/check_chat.py bindings/tests/check_chat_state.py
