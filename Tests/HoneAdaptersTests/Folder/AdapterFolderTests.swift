import Foundation
import HoneAdapters
import HoneFormats
import HoneModels
import HoneTensors
import Testing

private let own =
  URL(fileURLWithPath: #filePath).deletingLastPathComponent()
  .deletingLastPathComponent().path + "/Fixtures"

/// Folders that peft wrote, that Hone wrote, and that nobody should have written.
@Suite struct AdapterFolderTests {
  private let engine = Engine(threads: 2, compute: .f32)

  private func base(_ config: JSONObject) throws -> LanguageModel {
    let name = try #require(config["base_model_name_or_path"]?.string)
    return try LanguageModel(folder: tinyModel(name), engine: engine)
  }

  private func rows(_ ids: [Int64]) -> [[Int32]] {
    stride(from: 0, to: ids.count, by: 16).map { ids[$0..<$0 + 16].map { Int32($0) } }
  }

  // MARK: Exchange with peft

  @Test(arguments: [
    "regex", "exclude", "exclude-names", "layers", "wide", "one-layer", "saved-head",
    "saved-embedding",
    "saved-block", "saved-tied", "embedding-by-regex", "embedding-by-path", "patterns",
  ])
  func `what peft saved gives peft's logits, and is saved as peft saves it`(name: String) throws {
    let path = "\(own)/peft/\(name)"
    let contents = try AdapterFolder.contents(of: path)
    let model = try base(contents.config)
    let adapter = try AdapterFolder.load(path, for: model, engine: engine)
    let expected = try SafetensorsFile(path: "\(path)/expected.safetensors")
    let found = model.logits(
      rows(expected.numbers("input_ids", as: Int64.self)), adapter: adapter, engine: engine)
    #expect(largestDifference(found, expected.floats("logits")) < 2e-5)

    let folder = try TemporaryFolder()
    try AdapterFolder.save(
      adapter, to: folder.path, base: contents.config["base_model_name_or_path"]?.string)
    let again = try AdapterFolder.contents(of: folder.path)
    #expect(Set(again.config.keys) == Set(contents.config.keys))
    for (key, value) in contents.config where key != "target_modules" {
      // A single layer or module is as well a list of one.
      let written = again.config[key] ?? .null
      #expect(written == value || written == .array([value]), "\(key)")
    }
    #expect(again.entries.map(\.name) == contents.entries.map(\.name))
    for (one, two) in zip(again.entries, contents.entries) {
      #expect(one.shape == two.shape && one.values == two.values, "\(one.name)")
    }
  }

  /// Settings in a recipe's words; `make_adapter_fixtures.py` reads what came of them into peft.
  static let written: [(name: String, base: String, settings: JSONObject)] = [
    ("defaults", "tiny-llama-untied", JSONObject()),
    (
      "regex", "tiny-llama-tied",
      JSONObject([
        ("rank", .integer(3)), ("alpha", .number(1.5)), ("dropout", .number(0.25)),
        ("target_modules", .string(#".*\.(q|v|down)_proj"#)), ("rslora", .bool(true)),
        ("exclude_modules", .string(#"model\.layers\.1\..*v_proj"#)),
        ("alpha_pattern", .object(JSONObject([("layers.0.*", .integer(4))]))),
      ])
    ),
    (
      "layers", "tiny-llama-untied",
      JSONObject([
        ("rank", .integer(2)), ("layers_to_transform", .integer(1)),
        ("layers_pattern", .string("layers")),
        ("target_modules", .array([.string("up_proj"), .string("self_attn.k_proj")])),
        ("initialisation", .string("gaussian")),
      ])
    ),
    (
      "ends", "tiny-llama-tied",
      JSONObject([
        ("rank", .integer(2)),
        (
          "target_modules",
          .array([.string("embed_tokens"), .string("lm_head"), .string("o_proj")])
        ),
      ])
    ),
    (
      "shared-ends", "tiny-llama-tied",
      JSONObject([
        ("rank", .integer(2)), ("ensure_weight_tying", .bool(true)),
        ("target_modules", .array([.string("lm_head"), .string("embed_tokens")])),
      ])
    ),
    (
      "saved-tied", "tiny-llama-tied",
      JSONObject([
        ("rank", .integer(2)), ("target_modules", .array([.string("gate_proj")])),
        ("modules_to_save", .string("lm_head")), ("ensure_weight_tying", .bool(true)),
      ])
    ),
    (
      "saved", "tiny-llama-untied",
      JSONObject([
        ("rank", .integer(2)), ("target_modules", .array([.string("gate_proj")])),
        ("modules_to_save", .array([.string("lm_head"), .string("input_layernorm")])),
      ])
    ),
  ]

  @Test(arguments: written.map(\.name))
  func `what Hone writes is what peft was seen to read`(name: String) throws {
    let item = try #require(Self.written.first { $0.name == name })
    let model = try LanguageModel(folder: tinyModel(item.base), engine: engine)
    let method = try AdapterMethods.named("lora")
    let adapter = try ContractCase(method: method, settings: item.settings)
      .makeMoved(model, engine)
    let folder = try TemporaryFolder()
    try AdapterFolder.save(adapter, to: folder.path, base: item.base)
    let path = "\(own)/written/\(name)"
    let ids = (0..<32).map { Int64(($0 * 53 + 7) % 260 + 3) }
    let logits = model.logits(rows(ids), adapter: adapter, engine: engine)
    if ProcessInfo.processInfo.environment["HONE_RECORD"] != nil {
      try? FileManager.default.removeItem(atPath: path)
      try AdapterFolder.save(adapter, to: path, base: item.base)
      let shapes = ["input_ids": [2, 16], "logits": [2, 16, model.spec.vocabularySize]]
      try SafetensorsWriter.write(
        to: "\(path)/expected.safetensors",
        [
          .init(name: "input_ids", type: .i64, shape: shapes["input_ids"]!),
          .init(name: "logits", type: .f32, shape: shapes["logits"]!),
        ]
      ) { entry, give in
        try entry.name == "logits"
          ? logits.withUnsafeBytes(give) : ids.withUnsafeBytes(give)
      }
    }
    for file in ["adapter_config.json", "adapter_model.safetensors"] {
      #expect(
        areSame("\(folder.path)/\(file)", "\(path)/\(file)"),
        "\(file); HONE_RECORD=1 writes it anew")
    }
    let expected = try SafetensorsFile(path: "\(path)/expected.safetensors").floats("logits")
    #expect(largestDifference(logits, expected) < 1e-5)
  }

  // MARK: What is refused

  /// A copy of an adapter of peft's with changes to its configuration and tensors.
  private func changed(
    _ change: (inout JSONObject, inout [AdapterContents.Entry]) -> Void
  ) throws -> (folder: TemporaryFolder, model: LanguageModel) {
    var contents = try AdapterFolder.contents(of: peftFixture("lora-tied-plain/final"))
    change(&contents.config, &contents.entries)
    let folder = try TemporaryFolder()
    try AdapterFolder.write(contents, to: folder.path)
    return (folder, try LanguageModel(folder: tinyModel("tiny-llama-tied"), engine: engine))
  }

  private func faults(
    _ change: (inout JSONObject, inout [AdapterContents.Entry]) -> Void
  ) throws -> [String] {
    let (folder, model) = try changed(change)
    let error = #expect(throws: AdapterError.self) {
      try AdapterFolder.load(folder.path, for: model, engine: engine)
    }
    return error?.faults ?? []
  }

  @Test func `all faults of a folder are told at once`() throws {
    let q = "base_model.model.model.layers.0.self_attn.q_proj"
    let found = try faults { config, entries in
      config["r"] = .string("four")
      config["use_qalora"] = .bool(true)
      config["bias"] = .string("all")
      config["task_type"] = .string("TOKEN_CLS")
      config["colour"] = .string("blue")
      config["alora_invocation_tokens"] = .array([.integer(3)])
      config["r"] = .integer(4)
      entries.removeAll { $0.name == "\(q).lora_A.weight" }
      entries.append(
        AdapterContents.Entry(
          "\(q).lora_magnitude_vector", shape: [64], .plain(.init(repeating: 1, count: 64))))
      entries = entries.map { entry in
        switch entry.name {
        case "\(q).lora_B.weight":
          return AdapterContents.Entry(entry.name, shape: [4, 64], .plain(entry.values))
        case "base_model.model.model.layers.1.mlp.up_proj.lora_A.weight":
          var values = entry.values
          values[7] = .nan
          return AdapterContents.Entry(entry.name, shape: entry.shape, .plain(values))
        default: return entry
        }
      }
    }
    #expect(
      found == [
        "use_qalora: is true, which Hone does not have",
        "alora_invocation_tokens: is [3], which Hone does not have",
        "bias: is \"all\", which Hone does not have",
        "\(q).lora_A.weight: missing, expected [4 x 64]",
        "\(q).lora_B.weight: has shape [4 x 64], expected [64 x 4]",
        "base_model.model.model.layers.1.mlp.up_proj.lora_A.weight: 1 of its 256 numbers are not finite",
        "task_type: is \"TOKEN_CLS\", which Hone does not have; Hone's models predict the next token",
        "colour: is no key that Hone knows for this method",
        "\(q).lora_magnitude_vector: is in the file, but the configuration has no place for it",
      ])
  }

  @Test func `a rank that the tensors do not have is told for every tensor`() throws {
    let found = try faults { config, _ in config["r"] = .integer(8) }
    #expect(found.count == 28)
    #expect(found.first?.hasSuffix("has shape [4 x 64], expected [8 x 64]") == true)
  }

  @Test func `a start that changed the base is refused`() throws {
    let found = try faults { config, _ in config["init_lora_weights"] = .string("olora") }
    #expect(found == ["init_lora_weights: is \"olora\", expected one of gaussian, orthogonal, eva"])
  }

  @Test func `an adapter of another base names what does not fit`() throws {
    let model = try LanguageModel(folder: tinyModel("tiny-llama-untied"), engine: engine)
    let error = #expect(throws: AdapterError.self) {
      try AdapterFolder.load(peftFixture("lora-tied-plain/final"), for: model, engine: engine)
    }
    #expect(error?.faults.allSatisfy { $0.contains("has shape") } == true)
  }

  @Test func `keys that are missing have peft's defaults`() throws {
    let (folder, model) = try changed { config, _ in
      config = JSONObject([
        ("peft_type", .string("LORA")), ("r", .integer(4)),
        ("target_modules", .string(".*_proj")),
      ])
    }
    let adapter = try AdapterFolder.load(folder.path, for: model, engine: engine)
    // The fixture's alpha is 8, which is the default too.
    let whole = try AdapterFolder.load(
      peftFixture("lora-tied-plain/final"), for: model, engine: engine)
    let rows: [[Int32]] = [[5, 9, 100, 31]]
    #expect(
      model.logits(rows, adapter: adapter, engine: engine)
        == model.logits(rows, adapter: whole, engine: engine))
  }

  @Test func `an unknown method is refused`() throws {
    let found = try faults { config, _ in config["peft_type"] = .string("NEW_THING") }
    #expect(
      found == [
        "adapter_config.json: peft_type is \"NEW_THING\", which is no method that Hone reads"
      ])
  }

  @Test func `pickles, other folders and nothing at all are refused with advice`() throws {
    let model = try LanguageModel(folder: tinyModel("tiny-llama-tied"), engine: engine)
    let folder = try TemporaryFolder()
    func message(_ path: String) -> String {
      do {
        _ = try AdapterFolder.load(path, for: model, engine: engine)
        return "read"
      } catch { return "\(error)" }
    }
    let missing = "\(folder.path)/none"
    #expect(
      message(missing)
        == "\(missing): is not a folder with an adapter; an adapter is a folder with "
        + "adapter_config.json and adapter_model.safetensors")
    let inner = "\(folder.path)/french"
    try AdapterFolder.write(
      AdapterFolder.contents(of: peftFixture("lora-tied-plain/final")), to: inner)
    #expect(
      message(folder.path)
        == "\(folder.path): has no adapter_config.json, but french in it has; give \(inner)")
    try FileManager.default.moveItem(
      atPath: "\(inner)/adapter_model.safetensors", toPath: "\(inner)/adapter_model.bin")
    #expect(
      message(inner)
        == "\(inner): holds adapter_model.bin, a pickle, which can run any code when it is read; "
        + "load it with peft where you trust it, and save it with safe_serialization=True")
  }

  @Test func `an embedding that the folder brings takes the base's place`() throws {
    let path = peftFixture("lora-tied-embeddings/final")
    var contents = try AdapterFolder.contents(of: path)
    let model = try LanguageModel(folder: tinyModel("tiny-llama-tied"), engine: engine)
    let name = "base_model.model.model.embed_tokens.base_layer.weight"
    contents.entries = contents.entries.map { entry in
      entry.name == name
        ? AdapterContents.Entry(name, shape: entry.shape, .plain(entry.values.map { 2 * $0 }))
        : entry
    }
    let folder = try TemporaryFolder()
    try AdapterFolder.write(contents, to: folder.path)
    let (one, two) = try (
      AdapterFolder.load(path, for: model, engine: engine),
      AdapterFolder.load(folder.path, for: model, engine: engine)
    )
    let rows: [[Int32]] = [[5, 9, 100, 31]]
    let logits = [one, two].map { model.logits(rows, adapter: $0, engine: engine) }
    #expect(largestDifference(logits[0], logits[1]) > 1e-3)
    let again = try TemporaryFolder()
    try AdapterFolder.save(two, to: again.path, base: "tiny-llama-tied")
    #expect(
      areSame(
        "\(folder.path)/adapter_model.safetensors", "\(again.path)/adapter_model.safetensors"))
  }
}
