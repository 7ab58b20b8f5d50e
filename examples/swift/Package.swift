// swift-tools-version: 6.0
import Foundation
import PackageDescription

// Callie's package in the checkout, or wherever CALLIE_PACKAGE says.
let callie = ProcessInfo.processInfo.environment["CALLIE_PACKAGE"] ?? "../../bindings/swift"

let package = Package(
    name: "Chat",
    platforms: [.macOS(.v13)],
    dependencies: [.package(name: "Callie", path: callie)],
    targets: [.executableTarget(name: "Chat", dependencies: [.product(name: "Callie", package: "Callie")])],
    swiftLanguageModes: [.v6]
)
