import HoneAdapters
import HoneFormats
import HoneModels
import HoneTensors
import Testing

/// What peft computed, see `make_lora_fixtures.py`.
struct LoRAFixture: CustomTestStringConvertible {
  let name: String

  static let all = [
    "tied-plain", "tied-rslora", "tied-patterns", "tied-embeddings", "tied-embeddings-shared",
    "untied-plain", "untied-rslora", "untied-patterns", "untied-embeddings",
  ].map(LoRAFixture.init)

  var folder: String { peftFixture("lora-\(name)") }
  var base: String { tinyModel(name.hasPrefix("tied") ? "tiny-llama-tied" : "tiny-llama-untied") }
  var testDescription: String { name }

  func expected() throws -> (file: SafetensorsFile, batch: TrainedRows) {
    let file = try SafetensorsFile(path: "\(folder)/expected.safetensors")
    return (
      file,
      TrainedRows(
        ids: file.numbers("input_ids", as: Int64.self).map(Int32.init),
        labels: file.numbers("labels", as: Int64.self).map(Int32.init), length: 20)
    )
  }
}

@Suite struct LoRATests {
  private let engine = Engine(threads: 2, compute: .f32)

  @Test(arguments: LoRAFixture.all)
  func `an adapter of peft's gives peft's logits`(fixture: LoRAFixture) throws {
    let model = try LanguageModel(folder: fixture.base, engine: engine)
    let adapter = try AdapterFolder.load("\(fixture.folder)/initial", for: model, engine: engine)
    let (file, batch) = try fixture.expected()
    let found = model.logits(batch.rows, adapter: adapter, engine: engine)
    #expect(largestDifference(found, file.floats("logits")) < 1e-5)
  }

  @Test(arguments: LoRAFixture.all)
  func `loss and gradients are peft's`(fixture: LoRAFixture) throws {
    let model = try LanguageModel(folder: fixture.base, engine: engine)
    let adapter = try AdapterFolder.load("\(fixture.folder)/initial", for: model, engine: engine)
    let (file, batch) = try fixture.expected()
    let (loss, gradients) = model.loss(batch, adapter: adapter, engine: engine)
    #expect(abs(loss - file.floats("losses")[0]) < 1e-5)
    let names = file.tensors.compactMap { tensor in
      tensor.name.hasPrefix("gradient.") ? String(tensor.name.dropFirst(9)) : nil
    }
    #expect(Set(adapter.parameters.map(\.name)) == Set(names))
    for parameter in adapter.parameters {
      let gradient = try #require(gradients[parameter.tensor])
      let error = relativeError(gradient.values, file.floats("gradient.\(parameter.name)"))
      #expect(error < 1e-5, "\(parameter.name)")
    }
  }

  @Test(arguments: LoRAFixture.all)
  func `an adapter that peft trained has the loss that peft found`(fixture: LoRAFixture) throws {
    let model = try LanguageModel(folder: fixture.base, engine: engine)
    let adapter = try AdapterFolder.load("\(fixture.folder)/final", for: model, engine: engine)
    let (file, batch) = try fixture.expected()
    let (loss, _) = model.loss(batch, adapter: adapter, engine: engine)
    #expect(abs(loss - file.floats("losses")[10]) < 1e-5)
  }

  @Test(arguments: LoRAFixture.all)
  func `peft's folder is written as peft writes it`(fixture: LoRAFixture) throws {
    let model = try LanguageModel(folder: fixture.base, engine: engine)
    let adapter = try AdapterFolder.load("\(fixture.folder)/final", for: model, engine: engine)
    let folder = try TemporaryFolder()
    try AdapterFolder.save(
      adapter, to: folder.path,
      base: fixture.name.hasPrefix("tied") ? "tiny-llama-tied" : "tiny-llama-untied")
    let weights = "adapter_model.safetensors"
    #expect(areSame("\(folder.path)/\(weights)", "\(fixture.folder)/final/\(weights)"))
    let configs = try [folder.path, "\(fixture.folder)/final"].map {
      try AdapterFolder.contents(of: $0).config
    }
    #expect(Self.sortingTargets(configs[0]) == Self.sortingTargets(configs[1]))
  }

  /// Peft writes a set, in no certain order.
  private static func sortingTargets(_ config: JSONObject) -> JSONObject {
    var config = config
    let names = config["target_modules"]?.array?.compactMap(\.string) ?? []
    config["target_modules"] = .array(names.sorted().map { .string($0) })
    return JSONObject(config.sorted { $0.0 < $1.0 })
  }
}
