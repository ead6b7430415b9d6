import Foundation
import HoneFormats
import HoneTensors
import Testing

@testable import HoneModels

/// What folders of a family may look like beside what transformers writes now, and texts of several
/// lengths where they matter.
@Suite struct FamilyFolderTests {
  private let engine = Engine(threads: 2, compute: .f32)
  private let folder = FileManager.default.temporaryDirectory
    .appendingPathComponent("hone-\(UUID().uuidString)").path
  private let ids = (0..<24).map { Int32($0 * 37 % 250 + 3) }

  private func load(_ name: String) throws -> LanguageModel {
    try LanguageModel(folder: fixture("families/\(name)"), engine: engine)
  }

  private func logits(_ rows: [[Int32]], _ model: LanguageModel) -> [Float] {
    let pass = Pass(engine)
    return model.decoder.logits(
      model.decoder.hiddenStates(TokenBatch(rows), adapter: NoAdapter(), in: pass),
      adapter: NoAdapter(), in: pass
    ).values
  }

  private func config(_ name: String) throws -> JSONObject {
    let path = fixture("families/\(name)/config.json")
    let json = try JSONParser.parse(String(contentsOfFile: path, encoding: .utf8), file: path)
    return try #require(json.object)
  }

  /// Writes a model's folder with other tensors.
  private func rewrite(
    _ name: String, more: [SafetensorsWriter.Entry], renaming: (String) -> String
  ) throws {
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for file in ["tokenizer.json", "tokenizer_config.json", "config.json"] {
      let source = URL(fileURLWithPath: fixture("families/\(name)/\(file)"))
        .resolvingSymlinksInPath().path
      try FileManager.default.copyItem(atPath: source, toPath: "\(folder)/\(file)")
    }
    let file = try SafetensorsFile(path: fixture("families/\(name)/model.safetensors"))
    let old = Dictionary(uniqueKeysWithValues: file.tensors.map { (renaming($0.name), $0) })
    try SafetensorsWriter.write(
      to: "\(folder)/model.safetensors",
      old.sorted { $0.key < $1.key }.map { .init(name: $0, type: $1.type, shape: $1.shape) } + more
    ) { entry, give in
      if let tensor = old[entry.name] {
        try give(tensor.bytes)
      } else {
        let zeros = [UInt8](repeating: 0, count: entry.shape.reduce(4, *))
        try zeros.withUnsafeBytes(give)
      }
    }
  }

  @Test(arguments: [
    ("gpt2", "transformer.", ["h.0.attn.bias", "h.1.attn.masked_bias"]),
    (
      "gpt_neox", "gpt_neox.",
      ["layers.0.attention.bias", "layers.1.attention.rotary_emb.inv_freq"]
    ),
    ("opt", "model.", []), ("falcon", "transformer.", ["h.0.self_attention.rotary_emb.inv_freq"]),
  ])
  func `names without the base model's, and buffers of old, are read`(
    name: String, prefix: String, buffers: [String]
  ) throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try rewrite(
      name, more: buffers.map { .init(name: $0, type: .f32, shape: [1, 2]) }
    ) { $0.hasPrefix(prefix) ? String($0.dropFirst(prefix.count)) : $0 }
    let model = try LanguageModel(folder: folder, engine: engine)
    #expect(logits([ids], model) == logits([ids], try load(name)))
  }

  @Test func `GPT-NeoX's head may be called as the module is`() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try rewrite("gpt_neox", more: []) { $0 == "embed_out.weight" ? "lm_head.weight" : $0 }
    let model = try LanguageModel(folder: folder, engine: engine)
    #expect(logits([ids], model) == logits([ids], try load("gpt_neox")))
  }

  /// The keys of transformers 4, in place of `rope_parameters`.
  @Test(arguments: [
    ("gpt_neox", "rotary_emb_base", "rotary_pct"),
    ("stablelm", "rope_theta", "partial_rotary_factor"),
    ("phi3-long", "rope_theta", "partial_rotary_factor"), ("llama-linear", "rope_theta", nil),
    ("falcon", "rope_theta", nil),
  ])
  func `a configuration of transformers 4 says the same`(
    name: String, base: String, share: String?
  ) throws {
    var json = try config(name)
    let family = try Architectures.named(
      modelType: #require(json["model_type"]?.string), file: name)
    let expected = try family.spec(config: Configuration(.object(json), file: name))
    var section = try #require(json["rope_parameters"]?.object)
    json["rope_parameters"] = nil
    json[base] = section["rope_theta"]
    if let share { json[share] = section["partial_rotary_factor"] }
    section["type"] = section["rope_type"]
    for key in ["rope_theta", "partial_rotary_factor", "rope_type"] { section[key] = nil }
    if section["type"] != .string("default") {
      section["original_max_position_embeddings"] = nil
      json["rope_scaling"] = .object(section)
    }
    #expect(try family.spec(config: Configuration(.object(json), file: name)) == expected)
    #expect(try family.spec(config: Configuration(.object(json), file: name)).rotary != nil)
  }

  @Test(arguments: ["phi3-long", "llama-dynamic"])
  func `each text of a batch is turned by its own length`(name: String) throws {
    let model = try load(name)
    let rows = [ids, Array(ids[..<12]), Array(ids[..<20]), Array(ids[..<17])]
    #expect(logits(rows, model) == rows.flatMap { logits([$0], model) })
    // The long one's beginning is turned otherwise than the short one alone.
    let width = model.spec.vocabularySize
    let short = logits([rows[1]], model)
    let beginning = logits([ids], model).prefix(12 * width)
    #expect(zip(short, beginning).contains { abs($0 - $1) > 1e-4 })
  }

  @Test func `lengths come and go without a trace`() throws {
    let model = try load("llama-dynamic")
    let first = logits([ids], model)
    let long = (0..<64).map { Int32($0 * 11 % 250 + 3) }
    for length in 17...40 { _ = logits([Array(long[..<length]), Array(long[..<9])], model) }
    #expect(logits([ids], model) == first)
    #expect(logits([ids], try load("llama-dynamic")) == first)
  }

  @Test func `what goes on from a shared beginning is turned as the whole`() throws {
    let model = try load("phi3-long")
    let batch = TokenBatch([(Array(ids[..<10]), [Array(ids[10...])])])
    let pass = Pass(engine)
    let found = model.decoder.logits(
      model.decoder.hiddenStates(batch, adapter: NoAdapter(), in: pass), adapter: NoAdapter(),
      in: pass
    ).values
    #expect(zip(found, logits([ids], model)).allSatisfy { abs($0 - $1) < 1e-5 })
  }

  @Test(arguments: [
    ("gpt2", 24, 40, 64, nil), ("opt", 24, 48, 64, nil), ("falcon-new", 24, 48, 64, 10_000.0),
    ("phi3-long", 20, 32, 64, 10_000.0), ("gpt_neox", 24, 48, 64, 10_000.0),
  ])
  func `a summary finds a family's words`(
    name: String, hidden: Int, inner: Int, context: Int, base: Double?
  ) throws {
    let summary = try ModelSummary(path: fixture("families/\(name)"))
    #expect(summary.isRunnable && summary.layerCount == 2)
    #expect(summary.hiddenSize == hidden && summary.intermediateSize == inner)
    #expect(summary.contextLength == context && summary.rotaryBase == base)
    #expect(summary.headDimension == hidden / (summary.headCount ?? 0))
  }
}
