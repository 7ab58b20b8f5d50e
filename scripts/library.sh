#!/usr/bin/env bash
# Builds the library as packages ship it, small, with the profile `sdk`.
#
# Usage: scripts/library.sh shared   target/sdk/libcallie.so for Python, Kotlin and Swift, without what only C calls
#        scripts/library.sh static   target/sdk/libcallie.a, which bindings/c/Makefile links the C library from
#        scripts/library.sh wheel    Python's wheel, into target/wheels
#        scripts/library.sh bench    what measures it, in each language, and an optimised test bed
set -euo pipefail
cd "$(dirname "$0")/.."

# With frame pointers the tables for unwinding are a fifth smaller, and nothing else is larger.
export RUSTFLAGS="${RUSTFLAGS:-} -C force-frame-pointers=yes"

# cargo optimises across crates only where it is asked for one kind of library: that is a fifth of the size.
library() {
    cargo rustc --profile sdk -p callie-ffi --lib --crate-type "$@"
}

# A shared library of cargo's keeps what only the generator of the bindings reads, the descriptions of all that is exported.
# So it is linked here, as the C library is, where the linker takes a list of what stays.
shared() {
    if [[ $(uname -s) != Linux ]]; then
        library cdylib --no-default-features
        return
    fi
    library staticlib --no-default-features
    cc -shared -o target/sdk/libcallie.so -Wl,--version-script=scripts/library.map -Wl,--gc-sections -Wl,--no-undefined \
        -Wl,-z,relro,-z,now -Wl,--whole-archive target/sdk/libcallie.a -Wl,--no-whole-archive -lgcc_s -lpthread -lm -ldl -lc
}

bench() {
    local built
    built=$(cargo build --profile sdk -p callie-ffi --bench client --message-format json |
        sed -n 's/.*"executable":"\([^"]*\/client-[^"]*\)".*/\1/p')
    cp "$built" target/sdk/bench-client
    library staticlib
    cc -O2 -std=c11 -D_POSIX_C_SOURCE=200809L -I bindings/c/include bindings/c/bench/receive.c -o target/sdk/bench-receive \
        target/sdk/libcallie.a -lgcc_s -lpthread -lm -ldl
    cargo build --release -p callie-testbed
    scripts/bindings.sh release
    mvn --batch-mode --no-transfer-progress --quiet --file bindings/kotlin/pom.xml test-compile \
        org.apache.maven.plugins:maven-dependency-plugin:3.8.1:build-classpath -Dmdep.outputFile=target/classpath </dev/null
    scripts/swift.sh swift build --configuration release --package-path "$PWD/bindings/swift/Bench" \
        --scratch-path "$PWD/target/swift/bench" --product Receive </dev/null
}

# maturin writes the bindings from a library of cargo's, and packs that one. On Linux the smaller one takes its place.
wheel() {
    local tools=$PWD/target/venv/bin built=target/wheels/built unpacked=target/wheels/unpacked
    rm -rf target/wheels
    (cd bindings/python && "$tools/maturin" build --out "../../$built")
    shared
    if [[ $(uname -s) != Linux ]]; then
        mv "$built"/*.whl target/wheels
        return
    fi
    "$tools/wheel" unpack --dest "$unpacked" "$built"/*.whl
    strip -o "$unpacked"/callie-*/callie/_generated/libcallie.so target/sdk/libcallie.so
    "$tools/wheel" pack --dest-dir target/wheels "$unpacked"/callie-*
}

case "${1:-}" in
    shared) shared ;;
    static) library staticlib ;;
    wheel) wheel ;;
    bench) bench ;;
    *)
        echo "usage: scripts/library.sh shared|static|wheel|bench" >&2
        exit 2
        ;;
esac
