import HoneKernels
import Testing

@Suite struct GemmTests {
  /// Each stored format in both directions, over sizes that fill tiles and that do not.
  @Test(arguments: Variant.vector, allFormats)
  func `products agree with plain C`(variant: Variant, format: hk_format) {
    let pool = hk_pool_create(2)!
    defer { hk_pool_destroy(pool) }
    let block = Int(hk_format_block_elements(format))
    var numbers = Numbers(seed: Int(format.rawValue) + 1)
    for round in 0..<60 {
      let byColumns = round % 2 == 1
      var (rows, columns, depth) = (
        oddSizes[numbers.integers(1, below: oddSizes.count)[0]],
        oddSizes[numbers.integers(1, below: oddSizes.count)[0]],
        oddSizes[numbers.integers(1, below: oddSizes.count)[0]]
      )
      // The stored rows must be whole blocks.
      let blocks = 1 + numbers.integers(1, below: block == 1 ? 300 : 4)[0]
      if byColumns { columns = blocks * block } else { depth = blocks * block }
      if round % 10 == 0 { rows = 200 }
      compare(
        variant, format, rows, columns, depth, byColumns: byColumns,
        transposed: round % 3 == 0, accumulate: round % 5 < 2, compute: HK_COMPUTE_F32,
        pool: pool, numbers: &numbers)
    }
  }

  @Test(arguments: Variant.vector)
  func `bf16 products agree with rounded operands`(variant: Variant) {
    let pool = hk_pool_create(2)!
    defer { hk_pool_destroy(pool) }
    var numbers = Numbers(seed: 77)
    for round in 0..<60 {
      let sizes = numbers.integers(3, below: oddSizes.count).map { oddSizes[$0] }
      compare(
        variant, HK_F32, sizes[0], sizes[1], sizes[2], byColumns: round % 2 == 1,
        transposed: round % 3 == 0, accumulate: false, compute: HK_COMPUTE_BF16, pool: pool,
        numbers: &numbers)
    }
  }

  /// The decoding kernels, for every number of rows, over each format.
  @Test(arguments: Variant.vector, allFormats)
  func `products of a few rows agree with plain C`(variant: Variant, format: hk_format) {
    let pool = hk_pool_create(2)!
    defer { hk_pool_destroy(pool) }
    let block = Int(hk_format_block_elements(format))
    var numbers = Numbers(seed: 5)
    for rows in 1...19 {
      let depth = block == 1 ? 1 + numbers.integers(1, below: 200)[0] : block * (1 + rows % 3)
      compare(
        variant, format, rows, 37, depth, byColumns: false, transposed: false,
        accumulate: rows % 2 == 0, compute: HK_COMPUTE_F32, few: true, pool: pool,
        numbers: &numbers)
    }
  }

  /// The integer ways: 14 bits for each 32 of both operands, or 16 bits of x for few rows.
  @Test(arguments: Variant.vector, [HK_F32, HK_BF16, HK_Q4_0, HK_Q4_1, HK_Q8_0, HK_Q6_K])
  func `products in integers stay within their rounding`(variant: Variant, format: hk_format) {
    let pool = hk_pool_create(2)!
    defer { hk_pool_destroy(pool) }
    let block = Int(hk_format_block_elements(format))
    var numbers = Numbers(seed: 21)
    for round in 0..<40 {
      let few = round % 4 == 3
      let byColumns = !few && round % 2 == 1
      var (columns, depth) = (
        oddSizes[numbers.integers(1, below: oddSizes.count)[0]],
        oddSizes[numbers.integers(1, below: oddSizes.count)[0]]
      )
      let rows = few ? 1 + round / 4 : oddSizes[numbers.integers(1, below: oddSizes.count)[0]]
      let blocks = 1 + numbers.integers(1, below: block == 1 ? 300 : 4)[0]
      if byColumns { columns = blocks * block } else { depth = blocks * block }
      compare(
        variant, format, rows, columns, depth, byColumns: byColumns,
        transposed: !few && round % 3 == 0, accumulate: round % 5 < 2,
        compute: few ? HK_COMPUTE_AUTO : HK_COMPUTE_INT16, few: few, pool: pool,
        numbers: &numbers, largestOfX: 8191)
    }
  }

