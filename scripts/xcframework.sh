#!/usr/bin/env bash
# Builds bindings/swift/CallieNativeFFI.xcframework for iOS, its simulator and macOS, and generates the Swift sources. Needs macOS
# with Xcode, and the Rust targets for Apple platforms. Untested.
set -euo pipefail
cd "$(dirname "$0")/.."
[[ $(uname -s) == Darwin ]] || { echo "xcframework: this script needs macOS with Xcode" >&2; exit 1; }

package=bindings/swift
work=target/xcframework
targets=(aarch64-apple-ios aarch64-apple-ios-sim x86_64-apple-ios aarch64-apple-darwin x86_64-apple-darwin)
scripts/bindings.sh release swift
for target in "${targets[@]}"; do
    cargo rustc --profile sdk -p callie-ffi --lib --crate-type staticlib --no-default-features --target "$target"
done

rm -rf "$work" "$package/CallieNativeFFI.xcframework"
mkdir -p "$work"/{ios,simulator,macos,headers}
cp "$package"/Generated/CallieNativeFFI/*.h "$work/headers/"
# The module map needs no link directive, because the framework contains the static library.
grep -v 'link "callie"' "$package/Generated/CallieNativeFFI/module.modulemap" >"$work/headers/module.modulemap"
cp target/aarch64-apple-ios/sdk/libcallie.a "$work/ios/"
lipo -create target/{aarch64-apple-ios-sim,x86_64-apple-ios}/sdk/libcallie.a -output "$work/simulator/libcallie.a"
lipo -create target/{aarch64,x86_64}-apple-darwin/sdk/libcallie.a -output "$work/macos/libcallie.a"
arguments=()
for system in ios simulator macos; do
    arguments+=(-library "$work/$system/libcallie.a" -headers "$work/headers")
done
xcodebuild -create-xcframework "${arguments[@]}" -output "$package/CallieNativeFFI.xcframework"
echo "xcframework: $package/CallieNativeFFI.xcframework"
