/// A tensor's columns in parts of equal width, from left to right.
package func parted(_ input: Tensor, into count: Int, in pass: Pass) -> [Tensor] {
  let columns = input.shape.columns
  precondition(columns % count == 0, "\(columns) columns in \(count) parts")
  let width = columns / count
  return parted(input, into: (0..<count).map { [$0 * width..<($0 + 1) * width] }, in: pass)
}

/// A tensor's columns in parts, each of some runs of columns beside each other.
///
/// - Parameter parts: runs that do not overlap.
package func parted(_ input: Tensor, into parts: [[Range<Int>]], in pass: Pass) -> [Tensor] {
  let (rows, columns) = (input.shape.rows, input.shape.columns)
  let widths = parts.map { $0.reduce(0) { $0 + $1.count } }
  let isWhole = widths.reduce(0, +) == columns
  let outputs = widths.map { pass.tensor([rows, $0]) }
  pass.pool.run(rows: rows, columns: columns) { rows in
    for (part, output) in zip(parts, outputs) {
      for row in rows {
        var target = output.pointer + row * output.shape.columns
        for run in part {
          target.update(from: input.pointer + row * columns + run.lowerBound, count: run.count)
          target += run.count
        }
      }
    }
  }
  pass.record("parted", inputs: [input], outputs: outputs) {
    [input = input.key, keys = outputs.map(\.key)] gradients, pass in
    let shares = keys.map { gradients[$0] }
    let isComplete = isWhole && shares.allSatisfy { $0 != nil }
    let sum = isComplete ? pass.tensor(input.shape) : pass.engine.zeros(input.shape)
    pass.pool.run(rows: rows, columns: columns) { rows in
      for (part, share) in zip(parts, shares) {
        guard let share else { continue }
        for row in rows {
          var source = share.pointer + row * share.shape.columns
          for run in part {
            (sum.pointer + row * columns + run.lowerBound).update(from: source, count: run.count)
            source += run.count
          }
        }
      }
    }
    gradients.add(sum, to: input)
  }
  return outputs
}

/// The columns of several tensors, beside each other.
package func beside(_ parts: [Tensor], in pass: Pass) -> Tensor {
  let rows = parts[0].shape.rows
  precondition(parts.allSatisfy { $0.shape.rows == rows }, "beside: \(parts.map(\.shape))")
  let columns = parts.reduce(0) { $0 + $1.shape.columns }
  let output = pass.tensor([rows, columns])
  var start = 0
  for part in parts {
    let width = part.shape.columns
    for row in 0..<rows {
      (output.pointer + row * columns + start).update(
        from: part.pointer + row * width, count: width)
    }
    start += width
  }
  pass.record("beside", inputs: parts, outputs: [output]) {
    [parts = parts.map(\.key), key = output.key] gradients, pass in
    guard let gradient = gradients[key] else { return }
    var start = 0
    for part in parts {
      let width = part.shape.columns
      let offset = start
      start += width
      guard part.needsGradient else { continue }
      let share = pass.tensor(part.shape)
      for row in 0..<rows {
        (share.pointer + row * width).update(
          from: gradient.pointer + row * columns + offset, count: width)
      }
      gradients.add(share, to: part)
    }
  }
  return output
}
