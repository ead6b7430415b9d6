import Foundation
import HoneFormats
import Testing

@Suite struct TokenizeTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func ids(of text: String, model: String = "tied", _ more: String...) throws -> [Int] {
    let file = try folder.write(text, to: "t.txt")
    let outcome = try Program.run(
      ["tokenize", "--model", PackageFiles.tinyModel(model), "--file", file, "--json"] + more)
    #expect(outcome.code == 0)
    #expect(outcome.error == "")
    let json = try JSONParser.parse(outcome.output)
    #expect(json.object?.keys == ["ids"])
    return try #require(json["ids"]?.array).compactMap(\.integer)
  }

  @Test func `a text's ids are printed, special tokens in it as one id each`() throws {
    let plain = try ids(of: "a cat")
    let chat = try ids(of: "<|im_start|>a cat<|im_end|>")
    #expect(!plain.isEmpty)
    #expect(chat.count == plain.count + 2)
    #expect(Array(chat.dropFirst().dropLast()) == plain)
    #expect(try ids(of: "a cat", "--no-special-tokens") == plain)
    #expect(try ids(of: "") == [])
  }

  @Test func `a folder and a GGUF file of the same model agree`() throws {
    let text = "Smörgås  2024\n\tfn main() {}  🙂"
    #expect(try ids(of: text) == ids(of: text, model: "gguf/tied-f32.gguf"))
  }

  @Test func `for people the ids stand beside their texts`() throws {
    let file = try folder.write("a\nb<|im_end|>", to: "t.txt")
    let outcome = try Program.run(
      ["tokenize", "--model", PackageFiles.tinyModel("tied"), "--file", file])
    let lines = outcome.output.split(separator: "\n")
    #expect(lines.first?.hasSuffix("ID  TOKEN") == true)
    #expect(
      lines.dropFirst().map { $0.split(separator: " ").last }
        == ["\"a\"", "\"\\n\"", "\"b\"", "\"<|im_end|>\""])
  }

  @Test func `a file that is not there is an error`() throws {
    let outcome = try Program.run(
      ["tokenize", "--model", PackageFiles.tinyModel("tied"), "--file", "/nowhere.txt", "--json"])
    #expect(
      outcome
        == Program.Outcome(
          code: 1, output: "",
          error: "error: /nowhere.txt: cannot be opened: No such file or directory\n"))
  }
}
