/// The rows of a matrix that ids name, `[ids x columns]`; or the columns, each as a row.
///
/// The way back adds each row's gradient to its place, in the ids' order.
///
/// - Parameter matrix: `[ids' range x columns]`, or `[columns x ids' range]` by columns.
package func gathered(
  _ ids: [Int32], from matrix: Tensor, byColumns: Bool = false, in pass: Pass
) -> Tensor {
  let (range, width) =
    byColumns ? (matrix.shape[1], matrix.shape[0]) : (matrix.shape[0], matrix.shape[1])
  precondition(ids.allSatisfy { $0 >= 0 && $0 < range }, "an id outside of \(matrix.shape)")
  let output = pass.tensor([ids.count, width])
  // Where number `place` of the row of `id` stands.
  func offset(_ id: Int32, _ place: Int) -> Int {
    byColumns ? place * range + Int(id) : Int(id) * width + place
  }
  pass.pool.run(rows: ids.count, columns: width) { rows in
    for row in rows {
      for place in 0..<width {
        output.pointer[row * width + place] = matrix.pointer[offset(ids[row], place)]
      }
    }
  }
  pass.record("gathered", inputs: [matrix], outputs: [output]) { gradients, pass in
    guard let gradient = gradients[output] else { return }
    let matrixGradient = pass.engine.zeros(matrix.shape)
    // Pieces are columns, so that rows of the same id meet in one order on any number of threads.
    pass.pool.run(rows: width, columns: ids.count) { places in
      for (row, id) in ids.enumerated() {
        for place in places {
          matrixGradient.pointer[offset(id, place)] += gradient.pointer[row * width + place]
        }
      }
    }
    gradients.add(matrixGradient, to: matrix)
  }
  return output
}
