import Foundation
import HoneFormats
import HoneModels
import HoneTensors
import Testing

@testable import HoneAdapters

/// Folders of AdapterHub's `adapters` with methods that peft has too.
@Suite struct AdapterHubFolderTests {
  private static let fixtures =
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path
    + "/Fixtures"
  private let engine = Engine(threads: 2, compute: .f32)

  private func model(_ base: String) throws -> LanguageModel {
    try LanguageModel(folder: tinyModel(base), engine: engine)
  }

  /// The base that a peer's folder names.
  private func model(of folder: String) throws -> LanguageModel {
    try model(
      #require(try AdapterFolder.contents(of: folder).config["model_name"]?.string))
  }

  private func expected(_ folder: String) throws -> (rows: [[Int32]], logits: [Float]) {
    let file = try SafetensorsFile(path: "\(folder)/expected.safetensors")
    let ids = file.numbers("input_ids", as: Int64.self).map { Int32($0) }
    let length = try #require(file.tensor(named: "input_ids")?.shape.last)
    let rows = stride(from: 0, to: ids.count, by: length).map { Array(ids[$0..<$0 + length]) }
    return (rows, file.floats("logits"))
  }

  @Test(arguments: [
    "lora", "lora-all", "lora-feed-forward", "ia3", "ia3-all", "prefix", "prefix-untied",
  ])
  func `what adapters saved gives its logits, and so does what is written again`(
    name: String
  ) throws {
    let folder = "\(Self.fixtures)/adapterhub-peers/\(name)"
    let model = try model(of: folder)
    let adapter = try AdapterFolder.load(folder, for: model, engine: engine)
    let expected = try expected(folder)
    let found = model.logits(expected.rows, adapter: adapter, engine: engine)
    #expect(largestDifference(found, expected.logits) < 2e-5)
    let temporary = try TemporaryFolder()
    for (format, path) in [("peft", "\(temporary.path)/a"), ("adapters", "\(temporary.path)/b")] {
      if format == "peft" {
        try AdapterFolder.save(adapter, to: path)
      } else {
        try AdapterFolder.saveForAdapterHub(adapter, to: path, of: model, subject: name)
      }
      let again = try AdapterFolder.load(path, for: model, engine: engine)
      #expect(
        largestDifference(model.logits(expected.rows, adapter: again, engine: engine), found)
          < 2e-5, "\(format)")
    }
    // But for the adapter's name, the tensors are those of the peer.
    let one = try AdapterFolder.contents(of: folder).entries
    let two = try AdapterFolder.contents(of: "\(temporary.path)/b").entries
    let renamed = two.map { $0.name.replacingOccurrences(of: ".default.", with: ".pell.") }
      .map { $0.replacingOccurrences(of: "prefix_tunings.default", with: "prefix_tunings.pell") }
    #expect(Set(renamed) == Set(one.map(\.name)))
    guard name != "ia3-all" else { return }
    for entry in two {
      let theirs = try #require(
        one.first { $0.name == entry.name.replacingOccurrences(of: ".default", with: ".pell") })
      #expect(largestDifference(entry.values, theirs.values) < 2e-6, "\(entry.name)")
    }
  }

  /// Expects that what Hone writes is what stands in a folder that `adapters` was seen to read;
  /// HONE_RECORD=1 writes that folder anew.
  @Test(arguments: [
    (
      "lora", "tiny-llama-tied",
      JSONObject([
        ("rank", .integer(3)), ("rank_pattern", .object(JSONObject([("q_proj", .integer(2))]))),
        ("target_modules", .string(".*(0.self_attn.[qk]_proj|1.mlp.(up|down)_proj)")),
      ])
    ),
    (
      "lora", "tiny-llama-untied",
      JSONObject([
        ("rank", .integer(4)), ("alpha", .integer(6)),
        ("target_modules", .array([.string("v_proj"), .string("down_proj")])),
        ("layers_to_transform", .array([.integer(1)])),
      ])
    ),
    ("ia3", "tiny-llama-tied", JSONObject()),
    (
      "ia3", "tiny-llama-untied",
      JSONObject([
        ("target_modules", .array(["q_proj", "up_proj", "down_proj"].map { .string($0) }))
      ])
    ),
    ("prefix_tuning", "tiny-llama-tied", JSONObject([("num_virtual_tokens", .integer(6))])),
    (
      "prefix_tuning", "tiny-llama-untied",
      JSONObject([
        ("num_virtual_tokens", .integer(4)), ("prefix_projection", .bool(true)),
        ("encoder_hidden_size", .integer(12)),
      ])
    ),
  ])
  func `what is written is what adapters was seen to read`(
    method: String, base: String, settings: JSONObject
  ) throws {
    let model = try model(base)
    let adapter = try ContractCase(
      method: AdapterMethods.named(method), settings: settings
    ).makeMoved(model, engine)
    let folder =
      "\(Self.fixtures)/written-adapterhub/\(method)-\(base.components(separatedBy: "-")[2])"
    let ids = (0..<32).map { Int64(($0 * 53 + 7) % 260 + 3) }
    let rows = stride(from: 0, to: 32, by: 16).map { ids[$0..<$0 + 16].map { Int32($0) } }
    let logits = model.logits(rows, adapter: adapter, engine: engine)
    func save(_ path: String) throws {
      try AdapterFolder.saveForAdapterHub(adapter, to: path, of: model, subject: "it", base: base)
    }
    if ProcessInfo.processInfo.environment["HONE_RECORD"] != nil {
      try save(folder)
      try SafetensorsWriter.write(
        to: "\(folder)/expected.safetensors",
        [
          .init(name: "input_ids", type: .i64, shape: [2, 16]),
          .init(name: "logits", type: .f32, shape: [2, 16, model.spec.vocabularySize]),
        ]
      ) { entry, give in
        try entry.name == "logits" ? logits.withUnsafeBytes(give) : ids.withUnsafeBytes(give)
      }
    }
    let temporary = try TemporaryFolder()
    try save(temporary.path)
    #expect(
      areSame("\(folder)/adapter_config.json", "\(temporary.path)/adapter_config.json"),
      "HONE_RECORD=1 writes it anew")
    let written = try AdapterFolder.load(folder, for: model, engine: engine)
    #expect(
      largestDifference(model.logits(rows, adapter: written, engine: engine), logits) < 2e-5)
    #expect(largestDifference(logits, try expected(folder).logits) < 2e-5)
  }

  // MARK: What cannot be

  private func fault(_ body: () throws -> Void) -> String {
    do { try body() } catch { return "\(error)" }
    return "nothing was thrown"
  }

  @Test func `what adapters has no place for is named`() throws {
    let (model, temporary) = (try model("tiny-llama-tied"), try TemporaryFolder())
    func fault(_ name: String, _ settings: [(String, JSONValue)]) throws -> String {
      let adapter = try ContractCase(
        method: AdapterMethods.named(name), settings: JSONObject(settings)
      ).make(model, engine)
      return self.fault {
        try AdapterFolder.saveForAdapterHub(adapter, to: temporary.path, of: model, subject: "it")
      }
    }
    let lora = try fault(
      "lora",
      [
        ("target_modules", .array([.string("o_proj"), .string("q_proj")])),
        ("modules_to_save", .array([.string("norm")])),
      ])
    #expect(
      lora.hasPrefix("it: 3 faults:\n  model.layers.0.self_attn.o_proj: adapters has no LoRA"))
    #expect(lora.contains("modules_to_save: adapters has no such thing"))
    let ia3 = try fault(
      "ia3",
      [
        ("target_modules", .array([.string("k_proj"), .string("gate_proj")])),
        ("feedforward_modules", .array([.string("gate_proj")])),
      ])
    #expect(ia3.contains("mlp.gate_proj: adapters rescales what a projection gives, not what it"))
    #expect(
      try fault("bitfit", []) == """
        it: is bitfit, which has no form in adapters; bottleneck, ia3, lora and prefix_tuning have
        """)
  }

  /// A folder of the peer with another configuration.
  private func changed(
    _ name: String, _ change: (inout JSONObject, inout JSONObject) -> Void
  ) throws -> TemporaryFolder {
    let temporary = try TemporaryFolder()
    let source = "\(Self.fixtures)/adapterhub-peers/\(name)"
    try FileManager.default.copyItem(
      atPath: "\(source)/adapter.safetensors", toPath: "\(temporary.path)/adapter.safetensors")
    var config = try AdapterFolder.contents(of: source).config
    var own = try #require(config["config"]?.object)
    change(&config, &own)
    config["config"] = .object(own)
    try JSONValue.object(config).text().write(
      toFile: "\(temporary.path)/adapter_config.json", atomically: true, encoding: .utf8)
    return temporary
  }

  @Test func `a folder that asks for more than Hone has is refused with all reasons`() throws {
    let model = try model("tiny-llama-tied")
    let folder = try changed("lora") { config, own in
      config["hidden_size"] = .integer(48)
      config["model_type"] = .string("gpt2")
      own["use_gating"] = .bool(true)
      own["r"] = .integer(5)
      own["attn_matrices"] = .array([.string("q"), .string("x")])
      own["new"] = .integer(1)
    }
    let text = fault { _ = try AdapterFolder.load(folder.path, for: model, engine: engine) }
    for part in [
      "hidden_size: is 48, and the model's is 64", "model_type: is \"gpt2\", which Hone does not",
      "use_gating: is true", "lora_A: has shape [3 x 64], expected [5 x 64]",
      "attn_matrices: x is none of q, k and v", "new: is no key that Hone knows",
      "v_proj.loras.pell.lora_A: is in the file, but the configuration has no place for it",
    ] {
      #expect(text.contains(part), "\(text)")
    }
  }

  @Test func `other architectures and prefixes with a network are refused`() throws {
    let model = try model("tiny-llama-tied")
    let reft = try changed("lora") { _, own in own["architecture"] = .string("reft") }
    #expect(
      fault { _ = try AdapterFolder.load(reft.path, for: model, engine: engine) }
        .hasSuffix(
          "architecture: is reft, which Hone does not read; of AdapterHub's it reads bottleneck "
            + "adapters, lora and prefix_tuning"))
    let network = try changed("prefix") { _, own in own["flat"] = .bool(false) }
    #expect(
      fault { _ = try AdapterFolder.load(network.path, for: model, engine: engine) }
        .contains("flat: is false, which Hone does not have; eject the prefix in adapters"))
  }
}
