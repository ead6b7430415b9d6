import HoneFormats
import HoneModels
import HoneTensors
import Testing

@testable import HoneAdapters

@Suite struct DiffPruningTests {
  private let engine = Engine(threads: 2, compute: .f32)

  private func moved(_ settings: [(String, JSONValue)]) throws -> (LanguageModel, DiffPruning) {
    let model = try LanguageModel(folder: tinyModel("tiny-llama-tied"), engine: engine)
    let adapter = try ContractCase(method: DiffPruning.method, settings: JSONObject(settings))
      .makeMoved(model, engine)
    return (model, try #require(adapter as? DiffPruning))
  }

  private func numbers(_ adapter: DiffPruning) -> [Float] {
    adapter.modules.flatMap { $0.values.tensor.values }
  }

  @Test func `the largest numbers stay, exactly the target share of all`() throws {
    let (_, adapter) = try moved([("target_share", .number(0.05))])
    let before = adapter.modules.indices.flatMap { adapter.matrix($0, in: engine).values }
    #expect(adapter.isProvisional)
    adapter.choose(in: engine)
    #expect(!adapter.isProvisional)
    let after = numbers(adapter)
    let wanted = Int(Double(before.count) * 0.05)
    #expect(after.count { $0 != 0 } == wanted)
    let threshold = before.map(\.magnitude).sorted(by: >)[wanted - 1]
    #expect(zip(before, after).allSatisfy { $1 == ($0.magnitude >= threshold ? $0 : 0) })
  }

  @Test func `pruned numbers stay pruned while the others are trained`() throws {
    let (model, adapter) = try moved([
      ("target_share", .number(0.02)), ("gated_share", .number(0.5)),
    ])
    let batch = TrainedRows([[5, 9, 100, 31, 77, 8]])
    func step(_ number: Int) {
      let gradients = model.loss(batch, adapter: adapter, engine: engine).gradients
      // What momentum would do.
      for parameter in adapter.parameters {
        for index in 0..<parameter.tensor.shape.count { parameter.tensor.pointer[index] += 0.01 }
      }
      adapter.stepEnded(number, of: 4, gradients: gradients, in: engine)
    }
    step(1)
    #expect(!adapter.isChosen)
    step(2)
    let chosen = numbers(adapter)
    step(3)
    let later = numbers(adapter)
    #expect(adapter.isChosen && chosen != later)
    #expect(zip(chosen, later).allSatisfy { ($0 == 0) == ($1 == 0) })
    #expect(adapter.penalty(in: Pass(engine)) == nil)
  }

  @Test func `a folder holds what is left, in few bytes`() throws {
    let (model, adapter) = try moved([("target_share", .number(0.01))])
    adapter.choose(in: engine)
    let folder = try TemporaryFolder()
    try AdapterFolder.save(adapter, to: folder.path, base: "tiny-llama-tied")
    let contents = try AdapterFolder.contents(of: folder.path)
    let kept = numbers(adapter).count { $0 != 0 }
    let stored = contents.entries.filter { $0.name.hasSuffix("diff_values") }
      .reduce(0) { $0 + $1.shape[0] }
    #expect(stored >= kept && stored <= kept + adapter.modules.count)
    let again = try AdapterFolder.load(folder.path, for: model, engine: engine)
    let rows: [[Int32]] = [[5, 9, 100, 31]]
    #expect(
      model.logits(rows, adapter: again, engine: engine)
        == model.logits(rows, adapter: adapter, engine: engine))
  }

  @Test func `before numbers are chosen, a folder holds those that would be`() throws {
    let (_, adapter) = try moved([("target_share", .number(0.01))])
    func stored() throws -> [JSONValue] {
      try adapter.folder().entries.map { .string("\($0.name) \($0.shape) \($0.numbers)") }
    }
    let before = try stored()
    #expect(adapter.rateFactor == 1)
    adapter.choose(in: engine)
    #expect(try before == stored())
    #expect(adapter.rateFactor > 1)
  }

  @Test func `places outside of the matrix are refused`() throws {
    let (model, adapter) = try moved([("target_modules", .array([.string("q_proj")]))])
    adapter.choose(in: engine)
    var contents = try adapter.folder()
    contents.entries[0] = .init(
      contents.entries[0].name, shape: contents.entries[0].shape,
      .indices((0..<contents.entries[0].shape[0]).map { Int32($0) - 2 }))
    let error = #expect(throws: AdapterError.self) {
      try DiffPruning.method.load(AdapterReader(contents, subject: "folder"), model, engine)
    }
    #expect(error?.faults.first?.contains("are outside of [64 x 64]") == true)
  }

  @Test func `as a LoRA of full rank it is the same, of a lower the residual is told`() throws {
    let (model, adapter) = try moved([
      ("target_modules", .array([.string("k_proj")])), ("target_share", .number(0.2)),
    ])
    adapter.choose(in: engine)
    let rows: [[Int32]] = [[5, 9, 100, 31]]
    let expected = model.logits(rows, adapter: adapter, engine: engine)
    let (whole, none) = try adapter.lowRank(rank: 32, in: engine)
    #expect(none.allSatisfy { $0.share < 1e-6 })
    #expect(
      largestDifference(model.logits(rows, adapter: whole, engine: engine), expected) < 1e-4)
    let (part, some) = try adapter.lowRank(rank: 4, in: engine)
    for (index, residual) in some.enumerated() {
      let change = part.modules[index]
      let (up, down) = (change.up.tensor.values, change.down.tensor.values)
      let matrix = adapter.matrix(index, in: engine)
      let (columns, values) = (matrix.shape.columns, matrix.values)
      let product = values.indices.map { place in
        (0..<4).reduce(Float(0)) {
          $0 + up[place / columns * 4 + $1] * down[$1 * columns + place % columns]
        }
      }
      #expect(abs(relativeError(product, values) - residual.share) < 1e-4)
      #expect(residual.share > 0.1 && residual.share < 1)
    }
  }
}
