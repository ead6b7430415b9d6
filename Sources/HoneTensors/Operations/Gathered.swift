import HoneKernels

/// Rows of a trained table, `[ids x columns]`; each row's gradient goes back to where it came from.
package func gathered(_ ids: [Int32], from table: Tensor, in pass: Pass) -> Tensor {
  let columns = table.shape.columns
  let output = pass.tensor([ids.count, columns])
  for (row, id) in ids.enumerated() {
    precondition(id >= 0 && Int(id) < table.shape.rows, "row \(id) of \(table.shape)")
    (output.pointer + row * columns).update(
      from: table.pointer + Int(id) * columns, count: columns)
  }
  pass.record("gathered", inputs: [table], outputs: [output]) {
    [table = table.key, key = output.key] gradients, _ in
    guard let gradient = gradients[key], let sum = gradients.accumulator(for: table) else { return }
    for (row, id) in ids.enumerated() {
      hk_axpy(
        Int64(columns), 1, gradient.pointer + row * columns, sum.pointer + Int(id) * columns)
    }
  }
  return output
}
