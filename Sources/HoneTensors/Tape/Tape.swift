/// The operations of a pass in the order in which they ran, to be walked backwards.
package final class Tape {
  /// How operations keep what their way back needs.
  package enum Keeping {
    /// As it is, in f32.
    case whole
    /// In half the memory: f16 with a scale for each row, within 2^-11 of each number.
    case compact
    /// Not at all: only which tensors want a gradient is found out.
    case nothing
  }

  /// An operation that ran: what to print of it, and its way back.
  struct Record {
    let name: StaticString
    /// The outputs by identity alone: what the way back needs of them, it keeps.
    let outputs: [Int]
    let shape: Shape
    let bytesSaved: Int
    let recorded: ContinuousClock.Instant
    let backward: (Gradients, Pass) -> Void
  }

  struct WeakKept {
    weak var value: Kept?
  }

  package let keeping: Keeping
  private(set) var records: [Record] = []
  var kept: [Int: WeakKept] = [:]

  package init(keeping: Keeping = .whole) { self.keeping = keeping }

  package var count: Int { records.count }

  func append(
    name: StaticString, outputs: [Tensor], saved: Int,
    backward: @escaping (Gradients, Pass) -> Void
  ) {
    guard keeping != .nothing else { return }
    records.append(
      Record(
        name: name, outputs: outputs.map(\.identity), shape: outputs[0].shape,
        bytesSaved: saved, recorded: .now, backward: backward))
  }

  /// Walks back from a tensor whose gradient is `seed`; what an operation kept is released as soon
  /// as it has been walked.
  ///
  /// - Returns: the gradients of every tensor that wanted one and was not itself computed.
  package func gradients(of output: Tensor, seed: Tensor, in engine: Engine) -> Gradients {
    let gradients = Gradients(engine: engine)
    self.gradients(of: output, seed: seed, in: engine, addingTo: gradients)
    return gradients
  }

  /// Adds to gradients that are there already, without a second copy of any.
  package func gradients(
    of output: Tensor, seed: Tensor, in engine: Engine, addingTo gradients: Gradients
  ) {
    gradients.add(seed, to: output.key)
    walk(back: gradients, in: engine)
  }

  /// Takes gradients of outputs to those of what they were computed from.
  func walk(back gradients: Gradients, in engine: Engine) {
    kept = [:]
    let pass = Pass(engine)
    while let record = records.popLast() {
      guard record.outputs.contains(where: gradients.holds) else { continue }
      record.backward(gradients, pass)
      for output in record.outputs { gradients.release(output) }
    }
  }
}

extension Tape: CustomStringConvertible {
  /// A line an operation: name, shape, bytes saved, milliseconds since the one before.
  package var description: String {
    var lines: [String] = []
    var previous = records.first?.recorded
    for record in records {
      let elapsed = previous.map { record.recorded - $0 } ?? .zero
      previous = record.recorded
      let milliseconds =
        Double(elapsed.components.seconds) * 1e3 + Double(elapsed.components.attoseconds) / 1e15
      let tenths = Int((milliseconds * 10).rounded())
      lines.append(
        "\(record.name)  \(record.shape)  \(record.bytesSaved) B  \(tenths / 10).\(tenths % 10) ms")
    }
    return lines.joined(separator: "\n")
  }
}
