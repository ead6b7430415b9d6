import HoneKernels

/// Rows of a trained table, `[ids x width]`; each row's gradient goes back to where it came from.
///
/// - Parameters:
///   - table: `[entries x width]`, or `[width x entries]` by columns.
///   - byColumns: whether ids name columns, each of which becomes a row.
package func gathered(
  _ ids: [Int32], from table: Tensor, byColumns: Bool = false, in pass: Pass
) -> Tensor {
  let entries = byColumns ? table.shape.columns : table.shape.rows
  let width = byColumns ? table.shape.rows : table.shape.columns
  precondition(
    ids.allSatisfy { $0 >= 0 && Int($0) < entries }, "an entry that is not in \(table.shape)")
  let output = pass.tensor([ids.count, width])
  for (row, id) in ids.enumerated() {
    let target = output.pointer + row * width
    if byColumns {
      for place in 0..<width { target[place] = table.pointer[place * entries + Int(id)] }
    } else {
      target.update(from: table.pointer + Int(id) * width, count: width)
    }
  }
  pass.record("gathered", inputs: [table], outputs: [output]) {
    [table = table.key, key = output.key] gradients, _ in
    guard let gradient = gradients[key], let sum = gradients.accumulator(for: table) else { return }
    for (row, id) in ids.enumerated() {
      let source = gradient.pointer + row * width
      if byColumns {
        for place in 0..<width { sum.pointer[place * entries + Int(id)] += source[place] }
      } else {
        hk_axpy(Int64(width), 1, source, sum.pointer + Int(id) * width)
      }
    }
  }
  return output
}
