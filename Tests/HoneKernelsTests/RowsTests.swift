import HoneKernels
import Testing

@Suite struct RowsTests {
  private static let columns = oddSizes + [576, 1536, 5000]

  @Test(arguments: Variant.vector)
  func `root-mean-square normalisation, forward and back`(variant: Variant) {
    for columns in Self.columns {
      var numbers = Numbers(seed: columns)
      let rows = 3
      let (x, weight) = (numbers.floats(rows * columns), numbers.floats(columns))
      let dy = numbers.floats(rows * columns)
      var (y, inverse) = (x, [Float](repeating: 0, count: rows))
      var (expected, expectedInverse) = (y, inverse)
      variant.run {
        hk_rmsnorm(x, weight, 1, 1e-5, Int64(rows), Int64(columns), &y, &inverse)
      }
      hk_rmsnorm_reference(
        x, weight, 1, 1e-5, Int64(rows), Int64(columns), &expected, &expectedInverse)
      #expect(worstDifference(y, expected) < 2e-6)
      #expect(worstDifference(inverse, expectedInverse) < 2e-6)
      var (dx, dw) = (x, weight)
      var (expectedDx, expectedDw) = (x, weight)
      variant.run {
        hk_rmsnorm_backward(
          x, weight, 1, expectedInverse, dy, Int64(rows), Int64(columns), &dx, &dw)
      }
      hk_rmsnorm_backward_reference(
        x, weight, 1, expectedInverse, dy, Int64(rows), Int64(columns), &expectedDx, &expectedDw)
      #expect(worstDifference(dx, expectedDx) < 5e-6)
      #expect(worstDifference(dw, expectedDw) < 5e-6)
    }
  }

  @Test(arguments: Variant.vector)
  func `layer normalisation, forward and back`(variant: Variant) {
    for columns in Self.columns {
      var numbers = Numbers(seed: columns)
      let rows = 2
      let (x, weight, bias) = (
        numbers.floats(rows * columns), numbers.floats(columns), numbers.floats(columns)
      )
      let dy = numbers.floats(rows * columns)
      var (y, expected) = (x, x)
      var (mean, inverse) = ([Float](repeating: 0, count: rows), [Float](repeating: 0, count: rows))
      variant.run {
        hk_layernorm(x, weight, bias, 1e-5, Int64(rows), Int64(columns), &y, nil, nil)
      }
      hk_layernorm_reference(
        x, weight, bias, 1e-5, Int64(rows), Int64(columns), &expected, &mean, &inverse)
      // One column has no variance: every number is its own mean.
      #expect(worstDifference(y, expected) < 1e-5)
      var (dx, dw, db) = (x, weight, bias)
      var (expectedDx, expectedDw, expectedDb) = (x, weight, bias)
      variant.run {
        hk_layernorm_backward(
          x, weight, mean, inverse, dy, Int64(rows), Int64(columns), &dx, &dw, &db)
      }
      hk_layernorm_backward_reference(
        x, weight, mean, inverse, dy, Int64(rows), Int64(columns), &expectedDx, &expectedDw,
        &expectedDb)
      #expect(worstDifference(dx, expectedDx) < 5e-6)
      #expect(worstDifference(dw, expectedDw) < 5e-6)
      #expect(worstDifference(db, expectedDb) < 5e-6)
      var alone = x
      variant.run {
        hk_layernorm_backward(
          x, weight, mean, inverse, dy, Int64(rows), Int64(columns), &alone, nil, nil)
      }
      #expect(alone == dx)
    }
  }

