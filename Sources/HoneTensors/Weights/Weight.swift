import HoneKernels

/// A frozen matrix as it is stored: `rows` outputs by `columns` inputs, in Hugging Face's order.
///
/// Its bytes are usually a piece of a memory-mapped file; `owner` keeps them valid.
public final class Weight {
  public let rows: Int
  public let columns: Int
  public let format: StorageFormat
  package let bytes: UnsafeRawPointer
  package let bytesPerRow: Int
  private let owner: AnyObject

  /// - Precondition: the bytes hold `rows` whole rows of the format's blocks.
  package init(
    rows: Int, columns: Int, format: StorageFormat, bytes: UnsafeRawBufferPointer, owner: AnyObject
  ) {
    guard let bytesPerRow = format.bytesPerRow(columns: columns),
      bytes.count == rows * bytesPerRow, let start = bytes.baseAddress
    else {
      preconditionFailure("\(bytes.count) bytes for \(rows) x \(columns) \(format)")
    }
    self.rows = rows
    self.columns = columns
    self.format = format
    self.bytes = start
    self.bytesPerRow = bytesPerRow
    self.owner = owner
  }

  public var byteCount: Int { rows * bytesPerRow }

  /// Decodes rows into f32: `[range.count x columns]`.
  package func decode(rows range: Range<Int>, into out: UnsafeMutablePointer<Float>) {
    precondition(range.lowerBound >= 0 && range.upperBound <= rows, "rows \(range) of \(rows)")
    for (index, row) in range.enumerated() {
      hk_dequantize_row(
        format.kernelFormat, bytes + row * bytesPerRow, Int64(columns), out + index * columns)
    }
  }

  /// All numbers, decoded.
  package var values: [Float] {
    [Float](unsafeUninitializedCapacity: rows * columns) { buffer, count in
      decode(rows: 0..<rows, into: buffer.baseAddress!)
      count = rows * columns
    }
  }

  /// A copy with the rows in another order: row i of the copy is row `order[i]` of this.
  package func permutingRows(_ order: [Int]) -> Weight {
    precondition(order.count == rows, "\(order.count) places for \(rows) rows")
    let copy = OwnedBytes(count: byteCount)
    for (index, row) in order.enumerated() {
      (copy.pointer + index * bytesPerRow).copyMemory(
        from: bytes + row * bytesPerRow, byteCount: bytesPerRow)
    }
    return Weight(
      rows: rows, columns: columns, format: format,
      bytes: UnsafeRawBufferPointer(start: copy.pointer, count: byteCount), owner: copy)
  }
}

extension Weight {
  /// A copy with rows for columns; nil for a format of blocks, which stay in their rows.
  package var transposed: Weight? {
    guard format.isDense else { return nil }
    let copy = OwnedBytes(count: byteCount)
    switch format.bytesPerBlock {
    case 2: transpose(UInt16.self, into: copy.pointer)
    case 4: transpose(UInt32.self, into: copy.pointer)
    default: return nil
    }
    return Weight(
      rows: columns, columns: rows, format: format,
      bytes: UnsafeRawBufferPointer(start: copy.pointer, count: byteCount), owner: copy)
  }

  /// Goes through squares of both matrices that fit the cache.
  private func transpose<Number: FixedWidthInteger>(
    _: Number.Type, into target: UnsafeMutableRawPointer
  ) {
    let (side, size) = (32, MemoryLayout<Number>.size)
    for top in stride(from: 0, to: rows, by: side) {
      for left in stride(from: 0, to: columns, by: side) {
        for row in top..<min(top + side, rows) {
          let source = bytes + row * bytesPerRow
          for column in left..<min(left + side, columns) {
            // A file's numbers stand at any byte.
            let number = source.loadUnaligned(fromByteOffset: column * size, as: Number.self)
            target.storeBytes(
              of: number, toByteOffset: (column * rows + row) * size, as: Number.self)
          }
        }
      }
    }
  }
}

/// Bytes that belong to a weight alone.
package final class OwnedBytes {
  package let pointer: UnsafeMutableRawPointer

  package init(count: Int) {
    pointer = .allocate(byteCount: max(count, 1), alignment: 64)
  }

  deinit { pointer.deallocate() }
}
