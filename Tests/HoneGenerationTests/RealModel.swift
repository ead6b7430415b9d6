import Foundation
import HoneAdapters
import HoneFormats
import HoneGeneration
import HoneModels
import HoneStore
import HoneTensors
import Testing

/// What transformers computed with a real model's weights, dequantised to f32
/// (`Scripts/reference/make_model_fixtures.py`).
struct RealModel {
  private let expected: SafetensorsFile
  private let said: JSONValue

  /// - Parameter name: the fixture's.
  init(_ name: String) throws {
    let folder = "\(TinyModels.tests)/HoneModelsTests/Fixtures/\(name)"
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

  func model(_ path: String, _ compute: Compute) throws -> (LanguageModel, Engine) {
    let engine = Engine(threads: 2, compute: compute)
    let layout: LocalModel.Layout = path.hasSuffix(".gguf") ? .gguf : .folder
    return (try LanguageModel(LocalModel(path: path, layout: layout), engine: engine), engine)
  }

  /// The differences of all texts' log-probabilities, one a token.
  ///
  /// - Parameter promptShare: how much of each text is read as the prompt of the rest, which alone is scored.
  func differences(
    _ path: String, _ compute: Compute, promptShare: Double = 0
  ) throws -> [Double] {
    let (model, engine) = try model(path, compute)
    let texts = try #require(said["texts"]?.object)
    var all: [Double] = []
    for (name, text) in texts {
      let ids = try numbers("text.\(name).ids", as: Int32.self)
      #expect(model.tokenizer.encode(text.string ?? "") == ids, "\(name)")
      let generator = Generator(model, engine: engine)
      let prompt = Int(Double(ids.count) * promptShare)
      let scores =
        prompt == 0
        ? try generator.score(ids)
        : try generator.score([Array(ids[prompt...])], after: Array(ids[..<prompt]))[0]
      let reference = try numbers("text.\(name).logprobs", as: Float.self)
        .suffix(ids.count - max(1, prompt))
      #expect(scores.count == reference.count)
      all += zip(scores, reference).map { Double(abs($0 - $1)) }
    }
    #expect(Double(all.count) > 350 * (1 - promptShare))
    return all
  }

  /// Compares the likeliest continuations of 32 tokens, which ends of turns do not end.
  func expectGreedy(_ path: String) throws {
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

  /// A catalogued model's file; nil, said aloud, when it is not cached.
  static func gguf(_ model: KnownModel) -> String? {
    let environment = ProcessInfo.processInfo.environment
    if ModelStore().holds(model),
      let cache = try? ModelStore.cacheFolder(environment: environment)
    {
      let path = "\(cache)/pip/\(model.name)/\(model.file)"
      if FileManager.default.fileExists(atPath: path) { return path }
    }
    print("SKIPPED: tests of \(model.name), which is not cached (see hone pull and HONE_CACHE)")
    return nil
  }
}

/// That the table of families names only what is tested.
@Suite struct RealModelTests {
  @Test func `every family's real model has a fixture and tests of it`() {
    let tested =
      [(SmolLM2Tests.model, SmolLM2Tests.fixture)]
      + QuantisedModelTests.all.map { ($0.model, $0.fixture) }
    #expect(
      Set(Architectures.all.compactMap { $0.realModel })
        == Set(tested.map(\.0.name)))
    for (_, fixture) in tested { #expect(throws: Never.self) { try RealModel(fixture) } }
  }
}
