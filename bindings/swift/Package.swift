// swift-tools-version: 6.0
import PackageDescription

// Two targets are generated from the native library by scripts/bindings.sh, which also puts the library itself here:
// Generated/CallieNativeFFI (its C header) and Generated/CallieNative (Swift on top of it).
#if os(Linux)
// SwiftPM on Linux has no binary targets: the library stands in the package, and what is built finds it there or
// beside itself.
let library = Context.packageDirectory + "/lib"
let native = Target.systemLibrary(name: "CallieNativeFFI", path: "Generated/CallieNativeFFI")
let linking: [LinkerSetting] = [
    .unsafeFlags(["-L\(library)", "-Xlinker", "-rpath=\(library)", "-Xlinker", "-rpath=$ORIGIN"])
]
#else
let native = Target.binaryTarget(name: "CallieNativeFFI", path: "CallieNativeFFI.xcframework")
let linking: [LinkerSetting] = []
#endif

let package = Package(
    name: "Callie",
    // The first that have Duration, of those that scripts/xcframework.sh builds for.
    platforms: [.iOS(.v16), .macOS(.v13)],
    products: [.library(name: "Callie", targets: ["Callie"])],
    targets: [
        native,
        .target(
            name: "CallieNative",
            dependencies: ["CallieNativeFFI"],
            path: "Generated/CallieNative",
            // The generated code is not written for Swift 6's mode, and the compiler of 6.0.3 crashes on it there.
            swiftSettings: [.swiftLanguageMode(.v5)],
            linkerSettings: linking
        ),
        .target(name: "Callie", dependencies: ["CallieNative"]),
        // A program that the tests start.
        .executableTarget(name: "Exit", dependencies: ["Callie"], path: "Tests/Exit"),
        .testTarget(name: "CallieTests", dependencies: ["Callie", "Exit"]),
    ],
    swiftLanguageModes: [.v6]
)
