import Foundation
import HoneFormats
import Testing

@testable import HoneText

@Suite struct TokenizerTests {
  static let small = Result {
    try Tokenizer(folder: TokenizerFixtures.folder.appending(path: "small-bpe").path)
  }

  @Test func `a small byte-level tokenizer gives transformers' ids`() throws {
    let tokenizer = try Self.small.get()
    let expected = TokenizerFixtures.ids("small-bpe/ids.bin")
    #expect(expected.count == TokenizerFixtures.strings.count)
    let differences = TokenizerFixtures.differences(
      tokenizer, TokenizerFixtures.strings, expected)
    #expect(differences.isEmpty, "\(differences.count): \(differences.prefix(10))")
  }

  @Test(.enabled(if: TokenizerFixtures.smollm2 != nil))
  func `SmolLM2's tokenizer from its GGUF gives transformers' ids`() throws {
    let file = try GGUFFile(path: TokenizerFixtures.smollm2!.path)
    let tokenizer = try Tokenizer(gguf: file)
    let expected = TokenizerFixtures.ids("smollm2/ids.bin")
    let differences = TokenizerFixtures.differences(
      tokenizer, TokenizerFixtures.strings, expected)
    #expect(differences.isEmpty, "\(differences.count): \(differences.prefix(10))")
    #expect(tokenizer.vocabularyCount == 49152)
    #expect(tokenizer.beginningOfText == 1)
    #expect(tokenizer.endOfText == 2)
    #expect(tokenizer.endOfGeneration == [0, 2])
    #expect(tokenizer.specialTokens["bos_token"] == "<|im_start|>")
    #expect(tokenizer.chatTemplate?.contains("<|im_start|>") == true)
  }

  @Test func `decoding gives the text back, without what special tokens took`() throws {
    let tokenizer = try Self.small.get()
    for string in TokenizerFixtures.strings.prefix(2000) {
      let ids = tokenizer.encode(string, addingSpecialTokens: false)
      guard !ids.contains(where: tokenizer.isSpecial) else { continue }
      #expect(tokenizer.decodedBytes(ids) == string)
    }
  }

  @Test func `any bytes come back`() throws {
    let tokenizer = try Self.small.get()
    var generator = SystemRandomNumberGenerator()
    for length in 0..<300 {
      let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &generator) }
      let ids = tokenizer.encode(bytes, addingSpecialTokens: false)
      #expect(ids.flatMap(tokenizer.bytes) == bytes)
    }
  }

  @Test func `a stream never holds half a character and misses nothing`() throws {
    let tokenizer = try Self.small.get()
    for string in TokenizerFixtures.strings.prefix(2000) {
      let ids = tokenizer.encode(string, addingSpecialTokens: false)
      var decoder = StreamDecoder(tokenizer)
      var parts = ids.map { decoder.append($0) }
      #expect(parts.allSatisfy { !$0.contains("\u{FFFD}") } || string.contains(0xEF))
      parts.append(decoder.finish())
      #expect(Array(parts.joined().utf8) == Array(tokenizer.decode(ids).utf8))
    }
  }

  @Test func `a long word takes no time that grows with its square`() throws {
    let tokenizer = try Self.small.get()
    let word = [UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000)
    #expect(tokenizer.decodedBytes(tokenizer.encode(word, addingSpecialTokens: false)) == word)
  }
}
