import Foundation
import HoneFormats
import Testing

@testable import HoneText

/// Tokenizers that the fuzzer starts from, or once found: each is used or refused.
@Suite struct HostileTokenizersTests {
  private static func files(_ target: String) -> [URL] {
    ["Tests/HoneTextTests/Fixtures/hostile/\(target)", "Fuzz/Seeds/\(target)"].flatMap {
      (try? FileManager.default.contentsOfDirectory(
        at: TokenizerFixtures.packageRoot.appending(path: $0), includingPropertiesForKeys: nil))
        ?? []
    }.sorted { $0.path < $1.path }
  }

  private static func use(
    _ file: URL, _ read: (UnsafeRawBufferPointer) throws -> Tokenizer
  ) throws {
    do {
      let tokenizer = try Data(contentsOf: file).withUnsafeBytes(read)
      for string in TokenizerFixtures.strings.prefix(300) {
        let ids = tokenizer.encode(string)
        #expect(ids.allSatisfy { $0 >= 0 && $0 < tokenizer.vocabularyCount })
        var stream = StreamDecoder(tokenizer)
        for id in ids { _ = stream.append(id) }
        _ = stream.finish()
      }
    } catch let error as TextError {
      #expect(!error.description.isEmpty)
    } catch is FormatError {}
  }

  @Test func `kept files of tokenizers are used or refused`() throws {
    let files = Self.files("tokenizer")
    #expect(files.count > 40)
    for file in files {
      try Self.use(file) { try Tokenizer(json: $0, file: file.lastPathComponent) }
    }
  }

  @Test func `kept SentencePiece models are used or refused`() throws {
    let files = Self.files("sentencepiece")
    #expect(files.count >= 3)
    for file in files {
      try Self.use(file) { try Tokenizer(sentencePiece: $0, file: file.lastPathComponent) }
    }
  }

  private static let model = #""model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": []}"#

  @Test(arguments: [
    (#"{"model": {"type": "Neural"}}"#, "model.type", "the model \"Neural\" is not supported"),
    (
      #"{\#(model), "normalizer": {"type": "Spelling"}}"#, "normalizer.type",
      "the normalizer \"Spelling\" is not supported"
    ),
    (
      #"{\#(model), "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "X"}]}}"#,
      "pre_tokenizer.pretokenizers[0].type", "the pre-tokenizer \"X\" is not supported"
    ),
    (
      #"{\#(model), "decoder": {"type": "CTC"}}"#, "decoder.type",
      "the decoder \"CTC\" is not supported"
    ),
    (
      #"{\#(model), "post_processor": {"type": "Y"}}"#, "post_processor.type",
      "the post-processor \"Y\" is not supported"
    ),
    (
      #"{"model": {"type": "BPE", "vocab": {"a": 0, "b": 2}, "merges": []}}"#, "model.vocab[\"b\"]",
      "the id 2 leaves holes: there are 2 tokens, so ids go to 1"
    ),
    (
      #"{"model": {"type": "BPE", "vocab": {"a": 0, "b": 0}, "merges": []}}"#, "model.vocab[\"b\"]",
      "the id 0 is also that of \"a\""
    ),
    (
      #"{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": ["a c"]}}"#, "model.merges[0]",
      "merges the token \"c\", which is not in the vocabulary"
    ),
  ])
  func `what cannot be used is refused by name`(json: String, place: String, problem: String) throws
  {
    var json = json
    let error = try #require(throws: TextError.self) {
      try json.withUTF8 { try Tokenizer(json: UnsafeRawBufferPointer($0), file: "tokenizer.json") }
    }
    #expect(error.place == place)
    #expect(error.problem == problem)
  }
}
