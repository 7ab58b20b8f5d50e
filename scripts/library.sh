#!/usr/bin/env bash
# Builds the library as packages ship it, optimised for size, with the profile `sdk`.
#
# Usage: scripts/library.sh shared   target/sdk/libcallie.so for Python, Kotlin and Swift, without the C interface
#        scripts/library.sh static   target/sdk/libcallie.a, from which bindings/c/Makefile links the C library
#        scripts/library.sh wheel    the Python wheel, in target/wheels
#        scripts/library.sh bench    the benchmark programs of all languages, and an optimised test bed
set -euo pipefail
cd "$(dirname "$0")/.."

# Frame pointers make the unwinding tables a fifth smaller, and nothing else larger.
export RUSTFLAGS="${RUSTFLAGS:-} -C force-frame-pointers=yes"

# cargo optimises across crates only if it builds a single kind of library. That saves a fifth of the size.
library() {
    cargo rustc --profile sdk -p callie-ffi --lib --crate-type "$@"
}

# A shared library linked by cargo keeps the metadata of all exports, which only the generator of the bindings reads. This
# function links the library with a version script instead, which removes it; the C library is linked in the same way.
# rustc brings lld, which also folds identical functions, such as generic code for types of the same layout.
shared() {
    if [[ $(uname -s) != Linux ]]; then
        library cdylib --no-default-features
        return
    fi
    library staticlib --no-default-features
    local linker=() lld
    lld=$(rustc --print sysroot)/lib/rustlib/$(rustc --print host-tuple)/bin/gcc-ld
    if [[ -x $lld/ld.lld ]]; then
        linker=(-B"$lld" -fuse-ld=lld -Wl,--icf=all)
    fi
    link target/sdk/libcallie.so cc "${linker[@]}"
}

# Links target/sdk/libcallie.a: link FILE LINKER [ARGUMENT]…
link() {
    # By its path, because zig's linker replaces -lgcc_s by an unwinder of its own.
    local file=$1 unwinder
    unwinder=$(cc -print-file-name=libgcc_s.so.1)
    shift
    "$@" -shared -o "$file" -Wl,--version-script=scripts/library.map -Wl,--gc-sections -Wl,--no-undefined -Wl,-z,relro,-z,now \
        -Wl,--whole-archive target/sdk/libcallie.a -Wl,--no-whole-archive "$unwinder" -lpthread -lm -ldl -lc
}

bench() {
    local built
    built=$(cargo build --profile sdk -p callie-client --bench client --message-format json |
        sed -n 's/.*"executable":"\([^"]*\/client-[^"]*\)".*/\1/p')
    cp "$built" target/sdk/bench-client
    library staticlib
    cc -O2 -std=c11 -D_POSIX_C_SOURCE=200809L -I bindings/c/include bindings/c/bench/receive.c -o target/sdk/bench-receive \
        target/sdk/libcallie.a -lgcc_s -lpthread -lm -ldl
    cargo build --release -p callie-testbed -p callie-server
    scripts/bindings.sh release
    mvn --batch-mode --no-transfer-progress --quiet --file bindings/kotlin/pom.xml test-compile \
        org.apache.maven.plugins:maven-dependency-plugin:3.8.1:build-classpath -Dmdep.outputFile=target/classpath </dev/null
    scripts/swift.sh swift build --configuration release --package-path "$PWD/bindings/swift/Bench" \
        --scratch-path "$PWD/target/swift/bench" --product Receive </dev/null
}

# maturin generates the bindings from the library that cargo links, and packages that library. On Linux, a smaller library replaces
# it, which zig links for glibc 2.17, the oldest of the platform manylinux2014. auditwheel fails if the library needs a newer one.
wheel() {
    local tools=$PWD/target/venv/bin work=target/wheels/work machine
    machine=$(uname -m)
    rm -rf target/wheels
    if [[ $(uname -s) != Linux ]]; then
        (cd bindings/python && "$tools/maturin" build --out ../../target/wheels)
        shared
        return
    fi
    (cd bindings/python && "$tools/maturin" build --compatibility linux --out "../../$work")
    shared
    link "$work/libcallie.so" "$tools/python" -m ziglang cc -target "$machine-linux-gnu.2.17"
    "$tools/wheel" unpack --dest "$work" "$work"/*.whl
    strip -o "$work"/callie-*/callie/_generated/libcallie.so "$work/libcallie.so"
    rm "$work"/*.whl
    "$tools/wheel" pack --dest-dir "$work" "$work"/callie-*
    PATH="$tools:$PATH" "$tools/auditwheel" repair -z 9 --plat "manylinux2014_$machine" --wheel-dir target/wheels "$work"/*.whl
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
