import HoneModels
import HoneStore
import HoneTensors
import Testing

/// Real models from their Q4_K_M GGUF (blocks of Q4_K, Q5_0, Q6_K and Q8_0) against transformers. Those
/// that are cached are run.
@Suite(.serialized) struct QuantisedModelTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let model: KnownModel
    let fixture: String
    var testDescription: String { model.name }
  }

  static let all = [
    Case(model: .gemma3, fixture: "gemma3"), Case(model: .qwen25Coder, fixture: "qwen2.5-coder"),
  ]
  private static let cached = all.compactMap { item in
    RealModel.gguf(item.model).map { (item, $0) }
  }

  @Test(arguments: cached)
  func `in f32 every log-probability is within a thousandth`(item: Case, gguf: String) throws {
    let worst = try RealModel(item.fixture).differences(gguf, .f32).max() ?? .infinity
    print("\(item.model.name) f32: largest difference \(worst)")
    #expect(worst < 1e-3)
  }

  @Test(arguments: cached)
  func `rounded products stay within a fiftieth in the mean`(item: Case, gguf: String) throws {
    let all = try RealModel(item.fixture).differences(gguf, .auto)
    let mean = all.reduce(0, +) / Double(all.count)
    print("\(item.model.name) auto: mean difference \(mean), largest \(all.max() ?? 0)")
    #expect(mean < 0.02)
  }

  @Test(arguments: cached)
  func `the likeliest continuations are transformers' own`(item: Case, gguf: String) throws {
    try RealModel(item.fixture).expectGreedy(gguf)
  }
}
