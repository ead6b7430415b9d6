import Foundation
import HoneAdapters
import HoneFormats
import HoneModels
import HoneTensors
import Testing

private let fixtures =
  URL(fileURLWithPath: #filePath).deletingLastPathComponent()
  .deletingLastPathComponent().path + "/Fixtures"

/// What peft computed, see `make_prompt_fixtures.py`.
struct PromptFixture: CustomTestStringConvertible {
  let name: String
  /// The recipe's settings of an adapter with the same encoder; empty where there is none.
  let settings: JSONObject

  init(_ name: String, _ settings: [(String, JSONValue)] = []) {
    self.name = name
    self.settings = JSONObject(settings)
  }

  var testDescription: String { name }
  var folder: String { "\(fixtures)/prompts/\(name)" }

  func base() throws -> String {
    try #require(
      AdapterFolder.contents(of: folder).config["base_model_name_or_path"]?.string)
  }

  func expected() throws -> (file: SafetensorsFile, batch: TrainedRows) {
    let file = try SafetensorsFile(path: "\(folder)/expected.safetensors")
    return (
      file,
      TrainedRows(
        ids: file.numbers("input_ids", as: Int64.self).map(Int32.init),
        labels: file.numbers("labels", as: Int64.self).map(Int32.init), length: 16)
    )
  }

  /// An adapter with the encoder that peft had.
  func encoded(
    _ method: AdapterMethod, for model: LanguageModel, engine: Engine
  ) throws -> any TrainableAdapter {
    let adapter = try method.make(method.values(settings), model, engine, 3)
    let (file, _) = try expected()
    for parameter in adapter.parameters {
      let values = file.floats("encoder.\(parameter.name)")
      try #require(values.count == parameter.tensor.shape.count, "\(parameter.name)")
      for (index, value) in values.enumerated() { parameter.tensor.pointer[index] = value }
    }
    return adapter
  }

  /// Reads peft's folder: its logits, its loss, its gradient, and the same folder again.
  func check() throws {
    let engine = Engine(threads: 2, compute: .f32)
    let model = try LanguageModel(folder: tinyModel(base()), engine: engine)
    let (file, batch) = try expected()
    let adapter = try AdapterFolder.load(folder, for: model, engine: engine)
    let found = model.logits(batch.rows, adapter: adapter, engine: engine)
    #expect(largestDifference(found, file.floats("logits")) < 1e-5)
    let (loss, gradients) = model.loss(batch, adapter: adapter, engine: engine)
    #expect(abs(loss - file.floats("loss")[0]) < 1e-5)
    if settings.keys.isEmpty {
      let rows = try #require(adapter.parameters.first)
      let gradient = try #require(gradients[rows.tensor])
      let error = relativeError(gradient.values, file.floats("gradient.embedding.weight"))
      #expect(error < 1e-4)
    }
    let again = try TemporaryFolder()
    try AdapterFolder.save(adapter, to: again.path, base: base())
    for name in ["adapter_config.json", "adapter_model.safetensors"] {
      #expect(areSame("\(again.path)/\(name)", "\(folder)/\(name)"), "\(name)")
    }
  }

  /// Computes with peft's encoder: its logits, its loss, every gradient, and the folder that it saves.
  func checkEncoder(_ method: AdapterMethod) throws {
    let engine = Engine(threads: 2, compute: .f32)
    let model = try LanguageModel(folder: tinyModel(base()), engine: engine)
    let (file, batch) = try expected()
    let adapter = try encoded(method, for: model, engine: engine)
    let names = file.tensors.compactMap { tensor in
      tensor.name.hasPrefix("gradient.") ? String(tensor.name.dropFirst(9)) : nil
    }
    #expect(Set(adapter.parameters.map(\.name)) == Set(names))
    let found = model.logits(batch.rows, adapter: adapter, engine: engine)
    #expect(largestDifference(found, file.floats("logits")) < 1e-5)
    let (loss, gradients) = model.loss(batch, adapter: adapter, engine: engine)
    #expect(abs(loss - file.floats("loss")[0]) < 1e-5)
    for parameter in adapter.parameters {
      let gradient = try #require(gradients[parameter.tensor], "\(parameter.name)")
      let error = relativeError(gradient.values, file.floats("gradient.\(parameter.name)"))
      #expect(error < 1e-4, "\(parameter.name)")
    }
    let again = try TemporaryFolder()
    try AdapterFolder.save(adapter, to: again.path, base: base())
    #expect(areSame("\(again.path)/adapter_config.json", "\(folder)/adapter_config.json"))
    let contents = try [again.path, folder].map { try AdapterFolder.contents(of: $0).entries }
    #expect(contents[0].map(\.name) == contents[1].map(\.name))
    #expect(largestDifference(contents[0][0].values, contents[1][0].values) < 1e-5)
  }

  /// What an adapter's folder holds at the start.
  static func start(
    _ method: AdapterMethod, _ settings: [(String, JSONValue)], base: String, seed: UInt64 = 1
  ) throws -> [Float] {
    let engine = Engine(threads: 2, compute: .f32)
    let model = try LanguageModel(folder: tinyModel(base), engine: engine)
    return try method.make(method.values(JSONObject(settings)), model, engine, seed)
      .folder().entries[0].values
  }

  /// Writes what an adapter of Hone's is, moved from its start, where peft was seen to read it.
  func checkWritten(_ method: AdapterMethod, base: String) throws {
    let engine = Engine(threads: 2, compute: .f32)
    let model = try LanguageModel(folder: tinyModel(base), engine: engine)
    let adapter = try ContractCase(method: method, settings: settings).makeMoved(model, engine)
    let folder = try TemporaryFolder()
    try AdapterFolder.save(adapter, to: folder.path, base: base)
    let path = "\(fixtures)/prompts-written/\(name)"
    let ids = (0..<32).map { Int64(($0 * 53 + 7) % 260 + 3) }
    let rows = [ids[..<16], ids[16...]].map { $0.map { Int32($0) } }
    let logits = model.logits(rows, adapter: adapter, engine: engine)
    if ProcessInfo.processInfo.environment["HONE_RECORD"] != nil {
      try? FileManager.default.removeItem(atPath: path)
      try AdapterFolder.save(adapter, to: path, base: base)
      try SafetensorsWriter.write(
        to: "\(path)/expected.safetensors",
        [
          .init(name: "input_ids", type: .i64, shape: [2, 16]),
          .init(name: "logits", type: .f32, shape: [2, 16, model.spec.vocabularySize]),
        ]
      ) { entry, give in
        try entry.name == "logits" ? logits.withUnsafeBytes(give) : ids.withUnsafeBytes(give)
      }
    }
    #expect(areSame("\(folder.path)/adapter_config.json", "\(path)/adapter_config.json"))
    let contents = try [folder.path, path].map { try AdapterFolder.contents(of: $0).entries }
    #expect(largestDifference(contents[0][0].values, contents[1][0].values) < 1e-5)
    let expected = try SafetensorsFile(path: "\(path)/expected.safetensors").floats("logits")
    #expect(largestDifference(logits, expected) < 1e-5)
  }
}
