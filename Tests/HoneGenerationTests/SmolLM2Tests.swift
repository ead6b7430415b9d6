import Foundation
import HoneAdapters
import HoneModels
import HoneStore
import HoneTensors
import Testing

/// The default model against transformers. Runs where the model is cached.
@Suite(.enabled(if: SmolLM2.gguf != nil), .serialized) struct SmolLM2Tests {
  static let model = KnownModel.smolLM2
  static let fixture = "smollm2"
  private let real: RealModel

  init() throws { real = try RealModel(Self.fixture) }

  @Test func `in f32 every log-probability is within a thousandth`() throws {
    let worst = try real.differences(try #require(SmolLM2.gguf), .f32).max() ?? .infinity
    print("SmolLM2 f32: largest difference \(worst)")
    #expect(worst < 1e-3)
  }

  @Test(arguments: [Compute.bf16, .auto])
  func `rounded products stay within a fiftieth in the mean`(
    compute: Compute
  ) throws {
    let all = try real.differences(try #require(SmolLM2.gguf), compute)
    let mean = all.reduce(0, +) / Double(all.count)
    print("SmolLM2 \(compute): mean difference \(mean), largest \(all.max() ?? 0)")
    #expect(mean < 0.02)
  }

  @Test(arguments: [Compute.f32, .bf16, .auto])
  func `what follows a prompt stays as near`(compute: Compute) throws {
    let all = try real.differences(
      try #require(SmolLM2.gguf), compute, promptShare: 0.5)
    let (mean, worst) = (all.reduce(0, +) / Double(all.count), all.max() ?? .infinity)
    print("SmolLM2 \(compute) after a prompt: mean difference \(mean), largest \(worst)")
    #expect(compute == .f32 ? worst < 1e-3 : mean < 0.02)
  }

  @Test func `the likeliest continuations are transformers' own`() throws {
    try real.expectGreedy(try #require(SmolLM2.gguf))
  }

  @Test func `a folder in Hugging Face layout of the same weights gives the same`() throws {
    let engine = Engine(threads: 2, compute: .f32)
    let base = try LanguageModel(
      LocalModel(path: try #require(SmolLM2.gguf), layout: .gguf), engine: engine)
    let folder = NSTemporaryDirectory() + "hone-smollm2-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let report = try ModelMerge(base, adapters: [], engine: engine)
      .write(to: folder, format: .f32)
    #expect(report.topAgreement == 1)
    let worst = try real.differences(folder, .f32).max() ?? .infinity
    print("SmolLM2 folder f32: largest difference \(worst)")
    #expect(worst < 1e-3)
    try real.expectGreedy(folder)
    let rounded = try real.differences(folder, .auto)
    #expect(rounded.reduce(0, +) / Double(rounded.count) < 0.02)
  }
}

private enum SmolLM2 {
  static let gguf = RealModel.gguf(ModelCatalog.defaultModel)
}
