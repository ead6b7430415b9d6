import HoneKernels

/// The angles of a batch's rows.
package struct RotaryAngles {
  package var positions: [Int32]
  /// `[positions x pairs]` each.
  package var cosines: [Float]
  package var sines: [Float]
  package var pairCount: Int
  package var headDimension: Int

  package init(
    positions: [Int32], cosines: [Float], sines: [Float], pairCount: Int, headDimension: Int
  ) {
    self.positions = positions
    self.cosines = cosines
    self.sines = sines
    self.pairCount = pairCount
    self.headDimension = headDimension
  }
}

/// Each head's pairs `(i, i + pairs)` turned by their row's angles.
///
/// - Parameter input: `[tokens x heads · dimension]`.
package func rotated(_ input: Tensor, _ angles: RotaryAngles, in pass: Pass) -> Tensor {
  let columns = input.shape.columns
  let output = pass.tensor(input.shape)
  pass.pool.run(rows: input.shape.rows, columns: columns) { rows in
    let offset = rows.lowerBound * columns
    (output.pointer + offset).update(from: input.pointer + offset, count: rows.count * columns)
    angles.positions.withUnsafeBufferPointer { positions in
      hk_rope(
        output.pointer + offset, Int64(rows.count), Int64(columns / angles.headDimension),
        Int64(angles.headDimension), Int64(angles.pairCount),
        positions.baseAddress! + rows.lowerBound, angles.cosines, angles.sines, 0)
    }
  }
  return output
}
