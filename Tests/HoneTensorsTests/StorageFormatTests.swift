import Foundation
import HoneFormats
import HoneKernels
import HoneTensors
import Testing

@Suite struct StorageFormatTests {
  private static let variants: [hk_isa] =
    [HK_ISA_REFERENCE, HK_ISA_AVX2, HK_ISA_AVX512, HK_ISA_NEON, HK_ISA_WIDE]
    .filter(hk_isa_available)

  /// Raw blocks and what gguf's own Python code makes of them, bit for bit.
  @Test(arguments: StorageFormat.allCases.filter { ![.f32, .nf4, .fp4].contains($0) })
  func `blocks decode to the same bits as gguf's`(format: StorageFormat) throws {
    let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("Fixtures/blocks/blocks.safetensors").path
    let file = try SafetensorsFile(path: path)
    let raw = try #require(file.tensor(named: "\(format).raw"))
    let expected = try #require(file.tensor(named: "\(format).expected"))
    let count = expected.elementCount
    let bits = (0..<count).map {
      expected.bytes.loadUnaligned(fromByteOffset: $0 * 4, as: UInt32.self)
    }
    for variant in Self.variants {
      var out = [Float](repeating: 0, count: count)
      hk_isa_override(Int32(variant.rawValue))
      hk_dequantize_row(format.kernelFormat, raw.bytes.baseAddress, Int64(count), &out)
      hk_isa_override(-1)
      let differences = zip(out, bits).filter { $0.bitPattern != $1 }.count
      #expect(differences == 0, "\(String(cString: hk_isa_name(variant)))")
    }
  }
}
