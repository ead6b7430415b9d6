// swift-tools-version: 6.2
import PackageDescription

// How fast tokenizers are. A package of its own, so that nobody who builds Hone builds it: its
// targets are Hone's sources, through symbolic links.

let package = Package(
  name: "tokenizer-speed",
  platforms: [.macOS(.v15)],
  targets: [
    .target(name: "HoneFormats"),
    .target(name: "HoneText", dependencies: ["HoneFormats"]),
    .executableTarget(name: "tokenizer-speed", dependencies: ["HoneText", "HoneFormats"]),
  ],
  swiftLanguageModes: [.v6]
)
