/// How the numbers of a GGUF tensor are encoded: every type that ggml stores in files, whether Hone
/// computes with it or not.
///
/// Numbers and sizes follow `ggml.h` and the `GGML_QUANT_SIZES` table of the `gguf` Python package.
// The cases are spelled as everybody knows the types, in lower case.
// swift-format-ignore: AlwaysUseLowerCamelCase
package enum GGMLType: UInt32, Sendable, CaseIterable {
  case f32 = 0
  case f16 = 1
  case q4_0 = 2
  case q4_1 = 3
  case q5_0 = 6
  case q5_1 = 7
  case q8_0 = 8
  case q8_1 = 9
  case q2_k = 10
  case q3_k = 11
  case q4_k = 12
  case q5_k = 13
  case q6_k = 14
  case q8_k = 15
  case iq2_xxs = 16
  case iq2_xs = 17
  case iq3_xxs = 18
  case iq1_s = 19
  case iq4_nl = 20
  case iq3_s = 21
  case iq2_s = 22
  case iq4_xs = 23
  case i8 = 24
  case i16 = 25
  case i32 = 26
  case i64 = 27
  case f64 = 28
  case iq1_m = 29
  case bf16 = 30
  case tq1_0 = 34
  case tq2_0 = 35
  case mxfp4 = 39
  case nvfp4 = 40
  case q1_0 = 41

  /// The field's spelling, for instance `Q4_K`.
  package var name: String { "\(self)".uppercased() }

  /// How many consecutive numbers of a row share one block; 1 for plain numbers.
  package var elementsPerBlock: Int { layout.elements }

  /// The size of one block in bytes.
  package var bytesPerBlock: Int { layout.bytes }

  private var layout: (elements: Int, bytes: Int) {
    switch self {
    case .f32, .i32: (1, 4)
    case .f16, .bf16, .i16: (1, 2)
    case .f64, .i64: (1, 8)
    case .i8: (1, 1)
    case .q4_0, .iq4_nl: (32, 18)
    case .q4_1: (32, 20)
    case .q5_0: (32, 22)
    case .q5_1: (32, 24)
    case .q8_0: (32, 34)
    case .q8_1: (32, 40)
    case .mxfp4: (32, 17)
    case .nvfp4: (64, 36)
    case .q1_0: (128, 18)
    case .q2_k: (256, 84)
    case .q3_k, .iq3_s: (256, 110)
    case .q4_k: (256, 144)
    case .q5_k: (256, 176)
    case .q6_k: (256, 210)
    case .q8_k: (256, 292)
    case .iq1_s: (256, 50)
    case .iq1_m: (256, 56)
    case .iq2_xxs, .tq2_0: (256, 66)
    case .iq2_xs: (256, 74)
    case .iq2_s: (256, 82)
    case .iq3_xxs: (256, 98)
    case .iq4_xs: (256, 136)
    case .tq1_0: (256, 54)
    }
  }

  /// The name of a type that ggml once had and no longer reads.
  static func removedName(of number: UInt32) -> String? {
    switch number {
    case 4: "Q4_2"
    case 5: "Q4_3"
    case 31: "Q4_0_4_4"
    case 32: "Q4_0_4_8"
    case 33: "Q4_0_8_8"
    case 36: "IQ4_NL_4_4"
    case 37: "IQ4_NL_4_8"
    case 38: "IQ4_NL_8_8"
    default: nil
    }
  }
}
