#!/usr/bin/env bash
# Writes the bindings from the built library: Python's beside its package, Kotlin's and Swift's below target/bindings.
set -euo pipefail
cd "$(dirname "$0")/.."

case "$(uname -s)" in
    Darwin) library=libcallie.dylib ;;
    *) library=libcallie.so ;;
esac
built=target/debug
if [[ ! -e $built/$library || ! -e $built/uniffi-bindgen ]]; then
    cargo build -p callie-ffi --features bindgen
fi

generate() {
    "$built/uniffi-bindgen" generate -l "$1" --no-format -o "$2" "$built/$library" >/dev/null
}

python=bindings/python/callie/_generated
rm -rf "$python"
mkdir -p "$python"
generate python "$python"
touch "$python/__init__.py"
cp "$built/$library" "$python/"
echo "bindings: Python in $python"

for language in kotlin swift; do
    out=target/bindings/$language
    rm -rf "$out"
    mkdir -p "$out"
    generate "$language" "$out"
    echo "bindings: $language in $out"
done
