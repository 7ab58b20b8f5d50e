#!/usr/bin/env bash
# Generates the bindings from the built library, in the directories that their packages use, and copies the library there.
# Unchanged files of Kotlin and Swift keep their modification times, so that their compilers do not build them again.
#
# Usage: scripts/bindings.sh [debug|release] [python|kotlin|swift]…
set -euo pipefail
cd "$(dirname "$0")/.."

profile=debug
if [[ ${1:-} == debug || ${1:-} == release ]]; then
    profile=$1
    shift
fi
languages=("$@")
((${#languages[@]})) || languages=(python kotlin swift)

case "$(uname -s)" in
    Darwin) library=libcallie.dylib system=darwin ;;
    *) library=libcallie.so system=linux ;;
esac
# JNA's names for processors, as in the directories of a jar.
case "$(uname -m)" in
    x86_64 | amd64) processor=x86-64 ;;
    arm64 | aarch64) processor=aarch64 ;;
    *) processor=$(uname -m) ;;
esac

# The sources do not depend on the profile. They are generated from the debug library, because uniffi cannot read a stripped one.
built=target/debug
if [[ ! -e $built/$library || ! -e $built/uniffi-bindgen ]]; then
    cargo build -p callie-ffi --features bindgen
fi
shipped=$built/$library
if [[ $profile == release ]]; then
    scripts/library.sh shared
    shipped=target/sdk/$library
fi

generate() {
    rm -rf "$2"
    mkdir -p "$2"
    "$built/uniffi-bindgen" generate -l "$1" --no-format -o "$2" "$built/$library" >/dev/null
}

put() {
    mkdir -p "$(dirname "$2")"
    cmp -s "$1" "$2" || cp "$1" "$2"
}

generate_python() {
    local package=bindings/python/callie/_generated
    generate python "$package"
    touch "$package/__init__.py"
    cp "$shipped" "$package/"
    echo "bindings: Python in $package"
}

generate_kotlin() {
    local written=target/bindings/written/kotlin source
    generate kotlin "$written"
    for source in dev/callie/ffi/callie.kt dev/callie/ffi/client/callie_client.kt; do
        put "$written/$source" "target/bindings/kotlin/$source"
    done
    put "$shipped" "target/bindings/kotlin-natives/$system-$processor/$library"
    echo "bindings: Kotlin in target/bindings/kotlin"
}

generate_swift() {
    local written=target/bindings/written/swift package=bindings/swift name
    generate swift "$written"
    for name in CallieNative CallieNativeClient; do
        put "$written/$name.swift" "$package/Generated/CallieNative/$name.swift"
        put "$written/${name}FFI.h" "$package/Generated/CallieNativeFFI/${name}FFI.h"
    done
    # uniffi's own module map uses modules that only Apple's compilers have, and links no library.
    printf 'module CallieNativeFFI {\n    header "CallieNativeFFI.h"\n    header "CallieNativeClientFFI.h"\n    link "callie"\n    export *\n}\n' \
        >"$written/module.modulemap"
    put "$written/module.modulemap" "$package/Generated/CallieNativeFFI/module.modulemap"
    put "$shipped" "$package/lib/$library"
    echo "bindings: Swift in $package/Generated"
}

for language in "${languages[@]}"; do
    case "$language" in
        python | kotlin | swift) "generate_$language" ;;
        *)
            echo "usage: scripts/bindings.sh [debug|release] [python|kotlin|swift]…" >&2
            exit 2
            ;;
    esac
done
