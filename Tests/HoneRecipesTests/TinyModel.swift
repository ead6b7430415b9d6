import Foundation
import HoneModels

/// The tiny model with random weights, for tests that need no words but every file of a run.
enum TinyModel {
  /// A copy in a folder that takes texts as long as prompts with examples are.
  static func copied(into folder: String) throws -> LocalModel {
    let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().path
    let path = "\(folder)/model"
    try FileManager.default.copyItem(
      atPath: "\(tests)/HoneModelsTests/Fixtures/tiny-llama-tied", toPath: path)
    let config = try String(contentsOfFile: "\(path)/config.json", encoding: .utf8)
      .replacing("\"max_position_embeddings\": 256", with: "\"max_position_embeddings\": 4096")
    try Data(config.utf8).write(to: URL(fileURLWithPath: "\(path)/config.json"))
    return LocalModel(path: path, layout: .folder)
  }
}