  /// The plain form against differences of the plain forward.
  @Test func `layer normalisation's gradient is its slope`() {
    let (rows, columns) = (2, 7)
    var numbers = Numbers(seed: 11)
    let (x, weight, bias) = (
      numbers.floats(rows * columns), numbers.floats(columns), numbers.floats(columns)
    )
    let dy = numbers.floats(rows * columns)
    func loss(_ x: [Float], _ weight: [Float], _ bias: [Float]) -> Double {
      var y = x
      hk_layernorm_reference(
        x, weight, bias, 1e-5, Int64(rows), Int64(columns), &y, nil, nil)
      return zip(y, dy).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }
    func slope(_ values: [Float], _ loss: ([Float]) -> Double) -> [Float] {
      values.indices.map { i in
        var (above, below) = (values, values)
        above[i] += 1 / 128
        below[i] -= 1 / 128
        return Float((loss(above) - loss(below)) * 64)
      }
    }
    var (y, mean, inverse) = (
      x, [Float](repeating: 0, count: rows), [Float](repeating: 0, count: 2)
    )
    hk_layernorm_reference(
      x, weight, bias, 1e-5, Int64(rows), Int64(columns), &y, &mean, &inverse)
    var (dx, dw) = (x, [Float](repeating: 0, count: columns))
    var db = dw
    hk_layernorm_backward_reference(
      x, weight, mean, inverse, dy, Int64(rows), Int64(columns), &dx, &dw, &db)
    #expect(worstDifference(dx, slope(x) { loss($0, weight, bias) }) < 1e-3)
    #expect(worstDifference(dw, slope(weight) { loss(x, $0, bias) }) < 1e-3)
    #expect(worstDifference(db, slope(bias) { loss(x, weight, $0) }) < 1e-3)
  }

  @Test(arguments: Variant.vector, [false, true])
  func `rotary embedding, whole and partial, and its inverse`(variant: Variant, interleaved: Bool) {
    for (dimension, pairs) in [(8, 4), (64, 32), (10, 5), (80, 16), (6, 1)] {
      var numbers = Numbers(seed: dimension)
      let x = numbers.floats(3 * 2 * dimension)
      let positions: [Int32] = [0, 5, 2]
      let angles = numbers.floats(6 * pairs)
      let (cosines, sines) = (angles.map { 1 - $0 * $0 / 2 }, angles)
      var (y, expected) = (x, x)
      for inverse in [false, true] {
        variant.run {
          hk_rope(
            x, positions, cosines, sines, interleaved, inverse, 3, 2, Int64(dimension),
            Int64(pairs), &y)
        }
        hk_rope_reference(
          x, positions, cosines, sines, interleaved, inverse, 3, 2, Int64(dimension),
          Int64(pairs), &expected)
        #expect(worstDifference(y, expected) < 1e-6)
      }
    }
  }

  @Test(arguments: Variant.vector, [HK_SILU, HK_GELU_TANH, HK_GELU_ERF, HK_RELU])
  func `activations and gated units, forward and back`(variant: Variant, kind: hk_activation) {
    for count in Self.columns {
      var numbers = Numbers(seed: count)
      let (x, up, dy) = (
        numbers.floats(count, scale: 3), numbers.floats(count), numbers.floats(count)
      )
      var (y, expected) = (x, x)
      variant.run { hk_activate(kind, x, up, Int64(count), &y) }
      hk_activate_reference(kind, x, up, Int64(count), &expected)
      #expect(worstDifference(y, expected) < 1e-6)
      variant.run { hk_activate(kind, x, nil, Int64(count), &y) }
      hk_activate_reference(kind, x, nil, Int64(count), &expected)
      #expect(worstDifference(y, expected) < 1e-6)
      var (dx, du, expectedDx, expectedDu) = (x, x, x, x)
      variant.run { hk_activate_backward(kind, x, up, dy, Int64(count), &dx, &du) }
      hk_activate_backward_reference(kind, x, up, dy, Int64(count), &expectedDx, &expectedDu)
      #expect(worstDifference(dx, expectedDx) < 2e-6)
      #expect(worstDifference(du, expectedDu) < 1e-6)
    }
  }

