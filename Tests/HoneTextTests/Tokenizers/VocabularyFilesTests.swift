import Foundation
import HoneFormats
import HoneText
import Testing

/// Folders with `vocab.json` and `merges.txt` in place of `tokenizer.json`.
@Suite struct VocabularyFilesTests {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Fixtures/vocabulary-files").path

  @Test func `they give transformers' ids`() throws {
    let tokenizer = try Tokenizer(folder: Self.folder)
    let path = "\(Self.folder)/expected.json"
    let expected = try JSONParser.parse(String(contentsOfFile: path, encoding: .utf8), file: path)
    let pairs = try #require(expected.array)
    #expect(pairs.count == 7)
    for pair in pairs {
      let text = try #require(pair.array?.first?.string)
      let ids = try #require(pair.array?.last?.array).compactMap(\.integer).map(Int32.init)
      #expect(tokenizer.encode(text) == ids, "\(text)")
    }
  }

  @Test(arguments: [
    (#""tokenizer_class": "Qwen2Tokenizer""#, "belongs to a Qwen2Tokenizer"),
    (#""add_bos_token": true, "bos_token": "<none>""#, "'<none>', which vocab.json does not have"),
    (#""added_tokens_decoder": {"x": {}}"#, "'x'"),
  ])
  func `another tokenizer's are refused`(config: String, part: String) throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("hone-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for name in ["vocab.json", "merges.txt"] {
      try FileManager.default.copyItem(
        atPath: "\(Self.folder)/\(name)", toPath: "\(folder)/\(name)")
    }
    try Data("{\(config)}".utf8).write(
      to: URL(fileURLWithPath: "\(folder)/tokenizer_config.json"))
    do {
      _ = try Tokenizer(folder: folder)
      Issue.record("it was read")
    } catch {
      #expect("\(error)".contains(part), "\(error)")
    }
  }
}
