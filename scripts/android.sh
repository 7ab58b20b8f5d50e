#!/usr/bin/env bash
# Builds the native library for Android's processors and generates the Kotlin sources, in the directories that
# bindings/kotlin/android uses. Needs cargo-ndk and, in ANDROID_NDK_HOME, the Android NDK r28 or later. Untested.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${ANDROID_NDK_HOME:?must be the directory of the Android NDK, r28 or later}"
command -v cargo-ndk >/dev/null || { echo "android: please install cargo-ndk: cargo install cargo-ndk" >&2; exit 1; }

libraries=bindings/kotlin/android/src/main/jniLibs
# Devices can have pages of 16 KB, so the linker gets this size in any case.
RUSTFLAGS="${RUSTFLAGS:-} -C link-arg=-Wl,-z,max-page-size=16384" cargo ndk --platform 26 \
    --target arm64-v8a --target armeabi-v7a --target x86_64 --output-dir "$libraries" build --profile sdk --no-default-features -p callie-ffi
scripts/bindings.sh kotlin

readelf=$(find "$ANDROID_NDK_HOME/toolchains" -name llvm-readelf -print -quit)
for library in "$libraries"/{arm64-v8a,x86_64}/libcallie.so; do
    # The last column is the alignment, in hexadecimal. The shell parses it, because not every awk does.
    alignments=$("$readelf" --program-headers --wide "$library" | awk '$1 == "LOAD" { print $NF }')
    [[ -n $alignments ]] || { echo "android: $readelf lists no LOAD segments for $library" >&2; exit 1; }
    for alignment in $alignments; do
        if ((alignment < 16384)); then
            echo "android: $library is not aligned to pages of 16 KB" >&2
            exit 1
        fi
    done
done
echo "android: the libraries are in $libraries"
