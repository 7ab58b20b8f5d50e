// swift-tools-version: 6.0
import Foundation
import PackageDescription

// The directory of Callie's package: the value of CALLIE_PACKAGE, or the package in the checkout.
let callie = ProcessInfo.processInfo.environment["CALLIE_PACKAGE"] ?? "../../bindings/swift"

let package = Package(
    name: "Chat",
    platforms: [.macOS(.v13)],
    dependencies: [.package(name: "Callie", path: callie)],
    targets: [.executableTarget(name: "Chat", dependencies: [.product(name: "Callie", package: "Callie")])],
    swiftLanguageModes: [.v6]
)
