import Foundation
import HoneFormats
import HoneModels
import HoneTensors
import Testing

@testable import HoneAdapters

@Suite struct CombiningStrategyTests {
  private let engine = Engine(threads: 2, compute: .f32)
  private let model: LanguageModel
  private static let folder =
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().path
    + "/Fixtures/combining"

  init() throws { model = try LanguageModel(folder: tinyModel("tiny-llama-tied"), engine: engine) }

  private func lora(_ name: String) throws -> LoRA {
    try #require(
      try AdapterFolder.load("\(Self.folder)/\(name)", for: model, engine: engine) as? LoRA)
  }

  private func combined(
    _ names: [String], _ weights: [Double], _ strategy: String,
    _ settings: JSONObject = JSONObject()
  ) throws -> CombinedLoRA {
    let strategy = try CombiningStrategies.named(strategy)
    return try LoRA.combined(
      zip(names, weights).map { ($0, try lora($0), $1) }, strategy: strategy,
      strategy.values(settings), for: model, engine: engine)
  }

  /// Each projection's whole change, `outputs x inputs`.
  private func changes(_ lora: LoRA) -> [String: [Float]] {
    var changes: [String: [Float]] = [:]
    for module in lora.modules {
      let (rank, inputs) = (module.rank, module.down.tensor.shape[1])
      let (down, up) = (module.down.tensor.values, module.up.tensor.values)
      var values = [Float](repeating: 0, count: up.count / rank * inputs)
      for place in values.indices {
        let (row, column) = (place / inputs, place % inputs)
        for inner in 0..<rank {
          values[place] += module.scale * up[row * rank + inner] * down[inner * inputs + column]
        }
      }
      changes[module.site.path] = values
    }
    return changes
  }

  /// The weighted sum of changes, made without any factors.
  private func sum(_ names: [String], _ weights: [Double]) throws -> [String: [Float]] {
    var sum: [String: [Float]] = [:]
    for (name, weight) in zip(names, weights) {
      for (path, change) in changes(try lora(name)) {
        let before = sum[path] ?? Array(repeating: 0, count: change.count)
        sum[path] = zip(before, change).map { $0 + Float(weight) * $1 }
      }
    }
    return sum
  }

  private func expectSame(
    _ found: [String: [Float]], _ expected: [String: [Float]], within tolerance: Float = 1e-5
  ) {
    #expect(Set(found.keys) == Set(expected.keys))
    for (path, values) in expected {
      #expect(largestDifference(found[path] ?? [], values) < tolerance, "\(path)")
    }
  }

  // MARK: Peft

  private struct PeftCase {
    let adapters: [String]
    let weights: [Double]
    let settings: JSONObject

    init(_ name: String) throws {
      let file = try MappedFile(path: "\(CombiningStrategyTests.folder)/manifest.json")
      let json = try JSONParser.parse(file.bytes, file: "manifest.json")
      let item = try #require(json["cases"]?[name])
      adapters = try #require(item["adapters"]?.array).compactMap(\.string)
      weights = try #require(item["weights"]?.array).compactMap(\.double)
      settings = try #require(item["settings"]?.object)
    }

    /// Peft's strategy and settings in our names.
    var strategy: String {
      let name = settings["combination_type"]?.string ?? ""
      return name == "linear" ? "peft_linear" : name
    }

    var values: JSONObject {
      JSONObject(
        [
          ("density", "density"), ("majority_sign_method", "majority_sign_method"),
          ("svd_rank", "rank"),
        ].compactMap { theirs, ours in settings[theirs].map { (ours, $0) } })
    }
  }

  @Test(arguments: [
    "linear", "linear-negative", "cat", "svd", "svd-rank", "ties", "ties-frequency",
    "dare-ties-whole", "dare-linear-whole", "magnitude", "ends-svd", "ends-ties",
  ])
  func `changes are those that peft computes`(name: String) throws {
    let item = try PeftCase(name)
    let result = try combined(item.adapters, item.weights, item.strategy, item.values)
    let theirs = try lora(name)
    expectSame(changes(result.adapter), changes(theirs))
    #expect(result.rank == theirs.modules.first?.rank)
    #expect(result.projectionCount == theirs.modules.count)
    guard !item.strategy.hasPrefix("svd") else { return }
    // Singular vectors may point either way; all others have the same matrices too.
    for (ours, peft) in zip(result.adapter.modules, theirs.modules) {
      #expect(largestDifference(ours.down.tensor.values, peft.down.tensor.values) < 1e-5)
      #expect(largestDifference(ours.up.tensor.values, peft.up.tensor.values) < 1e-5)
    }
  }

  /// Expects that what Hone writes is what stands in a folder that peft was seen to read;
  /// HONE_RECORD=1 writes that folder anew.
  @Test(arguments: [
    ("linear", ["a", "c"], JSONObject()), ("cat", ["b", "c"], JSONObject()),
    ("svd", ["d", "e"], JSONObject([("rank", .integer(5))])),
    ("dare_ties", ["a", "b"], JSONObject([("density", .number(0.7))])),
  ])
  func `what is written is what peft was seen to read`(
    strategy: String, names: [String], settings: JSONObject
  ) throws {
    let result = try combined(names, [0.7, -0.4], strategy, settings)
    let folder = "\(Self.folder)/../written-combining/\(strategy)"
    let ids = (0..<32).map { Int64(($0 * 53 + 7) % 260 + 3) }
    let rows = stride(from: 0, to: 32, by: 16).map { ids[$0..<$0 + 16].map { Int32($0) } }
    let logits = model.logits(rows, adapter: result.adapter, engine: engine)
    if ProcessInfo.processInfo.environment["HONE_RECORD"] != nil {
      try AdapterFolder.save(result.adapter, to: folder, base: "tiny-llama-tied")
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
    let written = try #require(
      try AdapterFolder.load(folder, for: model, engine: engine) as? LoRA)
    // Vectors may turn with another machine's rounding, what they give may not.
    expectSame(changes(written), changes(result.adapter))
    let expected = try SafetensorsFile(path: "\(folder)/expected.safetensors").floats("logits")
    #expect(largestDifference(logits, expected) < 1e-4)
  }

  // MARK: Sums

  @Test(arguments: ["linear", "cat"])
  func `linear and cat are the exact sum, also of several ranks and signs`(name: String) throws {
    let (names, weights) = (["a", "b", "c"], [0.7, -1.3, 2.5])
    let result = try combined(names, weights, name)
    expectSame(changes(result.adapter), try sum(names, weights))
    #expect(result.residual == 0)
    #expect(result.rank == 10)
  }

  @Test func `linear takes no more rank than the sum has`() throws {
    let twice = try combined(["a", "a"], [0.5, 0.25], "linear")
    #expect(twice.rank == 4)
    expectSame(changes(twice.adapter), try sum(["a"], [0.75]))
    let nothing = try combined(["a", "a"], [1, -1], "linear")
    #expect(nothing.rank == 1)
    #expect(changes(nothing.adapter).values.allSatisfy { $0.allSatisfy { $0 == 0 } })
    #expect(try combined(["a"], [0], "linear").rank == 1)
  }

  @Test func `peft's linear is another than the sum`() throws {
    let peft = changes(try combined(["a", "b"], [0.7, 0.3], "peft_linear").adapter)
    let exact = try sum(["a", "b"], [0.7, 0.3])
    let path = "model.layers.0.mlp.down_proj"
    #expect(relativeError(peft[path] ?? [], exact[path] ?? []) > 0.5)
  }

  @Test func `svd says what it leaves out`() throws {
    let exact = try sum(["a", "b"], [1, 1])
    let cut = try combined(["a", "b"], [1, 1], "svd", JSONObject([("rank", .integer(3))]))
    let found = changes(cut.adapter)
    let (left, whole) = exact.reduce((0.0, 0.0)) { sums, item in
      let difference = zip(found[item.key] ?? [], item.value).reduce(0) {
        $0 + pow(Double($1.0 - $1.1), 2)
      }
      return (
        sums.0 + difference, sums.1 + item.value.reduce(0) { $0 + Double($1) * Double($1) }
      )
    }
    #expect(cut.rank == 3)
    #expect(cut.residual > 0.1 && abs(cut.residual - (left / whole).squareRoot()) < 1e-6)
    #expect(
      try combined(["a", "b"], [1, 1], "svd", JSONObject([("rank", .integer(64))])).residual == 0)
  }

  // MARK: Random numbers

  @Test func `dare drops the asked share, scales the rest, and depends on the seed alone`() throws {
    let values = (0..<20_000).map { _ in Float(2) }
    let matrix = TaskMatrix(values: values, label: "matrix")
    let kept = matrix.keepingRandom(0.3, seed: 1).values
    #expect(kept.allSatisfy { $0 == 0 || abs($0 - 2 / 0.3) < 1e-6 })
    // Six deviations of a sum of so many draws.
    let count = Double(kept.count { $0 != 0 })
    #expect(abs(count - 6000) < 6 * (20_000 * 0.3 * 0.7).squareRoot())
    #expect(kept == matrix.keepingRandom(0.3, seed: 1).values)
    #expect(kept != matrix.keepingRandom(0.3, seed: 2).values)
    let other = TaskMatrix(values: values, label: "other").keepingRandom(0.3, seed: 1).values
    // Draws of two matrices have nothing to do with each other.
    let both = Double(zip(kept, other).count { $0 != 0 && $1 != 0 })
    #expect(abs(both - 1800) < 6 * (20_000 * 0.09 * 0.91).squareRoot())
  }

  @Test(arguments: ["dare_linear", "dare_ties"])
  func `dare gives the same adapter from the same seed`(name: String) throws {
    func adapter(_ seed: Int) throws -> [String: [Float]] {
      let settings = JSONObject([("seed", .integer(seed)), ("density", .number(0.6))])
      return changes(try combined(["a", "b"], [0.7, 0.3], name, settings).adapter)
    }
    #expect(try adapter(5) == adapter(5))
    #expect(try adapter(5) != adapter(6))
  }

  @Test func `of signs the majority's are averaged`() {
    let matrices = [[1, -4, 0, 2], [1, 1, 0, -2], [-3, 1, 0, 1]].map { (values: [Float]) in
      TaskMatrix(values: values, label: "")
    }
    let weights: [Float] = [1, 1, 2]
    #expect(matrices.agreeingMean(weights: weights, byCount: false) == [-6, -4, 0, 2])
    #expect(matrices.agreeingMean(weights: weights, byCount: true) == [1, 1.5, 0, 2])
  }

  // MARK: What cannot be

  private func fault(_ body: () throws -> Void) -> String {
    do { try body() } catch { return "\(error)" }
    return "nothing was thrown"
  }

  @Test func `ranks that differ are all named, with what can be done`() throws {
    let text = fault { _ = try combined(["a", "c"], [1, 1], "ties") }
    #expect(
      text == """
        ties: 4 faults:
          model.layers.0.self_attn.v_proj: the ranks differ, 4 in a, 2 in c
          model.layers.0.mlp.down_proj: the ranks differ, 4 in a, 2 in c
          model.layers.1.self_attn.v_proj: the ranks differ, 4 in a, 2 in c
          model.layers.1.mlp.down_proj: the ranks differ, 4 in a, 2 in c; linear, cat and svd combine \
        any ranks
        """)
  }

  @Test func `other methods, whole modules and weights that are no numbers are refused together`()
    throws
  {
    let ia3 = try AdapterMethods.named("ia3")
    let saved = try LoRA.method.make(
      LoRA.method.values(JSONObject([("modules_to_save", .array([.string("norm")]))])), model,
      engine, 1)
    let linear = try CombiningStrategies.named("linear")
    let text = fault {
      _ = try LoRA.combined(
        [
          ("one", try lora("a"), .nan), ("two", try ia3.make(ia3.values(), model, engine, 1), 1),
          ("three", saved, 1),
        ], strategy: linear, linear.values(), for: model, engine: engine)
    }
    #expect(
      text == """
        combining: 3 faults:
          one: its weight is no finite number
          two: is made by ia3, and only LoRAs are combined to one
          three: holds modules that were trained whole (modules_to_save)
        """)
    #expect(
      fault {
        _ = try LoRA.combined([], strategy: linear, linear.values(), for: model, engine: engine)
      } == "combining: there is nothing to combine")
  }

  @Test(arguments: [
    ("tise", "did you mean ties?"), ("average", "there are linear, peft_linear, cat, svd"),
  ])
  func `a strategy that there is not is told with the nearest`(name: String, expected: String) {
    let text = fault { _ = try CombiningStrategies.named(name) }
    #expect(text.hasPrefix("\(name): is not a strategy of merging; ") && text.contains(expected))
  }

  @Test func `settings are checked`() throws {
    let ties = try CombiningStrategies.named("ties")
    let text = fault {
      _ = try ties.values(
        JSONObject([
          ("density", .number(1.5)), ("majority_sign_method", .string("mean")),
          ("rank", .integer(3)),
        ]))
    }
    #expect(text.contains("density: is 1.5, expected a number from 1e-06 to 1"))
    #expect(text.contains("majority_sign_method: is \"mean\", expected one of total, frequency"))
    #expect(text.contains("rank: is not a setting of ties"))
    #expect(fault { _ = try ties.values(JSONObject([("density", .number(.nan))])) } != "")
  }

  @Test(arguments: CombiningStrategies.all.map(\.name))
  func `a combined adapter is written as peft reads it, and read again`(name: String) throws {
    let result = try combined(["a", "b"], [0.7, 0.3], name)
    let folder = try TemporaryFolder()
    try AdapterFolder.save(result.adapter, to: folder.path, base: "tiny-llama-tied")
    let again = try #require(
      try AdapterFolder.load(folder.path, for: model, engine: engine) as? LoRA)
    expectSame(changes(again), changes(result.adapter), within: 1e-12)
    #expect(CombiningStrategies.all.allSatisfy { $0.summary.hasSuffix(".") && !$0.source.isEmpty })
  }
}
