import HoneKernels
import Testing

/// An instruction set that this machine can run.
struct Variant: CustomTestStringConvertible, Sendable {
  let isa: hk_isa
  var testDescription: String { String(cString: hk_isa_name(isa)) }

  /// All vector sets that this machine can run; the plain C one is what they are compared with.
  static let vector: [Variant] =
    [HK_ISA_AVX2, HK_ISA_AVX512, HK_ISA_AVX512BF16, HK_ISA_AMX, HK_ISA_NEON, HK_ISA_WIDE]
    .filter(hk_isa_available).map(Variant.init)

  /// Runs kernels with this set on the calling thread.
  func run(_ body: () -> Void) {
    hk_isa_override(Int32(isa.rawValue))
    defer { hk_isa_override(-1) }
    body()
  }
}

/// Numbers that look like activations, the same in every run.
struct Numbers {
  private var state: UInt64

  init(seed: Int) { state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1 }

  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }

  /// Roughly normal, standard deviation `scale`.
  mutating func floats(_ count: Int, scale: Float = 1) -> [Float] {
    (0..<count).map { _ in
      let sum = (0..<4).reduce(Float(0)) { sum, _ in sum + Float(next() >> 40) / Float(1 << 24) }
      return (sum - 2) * 1.7 * scale
    }
  }

  mutating func integers(_ count: Int, below bound: Int) -> [Int] {
    (0..<count).map { _ in Int(next() >> 33) % bound }
  }

  /// Bytes of random blocks with scales of sensible size.
  mutating func blocks(_ format: hk_format, elements: Int) -> [UInt8] {
    let size = Int(hk_format_block_bytes(format))
    let count = elements / Int(hk_format_block_elements(format))
    var bytes: [UInt8] = []
    for _ in 0..<count {
      var block = (0..<size).map { _ in UInt8(truncatingIfNeeded: next() >> 24) }
      // The f16 scales: keep sign and mantissa, with exponents about 2^-6.
      for place in Self.scalePlaces(format) { block[place + 1] = block[place + 1] & 0x83 | 0x24 }
      if format == HK_F32 {
        withUnsafeBytes(of: floats(1)[0]) { block = Array($0) }
      } else if format == HK_BF16 {
        withUnsafeBytes(of: floats(1)[0]) { block = Array($0.suffix(2)) }
      } else if format == HK_F16 {
        block[1] = block[1] & 0x83 | 0x34
      } else if format == HK_NF4 || format == HK_FP4 {
        withUnsafeBytes(of: floats(1, scale: 0.05)[0]) { block.replaceSubrange(0..<4, with: $0) }
      }
      bytes += block
    }
    return bytes
  }

  private static func scalePlaces(_ format: hk_format) -> [Int] {
    switch format {
    case HK_Q4_0, HK_Q5_0, HK_Q8_0, HK_IQ4_NL: [0]
    case HK_Q4_1, HK_Q5_1, HK_Q4_K, HK_Q5_K: [0, 2]
    case HK_Q2_K: [80, 82]
    case HK_Q3_K: [108]
    case HK_Q6_K: [208]
    default: []
    }
  }
}

/// The largest difference, as a share of the largest expected number (or of 1).
func worstDifference(_ found: [Float], _ expected: [Float]) -> Float {
  guard found.count == expected.count else { return .infinity }
  let size = max(1, expected.map(abs).max() ?? 0)
  return zip(found, expected).reduce(0) { worst, pair in
    let difference = abs(pair.0 - pair.1)
    return difference.isNaN ? .infinity : max(worst, difference / size)
  }
}

let allFormats: [hk_format] = [
  HK_F32, HK_F16, HK_BF16, HK_Q4_0, HK_Q4_1, HK_Q5_0, HK_Q5_1, HK_Q8_0, HK_Q2_K, HK_Q3_K,
  HK_Q4_K, HK_Q5_K, HK_Q6_K, HK_IQ4_NL, HK_NF4, HK_FP4,
]

/// Sizes around every vector and tile width.
let oddSizes = [1, 2, 3, 4, 5, 7, 8, 9, 12, 13, 15, 16, 17, 31, 32, 33, 64, 65, 100]
