import HoneKernels

/// How the numbers of a stored matrix are encoded: plain, or in blocks as GGUF or bitsandbytes has
/// them.
///
/// Blocks are those of ggml (`ggml-common.h`), and NF4 and FP4 of Dettmers et al. 2023; every row of a matrix is a whole number of blocks.
// The cases are spelled as everybody knows the formats.
// swift-format-ignore: AlwaysUseLowerCamelCase
public enum StorageFormat: String, Sendable, CaseIterable, CustomStringConvertible {
  case f32 = "F32"
  case f16 = "F16"
  case bf16 = "BF16"
  case q4_0 = "Q4_0"
  case q4_1 = "Q4_1"
  case q5_0 = "Q5_0"
  case q5_1 = "Q5_1"
  case q8_0 = "Q8_0"
  case q2K = "Q2_K"
  case q3K = "Q3_K"
  case q4K = "Q4_K"
  case q5K = "Q5_K"
  case q6K = "Q6_K"
  case iq4NL = "IQ4_NL"
  case nf4 = "NF4"
  case fp4 = "FP4"

  /// The kernels' number for it.
  package var kernelFormat: hk_format {
    switch self {
    case .f32: HK_F32
    case .f16: HK_F16
    case .bf16: HK_BF16
    case .q4_0: HK_Q4_0
    case .q4_1: HK_Q4_1
    case .q5_0: HK_Q5_0
    case .q5_1: HK_Q5_1
    case .q8_0: HK_Q8_0
    case .q2K: HK_Q2_K
    case .q3K: HK_Q3_K
    case .q4K: HK_Q4_K
    case .q5K: HK_Q5_K
    case .q6K: HK_Q6_K
    case .iq4NL: HK_IQ4_NL
    case .nf4: HK_NF4
    case .fp4: HK_FP4
    }
  }

  /// Numbers in a block; 1 for the plain formats.
  public var elementsPerBlock: Int { Int(hk_format_block_elements(kernelFormat)) }

  /// Bytes that a block takes.
  public var bytesPerBlock: Int { Int(hk_format_block_bytes(kernelFormat)) }

  /// Whether every number is stored by itself.
  public var isDense: Bool { elementsPerBlock == 1 }

  public var description: String { rawValue }

  /// Bytes of a row of `columns` numbers; nil when that is not a whole number of blocks.
  package func bytesPerRow(columns: Int) -> Int? {
    columns % elementsPerBlock == 0 ? columns / elementsPerBlock * bytesPerBlock : nil
  }
}
