import HoneModels
import HoneTensors
import Testing

/// Qwen2.5-Coder 0.5B from its Q4_K_M GGUF (blocks of Q4_K, Q5_0, Q6_K and Q8_0, biases of queries, keys
/// and values) against transformers. Runs where the model is cached.
@Suite(.enabled(if: Qwen2File.gguf != nil), .serialized) struct Qwen2Tests {
  static let model = KnownModel.qwen25Coder
  static let fixture = "qwen2.5-coder"
  private let real: RealModel

  init() throws { real = try RealModel(Self.fixture) }

  @Test func `in f32 every log-probability is within a thousandth`() throws {
    let worst = try real.differences(try #require(Qwen2File.gguf), .f32).max() ?? .infinity
    print("Qwen2.5-Coder f32: largest difference \(worst)")
    #expect(worst < 1e-3)
  }

  @Test func `rounded products stay within a fiftieth in the mean`() throws {
    let all = try real.differences(try #require(Qwen2File.gguf), .auto)
    let mean = all.reduce(0, +) / Double(all.count)
    print("Qwen2.5-Coder auto: mean difference \(mean), largest \(all.max() ?? 0)")
    #expect(mean < 0.02)
  }

  @Test func `the likeliest continuations are transformers' own`() throws {
    try real.expectGreedy(try #require(Qwen2File.gguf))
  }
}

private enum Qwen2File {
  static let gguf = RealModel.gguf(.qwen25Coder)
}
