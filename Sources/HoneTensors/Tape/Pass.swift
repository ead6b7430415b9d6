/// One pass through a network, handed down to every operation: inference and training are the same
/// code, and nothing is global.
public final class Pass {
  public let engine: Engine
  /// Where operations record themselves; nil when no gradient is wanted.
  package let tape: Tape?
  /// Draws that belong to this pass, dropout for instance.
  package let random: RandomSource?

  /// What the rows of a pass are.
  package enum Rows: Sendable {
    /// Tokens whose every number counts: those of training, and those that are scored.
    case tokens
    /// A prompt that tokens are to follow: products of many rows may round their left operands to bytes,
    /// where that is fastest, twice as coarse as bf16.
    case prompt
    /// Each the next token of a sequence of its own. Products then go row by row through the decoding
    /// kernels, so that a sequence's numbers do not depend on how many others are decoded beside it.
    case nextTokens
  }
  package let rows: Rows
  package var isDecoding: Bool { rows == .nextTokens }
  package var isReading: Bool { rows == .prompt }

  /// Whether blocks keep only their input and run again on the way back.
  package let recomputesBlocks: Bool

  /// Whether this is the second run of a part whose output is known: only what its way back needs
  /// must be right.
  package let isRerun: Bool

  /// Whether projections leave their outputs without numbers, since only their way back is wanted.
  package let omitsOutputs: Bool

  package init(
    _ engine: Engine, of rows: Rows = .tokens, tape: Tape? = nil, random: RandomSource? = nil,
    recomputingBlocks: Bool = false, rerunning: Bool = false, omittingOutputs: Bool = false
  ) {
    self.engine = engine
    self.rows = rows
    self.tape = tape
    self.random = random
    recomputesBlocks = recomputingBlocks
    isRerun = rerunning
    omitsOutputs = omittingOutputs
  }

  /// The same pass with another tape.
  func recording(on tape: Tape) -> Pass {
    Pass(engine, of: rows, tape: tape, random: random)
  }

  /// The same pass for a projection whose output nobody reads.
  package func omittingOutputs() -> Pass {
    Pass(
      engine, of: rows, tape: tape, random: random, rerunning: isRerun, omittingOutputs: true)
  }

  /// The same pass for projections of which every number counts.
  package func forKept() -> Pass { isReading ? Pass(engine, tape: tape, random: random) : self }

  package var pool: ThreadPool { engine.threads }

  package func tensor(_ shape: Shape) -> Tensor { engine.tensor(shape) }

  /// Records an operation if a gradient is wanted for any of its inputs.
  ///
  /// - Parameters:
  ///   - saved: bytes kept for the way back, beyond inputs and outputs.
  ///   - backward: takes the outputs' gradients to the inputs'. It keeps alive what it captures: a
  ///     tensor's ``Tensor/key`` where only its gradient is meant, ``keep(_:)`` for its numbers.
  package func record(
    _ name: StaticString, inputs: [Tensor], outputs: [Tensor], saving saved: Int = 0,
    backward: @escaping (Gradients, Pass) -> Void
  ) {
    guard let tape, inputs.contains(where: \.needsGradient) else { return }
    for output in outputs { output.needsGradient = true }
    tape.append(name: name, outputs: outputs, saved: saved, backward: backward)
  }
}
