import Foundation
import HoneAdapters
import HoneFormats
import HoneModels
import HoneTensors
import Testing

/// Every method with its defaults on networks that are built otherwise than Llama.
@Suite struct FamilyMethodTests {
  private static let families = [
    "phi3-long", "stablelm-parallel", "gpt_neox", "gpt2", "opt", "opt-after", "falcon-new",
    "mixtral", "qwen2_moe-dense", "lfm2-biased",
  ]
  /// Each with each, but for keys before convolutions, which are refused.
  private static let cases = AdapterMethods.all.flatMap { method in
    families.map { (method.name, $0) }
  }.filter { $0 != ("prefix_tuning", "lfm2-biased") }
  private let engine = Engine(threads: 2, compute: .f32)
  private let rows: [[Int32]] = [
    (0..<19).map { Int32(($0 * 37 + 11) % 250 + 3) },
    (0..<12).map { Int32(($0 * 61 + 5) % 250 + 3) },
  ]

  private func load(_ name: String) throws -> LanguageModel {
    try LanguageModel(folder: tinyModel("families/\(name)"), engine: engine)
  }

  private func make(_ name: String, _ model: LanguageModel) throws -> any TrainableAdapter {
    let method = try AdapterMethods.named(name)
    // No more than the tiny matrices have rows.
    var settings = JSONObject()
    for (key, rank) in [("rank", 3), ("init_rank", 6), ("target_rank", 4)]
    where method.settings.contains(where: { $0.key == key }) {
      settings[key] = .integer(rank)
    }
    return try ContractCase(method: method, settings: settings).makeMoved(model, engine)
  }

