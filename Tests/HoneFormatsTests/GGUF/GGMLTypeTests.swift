import Testing

@testable import HoneFormats

@Suite struct GGMLTypeTests {
  @Test func `names are ggml's`() {
    #expect(
      GGMLType.allCases.map(\.name).joined(separator: " ")
        == "F32 F16 Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q8_1 Q2_K Q3_K Q4_K Q5_K Q6_K Q8_K IQ2_XXS IQ2_XS "
        + "IQ3_XXS IQ1_S IQ4_NL IQ3_S IQ2_S IQ4_XS I8 I16 I32 I64 F64 IQ1_M BF16 TQ1_0 TQ2_0 "
        + "MXFP4 NVFP4 Q1_0")
  }

  @Test func `removed types keep their names`() {
    #expect(GGMLType.removedName(of: 32) == "Q4_0_4_8")
    #expect(GGMLType.removedName(of: 99) == nil)
  }

  @Test func `blocks of a few types have the sizes of ggml`() {
    let sizes = [GGMLType.bf16, .q4_1, .q4_k, .q6_k].map {
      [$0.elementsPerBlock, $0.bytesPerBlock]
    }
    #expect(sizes == [[1, 2], [32, 20], [256, 144], [256, 210]])
  }
}
