#!/usr/bin/env bash
# Builds the WebAssembly module of the TypeScript package: scripts/wasm.sh FILE
#
# The standard library is built with the module, so that both are optimised for size and neither contains texts for panics and debugging. The
# usual toolchain does that where it has the sources of the standard library (`rustup component add rust-src`); otherwise,
# Debian's packages rustc-web, cargo-web and rust-web-src do. What is built is kept below ~/.cache/callie.
set -euo pipefail
cd "$(dirname "$0")/.."

(($# == 1)) || { echo "usage: scripts/wasm.sh FILE" >&2; exit 1; }
file=$1
target=wasm32-unknown-unknown
has_sources() { [[ -d $("$1" --print sysroot)/lib/rustlib/src/rust/library ]]; }
if ! has_sources rustc; then
    # Debian's cargo finds Debian's rustc on the PATH.
    PATH="/usr/bin:$PATH"
    has_sources rustc || { echo "wasm: no Rust with the sources of its standard library; see scripts/install.sh" >&2; exit 1; }
fi

export CARGO_TARGET_DIR=$HOME/.cache/callie/wasm
# Building the standard library is an unstable feature.
export RUSTC_BOOTSTRAP=1
export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=wasm-ld
# The linker reserves 1 MiB for the stack unless told otherwise; a payload has at most 32 levels.
export RUSTFLAGS="-C link-arg=-zstack-size=131072 -Zunstable-options -Cpanic=immediate-abort -Zfmt-debug=none"
nice cargo build --quiet --release --locked --target "$target" --manifest-path bindings/typescript/wasm/Cargo.toml \
    -Zbuild-std=std,panic_abort -Zbuild-std-features=optimize_for_size

mkdir -p "$(dirname "$file")"
# The features of WebAssembly that the compiler uses, and all browsers of 2023 have.
wasm-opt -Oz --enable-bulk-memory --enable-sign-ext --enable-nontrapping-float-to-int --enable-mutable-globals \
    --enable-reference-types --enable-multivalue "$CARGO_TARGET_DIR/$target/release/callie_wasm.wasm" --output "$file"
