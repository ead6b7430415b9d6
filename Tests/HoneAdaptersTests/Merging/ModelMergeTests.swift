import Foundation
import HoneAdapters
import HoneFormats
import HoneModels
import HoneTensors
import HoneText
import Testing

@Suite struct ModelMergeTests {
  private let engine = Engine(threads: 2, compute: .f32)
  private let rows: [[Int32]] = [[5, 80, 12, 240, 9, 31, 66, 140, 33]]
  private let folder: TemporaryFolder
  private var target: String { "\(folder.path)/merged" }

  init() throws { folder = try TemporaryFolder() }

  private func model(_ name: String) throws -> LanguageModel {
    name.hasSuffix(".gguf")
      ? try LanguageModel(gguf: tinyModel(name), engine: engine)
      : try LanguageModel(folder: tinyModel(name), engine: engine)
  }

  private func adapter(_ name: String, of model: LanguageModel) throws -> any TrainableAdapter {
    try AdapterFolder.load(peftFixture("\(name)/final"), for: model, engine: engine)
  }

  private func config() throws -> JSONValue {
    let data = try #require(FileManager.default.contents(atPath: "\(target)/config.json"))
    return try JSONParser.parse(String(decoding: data, as: UTF8.self))
  }

  private func files(_ path: String) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
  }

  @Test(arguments: ModelMerge.Format.allCases)
  func `every format gives a model that computes what the adapter computes`(
    format: ModelMerge.Format
  ) throws {
    let model = try model("tiny-llama-untied")
    let adapter = try adapter("lora-untied-plain", of: model)
    let report = try ModelMerge(model, adapters: [adapter], engine: engine)
      .write(to: target, format: format)
    let bound: Double = format == .f32 ? 1e-4 : format == .f16 ? 1e-2 : 1e-1
    #expect(report.largestDifference < bound)
    #expect(report.meanChange > 10 * report.meanDifference)
    let type = ["bf16": "bfloat16", "f16": "float16", "f32": "float32"][format.rawValue]
    #expect(try (config()["dtype"] ?? config()["torch_dtype"])?.string == type)
    #expect(
      files(target) == [
        "chat_template.jinja", "config.json", "generation_config.json", "model.safetensors",
        "tokenizer.json", "tokenizer_config.json",
      ])
  }

  @Test func `a GGUF base gives the folder that the same model's folder gives`() throws {
    let weights = try ["tiny-llama-tied", "tiny-llama-gguf/tied-f32.gguf"].map { name in
      let model = try model(name)
      let path = "\(folder.path)/\(name.hasSuffix("gguf") ? "gguf" : "folder")"
      _ = try ModelMerge(
        model, adapters: [adapter("lora-tied-rslora", of: model)], engine: engine
      ).write(to: path, format: .bf16)
      return "\(path)/model.safetensors"
    }
    #expect(areSame(weights[0], weights[1]))
    let texts = ["Smörgås  2024\n\tfn main() {}  🙂", "<|im_start|>user\nhi<|im_end|>", ""]
    let tokenizers = try ["gguf", "folder"].map { try Tokenizer(folder: "\(folder.path)/\($0)") }
    for text in texts { #expect(tokenizers[0].encode(text) == tokenizers[1].encode(text)) }
    #expect(tokenizers[0].endOfGeneration == tokenizers[1].endOfGeneration)
    let templates = ["gguf", "folder"].map { "\(folder.path)/\($0)/chat_template.jinja" }
    #expect(areSame(templates[0], templates[1]))
  }

  @Test func `a GGUF with scaled rotary frequencies states their rule`() throws {
    let base = try model("tiny-llama-gguf/rope-scaled-f32.gguf")
    _ = try ModelMerge(base, adapters: [], engine: engine).write(to: target, format: .f32)
    let original = try model("tiny-llama-rope-scaled")
    let merged = try LanguageModel(folder: target, engine: engine)
    #expect(merged.spec.rotary?.scaling == original.spec.rotary?.scaling)
    #expect(
      largestDifference(
        merged.logits(rows, adapter: NoAdapter(), engine: engine),
        original.logits(rows, adapter: NoAdapter(), engine: engine)) < 1e-5)
  }

  @Test(arguments: [
    ("lora-tied-plain", true), ("lora-tied-embeddings", false),
    ("lora-tied-embeddings-shared", true),
  ])
  func `the head stays the embedding only where both change alike`(
    name: String, isTied: Bool
  ) throws {
    let model = try model("tiny-llama-tied")
    _ = try ModelMerge(model, adapters: [adapter(name, of: model)], engine: engine)
      .write(to: target, format: .f32)
    #expect(try config()["tie_word_embeddings"]?.bool == isTied)
    let names = try SafetensorsFolder(path: target).tensors.map(\.name)
    #expect(names.contains("lm_head.weight") == !isTied)
  }

  @Test func `large weights are written in shards`() throws {
    let model = try model("tiny-llama-tied")
    let adapter = try adapter("lora-tied-plain", of: model)
    _ = try ModelMerge(model, adapters: [adapter], engine: engine)
      .write(to: target, format: .f32, maximumShardBytes: 100_000)
    let shards = files(target).filter { $0.hasSuffix(".safetensors") }
    #expect(shards.count > 2 && shards[0] == "model-00001-of-0000\(shards.count).safetensors")
    let merged = try LanguageModel(folder: target, engine: engine)
    let expected = model.logits(rows, adapter: adapter, engine: engine)
    #expect(
      largestDifference(merged.logits(rows, adapter: NoAdapter(), engine: engine), expected) < 1e-4)
  }

  @Test func `several adapters are added up`() throws {
    let model = try model("tiny-llama-tied")
    let both = try ["lora-tied-plain", "lora-tied-embeddings"].map { try adapter($0, of: model) }
    let report = try ModelMerge(model, adapters: both, engine: engine)
      .write(to: target, format: .f32)
    #expect(report.largestDifference < 1e-3)
    let merged = try LanguageModel(folder: target, engine: engine)
    let expected = model.logits(rows, adapter: AdapterStack(both), engine: engine)
    #expect(
      largestDifference(merged.logits(rows, adapter: NoAdapter(), engine: engine), expected) < 1e-3)
  }

  @Test func `a folder that holds something is left alone`() throws {
    let model = try model("tiny-llama-tied")
    let error = #expect(throws: AdapterError.self) {
      try ModelMerge(model, adapters: [], engine: engine).write(to: tinyModel("tiny-llama-tied"))
    }
    #expect(error?.faults == ["is not empty"])
  }

  @Test func `numbers that a format cannot hold stop the merge, and nothing is left`() throws {
    let model = try model("tiny-llama-tied")
    let adapter = try adapter("lora-tied-plain", of: model)
    let up = try #require(
      adapter.parameters.first { $0.name.contains("0.self_attn.q_proj.lora_B") })
    up.tensor.pointer[0] = 1e8
    let error = #expect(throws: AdapterError.self) {
      try ModelMerge(model, adapters: [adapter], engine: engine).write(to: target, format: .f16)
    }
    #expect(
      error?.faults.first?.hasPrefix("model.layers.0.self_attn.q_proj.weight: ") == true
        && error?.faults.first?.hasSuffix(" numbers are not finite in f16") == true)
    #expect(error?.advice == "use --format bf16")
    #expect(files(folder.path).isEmpty)
    up.tensor.pointer[0] = .nan
    #expect(throws: AdapterError.self) {
      try ModelMerge(model, adapters: [adapter], engine: engine).write(to: target, format: .f32)
    }
    #expect(files(folder.path).isEmpty)
  }

  @Test func `a merge that computes something else is refused`() throws {
    let model = try model("tiny-llama-tied")
    let adapter = Forgetful(try adapter("lora-tied-plain", of: model))
    let error = #expect(throws: AdapterError.self) {
      try ModelMerge(model, adapters: [adapter], engine: engine).write(to: target, format: .f32)
    }
    #expect(
      error?.faults.first?.hasPrefix("is not written: the merged model's logits are off") == true)
    #expect(files(folder.path).isEmpty)
  }
}

/// An adapter whose merging forgets what it does.
private final class Forgetful: TrainableAdapter {
  let inner: any TrainableAdapter

  init(_ inner: any TrainableAdapter) { self.inner = inner }

  var methodName: String { inner.methodName }
  var parameters: [Parameter] { inner.parameters }
  func folder() throws -> AdapterContents { try inner.folder() }
  func continued(
    with settings: SettingValues, from subject: String
  ) throws -> any TrainableAdapter { self }
  func project(
    _ input: Tensor, at sites: [Site], through bases: [Projection], in pass: Pass
  ) -> [Tensor] {
    inner.project(input, at: sites, through: bases, in: pass)
  }
}