  /// Bytes of x for each 32 and what is stored as it is; formats that cannot be taken so are exacter.
  @Test(arguments: Variant.vector, allFormats)
  func `products in bytes stay within their rounding`(variant: Variant, format: hk_format) {
    let pool = hk_pool_create(2)!
    defer { hk_pool_destroy(pool) }
    let block = Int(hk_format_block_elements(format))
    var numbers = Numbers(seed: 22)
    for round in 0..<40 {
      let columns = oddSizes[numbers.integers(1, below: oddSizes.count)[0]]
      let rows = oddSizes[numbers.integers(1, below: oddSizes.count)[0]]
      let depth = block * (1 + numbers.integers(1, below: block == 1 ? 300 : 40 * 32 / block)[0])
      compare(
        variant, format, rows, columns, depth, byColumns: false, transposed: round % 8 == 7,
        accumulate: round % 5 < 2, compute: HK_COMPUTE_INT8, pool: pool, numbers: &numbers,
        largestOfX: 127)
    }
  }

  /// Sums of terms, some of whose left operands are products of the same call.
  @Test(arguments: Variant.vector, [HK_COMPUTE_F32, HK_COMPUTE_BF16])
  func `terms are summed, and later products see earlier ones`(
    variant: Variant, compute: hk_compute
  ) {
    let pool = hk_pool_create(2)!
    defer { hk_pool_destroy(pool) }
    var numbers = Numbers(seed: 31)
    for round in 0..<20 {
      func size() -> Int { oddSizes[numbers.integers(1, below: oddSizes.count)[0]] }
      let (rows, depth, rank, columns, wide) = (size(), size(), size(), size(), 4700)
      let x = Buffer(numbers.floats(rows * depth))
      let other = Buffer(numbers.floats(rows * wide))
      let down = Buffer(numbers.floats(rank * depth))
      let up = Buffer(numbers.floats(columns * rank))
      let weight = Buffer(numbers.floats(depth * columns))
      let long = Buffer(numbers.floats(columns * wide))
      let before = numbers.floats(rows * columns)
      func result(_ variant: Variant?) -> [Float] {
        let inner = Buffer([Float](repeating: 0, count: rows * rank))
        let (first, second) = (Buffer(before), Buffer(before))
        func left(_ data: Buffer, _ depth: Int, _ scale: Float = 1) -> hk_left {
          hk_left(
            data: data.start, stride: Int64(depth), depth: Int64(depth), transposed: false,
            scale: scale)
        }
        func term(
          _ product: Int32, _ left: Int32, _ matrix: Buffer, _ width: Int, _ byColumns: Bool
        )
          -> hk_term
        {
          hk_term(
            product: product, left: left, matrix: matrix.start, format: HK_F32,
            row_bytes: Int64(width * 4), by_columns: byColumns)
        }
        func product(_ out: Buffer, _ columns: Int, later: Bool, adds: Bool = false) -> hk_product {
          hk_product(
            out: out.start, out_stride: Int64(columns), columns: Int64(columns), accumulate: adds,
            later: later)
        }
        calculate(
          variant, rows, [left(x, depth), left(inner, rank, 0.5), left(other, wide)],
          [
            product(inner, rank, later: false), product(first, columns, later: true),
            product(second, columns, later: true, adds: round % 2 == 0),
          ],
          [
            term(0, 0, down, depth, false), term(1, 0, weight, columns, true),
            term(1, 1, up, rank, false), term(2, 2, long, wide, false),
            term(2, 1, up, rank, false), term(2, 0, weight, columns, true),
          ], compute, pool)
        return inner.values + first.values + second.values
      }
      let difference = worstDifference(result(variant), result(nil))
      // The inner product of f32 is rounded to bf16 once more, where a last bit decides.
      #expect(
        difference < (compute == HK_COMPUTE_F32 ? 3e-6 : 3e-3),
        "\(rows) x \(depth) x \(rank) x \(columns): \(difference)")
    }
  }

  @Test(arguments: Variant.vector, [HK_COMPUTE_F32, HK_COMPUTE_INT16, HK_COMPUTE_INT8])
  func `what is not finite shows in the product`(variant: Variant, compute: hk_compute) {
    let pool = hk_pool_create(1)!
    defer { hk_pool_destroy(pool) }
    for bad in [Float.nan, .infinity] {
      var x = [Float](repeating: 1, count: 20 * 64)
      x[5 * 64 + 40] = bad
      var numbers = Numbers(seed: 1)
      let format = compute == HK_COMPUTE_INT8 ? HK_Q4_1 : HK_F32
      let matrix = numbers.blocks(format, elements: 10 * 64)
      var out = [Float](repeating: 0, count: 200)
      multiply(
        variant, x, 64, 20, 10, 64, matrix, format, false, false, false, compute, false, 1, pool,
        &out)
      #expect(out[50..<60].allSatisfy { !$0.isFinite })
      #expect(out[..<50].allSatisfy(\.isFinite) && out[60...].allSatisfy(\.isFinite))
    }
  }

  @Test(arguments: Variant.vector, [HK_F32, HK_BF16, HK_Q4_0, HK_Q4_1, HK_Q8_0, HK_Q4_K])
  func `a row's bits do not depend on the rows beside it`(variant: Variant, format: hk_format) {
    let pool = hk_pool_create(1)!
    defer { hk_pool_destroy(pool) }
    let (depth, columns) = (256, 51)
    var numbers = Numbers(seed: 9)
    let x = numbers.floats(20 * depth)
    let matrix = numbers.blocks(format, elements: columns * depth)
    func product(rows: Range<Int>, few: Bool, _ compute: hk_compute) -> [Float] {
      var out = [Float](repeating: 0, count: rows.count * columns)
      x.withUnsafeBufferPointer { x in
        multiply(
          variant, x.baseAddress! + rows.lowerBound * depth, depth, rows.count, columns, depth,
          matrix, format, false, false, false, compute, few, 1, pool, &out)
      }
      return out
    }
    for (few, compute) in [
      (false, HK_COMPUTE_F32), (false, HK_COMPUTE_AUTO), (true, HK_COMPUTE_F32),
      (true, HK_COMPUTE_AUTO), (false, HK_COMPUTE_INT8),
    ] {
      let together = product(rows: 0..<20, few: few, compute)
      for row in 0..<20 {
        #expect(
          product(rows: row..<row + 1, few: few, compute)
            == Array(together[row * columns..<(row + 1) * columns]))
      }
    }
  }

  @Test(arguments: Variant.vector)
  func `threads change no bit`(variant: Variant) {
    var numbers = Numbers(seed: 3)
    let (rows, columns, depth) = (150, 333, 700)
    let x = numbers.floats(rows * depth)
    let matrix = numbers.blocks(HK_F32, elements: columns * depth)
    let results = (1...3).map { threads -> [Float] in
      let pool = hk_pool_create(Int32(threads))!
      defer { hk_pool_destroy(pool) }
      var out = [Float](repeating: 0, count: rows * columns)
      multiply(
        variant, x, depth, rows, columns, depth, matrix, HK_F32, false, false, false,
        HK_COMPUTE_F32, false, 1, pool, &out)
      return out
    }
    #expect(results[0] == results[1])
    #expect(results[0] == results[2])
  }

  private func compare(
    _ variant: Variant, _ format: hk_format, _ rows: Int, _ columns: Int, _ depth: Int,
    byColumns: Bool, transposed: Bool, accumulate: Bool, compute: hk_compute, few: Bool = false,
    pool: OpaquePointer, numbers: inout Numbers, largestOfX: Float? = nil
  ) {
    let x = numbers.floats(rows * depth)
    let matrix = numbers.blocks(format, elements: columns * depth)
    let before = numbers.floats(rows * columns)
    let scale: Float = few || rows % 2 == 0 ? 1 : 0.5
    var (found, expected) = (before, before)
    let stride = transposed ? rows : depth
    multiply(
      variant, x, stride, rows, columns, depth, matrix, format, byColumns, transposed, accumulate,
      compute, few, scale, pool, &found)
    multiply(
      nil, x, stride, rows, columns, depth, matrix, format, byColumns, transposed, accumulate,
      compute, few, scale, pool, &expected)
    guard let largestOfX else {
      let difference = worstDifference(found, expected)
      #expect(
        difference < 3e-6,
        "\(rows) x \(columns) x \(depth) by columns \(byColumns): \(difference)")
      return
    }
    let left = (0..<rows).map { row in
      (0..<depth).map { scale * (transposed ? x[$0 * rows + row] : x[row * depth + $0]) }
    }
    let right = self.columns(of: matrix, format, columns, depth, byColumns: byColumns)
    let size = expected.map(abs).max() ?? 0
    for row in 0..<rows {
      for column in 0..<columns {
        let bound = Self.rounding(left[row], right[column], largestOfX) + 3e-6 * max(1, size)
        let index = row * columns + column
        #expect(
          abs(found[index] - expected[index]) <= bound,
          "\(rows) x \(columns) x \(depth) by columns \(byColumns): \(row), \(column)")
      }
    }
  }

  /// The right operand's columns in f32.
  private func columns(
    of matrix: [UInt8], _ format: hk_format, _ columns: Int, _ depth: Int, byColumns: Bool
  ) -> [[Float]] {
    let (storedRows, storedColumns) = byColumns ? (depth, columns) : (columns, depth)
    let bytes =
      storedColumns / Int(hk_format_block_elements(format)) * Int(hk_format_block_bytes(format))
    let stored = (0..<storedRows).map { row in
      [Float](unsafeUninitializedCapacity: storedColumns) { buffer, count in
        matrix.withUnsafeBytes {
          hk_dequantize_row_reference(
            format, $0.baseAddress! + row * bytes, Int64(storedColumns), buffer.baseAddress)
        }
        count = storedColumns
      }
    }
    return byColumns ? (0..<columns).map { column in stored.map { $0[column] } } : stored
  }

  /// The most that rounding to integers, of the matrix up to 8191, can change a product: half a unit of
  /// each operand times the other, in blocks of 32.
  private static func rounding(_ x: [Float], _ w: [Float], _ largestOfX: Float) -> Float {
    stride(from: 0, to: x.count, by: 32).reduce(0) { sum, start in
      let block = start..<min(start + 32, x.count)
      let unitOfX = (x[block].map(abs).max() ?? 0) / largestOfX
      let unitOfW = (w[block].map(abs).max() ?? 0) / 8191
      return block.reduce(sum) {
        $0 + (abs(x[$1]) * unitOfW + abs(w[$1]) * unitOfX) / 2 + unitOfX * unitOfW / 4
      }
    }
  }

  /// A product with a variant, or with plain C where there is none.
  private func multiply(
    _ variant: Variant?, _ x: UnsafePointer<Float>, _ stride: Int, _ rows: Int, _ columns: Int,
    _ depth: Int, _ matrix: [UInt8], _ format: hk_format, _ byColumns: Bool, _ transposed: Bool,
    _ accumulate: Bool, _ compute: hk_compute, _ few: Bool, _ scale: Float, _ pool: OpaquePointer,
    _ out: inout [Float]
  ) {
    let storedColumns = byColumns ? columns : depth
    let rowBytes =
      storedColumns / Int(hk_format_block_elements(format)) * Int(hk_format_block_bytes(format))
    matrix.withUnsafeBytes { matrix in
      out.withUnsafeMutableBufferPointer { out in
        let product = hk_product(
          out: out.baseAddress, out_stride: Int64(columns), columns: Int64(columns),
          accumulate: accumulate, later: false)
        let left = hk_left(
          data: x, stride: Int64(stride), depth: Int64(depth), transposed: transposed, scale: scale)
        let term = hk_term(
          product: 0, left: 0, matrix: matrix.baseAddress, format: format,
          row_bytes: Int64(rowBytes), by_columns: byColumns)
        calculate(variant, rows, [left], [product], [term], compute, few: few, pool)
      }
    }
  }

  /// All products of a call with a variant, or with plain C where there is none.
  private func calculate(
    _ variant: Variant?, _ rows: Int, _ lefts: [hk_left], _ products: [hk_product],
    _ terms: [hk_term], _ compute: hk_compute, few: Bool = false, _ pool: OpaquePointer
  ) {
    lefts.withUnsafeBufferPointer { lefts in
      products.withUnsafeBufferPointer { products in
        terms.withUnsafeBufferPointer { terms in
          var all = hk_products(
            rows: Int64(rows), lefts: lefts.baseAddress, left_count: Int32(lefts.count),
            products: products.baseAddress, product_count: Int32(products.count),
            terms: terms.baseAddress, term_count: Int32(terms.count))
          guard let variant else { return hk_gemm_reference(compute, &all) }
          variant.run {
            if few {
              hk_gemm_few(pool, compute, &all)
            } else {
              hk_gemm(pool, compute, &all)
            }
          }
        }
      }
    }
  }
}

/// Numbers that stay where they are.
private final class Buffer {
  let start: UnsafeMutablePointer<Float>
  private let count: Int

  init(_ numbers: [Float]) {
    count = numbers.count
    start = .allocate(capacity: count + 1)
    start.initialize(from: numbers, count: count)
  }

  deinit { start.deallocate() }

  var values: [Float] { Array(UnsafeBufferPointer(start: start, count: count)) }
}
