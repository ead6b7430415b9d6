import HoneAdapters
import HoneTensors
import HoneTraining

/// What a run will do and take: forecast from a step that is computed and thrown away.
public struct Plan: Sendable {
  public var trainedParameters: Int
  public var steps: Int
  public var stepsPerEpoch: Int
  /// Of a whole run.
  public var tokens: Int
  /// Memory by what it holds, in bytes.
  public var memory: [(name: String, bytes: Int)]
  public var peakMemory: Int
  public var secondsPerStep: Double
  public var seconds: Double
  public var warnings: [String]
}

extension Pipeline {
  /// How long a plan measures steps beyond the first few.
  private static let planSeconds = 8.0

  /// Measures the longest steps of the run, and forecasts the rest. Nothing is changed.
  public func plan() throws -> Plan {
    let run = try trainingRun()
    let perEpoch = stepsPerEpoch
    // The largest take the most memory. The first touches it, the next ones are timed; tokens vary
    // from step to step, and what is kept for reuse grows with the sizes that come.
    var measured: [(tokens: Int, seconds: Double)] = []
    var spent = 0.0
    for step in try run.largestSteps(ofFirst: 64) + Array(0..<min(16, perEpoch)) {
      if measured.count >= 4, spent > Self.planSeconds { break }
      measured.append(try run.measure(step: step))
      spent += measured.last!.seconds
    }
    let timed = measured.count > 1 ? Array(measured.dropFirst()) : measured
    let rate =
      Double(timed.reduce(0) { $0 + $1.tokens }) / timed.reduce(0) { $0 + $1.seconds }
    let tokensPerStep = Double(train.tokenCount) / Double(perEpoch)
    let secondsPerStep = tokensPerStep / rate
    let validations = Double(run.validationCount + 1)
    // Looking at a text costs about four tenths of learning it.
    let validating = validations * Double(valid?.tokenCount ?? 0) / rate * 0.4
    // So does what a reference makes of all of it.
    let reference =
      hasReference ? Double(train.tokenCount + (valid?.tokenCount ?? 0)) / rate * 0.4 : 0
    let adapterBytes = adapter.parameterCount * 4
    let weights = model.decoder.weightBytes
    let activations = engine.workspace.peakBytes - 4 * adapterBytes
    let peak = ProcessMemory.peak
    return Plan(
      trainedParameters: adapter.parameterCount, steps: run.stepCount, stepsPerEpoch: perEpoch,
      tokens: Int(tokensPerStep * Double(run.stepCount)),
      memory: [
        ("model, as stored", weights),
        ("activations and gradients on the way", max(0, activations)),
        ("adapter, its gradient and its optimiser", 4 * adapterBytes),
        (
          "program, tokenizer, packed operands",
          max(0, peak - weights - max(0, activations) - 4 * adapterBytes)
        ),
      ],
      peakMemory: peak, secondsPerStep: secondsPerStep,
      seconds: secondsPerStep * Double(run.stepCount) + validating + reference, warnings: warnings)
  }
}
