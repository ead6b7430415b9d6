/// How the numbers of a safetensors tensor are encoded: every type of the format, whether Hone
/// computes with it or not.
///
/// Raw values are the names in the file. The cases stand in the reference implementation's order of
/// alignment; it writes tensors of later types first.
// The cases are spelled as the format spells them, in lower case.
// swift-format-ignore: AlwaysUseLowerCamelCase
package enum SafetensorsType: String, Sendable, CaseIterable {
  case bool = "BOOL"
  case f4 = "F4"
  case f6_e2m3 = "F6_E2M3"
  case f6_e3m2 = "F6_E3M2"
  case u8 = "U8"
  case i8 = "I8"
  case f8_e5m2 = "F8_E5M2"
  case f8_e4m3 = "F8_E4M3"
  case f8_e8m0 = "F8_E8M0"
  case f8_e4m3fnuz = "F8_E4M3FNUZ"
  case f8_e5m2fnuz = "F8_E5M2FNUZ"
  case i16 = "I16"
  case u16 = "U16"
  case f16 = "F16"
  case bf16 = "BF16"
  case i32 = "I32"
  case u32 = "U32"
  case f32 = "F32"
  case c64 = "C64"
  case f64 = "F64"
  case i64 = "I64"
  case u64 = "U64"

  /// The size of one element in bits.
  package var bitCount: Int {
    switch self {
    case .f4: 4
    case .f6_e2m3, .f6_e3m2: 6
    case .bool, .u8, .i8, .f8_e5m2, .f8_e4m3, .f8_e8m0, .f8_e4m3fnuz, .f8_e5m2fnuz: 8
    case .i16, .u16, .f16, .bf16: 16
    case .i32, .u32, .f32: 32
    case .c64, .f64, .i64, .u64: 64
    }
  }

  /// The size of a tensor; nil when it overflows or does not fill whole bytes.
  package func byteCount(shape: [Int]) -> Int? {
    // Zeros would hide the overflow of the other sizes, so they count as one here.
    var bits = bitCount
    for size in shape {
      let (product, overflow) = bits.multipliedReportingOverflow(by: max(size, 1))
      guard !overflow else { return nil }
      bits = product
    }
    if shape.contains(0) { return 0 }
    return bits.isMultiple(of: 8) ? bits / 8 : nil
  }

  /// The place in the reference implementation's order.
  var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
