// swift-tools-version: 6.2
import PackageDescription

// The floors, lowest first: a target depends only on targets of lower floors, never on a sibling.
//
//   7  hone
//   4  HoneGeneration
//   2  HoneModels
//   1  HoneTensors      HoneText
//   0  HoneKernels (C)  HoneFormats

let swiftSettings: [SwiftSetting] =
  Context.environment["HONE_WARNINGS_AS_ERRORS"] == nil ? [] : [.treatAllWarnings(as: .error)]
let cSettings: [CSetting] =
  Context.environment["HONE_WARNINGS_AS_ERRORS"] == nil ? [] : [.treatAllWarnings(as: .error)]

func floor(_ name: String, over dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: swiftSettings)
}

func tests(_ name: String, over dependencies: [Target.Dependency]) -> Target {
  .testTarget(
    name: "\(name)Tests", dependencies: [.byName(name: name)] + dependencies,
    exclude: ["Fixtures"], swiftSettings: swiftSettings)
}

let package = Package(
  name: "hone",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "hone", targets: ["hone"])
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.0", traits: []),
  ],
  targets: [
    .target(name: "HoneKernels", cSettings: cSettings),
    floor("HoneFormats", over: []),
    floor("HoneTensors", over: ["HoneKernels"]),
    floor("HoneText", over: ["HoneFormats"]),
    floor(
      "HoneModels",
      over: [
        "HoneTensors", "HoneFormats", "HoneText", "HoneKernels",
        .product(name: "Subprocess", package: "swift-subprocess"),
      ]),
    floor(
      "HoneGeneration",
      over: ["HoneModels", "HoneTensors", "HoneText", "HoneFormats", "HoneKernels"]),
    .executableTarget(
      name: "hone",
      dependencies: [
        "HoneKernels", "HoneFormats", "HoneTensors", "HoneText", "HoneModels", "HoneGeneration",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], swiftSettings: swiftSettings),

    tests("HoneKernels", over: []),
    tests("HoneFormats", over: []),
    tests("HoneTensors", over: ["HoneKernels", "HoneFormats"]),
    tests("HoneText", over: ["HoneFormats"]),
    tests("HoneModels", over: ["HoneTensors", "HoneFormats", "HoneText"]),
    tests("hone", over: ["HoneFormats"]),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .gnu17
)
