import HoneAdapters
import HoneFormats
import HoneModels
import HoneTensors
import Testing

@Suite struct BitFitTests {
  private let engine = Engine(threads: 2, compute: .f32)

  @Test func `biases are added where the family has none, and start at zero`() throws {
    let model = try LanguageModel(folder: tinyModel("tiny-llama-tied"), engine: engine)
    let adapter = try BitFit.method.make(BitFit.method.values(), model, engine, 1)
    let biases = adapter.parameters.filter { $0.name.hasSuffix(".bias") }
    #expect(biases.count == 14 && adapter.parameters.count == 14 + 5)
    #expect(biases.allSatisfy { $0.tensor.values.allSatisfy { $0 == 0 } && !$0.decays })
  }

  @Test func `merged, the configuration says that there are biases`() throws {
    let model = try LanguageModel(folder: tinyModel("tiny-llama-tied"), engine: engine)
    let settings = JSONObject([("target_modules", .array([.string("q_proj")]))])
    let adapter = try ContractCase(method: BitFit.method, settings: settings)
      .makeMoved(model, engine)
    let folder = try TemporaryFolder()
    _ = try ModelMerge(model, adapters: [adapter], engine: engine)
      .write(to: "\(folder.path)/merged", format: .f32)
    let merged = try LanguageModel(folder: "\(folder.path)/merged", engine: engine)
    let bias = merged.decoder.projection(at: Site(.query, layer: 1)).bias?.values
    #expect(bias == adapter.parameters[1].tensor.values)
    #expect(merged.decoder.projection(at: Site(.key, layer: 1)).bias?.values.max() == 0)
    #expect(merged.decoder.projection(at: Site(.up, layer: 1)).bias == nil)
    // A model that has biases trains copies of them.
    let existing = try BitFit.method.make(
      BitFit.method.values(
        JSONObject([("target_modules", .string("existing")), ("norms", .bool(false))])),
      merged, engine, 1)
    #expect(existing.parameters.count == 8)
    #expect(existing.parameters[4].tensor.values == bias)
    #expect(!existing.addsBias(at: Site(.query, layer: 1)))
  }

  @Test func `what is asked for in vain is told`() throws {
    let model = try LanguageModel(folder: tinyModel("tiny-llama-tied"), engine: engine)
    let error = #expect(throws: AdapterError.self) {
      try BitFit.method.make(
        BitFit.method.values(
          JSONObject([("target_modules", .string("existing")), ("norms", .bool(false))])),
        model, engine, 1)
    }
    #expect(
      error?.description
        == "bitfit: target_modules: the model has no bias at all; choose projections to add biases "
        + "to, or train the norms")
  }
}
