// swift-tools-version: 6.2
import PackageDescription

// Fuzzing with the libFuzzer of the Swift toolchain (Linux). A package of its own, because its
// targets are the parsers' sources built anew (through symbolic links) with coverage counters and
// the address sanitizer, which nobody who builds Hone should get.

let sanitizers = "-sanitize=fuzzer,address"

func parsers(_ name: String, over dependencies: [Target.Dependency] = []) -> Target {
  .target(
    name: name, dependencies: dependencies, swiftSettings: [.unsafeFlags([sanitizers])])
}

let package = Package(
  name: "hone-fuzz",
  platforms: [.macOS(.v15)],
  targets: [
    parsers("HoneFormats"),
    parsers("HoneText", over: ["HoneFormats"]),
    .target(name: "LibFuzzer"),
    .executableTarget(
      name: "hone-fuzz", dependencies: ["HoneFormats", "HoneText", "LibFuzzer"],
      swiftSettings: [.unsafeFlags([sanitizers])],
      // The default linker, gold, fails on the sanitizer's debug information.
      linkerSettings: [.unsafeFlags([sanitizers, "-use-ld=lld"])]),
  ],
  swiftLanguageModes: [.v6]
)
