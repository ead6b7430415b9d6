import HoneModels
import HoneTensors
import Testing

/// Gemma 3 270M from its Q4_K_M GGUF (blocks of Q4_K, Q5_0, Q6_K and Q8_0) against transformers. Runs
/// where the model is cached.
@Suite(.enabled(if: Gemma3File.gguf != nil), .serialized) struct Gemma3Tests {
  static let model = KnownModel.gemma3
  static let fixture = "gemma3"
  private let real: RealModel

  init() throws { real = try RealModel(Self.fixture) }

  @Test func `in f32 every log-probability is within a thousandth`() throws {
    let worst = try real.differences(try #require(Gemma3File.gguf), .f32).max() ?? .infinity
    print("Gemma 3 f32: largest difference \(worst)")
    #expect(worst < 1e-3)
  }

  @Test func `rounded products stay within a fiftieth in the mean`() throws {
    let all = try real.differences(try #require(Gemma3File.gguf), .auto)
    let mean = all.reduce(0, +) / Double(all.count)
    print("Gemma 3 auto: mean difference \(mean), largest \(all.max() ?? 0)")
    #expect(mean < 0.02)
  }

  @Test func `the likeliest continuations are transformers' own`() throws {
    try real.expectGreedy(try #require(Gemma3File.gguf))
  }
}

private enum Gemma3File {
  static let gguf = RealModel.gguf(.gemma3)
}
