import Foundation
import HoneFormats
import Testing

@testable import HoneText

/// The vocabularies of the shared folder, each with inputs and the ids expected for them.
@Suite struct SharedVocabularyTests {
  static let paths: [String] = {
    guard let folder = TokenizerFixtures.shared?.appending(path: "vocab") else { return [] }
    let files = try? FileManager.default.contentsOfDirectory(
      at: folder, includingPropertiesForKeys: nil)
    return (files ?? []).filter { $0.pathExtension == "gguf" }.map(\.path).sorted()
  }()

  @Test(.enabled(if: !paths.isEmpty), arguments: paths)
  func `a vocabulary gives the ids expected for its inputs`(path: String) throws {
    let tokenizer = try Tokenizer(gguf: try GGUFFile(path: path))
    let inputs = try String(contentsOfFile: path + ".inp", encoding: .utf8)
      .components(separatedBy: "\n__ggml_vocab_test__\n")
    let outputs = try String(contentsOfFile: path + ".out", encoding: .utf8)
      .split(separator: "\n", omittingEmptySubsequences: false).dropLast()
      .map { line in line.split(separator: " ").compactMap { Int32($0) } }
    #expect(inputs.count >= outputs.count && outputs.count > 40)
    let differences = TokenizerFixtures.differences(
      tokenizer, inputs.map { Array($0.utf8) }, outputs, addingSpecialTokens: false)
    #expect(differences.isEmpty, "\(differences.count): \(differences.prefix(5))")
    for input in inputs {
      let ids = tokenizer.encode(input, addingSpecialTokens: false)
      #expect(tokenizer.decode(ids) == input)
    }
  }
}
