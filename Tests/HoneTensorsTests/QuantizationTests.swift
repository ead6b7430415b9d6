import Foundation
import HoneFormats
import Testing

@testable import HoneTensors

@Suite struct QuantizationTests {
  private let file: SafetensorsFile
  private let engine = Engine(threads: 2, compute: .f32)

  init() throws {
    file = try SafetensorsFile(
      path: URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Fixtures/four-bit/four-bit.safetensors").path)
  }

  private func floats(_ name: String) throws -> [Float] {
    let tensor = try #require(file.tensor(named: name))
    return (0..<tensor.elementCount).map {
      tensor.bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self)
    }
  }

  private func matrix(_ format: StorageFormat) throws -> Weight {
    let tensor = try #require(file.tensor(named: "matrix"))
    let whole = Weight(
      rows: 48, columns: 192, format: .f32, bytes: tensor.bytes, owner: tensor.file)
    return try #require(whole.quantized(to: format, in: engine))
  }

  /// The codes bit for bit; the scales within what bitsandbytes' mean in f32 leaves open.
  @Test(arguments: [StorageFormat.nf4, .fp4])
  func `four bits are those of bitsandbytes with double quantisation`(format: StorageFormat) throws
  {
    let kind = format.rawValue.lowercased()
    let weight = try matrix(format)
    let codes = try #require(file.tensor(named: "\(kind).codes")).bytes
    let scales = try floats("\(kind).double.scales")
    let largest = try floats("\(kind).scales")
    for block in scales.indices {
      let bytes = UnsafeRawBufferPointer(start: weight.bytes + 36 * block, count: 36)
      #expect(Array(bytes[4...]) == Array(codes[32 * block..<32 * (block + 1)]), "block \(block)")
      let scale = bytes.loadUnaligned(as: Float.self)
      #expect(abs(scale - scales[block]) <= 4e-7 * largest.max()!, "block \(block)")
    }
    let numbers = try floats("\(kind).double.numbers")
    for (found, expected) in zip(weight.values, numbers) {
      #expect(abs(found - expected) <= 4e-7 * largest.max()!)
    }
  }

  @Test func `the numbers that scales are rounded to are those of bitsandbytes`() throws {
    #expect(ScaleQuantization.numbers == (try floats("dynamic")))
  }

  @Test func `eight bits lose at most half a step`() throws {
    let numbers = try floats("matrix")
    let found = try matrix(.q8_0).values
    for block in stride(from: 0, to: numbers.count, by: 32) {
      let largest = numbers[block..<block + 32].map(abs).max()!
      for index in block..<block + 32 {
        #expect(abs(found[index] - numbers[index]) <= largest * (0.5 / 127 + 0x1p-11))
      }
    }
  }

  @Test func `a row that is no whole number of blocks is refused`() throws {
    let tensor = try #require(file.tensor(named: "matrix"))
    let odd = Weight(
      rows: 288, columns: 32, format: .f32, bytes: tensor.bytes, owner: tensor.file)
    #expect(odd.quantized(to: .nf4, in: engine) == nil)
  }
}
