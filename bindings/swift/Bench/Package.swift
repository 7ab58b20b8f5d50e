// swift-tools-version: 6.0
import PackageDescription

// What `make bench-sdk` measures; a package of its own, so that users of Callie's do not build it.
let package = Package(
    name: "Bench",
    platforms: [.macOS(.v13)],
    dependencies: [.package(name: "Callie", path: "..")],
    targets: [.executableTarget(name: "Receive", dependencies: [.product(name: "Callie", package: "Callie")])],
    swiftLanguageModes: [.v6]
)