  @Test(arguments: Variant.vector)
  func `sums, scaling and softmax`(variant: Variant) {
    for count in Self.columns {
      var numbers = Numbers(seed: count)
      let (a, b) = (numbers.floats(count, scale: 4), numbers.floats(count))
      var (y, expected) = (a, a)
      variant.run { hk_add(a, b, Int64(count), &y) }
      hk_add_reference(a, b, Int64(count), &expected)
      #expect(y == expected)
      variant.run { hk_multiply(a, b, Int64(count), &y) }
      hk_multiply_reference(a, b, Int64(count), &expected)
      #expect(y == expected)
      variant.run { hk_multiply_add(a, b, Int64(count), &y) }
      hk_multiply_add_reference(a, b, Int64(count), &expected)
      #expect(y == expected)
      variant.run { hk_axpy(Int64(count), 0.3, b, &y) }
      hk_axpy_reference(Int64(count), 0.3, b, &expected)
      #expect(y == expected)
      variant.run { hk_scale(Int64(count), 1.7, &y) }
      hk_scale_reference(Int64(count), 1.7, &expected)
      #expect(y == expected)
      var sum = 0.0
      variant.run { sum = hk_square_sum(a, Int64(count)) }
      let expectedSum = hk_square_sum_reference(a, Int64(count))
      #expect(abs(sum - expectedSum) <= 1e-6 * expectedSum)
      (y, expected) = (a, a)
      variant.run { hk_softmax(&y, 1, Int64(count)) }
      hk_softmax_reference(&expected, 1, Int64(count))
      #expect(worstDifference(y, expected) < 1e-6)
    }
  }

  @Test(arguments: Variant.vector)
  func `cross-entropy and its gradient`(variant: Variant) {
    for columns in Self.columns {
      var numbers = Numbers(seed: columns)
      let logits = numbers.floats(4 * columns, scale: 8)
      let targets = numbers.integers(4, below: columns).map(Int32.init)
      for scale: Float in [0, 0.25] {
        var (found, expected) = (logits, logits)
        var (losses, expectedLosses) = (
          [Float](repeating: 0, count: 4), [Float](repeating: 0, count: 4)
        )
        variant.run {
          hk_cross_entropy(&found, targets, scale, 4, Int64(columns), &losses)
        }
        hk_cross_entropy_reference(&expected, targets, scale, 4, Int64(columns), &expectedLosses)
        #expect(worstDifference(losses, expectedLosses) < 1e-6)
        #expect(worstDifference(found, expected) < 1e-6)
      }
    }
  }

  @Test(arguments: Variant.vector)
  func `conversions round to nearest even and keep infinities and NaN`(variant: Variant) {
    var numbers = Numbers(seed: 4)
    let special: [Float] = [
      0, -0.0, .infinity, -.infinity, 65504, 65520, 1e-8, -6e-8, 5.96e-8, 0x1p-133, 3.4e38,
      1.00390625,
      1.01171875,
    ]
    let x = special + numbers.floats(1003, scale: 100)
    var (y, expected) = (
      [UInt16](repeating: 0, count: x.count), [UInt16](repeating: 0, count: x.count)
    )
    variant.run { hk_f32_to_f16(x, Int64(x.count), &y) }
    hk_f32_to_f16_reference(x, Int64(x.count), &expected)
    #expect(y == expected)
    variant.run { hk_f32_to_bf16(x, Int64(x.count), &y) }
    hk_f32_to_bf16_reference(x, Int64(x.count), &expected)
    #expect(y == expected)
    let nan = [Float](repeating: .nan, count: 17)
    var words = [UInt16](repeating: 0, count: 17)
    variant.run { hk_f32_to_bf16(nan, 17, &words) }
    #expect(words.allSatisfy { $0 & 0x7FFF > 0x7F80 })
  }

  @Test(arguments: Variant.vector)
  func `AdamW`(variant: Variant) {
    for count in Self.columns {
      var numbers = Numbers(seed: count)
      let gradient = numbers.floats(count)
      var settings = hk_adamw(
        rate: 1e-2, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.1, correction1: 0.1,
        correction2: 0.001)
      var (p, m, v) = (numbers.floats(count), numbers.floats(count), numbers.floats(count).map(abs))
      var (expectedP, expectedM, expectedV) = (p, m, v)
      variant.run { hk_adamw_step(&settings, gradient, Int64(count), &p, &m, &v) }
      hk_adamw_step_reference(
        &settings, gradient, Int64(count), &expectedP, &expectedM, &expectedV)
      #expect(worstDifference(p, expectedP) < 1e-6)
      #expect(worstDifference(m, expectedM) < 1e-6)
      #expect(worstDifference(v, expectedV) < 1e-6)
    }
  }
}
