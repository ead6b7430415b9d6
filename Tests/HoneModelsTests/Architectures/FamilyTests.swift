import Foundation
import HoneFormats
import HoneTensors
import Testing

@testable import HoneModels

/// Tiny random models of every family beside Llama, against transformers.
@Suite struct FamilyTests {
  static let names = Architectures.fixtures(checked: .folder)
  static let withGGUF = Architectures.fixtures(checked: .gguf)

  @Test func `every family has a tiny model, and every tiny model is of a family`() throws {
    #expect(Architectures.all.allSatisfy { !$0.fixtures.isEmpty })
    let folders = try FileManager.default.contentsOfDirectory(atPath: fixture("families"))
    #expect(Set(folders) == Set(Architectures.all.flatMap { $0.fixtures.map(\.name) }))
    for family in Architectures.all {
      for tiny in family.fixtures {
        let folder = fixture("families/\(tiny.name)")
        let config = try JSONParser.parse(
          contentsOf: MappedFile(path: "\(folder)/config.json"))
        #expect(family.modelTypes.contains(config["model_type"]?.string ?? ""), "\(tiny.name)")
        #expect(
          FileManager.default.fileExists(atPath: "\(folder)/model.gguf")
            == tiny.checks.contains(.gguf), "\(tiny.name)")
      }
    }
  }

  private struct Expected {
    let rows: [[Int32]]
    let logits: [Float]

    init(_ name: String) throws {
      let file = try SafetensorsFile(path: fixture("families/\(name)/expected.safetensors"))
      let ids = file.numbers("input_ids", as: Int64.self).map(Int32.init)
      rows = [Array(ids[..<24]), Array(ids[24...])]
      logits = file.numbers("logits", as: Float.self)
    }
  }

  private func logits(_ rows: [[Int32]], _ model: LanguageModel, _ engine: Engine) -> [Float] {
    let pass = Pass(engine)
    return model.decoder.logits(
      model.decoder.hiddenStates(TokenBatch(rows), adapter: NoAdapter(), in: pass),
      adapter: NoAdapter(), in: pass
    ).values
  }

  private func difference(_ one: [Float], _ other: [Float]) -> Float {
    one.count == other.count
      ? zip(one, other).map { abs($0 - $1) }.max() ?? .infinity : .infinity
  }

  @Test(arguments: names)
  func `a folder gives the reference's logits`(name: String) throws {
    let engine = Engine(threads: 2, compute: .f32)
    let model = try LanguageModel(folder: fixture("families/\(name)"), engine: engine)
    let expected = try Expected(name)
    #expect(difference(logits(expected.rows, model, engine), expected.logits) < 1e-5)
  }

  @Test(arguments: withGGUF)
  func `a GGUF of the same weights gives the same logits`(name: String) throws {
    let engine = Engine(threads: 2, compute: .f32)
    let model = try LanguageModel(gguf: fixture("families/\(name)/model.gguf"), engine: engine)
    let expected = try Expected(name)
    #expect(difference(logits(expected.rows, model, engine), expected.logits) < 1e-5)
  }

  @Test(arguments: withGGUF)
  func `folder and GGUF describe the same network`(name: String) throws {
    let engine = Engine(threads: 1, compute: .f32)
    let folder = try LanguageModel(folder: fixture("families/\(name)"), engine: engine)
    let gguf = try LanguageModel(gguf: fixture("families/\(name)/model.gguf"), engine: engine)
    #expect(folder.architecture == gguf.architecture)
    var (one, other) = (folder.spec, gguf.spec)
    // A file may leave out the usual scale, and one factor is kept as its inverse.
    for spec in [one, other] {
      let usual = 1 / Float(spec.headDimension).squareRoot()
      #expect(abs((spec.attentionScale ?? usual) - (one.attentionScale ?? usual)) < 1e-6)
    }
    (one.attentionScale, other.attentionScale) = (nil, nil)
    #expect(one == other)
  }

  @Test(arguments: withGGUF)
  func `a configuration written for a GGUF reads as the same network`(name: String) throws {
    let engine = Engine(threads: 1, compute: .f32)
    let model = try LanguageModel(gguf: fixture("families/\(name)/model.gguf"), engine: engine)
    let family = Architectures.named(model.architecture)
    let json = try family.config(of: model.spec, file: "model.gguf")
    let config = Configuration(.object(json), file: "config.json")
    #expect(
      try Architectures.named(
        modelType: config.require("model_type", config.string), file: ""
      ).name == model.architecture)
    var read = try family.spec(config: config)
    let usual = 1 / Float(read.headDimension).squareRoot()
    #expect(
      abs((read.attentionScale ?? usual) - (model.spec.attentionScale ?? usual)) < 1e-6)
    read.attentionScale = model.spec.attentionScale
    #expect(read == model.spec)
  }

  @Test(arguments: Architectures.fixtures(checked: .cache))
  func `a cache gives the logits of whole sequences`(name: String) throws {
    let engine = Engine(threads: 2, compute: .f32)
    let model = try LanguageModel(folder: fixture("families/\(name)"), engine: engine)
    let ids = try Expected(name).rows[0]
    let whole = logits([ids], model, engine)
    // No more room than the text needs: it may say how the text is turned.
    let cache = KeyValueCache(for: model.spec, sequenceCapacity: ids.count, compute: .f32)
    var found: [Float] = []
    for part in [0..<6, 6..<15] + (15..<24).map({ $0..<$0 + 1 }) {
      let pass = Pass(engine, of: part.count == 1 ? .nextTokens : .tokens)
      let batch = TokenBatch(
        ids: Array(ids[part]),
        sequences: [.init(rows: 0..<part.count, position: part.lowerBound)])
      let hidden = model.decoder.hiddenStates(
        batch, adapter: NoAdapter(), cache: cache, in: pass)
      found += model.decoder.logits(hidden, adapter: NoAdapter(), in: pass).values
    }
    #expect(difference(found, whole) < 1e-5)
  }

  @Test(arguments: Architectures.fixtures(checked: .rows))
  func `rows of a batch do not influence each other`(name: String) throws {
    let engine = Engine(threads: 2, compute: .f32)
    let model = try LanguageModel(folder: fixture("families/\(name)"), engine: engine)
    let rows = try Expected(name).rows
    #expect(
      logits(rows, model, engine) == rows.flatMap { logits([$0], model, engine) })
  }

  @Test(arguments: [
    ("gemma2", "layer_types", #"["full_attention"]"#, "1 entries for 2 layers"),
    ("gemma2", "hidden_activation", #""silu""#, "computes 'gelu_pytorch_tanh'"),
    ("gemma3", "layer_types", #"["a", "a", "a", "a", "a", "a"]"#, "knows 'full_attention'"),
    ("smollm3", "no_rope_layers", "[1, 0]", "for each of 4 layers"),
    ("qwen3", "head_dim", "7", "even number"),
    ("qwen2", "rope_parameters", #"{"rope_type": "odd"}"#, "'odd'"),
    ("olmo2", "num_key_value_heads", "3", "cannot share"),
    (
      "phi3-long", "rope_parameters",
      #"{"rope_type": "longrope", "long_factor": [1], "factor": 2}"#, "short_factor"
    ),
    ("llama-linear", "rope_parameters", #"{"rope_type": "linear"}"#, #""factor": is missing"#),
    ("llama-dynamic", "rope_parameters", #"{"rope_type": "dynamic", "factor": 0.5}"#, "1 or more"),
    ("llama-linear", "rope_parameters", #"{"rope_type": "linear", "factor": 0}"#, "more than 0"),
    ("gpt_neox", "hidden_act", #""mish""#, "'mish'"),
    ("gpt_neox", "use_parallel_residual", "3", "true or false"),
    ("gpt2", "scale_attn_by_inverse_layer_idx", "true", "scale_attn_by_inverse_layer_idx"),
    ("gpt2", "n_positions", "65", "wpe.weight: has shape [64 x 24], expected [65 x 24]"),
    ("opt", "word_embed_proj_dim", "12", "is 12"),
    ("opt", "_remove_final_layer_norm", "true", "_remove_final_layer_norm"),
    ("falcon", "alibi", "true", "turned positions only"),
    ("falcon", "multi_query", "false", "query_key_value.weight: has shape [40 x 24]"),
    ("stablelm", "qk_layernorm", "true", "q_layernorm.norms.0.weight: missing"),
  ])
  func `a configuration that fits no network is refused`(
    name: String, key: String, value: String, part: String
  ) throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("hone-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for file in ["model.safetensors", "tokenizer.json", "tokenizer_config.json", "config.json"] {
      let source = URL(fileURLWithPath: fixture("families/\(name)/\(file)"))
        .resolvingSymlinksInPath().path
      try FileManager.default.copyItem(atPath: source, toPath: "\(folder)/\(file)")
    }
    let path = "\(folder)/config.json"
    var config = try #require(
      JSONParser.parse(String(contentsOfFile: path, encoding: .utf8), file: path).object)
    config[key] = try JSONParser.parse(value, file: "value")
    try Data(JSONValue.object(config).bytes(.indented(by: 2)))
      .write(to: URL(fileURLWithPath: path))
    do {
      _ = try LanguageModel(folder: folder, engine: Engine(threads: 1))
      Issue.record("it was loaded")
    } catch {
      #expect("\(error)".contains(part), "\(error)")
    }
  }
}
