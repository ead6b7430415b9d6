/// The singular value decomposition of a product of two thin matrices, `B A`, in double.
///
/// `B = Q R` and `Aᵀ = P S` with orthonormal columns (Gram and Schmidt, twice each), so that only the
/// small core `R Sᵀ` is decomposed, by one-sided rotations (Hestenes 1958). The product itself is never
/// made; the cost is `(rows + columns) · inner²`.
package struct LowRankFactors {
  /// Singular values, largest first; those that are nothing but rounding are left out.
  package let values: [Double]
  /// For each value a vector of `rows` numbers.
  package let left: [[Double]]
  /// For each value a vector of `columns` numbers.
  package let right: [[Double]]

  /// - Parameters:
  ///   - outer: `B`'s columns, `inner` vectors of `rows` numbers.
  ///   - inner: `A`'s rows, `inner` vectors of `columns` numbers.
  ///   - tolerance: relative to the largest, what counts as zero; f32 is exact to 6e-8.
  package init(outer: [[Double]], inner: [[Double]], tolerance: Double = 1e-7) {
    precondition(outer.count == inner.count, "\(outer.count) columns by \(inner.count) rows")
    let (q, r) = Self.orthonormal(outer)
    let (p, s) = Self.orthonormal(inner)
    // The core's columns, one for each vector of `p`.
    var core = p.indices.map { column in
      q.indices.map { row in
        outer.indices.reduce(0) { $0 + r[$1][row] * s[$1][column] }
      }
    }
    // Rotations of columns make them orthogonal: core · rotations = left · values.
    var rotations = p.indices.map { column in
      p.indices.map { $0 == column ? 1.0 : 0.0 }
    }
    Self.rotate(&core, &rotations)
    let lengths = core.map { Self.dot($0, $0).squareRoot() }
    // Factors that cancel leave what double rounds, which is no direction.
    func squares(_ vectors: [[Double]]) -> Double { vectors.reduce(0) { $0 + Self.dot($1, $1) } }
    let limit = max(
      tolerance * (lengths.max() ?? 0), 1e-14 * (squares(outer) * squares(inner)).squareRoot())
    let order = lengths.indices.filter { lengths[$0] > limit }
      .sorted { lengths[$0] > lengths[$1] }
    values = order.map { lengths[$0] }
    left = order.map { index in
      Self.combined(q, core[index].map { $0 / lengths[index] })
    }
    right = order.map { Self.combined(p, rotations[$0]) }
  }

  /// The singular values of a matrix with these rows, largest first.
  static func values(ofRows rows: [[Double]]) -> [Double] {
    let (base, coordinates) = orthonormal(rows)
    var core = base.indices.map { axis in coordinates.map { $0[axis] } }
    var none: [[Double]] = []
    rotate(&core, &none)
    return core.map { dot($0, $0).squareRoot() }.sorted(by: >)
  }

  /// The sum of squares of the product's numbers.
  package var squaredNorm: Double { Self.dot(values, values) }

  /// The rows of a tensor.
  static func vectors(of tensor: Tensor) -> [[Double]] {
    let columns = tensor.shape.columns
    return (0..<tensor.shape.rows).map { row in
      (0..<columns).map { Double(tensor.pointer[row * columns + $0]) }
    }
  }

  /// An orthonormal base of what the rows of a tensor span.
  static func orthonormalRows(of tensor: Tensor) -> [[Double]] {
    orthonormal(vectors(of: tensor)).0
  }

  /// Vectors as an orthonormal base, and for each vector its numbers in that base.
  private static func orthonormal(_ vectors: [[Double]]) -> ([[Double]], [[Double]]) {
    var base: [[Double]] = []
    var coordinates: [[Double]] = []
    for vector in vectors {
      var rest = vector
      var own = [Double](repeating: 0, count: base.count)
      for _ in 0..<2 {
        for (index, direction) in base.enumerated() {
          let along = dot(rest, direction)
          own[index] += along
          add(direction, times: -along, to: &rest)
        }
      }
      let length = dot(rest, rest).squareRoot()
      // What depends on the others brings no direction of its own.
      if length > 1e-12 * dot(vector, vector).squareRoot() {
        base.append(rest.map { $0 / length })
        own.append(length)
      }
      coordinates.append(own)
    }
    return (
      base, coordinates.map { $0 + Array(repeating: 0, count: base.count - $0.count) }
    )
  }

  private static func rotate(_ columns: inout [[Double]], _ rotations: inout [[Double]]) {
    for _ in 0..<60 {
      var isDone = true
      for first in columns.indices {
        for second in columns.indices.dropFirst(first + 1) {
          let (a, b) = (dot(columns[first], columns[first]), dot(columns[second], columns[second]))
          let c = dot(columns[first], columns[second])
          guard abs(c) > 1e-15 * (a * b).squareRoot() else { continue }
          isDone = false
          let tau = (b - a) / (2 * c)
          let tangent = (tau < 0 ? -1 : 1) / (abs(tau) + (1 + tau * tau).squareRoot())
          let cosine = 1 / (1 + tangent * tangent).squareRoot()
          turn(&columns, first, second, cosine, cosine * tangent)
          if !rotations.isEmpty { turn(&rotations, first, second, cosine, cosine * tangent) }
        }
      }
      if isDone { return }
    }
  }

  private static func turn(
    _ vectors: inout [[Double]], _ first: Int, _ second: Int, _ cosine: Double, _ sine: Double
  ) {
    vectors.withUnsafeMutableBufferPointer { vectors in
      vectors[first].withUnsafeMutableBufferPointer { one in
        vectors[second].withUnsafeMutableBufferPointer { two in
          for place in one.indices {
            let (x, y) = (one[place], two[place])
            one[place] = cosine * x - sine * y
            two[place] = sine * x + cosine * y
          }
        }
      }
    }
  }

  private static func combined(_ vectors: [[Double]], _ factors: [Double]) -> [Double] {
    var sum = [Double](repeating: 0, count: vectors.first?.count ?? 0)
    for (vector, factor) in zip(vectors, factors) { add(vector, times: factor, to: &sum) }
    return sum
  }

  private static func add(_ vector: [Double], times factor: Double, to sum: inout [Double]) {
    vector.withUnsafeBufferPointer { vector in
      sum.withUnsafeMutableBufferPointer { sum in
        precondition(vector.count == sum.count)
        for place in sum.indices { sum[place] += factor * vector[place] }
      }
    }
  }

  /// Eight sums side by side, since a single one waits for each addition.
  private static func dot(_ one: [Double], _ two: [Double]) -> Double {
    one.withUnsafeBytes { one in
      two.withUnsafeBytes { two in
        precondition(one.count == two.count)
        let width = MemoryLayout<SIMD8<Double>>.size
        var sums = SIMD8<Double>.zero
        var place = 0
        while place + width <= one.count {
          sums +=
            one.loadUnaligned(fromByteOffset: place, as: SIMD8<Double>.self)
            * two.loadUnaligned(fromByteOffset: place, as: SIMD8<Double>.self)
          place += width
        }
        var sum = sums.sum()
        while place < one.count {
          sum +=
            one.loadUnaligned(fromByteOffset: place, as: Double.self)
            * two.loadUnaligned(fromByteOffset: place, as: Double.self)
          place += MemoryLayout<Double>.size
        }
        return sum
      }
    }
  }
}
