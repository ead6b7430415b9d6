import HoneKernels

/// How skew-symmetric matrices become rotations, by Cayley's transform.
package enum CayleyTransform: Equatable, Sendable {
  /// `(I - Q) (I + Q)⁻¹`, a rotation but for rounding.
  case exact
  /// `I + 2 Q + 2 Q² + ... + Qⁿ`, the other way round: the start of the series of
  /// `(I + Q) (I - Q)⁻¹`, near a rotation as long as `Q` is small.
  case series(degree: Int)

  /// The series' numbers, from `I` on.
  fileprivate static func coefficients(_ degree: Int) -> [Float] {
    (0...degree).map { $0 == 0 ? 1 : $0 == degree && degree > 1 ? 1 : 2 }
  }
}

/// A list of rotations, each from the numbers above the diagonal of a skew-symmetric matrix.
///
/// Qiu et al., "Orthogonal finetuning made scalable", 2025, for the series.
///
/// - Parameters:
///   - upper: `[blocks x size (size - 1) / 2]`, row after row of each matrix.
///   - size: the rows and columns of a block.
/// - Returns: `[blocks x size x size]`.
package func rotations(
  _ upper: Tensor, size: Int, _ transform: CayleyTransform, in pass: Pass
) -> Tensor {
  let blocks = upper.shape.rows
  precondition(upper.shape.columns == size * (size - 1) / 2, "\(upper.shape) for size \(size)")
  let output = pass.tensor([blocks, size, size])
  pass.pool.run(pieces: blocks) { block in
    let skew = skewSymmetric(upper, block, size)
    let rotation: [Float]
    switch transform {
    case .exact:
      // (I - Q) (I + Q)⁻¹ = 2 (I + Q)⁻¹ - I
      var inverse = inverse(ofOnePlus: skew, size)
      for index in inverse.indices { inverse[index] *= 2 }
      for place in 0..<size { inverse[place * size + place] -= 1 }
      rotation = inverse
    case .series(let degree): rotation = partialSums(skew, size, degree)[0]
    }
    (output.pointer + block * size * size).update(from: rotation, count: size * size)
  }
  pass.record("rotations", inputs: [upper], outputs: [output]) {
    [key = output.key] gradients, pass in
    guard let gradient = gradients[key], let sum = gradients.accumulator(for: upper.key) else {
      return
    }
    pass.pool.run(pieces: blocks) { block in
      let start = gradient.pointer + block * size * size
      let outer = Array(UnsafeBufferPointer(start: start, count: size * size))
      let skew = skewSymmetric(upper, block, size)
      var whole: [Float]
      switch transform {
      case .exact:
        // d(2 M) = -2 M dQ M for the inverse M.
        let inverse = transposed(inverse(ofOnePlus: skew, size), size)
        whole = product(product(inverse, outer, size), inverse, size).map { -2 * $0 }
      case .series(let degree):
        // Hₖ = cₖ I + Q Hₖ₊₁, backwards.
        let sums = partialSums(skew, size, degree)
        let turned = transposed(skew, size)
        var inner = outer
        whole = [Float](repeating: 0, count: size * size)
        for step in 1...degree {
          let term = product(inner, transposed(sums[step], size), size)
          for index in whole.indices { whole[index] += term[index] }
          if step < degree { inner = product(turned, inner, size) }
        }
      }
      var place = block * upper.shape.columns
      for row in 0..<size {
        for column in row + 1..<max(size, row + 1) {
          sum.pointer[place] += whole[row * size + column] - whole[column * size + row]
          place += 1
        }
      }
    }
  }
  return output
}

// MARK: - Small matrices

private func skewSymmetric(_ upper: Tensor, _ block: Int, _ size: Int) -> [Float] {
  var matrix = [Float](repeating: 0, count: size * size)
  var place = block * upper.shape.columns
  for row in 0..<size {
    for column in row + 1..<max(size, row + 1) {
      matrix[row * size + column] = upper.pointer[place]
      matrix[column * size + row] = -upper.pointer[place]
      place += 1
    }
  }
  return matrix
}

/// `Hₖ = cₖ I + Q Hₖ₊₁` for the series of a degree, the whole of it first.
private func partialSums(_ skew: [Float], _ size: Int, _ degree: Int) -> [[Float]] {
  let coefficients = CayleyTransform.coefficients(degree)
  var sums: [[Float]] = []
  for step in (0...degree).reversed() {
    var sum = sums.last.map { product(skew, $0, size) } ?? [Float](repeating: 0, count: skew.count)
    for place in 0..<size { sum[place * size + place] += coefficients[step] }
    sums.append(sum)
  }
  return sums.reversed()
}

private func product(_ a: [Float], _ b: [Float], _ size: Int) -> [Float] {
  var result = [Float](repeating: 0, count: size * size)
  result.withUnsafeMutableBufferPointer { result in
    b.withUnsafeBufferPointer { b in
      guard let target = result.baseAddress, let source = b.baseAddress else { return }
      for row in 0..<size {
        for inner in 0..<size {
          hk_axpy(
            Int64(size), a[row * size + inner], source + inner * size, target + row * size)
        }
      }
    }
  }
  return result
}

private func transposed(_ a: [Float], _ size: Int) -> [Float] {
  var result = a
  for row in 0..<size {
    for column in 0..<size { result[column * size + row] = a[row * size + column] }
  }
  return result
}

/// `(I + Q)⁻¹` by Gauss and Jordan, in double; with a skew-symmetric `Q` there always is one, and no
/// pivot is smaller than 1.
private func inverse(ofOnePlus skew: [Float], _ size: Int) -> [Float] {
  var left = skew.map(Double.init)
  var right = [Double](repeating: 0, count: size * size)
  for place in 0..<size {
    left[place * size + place] += 1
    right[place * size + place] = 1
  }
  for pivot in 0..<size {
    let factor = 1 / left[pivot * size + pivot]
    for column in 0..<size {
      left[pivot * size + column] *= factor
      right[pivot * size + column] *= factor
    }
    for row in 0..<size where row != pivot {
      let factor = left[row * size + pivot]
      guard factor != 0 else { continue }
      for column in 0..<size {
        left[row * size + column] -= factor * left[pivot * size + column]
        right[row * size + column] -= factor * right[pivot * size + column]
      }
    }
  }
  return right.map(Float.init)
}
