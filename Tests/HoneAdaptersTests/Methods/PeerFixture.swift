import Foundation
import HoneAdapters
import HoneFormats
import HoneModels
import HoneTensors
import Testing

private let fixtures =
  URL(fileURLWithPath: #filePath).deletingLastPathComponent()
  .deletingLastPathComponent().path + "/Fixtures"

/// A folder of an adapter beside what a peer computed with it: `input_ids`, `labels`, `loss`,
/// `logits` and `gradient.NAME`.
struct PeerFixture: CustomTestStringConvertible, Sendable {
  let path: String
  var testDescription: String { path }
  var folder: String { "\(fixtures)/\(path)" }

  init(_ path: String) { self.path = path }

  private func load(_ engine: Engine) throws -> (
    contents: AdapterContents, base: String, model: LanguageModel, adapter: any TrainableAdapter
  ) {
    let contents = try AdapterFolder.contents(of: folder)
    let base = try #require(
      (contents.config["base_model_name_or_path"] ?? contents.config["model_name"])?.string)
    let model = try LanguageModel(folder: tinyModel(base), engine: engine)
    return (
      contents, base, model, try AdapterFolder.load(folder, for: model, engine: engine)
    )
  }

  /// Expects the peer's logits, loss and every gradient.
  func expectSameNumbers() throws {
    let engine = Engine(threads: 2, compute: .f32)
    let (_, _, model, adapter) = try load(engine)
    let file = try SafetensorsFile(path: "\(folder)/expected.safetensors")
    let batch = TrainedRows(
      ids: file.numbers("input_ids", as: Int64.self).map(Int32.init),
      labels: file.numbers("labels", as: Int64.self).map(Int32.init), length: 20)
    let logits = model.logits(batch.rows, adapter: adapter, engine: engine)
    #expect(largestDifference(logits, file.floats("logits")) < 1e-5)
    let (loss, gradients) = model.loss(batch, adapter: adapter, engine: engine)
    #expect(abs(loss - file.floats("loss")[0]) < 1e-5)
    let names = file.tensors.compactMap { tensor in
      tensor.name.hasPrefix("gradient.") ? String(tensor.name.dropFirst(9)) : nil
    }
    #expect(
      Set(adapter.folderName(of: adapter.parameters).values) == Set(names) && !names.isEmpty)
    let inFile = adapter.folderName(of: adapter.parameters)
    for parameter in adapter.parameters {
      let gradient = try #require(gradients[parameter.tensor])
      let name = inFile[parameter.name] ?? ""
      let error = relativeError(gradient.values, file.floats("gradient.\(name)"))
      #expect(error < 1e-4, "\(parameter.name)")
    }
  }

  /// Expects the peer's losses in ten steps of Adam, and which of AdaLoRA's triplets are left.
  func expectSameLosses() throws {
    let engine = Engine(threads: 2, compute: .f32)
    let (_, _, model, adapter) = try load(engine)
    let file = try SafetensorsFile(path: "\(folder)/expected.safetensors")
    let batch = TrainedRows(
      ids: file.numbers("input_ids", as: Int64.self).map(Int32.init),
      labels: file.numbers("labels", as: Int64.self).map(Int32.init), length: 20)
    var adam = Adam(adapter.parameters)
    let losses = file.floats("losses")
    #expect(losses.count == 10)
    for (step, expected) in losses.enumerated() {
      let (loss, gradients) = model.loss(batch, adapter: adapter, engine: engine)
      #expect(abs(loss - expected) < 1e-3 * expected)
      adam.step(gradients, rate: 5e-3)
      adapter.stepEnded(step + 1, of: losses.count, gradients: gradients, in: engine)
    }
    for tensor in file.tensors where tensor.name.hasPrefix("kept.") {
      let name = "\(tensor.name.dropFirst(5)).kept"
      let found = try #require(adapter.state.first { $0.name == name }).tensor.values
      #expect(found == file.floats(tensor.name), "\(name)")
    }
  }

  /// Expects that the adapter, read and saved again, is the folder: tensors to the byte, and the
  /// configuration too, but for the order of sets.
  func expectSameFolder(weights: String) throws {
    let engine = Engine(threads: 2, compute: .f32)
    let (contents, base, _, adapter) = try load(engine)
    let again = try TemporaryFolder()
    try AdapterFolder.save(adapter, to: again.path, base: base)
    #expect(areSame("\(folder)/\(weights)", "\(again.path)/\(weights)"))
    let written = try AdapterFolder.contents(of: again.path).config
    #expect(Set(written.keys) == Set(contents.config.keys))
    func sorted(_ value: JSONValue) -> JSONValue {
      guard let names = value.array?.compactMap(\.string), !names.isEmpty else { return value }
      return .array(names.sorted().map { .string($0) })
    }
    for (key, value) in contents.config where key != "target_modules" {
      #expect(sorted(written[key] ?? .null) == sorted(value), "\(key)")
    }
    if weights == "adapter.safetensors" {
      #expect(areSame("\(folder)/adapter_config.json", "\(again.path)/adapter_config.json"))
    }
  }

  /// Expects that what Hone writes is what stands in a folder that the peer was seen to read;
  /// HONE_RECORD=1 writes that folder anew.
  ///
  /// - Parameter train: does with the adapter what comes before it is written.
  func expectWritten(
    _ method: AdapterMethod, _ settings: JSONObject, base: String,
    after train: (any TrainableAdapter, LanguageModel, Engine) -> Void = { _, _, _ in }
  ) throws {
    let engine = Engine(threads: 2, compute: .f32)
    let model = try LanguageModel(folder: tinyModel(base), engine: engine)
    let adapter = try ContractCase(method: method, settings: settings).makeMoved(model, engine)
    train(adapter, model, engine)
    let temporary = try TemporaryFolder()
    try AdapterFolder.save(adapter, to: temporary.path, base: base)
    let ids = (0..<32).map { Int64(($0 * 53 + 7) % 260 + 3) }
    let rows = stride(from: 0, to: 32, by: 16).map { ids[$0..<$0 + 16].map { Int32($0) } }
    let logits = model.logits(rows, adapter: adapter, engine: engine)
    if ProcessInfo.processInfo.environment["HONE_RECORD"] != nil {
      try? FileManager.default.removeItem(atPath: folder)
      try AdapterFolder.save(adapter, to: folder, base: base)
      try SafetensorsWriter.write(
        to: "\(folder)/expected.safetensors",
        [
          .init(name: "input_ids", type: .i64, shape: [2, 16]),
          .init(name: "logits", type: .f32, shape: [2, 16, model.spec.vocabularySize]),
        ]
      ) { entry, give in
        try entry.name == "logits"
          ? logits.withUnsafeBytes(give) : ids.withUnsafeBytes(give)
      }
    }
    for file in try FileManager.default.contentsOfDirectory(atPath: temporary.path) {
      #expect(
        areSame("\(temporary.path)/\(file)", "\(folder)/\(file)"),
        "\(file); HONE_RECORD=1 writes it anew")
    }
    // Recorded in f32 too, maybe with another instruction set, whose sums go in another order: so the bound
    // is a share of the largest logit. PiSSA, whose factors hold the largest part of the base, needs 4e-6.
    let expected = try SafetensorsFile(path: "\(folder)/expected.safetensors").floats("logits")
    let largest = expected.reduce(0) { max($0, abs($1)) }
    #expect(largestDifference(logits, expected) < 1e-5 * largest)
  }
}

