import ArgumentParser
import Foundation
import HoneFormats
import HoneGeneration
import HoneModels
import HoneText

struct Generate: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Continues a text with a model.",
    discussion: """
      The prompt is taken as it is; --chat writes it as a user's message first, with the model's \
      chat template. Several prompts are decoded together.
      """)

  @OptionGroup var model: ModelOptions
  @OptionGroup var adapters: AdapterOptions
  @OptionGroup var sampling: SamplingArguments

  @Option(
    parsing: .unconditionalSingleValue,
    help: "The text to continue; may be given several times.")
  var prompt: [String] = []

  @Option(help: "A file whose text is the prompt.")
  var file: String?

  @Flag(help: "Write the prompt as a user's message.")
  var chat = false

  @Flag(help: "Print a JSON line for each prompt.")
  var json = false

  func validate() throws {
    guard !prompt.isEmpty || file != nil else {
      throw ValidationError("Give a --prompt or a --file.")
    }
  }

  func run() async throws {
    let texts = try prompt + (file.map { [try TextFile.contents(of: $0)] } ?? [])
    let local = try await model.locate()
    let engine = model.engine
    let loaded = try model.load(local, engine: engine)
    let adapter = try adapters.load(for: loaded, engine: engine).together
    let prompts = try texts.map { text in
      if chat {
        let message = JSONValue(["role": .string("user"), "content": .string(text)])
        let rendered = try loaded.chatFormat.render(
          Conversation(messages: [message], addsGenerationPrompt: true))
        return loaded.tokenizer.encode(rendered, addingSpecialTokens: false)
      }
      return loaded.tokenizer.encode(text)
    }
    let streams = texts.count == 1 && !json
    // The prompt comes with the first word, so that a prompt that is refused is not repeated.
    var opening = streams && !chat ? texts[0] : ""
    let completions = try Generator(loaded, adapter: adapter, engine: engine).generate(
      prompts, sampling: sampling.sampling, stop: sampling.rules
    ) { piece in
      if streams {
        print(opening, piece.text, separator: "", terminator: "")
        fflush(nil)
        opening = ""
      }
      return !Task.isCancelled
    }
    if streams { print(opening) }
    try Task.checkCancellation()
    for (text, completion) in zip(texts, completions) where !streams {
      if json {
        print(
          JSONValue([
            "prompt": .string(text), "text": .string(completion.text),
            "ids": .array(completion.tokens.map { .integer(Int($0)) }),
            "finish_reason": .string(completion.reason.rawValue),
          ]).line)
      } else {
        print(chat ? "" : text, completion.text, separator: "")
      }
    }
  }
}
