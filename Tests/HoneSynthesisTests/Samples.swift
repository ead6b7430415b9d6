import Foundation

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
