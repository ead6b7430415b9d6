/// The rows of several tensors, one after the other.
package func joined(_ parts: [Tensor], in pass: Pass) -> Tensor {
  let columns = parts[0].shape.columns
  precondition(
    parts.allSatisfy { $0.shape.columns == columns }, "rows of unequal width: \(parts.map(\.shape))"
  )
  let output = pass.tensor([parts.reduce(0) { $0 + $1.shape.rows }, columns])
  var start = 0
  for part in parts {
    (output.pointer + start).update(from: part.pointer, count: part.shape.count)
    start += part.shape.count
  }
  pass.record("joined", inputs: parts, outputs: [output]) {
    [parts = parts.map(\.key), key = output.key] gradients, pass in
    guard let gradient = gradients[key] else { return }
    var row = 0
    for part in parts {
      let rows = row..<row + part.shape.rows
      row = rows.upperBound
      guard part.needsGradient else { continue }
      let share = pass.tensor(part.shape)
      share.pointer.update(
        from: gradient.pointer + rows.lowerBound * columns, count: part.shape.count)
      gradients.add(share, to: part)
    }
  }
  return output
}
