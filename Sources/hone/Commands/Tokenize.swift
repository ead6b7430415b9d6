import ArgumentParser
import HoneFormats
import HoneModels
import HoneText

struct Tokenize: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Shows the tokens of a text.",
    discussion: """
      With --json: {"ids": [...]}. Bytes that are not UTF-8 are encoded as they are. A GGUF file \
      that holds only a vocabulary serves too.
      """)

  @OptionGroup var model: ModelReferenceOption

  @Option(help: "A file with the text.")
  var file: String

  @Flag(
    inversion: .prefixedNo,
    help: "Add the special tokens that the model expects around a text.")
  var specialTokens = true

  @Flag(help: "Print the ids as JSON.")
  var json = false

  func run() async throws {
    let text = try MappedFile(path: file)
    let tokenizer = try Tokenizer(try await model.locate())
    let ids = withExtendedLifetime(text) {
      tokenizer.encode(
        text.bytes.bindMemory(to: UInt8.self), addingSpecialTokens: specialTokens)
    }
    if json {
      print(JSONValue(["ids": .array(ids.map { .integer(Int($0)) })]).line)
      return
    }
    var table = Table(("ID", .right), ("TOKEN", .left))
    for id in ids {
      table.add("\(id)", JSONValue.string(tokenizer.decode([id])).line)
    }
    print(table.text)
  }
}
