import HoneFormats
import Testing

@testable import HoneText

@Suite struct TokenizerFilesTests {
  @Test(
    .enabled(if: !SharedVocabularyTests.paths.isEmpty), arguments: SharedVocabularyTests.paths)
  func `the tokenizer.json written from a GGUF gives the same ids and texts`(path: String) throws {
    let gguf = try GGUFFile(path: path)
    let original = try Tokenizer(gguf: gguf)
    let files = try TokenizerFiles(gguf: gguf, contextLength: 2048)
    let written = try files.tokenizer.bytes(.compact).withUnsafeBytes { json in
      try files.config.bytes(.compact).withUnsafeBytes {
        try Tokenizer(json: json, config: $0, file: "tokenizer.json")
      }
    }
    #expect(written.specialTokens == original.specialTokens)
    for string in TokenizerFixtures.strings {
      let ids = original.encode(string)
      #expect(written.encode(string) == ids)
      #expect(written.decode(ids) == original.decode(ids))
    }
  }
}
