// swift-tools-version: 6.2
import PackageDescription

// The floors, lowest first: a target depends only on targets of lower floors, never on a sibling.
//
//   7  hone
//   6  HoneRecipes
//   5  HoneSynthesis
//   4  HoneTraining     HoneGeneration
//   3  HoneAdapters     HoneStore
//   2  HoneModels       HoneData
//   1  HoneTensors      HoneText
//   0  HoneKernels (C)  HoneFormats      HoneCatalog (C)     HoneReport  CSQLite (the system's)

let swiftSettings: [SwiftSetting] =
  Context.environment["HONE_WARNINGS_AS_ERRORS"] == nil ? [] : [.treatAllWarnings(as: .error)]
let cSettings: [CSetting] =
  Context.environment["HONE_WARNINGS_AS_ERRORS"] == nil ? [] : [.treatAllWarnings(as: .error)]

func floor(_ name: String, over dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: swiftSettings)
}

func tests(
  _ name: String, over dependencies: [Target.Dependency], excluding: [String] = ["Fixtures"]
) -> Target {
  .testTarget(
    name: "\(name)Tests", dependencies: [.byName(name: name)] + dependencies,
    exclude: excluding, swiftSettings: swiftSettings)
}

let package = Package(
  name: "hone",
  platforms: [.macOS(.v15)],
  products: [
    .executable(name: "hone", targets: ["hone"])
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.0", traits: []),
  ],
  targets: [
    .target(name: "HoneKernels", cSettings: cSettings),
    .target(
      name: "HoneCatalog", exclude: ["Catalog", "Quickstart", "SynthesisCatalog"],
      cSettings: cSettings),
    .systemLibrary(
      name: "CSQLite", providers: [.apt(["libsqlite3-dev"]), .brew(["sqlite"])]),
    floor("HoneFormats", over: []),
    floor("HoneReport", over: []),
    floor("HoneTensors", over: ["HoneKernels"]),
    floor("HoneText", over: ["HoneFormats"]),
    floor("HoneModels", over: ["HoneTensors", "HoneFormats", "HoneText", "HoneKernels"]),
    floor(
      "HoneStore",
      over: [
        "HoneModels", "HoneFormats", .product(name: "Subprocess", package: "swift-subprocess"),
      ]),
    floor("HoneAdapters", over: ["HoneModels", "HoneTensors", "HoneText", "HoneFormats"]),
    floor(
      "HoneGeneration",
      over: ["HoneModels", "HoneTensors", "HoneText", "HoneFormats", "HoneKernels"]),
    floor("HoneData", over: ["HoneText", "HoneFormats"]),
    floor(
      "HoneTraining",
      over: [
        "HoneAdapters", "HoneModels", "HoneData", "HoneTensors", "HoneFormats", "HoneKernels",
        "HoneReport",
      ]),
    floor(
      "HoneSynthesis",
      over: [
        "HoneGeneration", "HoneData", "HoneModels", "HoneTensors", "HoneText", "HoneFormats",
        "HoneKernels", "HoneReport", "CSQLite",
        .product(name: "Subprocess", package: "swift-subprocess"),
      ]),
    .target(
      name: "HoneRecipes",
      dependencies: [
        "HoneSynthesis", "HoneTraining", "HoneGeneration", "HoneAdapters", "HoneStore",
        "HoneModels", "HoneData", "HoneTensors", "HoneText", "HoneFormats", "HoneReport",
        "HoneKernels", "HoneCatalog",
        .product(name: "Yams", package: "Yams"),
      ],
      swiftSettings: swiftSettings),
    .executableTarget(
      name: "hone",
      dependencies: [
        "HoneKernels", "HoneFormats", "HoneTensors", "HoneText", "HoneModels", "HoneGeneration",
        "HoneStore", "HoneAdapters", "HoneData", "HoneTraining", "HoneSynthesis", "HoneRecipes",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], swiftSettings: swiftSettings),

    tests("HoneKernels", over: []),
    tests("HoneFormats", over: []),
    tests("HoneReport", over: [], excluding: []),
    tests("HoneTensors", over: ["HoneKernels", "HoneFormats"]),
    tests("HoneText", over: ["HoneFormats"]),
    tests("HoneModels", over: ["HoneTensors", "HoneFormats", "HoneText"]),
    tests("HoneStore", over: ["HoneModels", "HoneFormats"], excluding: []),
    tests("HoneAdapters", over: ["HoneModels", "HoneTensors", "HoneText", "HoneFormats"]),
    tests("HoneData", over: ["HoneText", "HoneFormats"]),
    tests(
      "HoneGeneration",
      over: [
        "HoneAdapters", "HoneStore", "HoneModels", "HoneTensors", "HoneText", "HoneFormats",
      ]),
    tests(
      "HoneTraining",
      over: [
        "HoneAdapters", "HoneModels", "HoneData", "HoneTensors", "HoneText", "HoneFormats",
      ]),
    tests(
      "HoneSynthesis",
      over: ["HoneGeneration", "HoneModels", "HoneTensors", "HoneText", "HoneFormats"],
      excluding: []),
    tests(
      "HoneRecipes",
      over: [
        "HoneTraining", "HoneAdapters", "HoneStore", "HoneModels", "HoneData", "HoneTensors",
        "HoneFormats",
      ],
      excluding: []),
    tests("hone", over: ["HoneFormats"]),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .gnu17
)
