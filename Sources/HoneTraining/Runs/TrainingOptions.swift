import HoneTensors

/// How a run goes, whatever it trains.
public struct TrainingOptions: Sendable {
  /// Passes over the data; nil when `steps` counts.
  public var epochs: Double?
  /// Optimiser steps; nil when `epochs` counts.
  public var steps: Int?
  public var learningRate = 2e-4
  package var schedule = Schedule.Kind.cosine
  /// Steps of warm-up, or a share of all steps when below 1.
  public var warmup = 0.03
  public var weightDecay = 0.0
  /// The largest norm of a step's gradient; nil for any.
  public var gradientClip: Double? = 1
  public var optimizer = "adamw"
  public var seed: UInt64 = 7
  public var memory = Memory.fast
  /// Steps between validations; nil for one at the end of each epoch.
  public var validateEvery: Int?
  /// Validations without a better loss after which the run ends; nil for never.
  public var patience: Int?
  /// Steps between checkpoints; nil for one at the end of each epoch.
  public var checkpointEvery: Int?
  /// How many checkpoints are kept, beside the best.
  public var checkpointsKept = 2

  /// What is traded for memory.
  public enum Memory: String, Sendable, CaseIterable {
    /// Nothing is computed twice.
    case fast
    /// Blocks run again on the way back: a third of the memory for a third more time.
    case saving
  }

  public init() { epochs = 3 }

  /// How many steps a run over so many steps an epoch takes.
  package func stepCount(stepsPerEpoch: Int) -> Int {
    if let steps { return steps }
    return max(1, Int(((epochs ?? 1) * Double(stepsPerEpoch)).rounded(.up)))
  }

  func warmupSteps(of stepCount: Int) -> Int {
    warmup < 1 ? Int((warmup * Double(stepCount)).rounded(.up)) : Int(warmup)
  }
}
