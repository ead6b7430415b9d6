import Foundation
import HoneFormats
import Testing

@testable import HoneText

/// Small tokenizers of each kind, and what the tokenizers library makes of the 12,000 strings.
///
/// `Scripts/reference/make_tokenizer_kinds.py` writes the fixtures.
@Suite struct TokenizerKindTests {
  static let folder = TokenizerFixtures.folder.appending(path: "tokenizer-kinds")

  static func json(_ name: String) throws -> JSONValue {
    try Data(contentsOf: folder.appending(path: name)).withUnsafeBytes {
      try JSONParser.parse($0, file: name)
    }
  }

  static func names(_ file: String) -> [String] {
    do {
      return try json(file).array?.compactMap { $0["name"]?.string } ?? []
    } catch {
      fatalError("fixture \(file): \(error)")
    }
  }

  /// The `tokenizer.json` that an entry describes.
  static func file(_ entry: JSONValue) throws -> [UInt8] {
    var root = try #require(entry["tokenizer"]?.object)
    let modelFile = try #require(entry["model"]?.string)
    var model = try #require(try json(modelFile).object)
    for (key, value) in try #require(entry["options"]?.object) { model[key] = value }
    root["model"] = .object(model)
    return JSONValue.object(root).bytes(.compact)
  }

  static func tokenizer(_ file: String, _ name: String) throws -> Tokenizer {
    let entry = try #require(try json(file).array?.first { $0["name"]?.string == name })
    return try Self.file(entry).withUnsafeBytes { try Tokenizer(json: $0, file: name) }
  }

  /// The strings that give other ids, or other text, than the digests say.
  static func differences(
    _ tokenizer: Tokenizer, _ name: String, where isCompared: ([UInt8]) -> Bool = { _ in true }
  ) throws -> [String] {
    let digests = Array(try Data(contentsOf: folder.appending(path: "\(name).digests")))
    let strings = TokenizerFixtures.strings
    #expect(digests.count == strings.count)
    var lines: [String] = []
    for (index, string) in strings.enumerated() where isCompared(string) {
      let ids = tokenizer.encode(string)
      let text = tokenizer.decode(ids)
      guard digest(ids, text) != digests[index] else { continue }
      let tokens = ids.map { tokenizer.token(of: $0) ?? "?" }
      let shown = String(decoding: string, as: UTF8.self).debugDescription
      lines.append("\(index) \(shown) gives \(ids) \(tokens) and of these \(text.debugDescription)")
    }
    return lines
  }

  /// The low byte of the CRC-32 of ids and text.
  private static func digest(_ ids: [Int32], _ text: String) -> UInt8 {
    var crc: UInt32 = ~0
    func add(_ byte: UInt8) { crc = crc >> 8 ^ crcTable[Int((crc ^ UInt32(byte)) & 0xFF)] }
    ids.withUnsafeBytes { $0.forEach(add) }
    text.utf8.forEach(add)
    return UInt8(~crc & 0xFF)
  }

  private static let crcTable: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { value, _ in value >> 1 ^ (value & 1 == 1 ? 0xEDB8_8320 : 0) }
  }

  @Test(arguments: names("kinds.json"))
  func `a tokenizer of each kind gives the library's ids and texts`(name: String) throws {
    let differences = try Self.differences(try Self.tokenizer("kinds.json", name), name)
    #expect(differences.isEmpty, "\(differences.count): \(differences.prefix(10))")
  }

  @Test(arguments: names("pre-tokenizers.json"))
  func `a pre-tokenizer that GGUF files name gives the library's ids`(name: String) throws {
    let differences = try Self.differences(try Self.tokenizer("pre-tokenizers.json", name), name)
    #expect(differences.isEmpty, "\(differences.count): \(differences.prefix(10))")
  }

  @Test func `the fixtures know all pre-tokenizers that GGUF files name`() throws {
    let fixture = try Self.json("pre-tokenizers.json").array ?? []
    let entries = GGUFPreTokenizer.all.map { entry in
      JSONValue.members([
        "name": .string(entry.names[0]), "model": .string("bytes.json"),
        "options": .members(["ignore_merges": .bool(entry.ignoresMerges)]),
        "tokenizer": .members([
          "normalizer": entry.normalizer, "pre_tokenizer": entry.json,
          "decoder": .component(
            "ByteLevel",
            [
              "add_prefix_space": .bool(true), "trim_offsets": .bool(true),
              "use_regex": .bool(true),
            ]),
        ]),
      ])
    }
    guard fixture != entries else { return }
    let copy = FileManager.default.temporaryDirectory.appending(path: "pre-tokenizers.json")
    try AtomicFile.write(JSONValue.array(entries).bytes(.indented(by: 1)), to: copy.path)
    Issue.record(
      "the list has changed: put \(copy.path) in the fixtures and run make_tokenizer_kinds.py")
  }

  // Unlike SentencePiece, transformers finds the tokens of beginning and end in the text too.
  @Test(arguments: ["bpe", "unigram"])
  func `a SentencePiece model gives SentencePiece's ids and texts`(name: String) throws {
    let bytes = Array(try Data(contentsOf: Self.folder.appending(path: "\(name).model")))
    let tokenizer = try bytes.withUnsafeBytes { try Tokenizer(sentencePiece: $0, file: name) }
    let differences = try Self.differences(tokenizer, name) { string in
      let text = String(decoding: string, as: UTF8.self)
      return !["<s>", "</s>", "<unk>"].contains { text.contains($0) }
    }
    #expect(differences.isEmpty, "\(differences.count): \(differences.prefix(10))")
  }
}
