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
  dependencies: [],
  targets: [
    .target(name: "HoneKernels", cSettings: cSettings),
    floor("HoneFormats", over: []),
    floor("HoneTensors", over: ["HoneKernels"]),
    floor("HoneText", over: ["HoneFormats"]),
    floor("HoneModels", over: ["HoneTensors", "HoneText", "HoneFormats", "HoneKernels"]),
    .executableTarget(
      name: "hone", dependencies: ["HoneModels", "HoneTensors", "HoneFormats", "HoneText"],
      swiftSettings: swiftSettings),

    tests("HoneFormats", over: []),
    tests("HoneTensors", over: ["HoneKernels"]),
    tests("HoneText", over: ["HoneFormats"]),
    tests("HoneModels", over: ["HoneTensors", "HoneFormats", "HoneText"]),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .gnu17
)
