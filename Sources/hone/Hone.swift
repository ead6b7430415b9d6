import ArgumentParser
// For C's `stdout`, a variable that nobody sets.
@preconcurrency import Foundation
import HoneFormats
import HoneModels
import HoneRecipes

/// The command line: parses arguments, calls the library, prints, and says how it went.
struct Hone: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "hone",
    abstract: "Runs and customises small language models on the CPU.",
    version: Version.current,
    subcommands: [
      Quickstart.self, Tailor.self, Synthesize.self, Train.self, PlanRun.self, Recipes.self,
      Methods.self,
      Generate.self,
      Chat.self,
      Score.self, Merge.self, ConvertAdapter.self, Pull.self, Models.self, Inspect.self,
      Tokenize.self, Render.self,
      Bench.self, Doctor.self,
    ])
}

/// A command line that asks for what cannot be: exit code 2, where a failure has 1.
struct UsageError: Error, CustomStringConvertible {
  var description: String

  /// Runs what reads the user's words, and makes its errors usage errors.
  static func catching<Result>(_ body: () throws -> Result) throws -> Result {
    do { return try body() } catch { throw UsageError(description: "\(error)") }
  }
}

@main
enum Main {
  /// Exit codes: 0 done, 1 failed, 2 bad usage, 130 interrupted.
  static func main() async {
    let arguments = Array(CommandLine.arguments.dropFirst())
    let work = Task { await run(arguments) }
    Interruption.cancels(work)
    exit(await work.value)
  }

  private static func run(_ arguments: [String]) async -> Int32 {
    do {
      try checkCommand(arguments.first)
      var command = try await Hone.asyncParseAsRoot(arguments)
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
      return finishedOutput()
    } catch is CancellationError {
      standardError.write("interrupted\n")
      return 130
    } catch let error as UsageError {
      standardError.write("error: \(error)\n")
      return 2
    } catch {
      return report(error)
    }
  }

  /// Says so when what was printed has not arrived: the disk may be full.
  private static func finishedOutput() -> Int32 {
    let isFlushed = fflush(nil) == 0
    guard !isFlushed || ferror(stdout) != 0 else { return 0 }
    // The reason of an earlier failure is gone.
    let reason = isFlushed ? "a part is lost" : String(cString: strerror(errno))
    standardError.write(
      "error: standard output: cannot be written: \(reason); the disk may be full\n")
    return 1
  }

  /// Names the command that was probably meant, which the parser does for options only.
  private static func checkCommand(_ name: String?) throws {
    let names =
      Hone.configuration.subcommands.map { command in
        command.configuration.commandName ?? "\(command)".lowercased()
      } + ["help"]
    guard let name, !name.hasPrefix("-"), !names.contains(name) else { return }
    let advice = name.nearest(in: names).map { "did you mean \($0)?" } ?? "see hone --help"
    throw UsageError(description: "there is no command '\(name)'; \(advice)")
  }

  /// Prints an error, or the help that was asked for.
  private static func report(_ error: any Error) -> Int32 {
    let code = Hone.exitCode(for: error)
    let message = Hone.fullMessage(for: error)
    guard code != .success else {
      print(message)
      return 0
    }
    let text = message.hasPrefix("Error: ") ? "error: " + message.dropFirst(7) : message
    standardError.write(text + "\n")
    return code == .validationFailure ? 2 : 1
  }
}
