import Testing

@testable import HoneTensors

@Suite struct WeightTests {
  private func weight(_ format: StorageFormat, rows: Int, columns: Int) -> Weight {
    let bytes = format.encode((0..<rows * columns).map { Float($0 % 251) - 125 })
    let owner = OwnedBytes(count: bytes.count)
    bytes.withUnsafeBytes {
      owner.pointer.copyMemory(from: $0.baseAddress!, byteCount: $0.count)
    }
    return Weight(
      rows: rows, columns: columns, format: format,
      bytes: UnsafeRawBufferPointer(start: owner.pointer, count: bytes.count), owner: owner)
  }

  @Test(arguments: [StorageFormat.f32, .f16, .bf16])
  func `a matrix is turned over in its format`(format: StorageFormat) throws {
    let (rows, columns) = (37, 70)
    let weight = weight(format, rows: rows, columns: columns)
    let turned = try #require(weight.transposed)
    #expect(turned.rows == columns && turned.columns == rows && turned.format == format)
    let (values, others) = (weight.values, turned.values)
    for row in 0..<rows {
      for column in 0..<columns {
        #expect(others[column * rows + row] == values[row * columns + column])
      }
    }
    #expect(turned.transposed?.values == values)
  }

  @Test func `blocks are not`() throws {
    let bytes = OwnedBytes(count: 34)
    let weight = Weight(
      rows: 1, columns: 32, format: .q8_0,
      bytes: UnsafeRawBufferPointer(start: bytes.pointer, count: 34), owner: bytes)
    #expect(weight.transposed == nil)
  }
}
