#!/usr/bin/env bash
# Builds the server, the library, the tests and the examples, with the same features as the tests, so that cargo builds nothing twice.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo build --workspace --all-targets --features callie-ffi/bindgen
