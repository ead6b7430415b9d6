import Foundation
import HoneModels
import HoneTensors

@testable import HoneSynthesis

/// A folder that is removed when the test ends.
final class Folder {
  let path: String

  init(_ files: [String: String] = [:]) throws {
    path = NSTemporaryDirectory() + "hone-synthesis-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    for (name, text) in files { try write(Array(text.utf8), to: name) }
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  @discardableResult
  func write(_ bytes: [UInt8], to name: String) throws -> String {
    let url = URL(fileURLWithPath: "\(path)/\(name)")
    try FileManager.default.createDirectory(
      at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: url)
    return url.path
  }
}

extension Chunk {
  /// A chunk of its own, with words for tokens.
  static func sample(
    _ text: String, headings: [String] = [], document: String = "notes.md"
  ) -> Chunk {
    Chunk(
      document: document, documentDigest: "d", headings: headings, range: 0..<text.utf8.count,
      text: text, tokenCount: text.split(separator: " ").count)
  }
}

extension SynthesisRecord {
  static func sample(_ question: String, _ answer: String, of chunk: Chunk? = nil) -> Self {
    SynthesisRecord(
      .questionAnswer(question: question, answer: answer),
      provenance: Provenance(
        recipe: "domain-qa", step: "generate", source: chunk.map { Provenance.Source($0) }))
  }
}

extension LocalTeacher {
  /// The smallest model, whose context is short: 256 tokens, about a letter each.
  static func tiny() throws -> LocalTeacher {
    var url = URL(fileURLWithPath: #filePath)
    for _ in 0..<2 { url.deleteLastPathComponent() }
    let engine = Engine(threads: 1)
    let model = try LanguageModel(
      LocalModel(path: "\(url.path)/HoneModelsTests/Fixtures/tiny-llama-tied", layout: .folder),
      engine: engine)
    return LocalTeacher(model, name: "tiny", checksum: "2", engine: engine)
  }
}
