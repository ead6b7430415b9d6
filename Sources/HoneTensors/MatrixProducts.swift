import HoneKernels

/// Matrix products that a kernel takes together: operands that several share are packed once, and all
/// terms of a product are summed before it is written.
struct MatrixProducts {
  private var lefts: [hk_left] = []
  private var products: [hk_product] = []
  private var terms: [hk_term] = []
  /// What the pointers point into.
  private var operands: [AnyObject] = []
  private let rows: Int

  /// - Parameter rows: of every left operand and result.
  init(rows: Int) { self.rows = rows }

  /// A left operand, to be named in terms.
  ///
  /// - Parameters:
  ///   - columns: of the tensor, where the operand is a part of it.
  ///   - transposed: whether the tensor is stored as `[depth x rows]`.
  mutating func left(
    _ tensor: Tensor, columns: Range<Int>? = nil, transposed: Bool = false, scale: Float = 1
  ) -> Int32 {
    let stride = tensor.shape.columns
    let columns = columns ?? 0..<stride
    let depth = transposed ? tensor.shape.rows : columns.count
    precondition(
      (transposed ? columns.count : tensor.shape.rows) == rows,
      "\(tensor.shape), columns \(columns), for products of \(rows) rows")
    operands.append(tensor)
    lefts.append(
      hk_left(
        data: tensor.pointer + columns.lowerBound, stride: Int64(stride), depth: Int64(depth),
        transposed: transposed, scale: scale))
    return Int32(lefts.count - 1)
  }

  /// Begins a product: the terms that follow are its own.
  ///
  /// - Parameters:
  ///   - output: `[rows x columns]`.
  ///   - columns: of the tensor, where the result is a part of it.
  ///   - later: whether its left operands are results of products before it; all that come after it
  ///     are later too.
  mutating func begin(
    into output: Tensor, columns: Range<Int>? = nil, accumulate: Bool = false, later: Bool = false
  ) {
    let stride = output.shape.columns
    let columns = columns ?? 0..<stride
    precondition(output.shape.rows == rows, "\(output.shape) for products of \(rows) rows")
    operands.append(output)
    products.append(
      hk_product(
        out: output.pointer + columns.lowerBound, out_stride: Int64(stride),
        columns: Int64(columns.count), accumulate: accumulate, later: later))
  }

  /// Adds a term, `left · weightᵀ`, or `left · weight` by columns.
  mutating func term(_ left: Int32, _ weight: Weight, byColumns: Bool = false) {
    operands.append(weight)
    append(
      left, weight.bytes, weight.format.kernelFormat, rowBytes: weight.bytesPerRow,
      byColumns: byColumns)
  }

  /// Adds a term, `left · matrixᵀ`, or `left · matrix` by columns.
  ///
  /// - Parameter columns: of the matrix, where the operand is a part of it.
  mutating func term(
    _ left: Int32, _ matrix: Tensor, columns: Range<Int>? = nil, byColumns: Bool = false
  ) {
    operands.append(matrix)
    append(
      left, matrix.pointer + (columns?.lowerBound ?? 0), HK_F32,
      rowBytes: matrix.shape.columns * 4, byColumns: byColumns)
  }

  private mutating func append(
    _ left: Int32, _ matrix: UnsafeRawPointer, _ format: hk_format, rowBytes: Int, byColumns: Bool
  ) {
    terms.append(
      hk_term(
        product: Int32(products.count - 1), left: left, matrix: matrix, format: format,
        row_bytes: Int64(rowBytes), by_columns: byColumns))
  }

  /// Computes them.
  ///
  /// - Parameter few: whether by the kernels of decoding: one left operand, unscaled, and one term a
  ///   product, by rows.
  func run(few: Bool = false, in pass: Pass) {
    guard !products.isEmpty else { return }
    defer { withExtendedLifetime(operands) {} }
    lefts.withUnsafeBufferPointer { lefts in
      products.withUnsafeBufferPointer { products in
        terms.withUnsafeBufferPointer { terms in
          var all = hk_products(
            rows: Int64(rows), lefts: lefts.baseAddress, left_count: Int32(lefts.count),
            products: products.baseAddress, product_count: Int32(products.count),
            terms: terms.baseAddress, term_count: Int32(terms.count))
          let roundsToBytes = pass.isReading && pass.engine.compute == .auto
          let compute = roundsToBytes ? HK_COMPUTE_INT8 : pass.engine.compute.kernelCompute
          if few {
            hk_gemm_few(pass.pool.handle, compute, &all)
          } else {
            hk_gemm(pass.pool.handle, compute, &all)
          }
        }
      }
    }
  }
}