  @Test(arguments: cases)
  func `every method trains, and its folder gives it back`(method: String, family: String) throws {
    let model = try load(family)
    let adapter = try make(method, model)
    let batch = TrainedRows(rows)
    let runs = [false, true].map {
      model.loss(batch, adapter: adapter, engine: engine, recomputing: $0)
    }
    #expect(runs[0].loss == runs[1].loss)
    for parameter in adapter.parameters {
      let gradients = try runs.map {
        try #require($0.gradients[parameter.tensor], "\(parameter.name)").values
      }
      #expect(relativeError(gradients[1], gradients[0]) < 1e-5, "\(parameter.name)")
    }
    // What a method decides at some step is decided.
    for step in 1...12 {
      adapter.stepEnded(step, of: 12, gradients: runs[0].gradients, in: engine)
    }
    let plain = model.logits(rows, adapter: NoAdapter(), engine: engine)
    let adapted = model.logits(rows, adapter: adapter, engine: engine)
    #expect(largestDifference(plain, adapted) > 1e-4)
    let folder = try TemporaryFolder()
    try AdapterFolder.save(adapter, to: folder.path, base: family)
    let again = try AdapterFolder.load(folder.path, for: model, engine: engine)
    #expect(
      largestDifference(model.logits(rows, adapter: again, engine: engine), adapted) == 0)
  }

  /// A mixture that takes all its experts: where some are chosen, a small step may choose others, and
  /// the loss jumps.
  private func loadSmooth(_ name: String) throws -> LanguageModel {
    let source = tinyModel("families/\(name)")
    let text = try String(contentsOfFile: "\(source)/config.json", encoding: .utf8)
    guard text.contains("num_experts_per_tok") else { return try load(name) }
    let folder = try TemporaryFolder()
    let all = text.replacing(/("num_experts_per_tok": )2/) { "\($0.output.1)4" }
    #expect(all != text)
    try all.write(toFile: "\(folder.path)/config.json", atomically: true, encoding: .utf8)
    for name in ["model.safetensors", "tokenizer.json", "tokenizer_config.json"] {
      // Some are links.
      let bytes = try Data(contentsOf: URL(fileURLWithPath: "\(source)/\(name)"))
      try bytes.write(to: URL(fileURLWithPath: "\(folder.path)/\(name)"))
    }
    return try LanguageModel(folder: folder.path, engine: engine)
  }

  @Test func `keys before convolutions are refused`() throws {
    let error = #expect(throws: AdapterError.self) {
      try make("prefix_tuning", load("lfm2-biased"))
    }
    #expect(error?.description.contains("convolve") == true)
  }

  @Test(arguments: cases)
  func `gradients agree with differences of the loss`(method: String, family: String) throws {
    let model = try loadSmooth(family)
    let adapter = try make(method, model)
    // Its gradient takes the lengths of rows for constants.
    (adapter as? DoRA)?.holdLengths()
    let random = RandomSource(seed: 5, purpose: "families", step: 1)
    let batch = TrainedRows(rows)
    func loss() -> Double {
      Double(model.loss(batch, adapter: adapter, engine: engine, random: random).loss)
    }
    let gradients = model.loss(batch, adapter: adapter, engine: engine, random: random).gradients
    let starts = adapter.parameters.map(\.tensor.values)
    let slopes = try adapter.parameters.map { try #require(gradients[$0.tensor]).values }
    let length = slopes.reduce(0) { $0 + $1.reduce(0) { $0 + Double($1) * Double($1) } }
      .squareRoot()
    func move(_ by: Double) -> Double {
      for (parameter, (start, slope)) in zip(adapter.parameters, zip(starts, slopes)) {
        for index in start.indices {
          parameter.tensor.pointer[index] =
            start[index] + Float(by * Double(slope[index]) / length)
        }
      }
      return loss()
    }
    func slope(_ step: Double) -> Double { (move(step) - move(-step)) / (2 * step) }
    let width = min(0.02, max(1e-3, 2e-3 / length))
    let found = [width, width / 3, width * 3].map { (4 * slope($0) - slope(2 * $0)) / 3 }
    let error = found.map { abs($0 - length) }.min() ?? .infinity
    #expect(error < 0.02 * length + 2e-4, "\(found), not \(length)")
  }

  @Test(arguments: cases)
  func `a cache gives the logits of whole sequences`(method: String, family: String) throws {
    let model = try load(family)
    let adapter = try make(method, model)
    let whole = model.logits([rows[0]], adapter: adapter, engine: engine)
    let cache = KeyValueCache(
      for: model.spec, sequenceCapacity: 40, prefixCapacity: adapter.positionsAhead, compute: .f32)
    let pass = Pass(engine)
    model.decoder.begin(cache, adapter: adapter, in: pass)
    var found: [Float] = []
    for part in [0..<9] + (9..<rows[0].count).map({ $0..<$0 + 1 }) {
      let pass = Pass(engine, of: part.count == 1 ? .nextTokens : .tokens)
      let batch = TokenBatch(
        ids: Array(rows[0][part]),
        sequences: [.init(rows: 0..<part.count, position: part.lowerBound)])
      let hidden = model.decoder.hiddenStates(batch, adapter: adapter, cache: cache, in: pass)
      found += model.decoder.logits(hidden, adapter: adapter, in: pass).values
    }
    #expect(largestDifference(found, whole) < 1e-4)
  }

  @Test(arguments: cases)
  func `what merges gives a folder of the family that computes the same`(
    method: String, family: String
  ) throws {
    let model = try load(family)
    let adapter = try make(method, model)
    guard adapter.obstacleToMerging == nil else { return }
    let folder = try TemporaryFolder()
    let path = "\(folder.path)/merged"
    do {
      _ = try ModelMerge(model, adapters: [adapter], engine: engine).write(to: path, format: .f32)
    } catch let error as AdapterError where method == "bitfit" {
      #expect("\(error)".contains("family has none there"))
      return
    }
    let merged = try LanguageModel(folder: path, engine: engine)
    let found = merged.logits(rows, adapter: NoAdapter(), engine: engine)
    let expected = model.logits(rows, adapter: adapter, engine: engine)
    let limit = 1e-5 * max(10, expected.reduce(0) { max($0, abs($1)) })
    #expect(largestDifference(found, expected) < limit)
    let names = try [path, tinyModel("families/\(family)")].map {
      try SafetensorsFile(path: "\($0)/model.safetensors").tensors
        .map { "\($0.name) \($0.shape)" }.sorted()
    }
    #expect(Set(names[1]).isSubset(of: names[0]))
  }

  @Test(arguments: ["gpt2", "gpt_neox"])
  func `modules to save stand in a folder as the family's own do`(family: String) throws {
    let model = try load(family)
    let sites = model.spec.blockKinds.map { model.spec.site($0, layer: 1) }
    let settings = JSONObject([
      ("rank", .integer(2)), ("target_modules", .array([.string(sites[0].path)])),
      ("modules_to_save", .array([.string(sites[3].path)])),
    ])
    let item = ContractCase(method: try AdapterMethods.named("lora"), settings: settings)
    let adapter = try item.makeMoved(model, engine)
    let folder = try TemporaryFolder()
    try AdapterFolder.save(adapter, to: folder.path, base: family)
    let name = "\(sites[3].path).weight"
    let shapes = try [
      SafetensorsFile(path: "\(folder.path)/adapter_model.safetensors")
        .tensor(named: "base_model.model.\(name)")?.shape,
      SafetensorsFile(path: tinyModel("families/\(family)/model.safetensors"))
        .tensor(named: name)?.shape,
    ]
    #expect(shapes[0] != nil && shapes[0] == shapes[1])
    let again = try AdapterFolder.load(folder.path, for: model, engine: engine)
    #expect(
      model.logits(rows, adapter: again, engine: engine)
        == model.logits(rows, adapter: adapter, engine: engine))
  }

  /// What peft takes for each family, of its table.
  @Test(arguments: [
    ("gpt2", ["attn.c_attn", "mlp.c_proj"]), ("opt", ["q_proj", "k_proj", "fc2"]),
    ("gpt_neox", ["query_key_value", "dense_4h_to_h"]),
    ("falcon-new", ["query_key_value", "dense_4h_to_h"]),
    ("mistral", ["k_proj", "v_proj", "down_proj"]), ("gemma2", ["q_proj", "v_proj", "down_proj"]),
  ])
  func `(IA)³ finds peft's modules of a family`(family: String, names: [String]) throws {
    let model = try load(family)
    let method = try AdapterMethods.named("ia3")
    let settings = JSONObject([("target_modules", .string("peft"))])
    let adapter = try method.make(method.values(settings), model, engine, 1)
    let layerCount = model.spec.layerCount
    #expect(adapter.parameters.count == names.count * layerCount)
    for name in names {
      let found = adapter.parameters.filter { $0.name.hasSuffix(".\(name).ia3_l") }
      #expect(found.count == layerCount, "\(name)")
      let isLast = name == names.last
      #expect(found.allSatisfy { $0.tensor.shape[isLast ? 0 : 1] == 1 }, "\(name)")
    }
  }
}
