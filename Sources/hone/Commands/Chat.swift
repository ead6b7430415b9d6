import ArgumentParser
import Foundation
import HoneGeneration
import HoneModels

struct Chat: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Holds a conversation with a model.",
    discussion: """
      Commands: /reset forgets the conversation, /adapter shows the adapters, /adapter NAME uses \
      one of them (or a folder) from the next turn on, /adapter off none; /quit (or Ctrl-D) ends. \
      Ctrl-C ends an answer, and at the prompt the program.
      """)

  @OptionGroup var model: ModelOptions
  @OptionGroup var adapters: AdapterOptions
  @OptionGroup var sampling: SamplingArguments

  @Option(help: "What the model is told first.")
  var system: String?

  func run() async throws {
    let local = try await model.locate()
    let engine = model.engine
    let loaded = try model.load(local, engine: engine)
    var adapters = try adapters.load(for: loaded, engine: engine)
    let session = ChatSession(
      loaded, adapter: adapters.together, system: system, engine: engine)
    let isTerminal = isatty(STDIN_FILENO) == 1
    if isTerminal { print("\(model.reference.model) · /adapter, /reset, /quit\n") }
    while true {
      if isTerminal {
        print("> ", terminator: "")
        fflush(nil)
      }
      guard let line = Interruption.whileWaiting({ readLine() }) else { break }
      let text = line.trimmingCharacters(in: .whitespaces)
      switch text {
      case "": continue
      case "/quit": return
      case "/reset":
        session.reset()
        print("The conversation starts anew.\n")
      case _ where text == "/adapter" || text.hasPrefix("/adapter "):
        let name = text.dropFirst("/adapter".count).trimmingCharacters(in: .whitespaces)
        print(use(name, of: &adapters, in: session, model: loaded) + "\n")
      case _ where text.hasPrefix("/"):
        print("Unknown command \(text). There are /adapter, /reset and /quit.\n")
      default: try answer(text, in: session)
      }
    }
  }

  /// Does what `/adapter` asks for and says what is used now.
  private func use(
    _ name: String, of adapters: inout LoadedAdapters, in session: ChatSession,
    model: LanguageModel
  ) -> String {
    do {
      if !name.isEmpty {
        try adapters.use(name, for: model)
        session.adapter = adapters.together
      }
      return adapters.description
    } catch {
      return "error: \(error)"
    }
  }

  private func answer(_ text: String, in session: ChatSession) throws {
    do {
      let answer = try Interruption.whileAnswering { interruption in
        try session.say(text, sampling: sampling.sampling, stop: sampling.rules) {
          print($0, terminator: "")
          fflush(nil)
          return !interruption.isRequested
        }
      }
      print(answer.reason == .length ? " …\n" : "\n")
    } catch let error as GenerationError {
      print("error: \(error)\n")
    }
  }
}
