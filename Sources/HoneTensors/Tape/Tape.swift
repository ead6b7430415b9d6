/// The operations of a pass in the order in which they ran, to be walked backwards.
package final class Tape {
  /// An operation that ran: what to print of it, and its way back.
  struct Record {
    let name: StaticString
    /// The outputs by identity alone: what the way back needs of them, it captures.
    let outputs: [Int]
    let shape: Shape
    let bytesSaved: Int
    let recorded: ContinuousClock.Instant
    let backward: (Gradients, Pass) -> Void
  }

  private(set) var records: [Record] = []

  package init() {}

  package var count: Int { records.count }

  func append(
    name: StaticString, outputs: [Tensor], saved: Int,
    backward: @escaping (Gradients, Pass) -> Void
  ) {
    records.append(
      Record(
        name: name, outputs: outputs.map(\.identity), shape: outputs[0].shape,
        bytesSaved: saved, recorded: .now, backward: backward))
  }

  /// Walks back from a scalar or tensor whose gradient is `seed`; what an operation saved is
  /// released as soon as it has been walked.
  ///
  /// - Returns: the gradients of every tensor that wanted one and was not itself computed.
  package func gradients(of output: Tensor, seed: Tensor, in engine: Engine) -> Gradients {
    let gradients = Gradients(engine: engine)
    gradients.add(seed, to: output)
    let pass = Pass(engine)
    while let record = records.popLast() {
      guard record.outputs.contains(where: gradients.holds) else { continue }
      record.backward(gradients, pass)
      for output in record.outputs { gradients.release(output) }
    }
    return gradients
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
