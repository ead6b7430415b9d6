import Foundation
import HoneAdapters
import HoneFormats
import HoneGeneration
import HoneModels
import HoneTensors
import Testing

/// The default model against transformers on the same weights, dequantised to f32
/// (`Scripts/reference/make_smollm2_fixtures.py`). Runs where the model is cached.
@Suite(.enabled(if: SmolLM2.gguf != nil), .serialized) struct SmolLM2Tests {
  private let expected: SafetensorsFile
  private let said: JSONValue

  init() throws {
    let folder = "\(TinyModels.tests)/HoneModelsTests/Fixtures/smollm2"
    expected = try SafetensorsFile(path: "\(folder)/expected.safetensors")
    said = try JSONParser.parse(contentsOf: MappedFile(path: "\(folder)/expected.json"))
  }

  private func numbers<Number>(_ name: String, as _: Number.Type) throws -> [Number] {
    let tensor = try #require(expected.tensor(named: name), "\(name)")
    return (0..<tensor.elementCount).map {
      tensor.bytes.loadUnaligned(
        fromByteOffset: $0 * MemoryLayout<Number>.stride, as: Number.self)
    }
  }

  private func model(_ path: String, _ compute: Compute) throws -> (LanguageModel, Engine) {
    let engine = Engine(threads: 2, compute: compute)
    let layout: LocalModel.Layout = path.hasSuffix(".gguf") ? .gguf : .folder
    return (try LanguageModel(LocalModel(path: path, layout: layout), engine: engine), engine)
  }

  /// The differences of all texts' log-probabilities, one a token.
  private func differences(_ path: String, _ compute: Compute) throws -> [Double] {
    let (model, engine) = try model(path, compute)
    let texts = try #require(said["texts"]?.object)
    var all: [Double] = []
    for (name, text) in texts {
      let ids = try numbers("text.\(name).ids", as: Int32.self)
      #expect(model.tokenizer.encode(text.string ?? "") == ids, "\(name)")
      let scores = try Generator(model, engine: engine).score(ids)
      let reference = try numbers("text.\(name).logprobs", as: Float.self)
      #expect(scores.count == reference.count)
      all += zip(scores, reference).map { Double(abs($0 - $1)) }
    }
    #expect(all.count > 600)
    return all
  }

  /// Compares the likeliest continuations of 32 tokens, which ends of turns do not end.
  private func expectGreedy(_ path: String) throws {
    let (model, engine) = try model(path, .f32)
    let continuations = try #require(said["continuations"]?.object)
    for (name, text) in continuations {
      let prompt = try numbers("greedy.\(name).prompt", as: Int32.self)
      let reference = try numbers("greedy.\(name).ids", as: Int32.self)
      #expect(
        model.tokenizer.encode(said["prompts"]?[name]?.string ?? "") == prompt, "\(name)")
      #expect(model.tokenizer.decode(reference) == text.string)
      let found = try Generator(model, engine: engine).generate(
        [prompt], stop: StopRules(maximumTokens: reference.count))[0]
      // Ours ends where the model says so.
      let end = reference.firstIndex { model.tokenizer.endOfGeneration.contains($0) }
      #expect(found.tokens == Array(reference.prefix(end ?? reference.count)), "\(name)")
      #expect(found.reason == (end == nil ? .length : .stop))
    }
  }

  @Test func `in f32 every log-probability is within a thousandth`() throws {
    let worst = try differences(try #require(SmolLM2.gguf), .f32).max() ?? .infinity
    print("SmolLM2 f32: largest difference \(worst)")
    #expect(worst < 1e-3)
  }

  @Test(arguments: [Compute.bf16, .auto])
  func `rounded products stay within a fiftieth in the mean`(
    compute: Compute
  ) throws {
    let all = try differences(try #require(SmolLM2.gguf), compute)
    let mean = all.reduce(0, +) / Double(all.count)
    print("SmolLM2 \(compute): mean difference \(mean), largest \(all.max() ?? 0)")
    #expect(mean < 0.02)
  }

  @Test func `the likeliest continuations are transformers' own`() throws {
    try expectGreedy(try #require(SmolLM2.gguf))
  }

  @Test func `a folder in Hugging Face layout of the same weights gives the same`() throws {
    let engine = Engine(threads: 2, compute: .f32)
    let base = try LanguageModel(
      LocalModel(path: try #require(SmolLM2.gguf), layout: .gguf), engine: engine)
    let folder = NSTemporaryDirectory() + "hone-smollm2-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let report = try ModelMerge(base, adapters: [], engine: engine)
      .write(to: folder, format: .f32)
    #expect(report.topAgreement == 1)
    let worst = try differences(folder, .f32).max() ?? .infinity
    print("SmolLM2 folder f32: largest difference \(worst)")
    #expect(worst < 1e-3)
    try expectGreedy(folder)
    let rounded = try differences(folder, .auto)
    #expect(rounded.reduce(0, +) / Double(rounded.count) < 0.02)
  }
}

private enum SmolLM2 {
  /// The default model's file; nil, said aloud, when it is not cached.
  static let gguf: String? = {
    let model = ModelCatalog.defaultModel
    let environment = ProcessInfo.processInfo.environment
    if ModelStore().holds(model),
      let cache = try? ModelStore.cacheFolder(environment: environment)
    {
      let path = "\(cache)/pip/\(model.name)/\(model.file)"
      if FileManager.default.fileExists(atPath: path) { return path }
    }
    print("SKIPPED: tests of \(model.name), which is not cached (see hone pull and HONE_CACHE)")
    return nil
  }()
}