/// Expects that a recipe's settings are refused with these faults, on an untied tiny model.
func expectFaults(
  _ method: AdapterMethod, _ faults: [String], _ settings: [(String, JSONValue)],
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let engine = Engine(threads: 1, compute: .f32)
  let model = try LanguageModel(folder: tinyModel("tiny-llama-untied"), engine: engine)
  let error = #expect(throws: AdapterError.self, sourceLocation: sourceLocation) {
    try method.make(method.values(JSONObject(settings)), model, engine, 1)
  }
  #expect(error?.faults == faults, sourceLocation: sourceLocation)
}

/// Expects that a peer's folder with one key changed is refused with these faults.
func expectRefused(
  _ fixture: PeerFixture, _ key: String, _ value: JSONValue, _ faults: String...,
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  var contents = try AdapterFolder.contents(of: "\(fixtures)/\(fixture.path)")
  contents.config[key] = value
  let folder = try TemporaryFolder()
  try AdapterFolder.write(contents, to: folder.path)
  let engine = Engine(threads: 1, compute: .f32)
  let base = try #require(contents.config["base_model_name_or_path"]?.string)
  let model = try LanguageModel(folder: tinyModel(base), engine: engine)
  let error = #expect(throws: AdapterError.self, sourceLocation: sourceLocation) {
    try AdapterFolder.load(folder.path, for: model, engine: engine)
  }
  #expect(error?.faults == faults, sourceLocation: sourceLocation)
}

extension TrainableAdapter {
  /// What the folder calls parameters: peft has names of its own for norms.
  fileprivate func folderName(of parameters: [Parameter]) -> [String: String] {
    let written = Set(((try? folder())?.entries ?? []).map(\.name))
    return Dictionary(
      uniqueKeysWithValues: parameters.map { parameter in
        let name = parameter.name
        guard !written.contains(name), name.hasSuffix(".weight") else { return (name, name) }
        return (name, String(name.dropLast(".weight".count)) + ".ln_tuning_layers.weight")
      })
  }
}
