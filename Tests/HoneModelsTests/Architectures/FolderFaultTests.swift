import Foundation
import HoneFormats
import HoneTensors
import Testing

@testable import HoneModels

/// Folders whose configuration is spelled otherwise, or fits no network.
@Suite struct FolderFaultTests {
  /// Loads a copy of a tiny model with another configuration.
  ///
  /// - Parameters:
  ///   - changes: JSON by key; nil takes the key away.
  ///   - files: texts of further files.
  private func load(
    _ name: String, _ changes: [String: String?], files: [String: String] = [:]
  ) throws -> LanguageModel {
    let folder = NSTemporaryDirectory() + "hone-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    for file in try FileManager.default.contentsOfDirectory(atPath: fixture(name))
    where file.hasPrefix("model") || file.hasPrefix("tokenizer") {
      let source = URL(fileURLWithPath: fixture("\(name)/\(file)")).resolvingSymlinksInPath().path
      try FileManager.default.copyItem(atPath: source, toPath: "\(folder)/\(file)")
    }
    for (file, text) in files {
      try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/\(file)"))
    }
    var config = try #require(
      JSONParser.parse(contentsOf: MappedFile(path: fixture("\(name)/config.json"))).object)
    for (key, value) in changes {
      config[key] = try value.map { try JSONParser.parse($0, file: key) }
    }
    try Data(JSONValue.object(config).bytes(.compact))
      .write(to: URL(fileURLWithPath: "\(folder)/config.json"))
    return try LanguageModel(folder: folder, engine: Engine(threads: 1))
  }

  private func expectFault(
    _ parts: [String], sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () throws -> LanguageModel
  ) {
    do {
      _ = try body()
      Issue.record("it was loaded", sourceLocation: sourceLocation)
    } catch {
      for part in parts {
        #expect("\(error)".contains(part), "\(error)", sourceLocation: sourceLocation)
      }
    }
  }

  @Test(arguments: [
    (#"{"quant_method": "gptq", "bits": 4, "group_size": 128}"#, "(gptq, 4 bits)"),
    (#"{"quant_method": "awq", "w_bit": 4, "version": "gemm"}"#, "(awq, 4 bits)"),
    (
      """
      {"quant_method": "compressed-tensors",
       "config_groups": {"group_0": {"weights": {"num_bits": 8, "type": "int"}}}}
      """, "(compressed-tensors, 8 bits)"
    ),
    (#"{"quant_method": "bitsandbytes", "load_in_4bit": true}"#, "(bitsandbytes, 4 bits)"),
    (#"{"quant_method": "fp8"}"#, "(fp8)"), ("true", "(an unknown method)"),
  ])
  func `quantised folders are refused by the method's name`(value: String, part: String) {
    expectFault([part, "Hone reads folders in F32, F16 or BF16; take the model's GGUF file"]) {
      try load("tiny-llama-tied", ["quantization_config": value])
    }
  }

  @Test func `both spellings of transformers describe the same network`() throws {
    let new = try load("families/qwen2-window", [:]).spec
    let old = try load(
      "families/qwen2-window",
      [
        "rope_parameters": nil, "rope_theta": "10000.0", "dtype": nil,
        "torch_dtype": #""float32""#, "layer_types": nil,
        "rope_scaling":
          #"{"type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16}"#,
      ]
    ).spec
    #expect(new == old)
    let scaled = try load("tiny-llama-rope-scaled", [:]).spec
    let written = try JSONParser.parse(
      contentsOf: MappedFile(path: fixture("tiny-llama-rope-scaled/config.json")))
    let rules = try #require(written["rope_parameters"]?.object ?? written["rope_scaling"]?.object)
    let base = written["rope_theta"]?.double ?? rules["rope_theta"]?.double ?? 10_000
    var together = rules
    together["rope_theta"] = .number(base)
    #expect(
      try load(
        "tiny-llama-rope-scaled",
        [
          "rope_theta": nil, "rope_scaling": nil,
          "rope_parameters": JSONValue.object(together).text(.compact),
        ]
      ).spec == scaled)
    #expect(
      try load(
        "tiny-llama-rope-scaled",
        [
          "rope_theta": "\(base)", "rope_parameters": nil,
          "rope_scaling": JSONValue.object(rules).text(.compact),
        ]
      ).spec == scaled)
  }

  @Test(arguments: [
    ("hidden_size", nil as String?, ["\"hidden_size\": is missing"]),
    ("hidden_size", #""wide""#, ["\"hidden_size\": is not an integer from 1 to 2^31"]),
    ("hidden_size", "0", ["\"hidden_size\": is not an integer from 1 to 2^31"]),
    ("model_type", nil, ["\"model_type\": is missing"]),
    ("model_type", #""gpt9""#, ["'gpt9' is not one that Hone runs"]),
    (
      "intermediate_size", "48",
      ["gate_proj.weight: has shape [32 x 64], expected [48 x 64]", "tensors do not fit"]
    ),
    ("vocab_size", "300", ["embed_tokens.weight: has shape [272 x 64], expected [300 x 64]"]),
    (
      "num_hidden_layers", "3",
      ["model.layers.2.self_attn.q_proj.weight: missing, expected [64 x 64]"]
    ),
    (
      "num_hidden_layers", "1",
      ["model.layers.1.mlp.down_proj.weight: is in the file but not part of this architecture"]
    ),
    ("num_key_value_heads", "3", ["4 heads cannot share 3 key heads"]),
    ("head_dim", "15", ["a head of 15 numbers; expected an even number up to 1024"]),
    ("rms_norm_eps", "-1", ["a norm epsilon of -1"]),
    ("hidden_act", #""gelu""#, ["\"hidden_act\": is 'gelu', and this family computes 'silu'"]),
    ("rope_parameters", "7", ["\"rope_parameters\": is not an object"]),
    (
      "rope_parameters", #"{"rope_type": "llama3", "factor": 8.0}"#,
      ["\"low_freq_factor\": is missing"]
    ),
  ])
  func `what a configuration lacks or contradicts is told`(
    key: String, value: String?, parts: [String]
  ) {
    expectFault(parts) { try load("tiny-llama-tied", [key: value]) }
  }

  @Test func `a sharded folder without one of its files is refused by the file's name`() throws {
    let index = try String(
      contentsOfFile: fixture("tiny-llama-sharded/model.safetensors.index.json"),
      encoding: .utf8)
    _ = try load("tiny-llama-sharded", [:])
    let gone = index.replacingOccurrences(of: "model-00002-of", with: "model-00009-of")
    expectFault(["model-00009-of"]) {
      try load("tiny-llama-sharded", [:], files: ["model.safetensors.index.json": gone])
    }
  }

  @Test func `a configuration that is no JSON is told with its place`() throws {
    let folder = NSTemporaryDirectory() + "hone-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try Data("{\"model_type\": ".utf8).write(to: URL(fileURLWithPath: "\(folder)/config.json"))
    expectFault(["config.json"]) {
      try LanguageModel(folder: folder, engine: Engine(threads: 1))
    }
  }
}
