import ArgumentParser
import HoneGeneration

/// The options of every command that generates text.
struct SamplingArguments: ParsableArguments {
  @Option(help: "The most tokens to generate.")
  var maxTokens = 256

  @Option(help: "0 takes the likeliest token; higher flattens the distribution.")
  var temperature: Float = 0

  @Option(help: "Only the k likeliest tokens; 0 for all.")
  var topK = 0

  @Option(help: "The likeliest tokens whose probabilities reach this sum; 1 for all.")
  var topP: Float = 1

  @Option(help: "Tokens at least this likely relative to the likeliest; 0 for all.")
  var minP: Float = 0

  @Option(help: "Makes tokens already seen less likely; 1 for no change.")
  var repetitionPenalty: Float = 1

  @Option(help: "The seed of what is drawn.")
  var seed: UInt64 = 0

  @Option(
    parsing: .unconditionalSingleValue,
    help: "A text that ends the answer; may be given several times.")
  var stop: [String] = []

  var sampling: SamplingOptions {
    SamplingOptions(
      temperature: temperature, topK: topK, topP: topP, minP: minP,
      repetitionPenalty: repetitionPenalty, seed: seed)
  }

  var rules: StopRules { StopRules(maximumTokens: maxTokens, strings: stop) }

  func validate() throws {
    if maxTokens < 1 {
      throw ValidationError("--max-tokens is \(maxTokens), expected 1 or more.")
    }
    if let fault = sampling.faults.first { throw ValidationError("\(fault).") }
  }
}
