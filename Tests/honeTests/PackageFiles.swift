import Foundation

/// Files that the tests of other floors bring along.
enum PackageFiles {
  static let root: String = {
    var url = URL(fileURLWithPath: #filePath)
    for _ in 0..<3 { url.deleteLastPathComponent() }
    return url.path
  }()

  /// A tiny model with random weights.
  static func tinyModel(_ name: String) -> String {
    "\(root)/Tests/HoneModelsTests/Fixtures/tiny-llama-\(name)"
  }
}

/// A folder for one test, deleted with the object.
final class TemporaryFolder {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "hone-program-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  /// The paths of all that is in it.
  var contents: Set<String> {
    Set((FileManager.default.enumerator(atPath: path)?.allObjects as? [String]) ?? [])
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Writes a file and gives its path.
  func write(_ text: String, to name: String) throws -> String {
    let file = "\(path)/\(name)"
    try Data(text.utf8).write(to: URL(fileURLWithPath: file))
    return file
  }
}
