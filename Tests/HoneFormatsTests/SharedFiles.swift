import Foundation

/// Finds files beside the package and in its fixtures.
enum SharedFiles {
  static let packageRoot = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  static let fixtures = packageRoot.appending(path: "Tests/HoneFormatsTests/Fixtures")

  /// The folder with shared reference material; nil, said aloud, when this machine has none.
  static let shared: URL? = {
    let folder =
      ProcessInfo.processInfo.environment["HONE_SHARED"].map { URL(filePath: $0) }
      ?? packageRoot.deletingLastPathComponent().appending(path: "shared")
    if FileManager.default.fileExists(atPath: folder.path) { return folder }
    print("SKIPPED: tests of shared files, because \(folder.path) is absent (set HONE_SHARED)")
    return nil
  }()

  /// The shared vocabulary-only GGUF files, in order of their names.
  static let vocabularies: [URL] = {
    guard let folder = shared?.appending(path: "vocab") else { return [] }
    let files = try? FileManager.default.contentsOfDirectory(
      at: folder, includingPropertiesForKeys: nil)
    return (files ?? []).filter { $0.pathExtension == "gguf" }.sorted { $0.path < $1.path }
  }()
}
