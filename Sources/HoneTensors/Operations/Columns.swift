/// A tensor's columns in parts of equal width, from left to right.
package func parted(_ input: Tensor, into count: Int, in pass: Pass) -> [Tensor] {
  let (rows, columns) = (input.shape.rows, input.shape.columns)
  precondition(columns % count == 0, "\(columns) columns in \(count) parts")
  let width = columns / count
  let parts = (0..<count).map { part in
    let output = pass.tensor([rows, width])
    for row in 0..<rows {
      (output.pointer + row * width).update(
        from: input.pointer + row * columns + part * width, count: width)
    }
    return output
  }
  pass.record("parted", inputs: [input], outputs: parts) {
    [input = input.key, keys = parts.map(\.key)] gradients, _ in
    guard let sum = gradients.accumulator(for: input) else { return }
    for (part, key) in keys.enumerated() {
      guard let gradient = gradients[key] else { continue }
      for row in 0..<rows {
        let target = sum.pointer + row * columns + part * width
        for column in 0..<width { target[column] += gradient.pointer[row * width + column] }
      }
    }
  }
  return parts
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
