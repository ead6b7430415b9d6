import HoneKernels

/// The rows of a stored matrix that ids name, `[ids x columns]`.
package func embedded(_ ids: [Int32], in table: Weight, pass: Pass) -> Tensor {
  let columns = table.columns
  let output = pass.tensor([ids.count, columns])
  pass.pool.run(rows: ids.count, columns: columns) { rows in
    for row in rows {
      let id = Int(ids[row])
      table.decode(rows: id..<id + 1, into: output.pointer + row * columns)
    }
  }
  return output
}
