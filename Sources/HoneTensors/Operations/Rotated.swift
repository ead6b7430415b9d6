import HoneKernels

/// The angles of a batch's rows.
package struct RotaryAngles {
  /// One a row.
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
/// Su et al., "RoFormer", 2021. The way back turns the gradient the other way.
///
/// - Parameter input: `[tokens x heads · dimension]`.
package func rotated(_ input: Tensor, _ angles: RotaryAngles, in pass: Pass) -> Tensor {
  let output = turned(input, angles, inverse: false, in: pass)
  pass.record("rotated", inputs: [input], outputs: [output]) {
    [input = input.key, key = output.key] gradients, pass in
    guard let gradient = gradients[key] else { return }
    gradients.add(turned(gradient, angles, inverse: true, in: pass), to: input)
  }
  return output
}

private func turned(_ input: Tensor, _ angles: RotaryAngles, inverse: Bool, in pass: Pass)
  -> Tensor
{
  let columns = input.shape.columns
  precondition(
    angles.positions.count == input.shape.rows, "\(angles.positions.count) for \(input.shape)")
  let output = pass.tensor(input.shape)
  angles.positions.withUnsafeBufferPointer { positions in
    guard let positions = positions.baseAddress else { return }
    angles.cosines.withUnsafeBufferPointer { cosines in
      angles.sines.withUnsafeBufferPointer { sines in
        pass.pool.run(rows: input.shape.rows, columns: columns) { rows in
          let start = rows.lowerBound * columns
          hk_rope(
            input.pointer + start, positions + rows.lowerBound, cosines.baseAddress,
            sines.baseAddress, false, inverse, Int64(rows.count),
            Int64(columns / angles.headDimension), Int64(angles.headDimension),
            Int64(angles.pairCount), output.pointer + start)
        }
      }
    }
  }
  return output
}
