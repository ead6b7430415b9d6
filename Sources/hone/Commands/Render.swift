import ArgumentParser
import Foundation
import HoneFormats
import HoneModels
import HoneText

struct Render: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Writes a conversation as a chat template does.",
    discussion: """
      The conversation is a JSON file with `messages`, and optionally `tools`, `documents`, \
      `add_generation_prompt`, `bos_token`, `eos_token`, `pad_token`, `unk_token`, `now` (a date \
      for `strftime_now`) and further variables. The text is printed as it is.
      """)

  @Option(help: "A file with a Jinja template.")
  var template: String?

  @Option(help: "A model whose template is taken.")
  var model: String?

  @Option(help: "The conversation.")
  var messages: String

  func validate() throws {
    guard (template == nil) != (model == nil) else {
      throw ValidationError("Give either --template or --model.")
    }
  }

  func run() async throws {
    let json = try JSONParser.parse(try TextFile.contents(of: messages), file: messages)
    let conversation = try Conversation(json: json, file: messages)
    let text: String
    if let template {
      text = try ChatTemplate(try TextFile.contents(of: template), name: template).render(
        conversation)
    } else {
      let local = try await ModelReferenceOption.locate(model ?? "")
      text = try ChatFormat(local).render(conversation)
    }
    print(text, terminator: "")
  }
}
