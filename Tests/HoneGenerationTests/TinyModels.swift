import Foundation
import HoneModels
import HoneTensors

/// Tiny models with random weights, which HoneModels' tests bring along.
enum TinyModels {
  static let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().path

  static func path(_ name: String) -> String {
    "\(tests)/HoneModelsTests/Fixtures/tiny-llama-\(name)"
  }

  /// - Parameter name: `tied`, or a file: `gguf/tied-q4_1.gguf`.
  static func load(_ name: String, engine: Engine) throws -> LanguageModel {
    try LanguageModel(
      LocalModel(path: path(name), layout: name.hasSuffix(".gguf") ? .gguf : .folder),
      engine: engine)
  }

  /// Some ids, none of them special.
  static func ids(_ count: Int, from first: Int = 0) -> [Int32] {
    (first..<first + count).map { Int32(3 + $0 * 37 % 260) }
  }
}
