#!/usr/bin/env bash
# Builds everything once: server, library, tests, examples, with the same features, so that nothing is built twice.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --workspace --all-targets --features callie-ffi/bindgen
