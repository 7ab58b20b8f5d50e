// swift-tools-version: 6.0
import PackageDescription

// scripts/bindings.sh generates two targets from the native library, and copies the library itself to this package:
// Generated/CallieNativeFFI (the C header) and Generated/CallieNative (the Swift sources that use it).
#if os(Linux)
// SwiftPM has no binary targets on Linux. The library is in the package, and programs find it there or in their own
// directory.
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
    // The first versions with Duration, of the platforms of scripts/xcframework.sh.
    platforms: [.iOS(.v16), .macOS(.v13)],
    products: [.library(name: "Callie", targets: ["Callie"])],
    targets: [
        native,
        .target(
            name: "CallieNative",
            dependencies: ["CallieNativeFFI"],
            path: "Generated/CallieNative",
            // The generated code does not support Swift 6 mode, and the compiler of 6.0.3 crashes on it in that mode.
            swiftSettings: [.swiftLanguageMode(.v5)],
            linkerSettings: linking
        ),
        .target(name: "Callie", dependencies: ["CallieNative"]),
        // Programs that the tests start.
        .executableTarget(name: "Exit", dependencies: ["Callie"], path: "Tests/Exit"),
        .executableTarget(name: "Killed", dependencies: ["Callie"], path: "Tests/Killed"),
        .testTarget(name: "CallieTests", dependencies: ["Callie", "Exit", "Killed"]),
    ],
    swiftLanguageModes: [.v6]
)
