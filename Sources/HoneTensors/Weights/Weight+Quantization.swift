import HoneKernels

extension Weight {
  /// The same matrix in blocks of four or eight bits, in memory of its own.
  ///
  /// NF4 and FP4 are those of bitsandbytes: blocks of 64 with their largest magnitude, which is
  /// itself rounded to eight bits (``ScaleQuantization``). Stored here it takes 4.5 bits a number; in
  /// the paper's file it takes 4.13.
  ///
  /// - Parameter format: NF4, FP4 or Q8_0.
  /// - Returns: nil when a row is no whole number of blocks.
  package func quantized(to format: StorageFormat, in engine: Engine) -> Weight? {
    guard let bytesPerRow = format.bytesPerRow(columns: columns) else { return nil }
    let copy = OwnedBytes(count: rows * bytesPerRow)
    let target = copy.pointer
    let rowsInPiece = max(1, 65_536 / columns)
    engine.threads.run(pieces: (rows + rowsInPiece - 1) / rowsInPiece) { piece in
      let range = piece * rowsInPiece..<min(rows, (piece + 1) * rowsInPiece)
      let numbers = UnsafeMutablePointer<Float>.allocate(capacity: range.count * columns)
      defer { numbers.deallocate() }
      decode(rows: range, into: numbers)
      hk_quantize(
        format.kernelFormat, numbers, Int64(range.count * columns),
        target + range.lowerBound * bytesPerRow)
    }
    if format == .nf4 || format == .fp4 {
      ScaleQuantization.round(
        target, count: rows * bytesPerRow / format.bytesPerBlock, stride: format.bytesPerBlock)
    }
    return Weight(
      rows: rows, columns: columns, format: format,
      bytes: UnsafeRawBufferPointer(start: target, count: rows * bytesPerRow), owner: copy)
  }
}

/// Double quantisation: the scales of four-bit blocks are themselves kept in eight bits.
///
/// The mean of a matrix's scales is taken off, and each 256 of them are rounded to the nearest of 256
/// numbers times the largest. Dettmers et al. 2023, section 3; the numbers are the dynamic ones of
/// Dettmers et al. 2022, section 2.1, as bitsandbytes makes them (`create_dynamic_map`).
enum ScaleQuantization {
  /// Rises from -0.993 to 1; a number's distance to the next grows with it.
  static let numbers: [Float] = {
    var numbers: [Float] = [0, 1]
    for exponent in 0..<7 {
      let count = 1 << exponent
      let (first, last): (Float, Float) = (0.1, 1)
      let step = (last - first) / Float(count)
      // As torch.linspace: from both ends towards the middle, rounded once.
      let bounds = (0...count).map {
        $0 < (count + 1) / 2
          ? first.addingProduct(step, Float($0))
          : last.addingProduct(-step, Float(count - $0))
      }
      let factor: Float = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1][exponent]
      for (low, high) in zip(bounds, bounds.dropFirst()) {
        let mean = (low + high) / 2 * factor
        numbers += [mean, -mean]
      }
    }
    return numbers.sorted()
  }()

  /// Rounds `count` scales in place, each an f32 at the start of `stride` bytes.
  static func round(_ scales: UnsafeMutableRawPointer, count: Int, stride: Int) {
    func scale(_ index: Int) -> Float {
      scales.loadUnaligned(fromByteOffset: index * stride, as: Float.self)
    }
    let sum = (0..<count).reduce(0.0) { $0 + Double(scale($1)) }
    let mean = Float(sum / Double(count))
    for start in Swift.stride(from: 0, to: count, by: 256) {
      let block = start..<min(count, start + 256)
      let largest = block.reduce(Float(0)) { max($0, abs(scale($1) - mean)) }
      for index in block {
        let nearest = largest > 0 ? Self.nearest((scale(index) - mean) / largest) : 0
        scales.storeBytes(
          of: nearest * largest + mean, toByteOffset: index * stride, as: Float.self)
      }
    }
  }

  /// The nearest of the numbers, the lower of two that are equally near.
  private static func nearest(_ number: Float) -> Float {
    var (low, high) = (0, numbers.count - 1)
    while high - low > 1 {
      let middle = (low + high) / 2
      if numbers[middle] <= number { low = middle } else { high = middle }
    }
    return numbers[high] - number < number - numbers[low] ? numbers[high] : numbers[low]
  }
}
